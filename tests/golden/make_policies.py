"""Writes what torchvision and Pillow make of a small picture, operation by operation, and torchvision's tables of strengths:

    python3 tests/golden/make_policies.py

augment/policies.png holds all results beneath each other, the picture itself first; augment/policies.json names them in that order, and
holds the strengths of each policy's bins and AutoAugment's pairs. Needs torchvision and pillow.
"""

import io
import json
import math
from pathlib import Path

import numpy as np
import PIL
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode, autoaugment
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import AutoAugmentPolicy, _apply_op

WIDTH, HEIGHT = 28, 19
WAYS = {"nearest": InterpolationMode.NEAREST, "bilinear": InterpolationMode.BILINEAR}


def picture():
    """Slopes and waves with hard edges, no channel of which reaches both black and white, so that stretching shows."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red = 30 + 6 * x + 2 * y
    green = 12 + (x * x + 3 * y * y + 5 * x * y) // 3 % 160
    blue = np.where((x // 5 + y // 4) % 2 == 0, 40 + 9 * y, 235 - 6 * x)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def warps(image):
    single = np.float32
    strengths = {
        "ShearX": [0.3, -0.13, 0.99],
        "ShearY": [0.3, -0.13, 0.99],
        "TranslateX": [7.75, -3.0],
        "TranslateY": [7.75, -3.0],
        "Rotate": [4.5, -30.0, 90.0, 135.0],
    }
    for name, magnitudes in strengths.items():
        for magnitude in magnitudes:
            for way, mode in WAYS.items():
                magnitude = float(single(magnitude))
                yield {"operation": name, "magnitude": magnitude, "interpolation": way}, _apply_op(
                    image, name, magnitude, mode, None
                )
    corners = [[0, 0], [WIDTH - 1, 0], [WIDTH - 1, HEIGHT - 1], [0, HEIGHT - 1]]
    for moved in ([[3, 2], [25, 1], [20, 15], [5, 18]], [[9, 0], [27, 6], [22, 18], [0, 14]]):
        for way, mode in WAYS.items():
            yield {"operation": "Perspective", "to": moved, "interpolation": way}, F.perspective(
                image, corners, moved, mode
            )


def tones(image):
    strengths = {name: [-0.9, -0.36, 0.27, 0.99] for name in ("Brightness", "Color", "Contrast", "Sharpness")}
    strengths |= {"Posterize": [8, 6, 4, 2, 1], "Solarize": [255.0, 127.5, 59.5, 0.0]}
    strengths |= {name: [0.0] for name in ("AutoContrast", "Equalize", "Invert", "Identity")}
    for name, magnitudes in strengths.items():
        for magnitude in magnitudes:
            magnitude = float(np.float32(magnitude))
            yield {"operation": name, "magnitude": magnitude}, _apply_op(image, name, magnitude, WAYS["nearest"], None)
    yield {"operation": "Grey"}, F.to_grayscale(image, 3)


def others(image):
    for sigma in (0.3, 0.8, 1.7, 2.6):
        reach = 2 * math.ceil(3 * sigma) + 1
        yield {"operation": "Blur", "magnitude": sigma}, F.gaussian_blur(image, [reach, reach], [sigma, sigma])
    for quality in (10, 40, 75, 95):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, subsampling=0)
        yield {"operation": "Jpeg", "magnitude": quality}, Image.open(file).convert("RGB")


def strengths(space):
    return {name: values.tolist() for name, (values, _) in space.items() if values.ndim > 0}


def tables():
    auto, rand = autoaugment.AutoAugment(), autoaugment.RandAugment()
    wide, mix = autoaugment.TrivialAugmentWide(), autoaugment.AugMix()
    sizes = [(19, 28), (224, 224), (300, 260)]
    every = {
        "autoaugment": [auto._augmentation_space(10, size) for size in sizes],
        "randaugment": [rand._augmentation_space(31, size) for size in sizes],
        "trivialaugment": [wide._augmentation_space(31)],
        "augmix": [mix._augmentation_space(10, size) for size in sizes],
    }
    spaces = {}
    for policy, (first, *rest) in every.items():
        spaces[policy] = {
            "operations": list(first),
            "signed": [name for name, (_, signed) in first.items() if signed],
            "strengths": [strengths(first)]
            + [{k: v for k, v in strengths(other).items() if k.startswith("Translate")} for other in rest],
        }
    return {
        "sizes": [{"width": w, "height": h} for h, w in sizes],
        "spaces": spaces,
        "autoaugment": auto._get_policies(AutoAugmentPolicy.IMAGENET),
    }


def main():
    pixels = picture()
    image = Image.fromarray(pixels)
    results = [*warps(image), *tones(image), *others(image)]
    folder = Path(__file__).parent / "augment"
    strip = np.concatenate([pixels] + [np.asarray(result) for _, result in results])
    Image.fromarray(strip).save(folder / "policies.png", optimize=True)
    golden = {
        "made by": f"make_policies.py with torchvision {torchvision.__version__} and Pillow {PIL.__version__}",
        "width": WIDTH,
        "height": HEIGHT,
        "cases": [case for case, _ in results],
        **tables(),
    }
    (folder / "policies.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
