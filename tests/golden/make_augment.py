"""Writes tests/golden/augment/operations.json: what Pillow and torchvision make of a small picture.

Needs pillow and numpy alone:  python3 tests/golden/make_augment.py
Brightness, contrast and saturation come from Pillow's ImageEnhance, which torchvision's ColorJitter calls on pictures;
hue from torchvision's formula for tensors (float32, then bytes), written out here with numpy; rotation from Pillow.
"""

import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageEnhance

WIDTH, HEIGHT, EDGE = 12, 9, 24


def coloured():
    """All kinds of colours, with black, white, pure colours and greys among them."""
    values = (np.arange(WIDTH * HEIGHT * 3, dtype=np.uint32) * 2654435761 >> 11) % 256
    pixels = values.astype(np.uint8).reshape(HEIGHT, WIDTH, 3)
    pixels[0, :8] = [[c * 255 for c in (i >> 2, i >> 1 & 1, i & 1)] for i in range(8)]
    pixels[1, :4] = [[v] * 3 for v in (1, 77, 128, 254)]
    return pixels


def smooth():
    """Gentle slopes, so that rounding is all that two bilinear filters can differ by."""
    y, x = np.mgrid[0:EDGE, 0:EDGE]
    return np.stack([40 + 7 * x, 30 + 8 * y, 10 + 4 * x + 5 * y], axis=-1).astype(np.uint8)


def hue(pixels, turn):
    rgb = pixels.astype(np.float32) / np.float32(255)
    red, green, blue = np.moveaxis(rgb, -1, 0)
    high, low = rgb.max(-1), rgb.min(-1)
    grey, spread = high == low, high - low
    one = np.float32(1)
    saturation = spread / np.where(grey, one, high)
    r, g, b = ((high - c) / np.where(grey, one, spread) for c in (red, green, blue))
    sixths = np.select([high == red, high == green], [b - g, 2 + r - b], 4 + g - r)
    angle = np.fmod(np.where(grey, 0, sixths) / np.float32(6) + 1, one).astype(np.float32)
    angle = np.mod(angle + np.float32(turn), one)

    sector = np.floor(angle * 6)
    part = angle * 6 - sector
    p = np.clip(high * (1 - saturation), 0, 1)
    q = np.clip(high * (1 - saturation * part), 0, 1)
    t = np.clip(high * (1 - saturation * (1 - part)), 0, 1)
    sector = sector.astype(int) % 6
    order = [(high, t, p), (q, high, p), (p, high, t), (p, q, high), (t, p, high), (high, p, q)]
    turned = np.stack([np.choose(sector, [o[c] for o in order]) for c in range(3)], axis=-1)
    return (turned * np.float32(255.999)).astype(np.uint8)


def main():
    pixels, slopes = coloured(), smooth()
    picture = Image.fromarray(pixels)
    enhance = {
        "brightness": ImageEnhance.Brightness,
        "contrast": ImageEnhance.Contrast,
        "saturation": ImageEnhance.Color,
    }
    colour = [
        {"operation": name, "amount": amount, "pixels": np.asarray(kind(picture).enhance(amount)).tobytes().hex()}
        for name, kind in enhance.items()
        for amount in (0.0, 0.37, 0.8, 1.0, 1.3, 1.9)
    ]
    colour += [
        {"operation": "hue", "amount": amount, "pixels": hue(pixels, amount).tobytes().hex()}
        for amount in (-0.5, -0.13, 0.0, 0.05, 0.31, 1.0)
    ]
    turned = Image.fromarray(slopes)
    rotations = [
        {"degrees": d, "pixels": np.asarray(turned.rotate(d, Image.BILINEAR)).tobytes().hex()} for d in (-33.0, 8.5, 71.0)
    ]
    golden = {
        "made by": f"make_augment.py with Pillow {PIL.__version__} and numpy {np.__version__}",
        "picture": pixels.tobytes().hex(),
        "colour": colour,
        "slopes": {"edge": EDGE, "pixels": slopes.tobytes().hex()},
        "rotations": rotations,
    }
    path = Path(__file__).parent / "augment" / "operations.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
