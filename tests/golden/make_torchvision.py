"""Writes augment/torchvision.json: crops, flips, pads, erased rectangles and mixed batches as torchvision makes them of kiln's own draws.

    python3 tests/golden/make_torchvision.py

Wherever torchvision draws a number, it is given the one that kiln draws there (src/chance/mod.rs, written out below), so boxes and pixels
can be compared one by one. Needs torchvision and pillow.
"""

import json
import math
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode, transforms, v2
from torchvision.transforms import functional as F

WIDTH, HEIGHT = 40, 26
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WAYS = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}
GOLDEN, ALL = 0x9E3779B97F4A7C15, 2**64 - 1


def mixed(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & ALL
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & ALL
    return z ^ (z >> 31)


class Key:
    """kiln's chance::Key."""

    def __init__(self, seed=None, state=None):
        self.state = mixed(seed ^ 0x6B696C6E6B696C6E) if state is None else state

    def part(self, number):
        turned = (self.state << 23 | self.state >> 41) & ALL
        return Key(state=mixed(turned ^ mixed((number + GOLDEN) & ALL)))

    def named(self, name):
        number = 0xCBF29CE484222325
        for byte in name.encode():
            number = (number ^ byte) * 0x100000001B3 & ALL
        return self.part(number)

    def draws(self):
        return Draws(self.state)


class Draws:
    """kiln's chance::Draws."""

    def __init__(self, state):
        self.state, self.count = state, 0

    def bits(self):
        self.count += 1
        self.state = (self.state + GOLDEN) & ALL
        return mixed(self.state)

    def unit(self):
        return (self.bits() >> 11) / 2**53

    def below(self, end):
        return self.bits() * end >> 64

    def normal(self):
        radius = math.sqrt(-2 * math.log(1 - self.unit()))
        return radius * math.cos(math.tau * self.unit())


def drawing(draws, backwards=False, noise=None):
    """While it lasts, torchvision draws from there. Backwards, every second number between two bounds (the ratios) begins at the upper one."""
    between = []

    def uniform(tensor, low, high):
        low, high, unit = float(low), float(high), draws.unit()
        between.append(unit)
        if backwards and len(between) % 2 == 0:
            return tensor.fill_(high + (low - high) * unit)
        return tensor.fill_(low + (high - low) * unit)

    def randint(low, high=None, size=None):
        low, high = (0, low) if high is None else (low, high)
        return torch.tensor([low + draws.below(high - low)])

    def normal(tensor):
        channels, rows, columns = tensor.shape
        values = [noise.normal() for _ in range(tensor.numel())]
        return tensor.copy_(torch.tensor(values).reshape(rows, columns, channels).permute(2, 0, 1))

    stack = ExitStack()
    for owner, name, way in [(torch.Tensor, "uniform_", uniform), (torch.Tensor, "normal_", normal), (torch, "randint", randint)]:
        stack.enter_context(mock.patch.object(owner, name, way))
    return stack


def picture(width=WIDTH, height=HEIGHT):
    """Waves with hard edges over slopes."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * x * 3 + y * y * 7 + x * y * (5 + 11 * c)) // 8 + 31 * c + 9 * x) % 256


def image(width=WIDTH, height=HEIGHT):
    return Image.fromarray(picture(width, height).astype(np.uint8))


def text(pixels):
    return np.asarray(pixels, dtype=np.uint8).tobytes().hex()


def numbers(tensor):
    return tensor.flatten().tolist()


def box_of(top, left, height, width):
    return [left, top, width, height]


def crops():
    """Boxes of RandomResizedCrop; the crop's key is `Key::new(number)`."""
    usual = [3 / 4, 4 / 3]
    sizes = [(320, 240), (97, 301), (224, 224), (500, 375), (7, 3), (1, 1), (400, 101), (101, 400), (1000, 41)]
    settings = [([0.08, 1.0], usual), ([0.35, 1.0], usual), ([1.0, 1.0], usual), ([0.9, 1.0], [1.0, 1.0]), ([0.2, 0.9], [0.1, 10.0])]
    combined = [(size, *setting) for size in sizes for setting in settings]
    # Halves: sides of 4.5 and 5.5, and central crops of 61.5 and 64.5.
    combined += [(size, [0.25, 0.25], [1.0, 1.0]) for size in [(9, 9), (11, 11)]]
    combined += [(size, [1.0, 1.0], [0.5, 1.5]) for size in [(200, 41), (200, 43), (43, 200)]]
    cases, fallbacks, later = [], 0, 0
    for size, scale, ratio in combined:
        boxes = []
        for number in range(8):
            draws = Key(number).draws()
            with drawing(draws):
                blank = Image.new("L", size)
                boxes.append(box_of(*transforms.RandomResizedCrop.get_params(blank, scale, ratio)))
            # Two draws for each try, two more for a box that fits.
            fallbacks += draws.count == 20
            later += draws.count > 4 and draws.count != 20
        cases.append({"size": size, "scale": scale, "ratio": ratio, "boxes": boxes})
    assert fallbacks > 50 and later > 50, (fallbacks, later)
    return cases


def resized_crops():
    """Whole views; beside torchvision's pixels those of Pillow's resize with a box, which sees what lies around it."""
    source, edge = image(), 14
    for way, mode in WAYS.items():
        for number in range(6):
            with drawing(Key(number).named("crop").draws()):
                top, left, height, width = transforms.RandomResizedCrop.get_params(source, [0.08, 1.0], [3 / 4, 4 / 3])
            with drawing(Key(number).named("crop").draws()):
                made = transforms.RandomResizedCrop(edge, interpolation=mode)(source)
            kind = getattr(Image.Resampling, way.upper())
            around = source.resize((edge, edge), kind, box=(left, top, left + width, top + height))
            yield {
                "number": number,
                "interpolation": way,
                "edge": edge,
                "box": [left, top, width, height],
                "cut": text(made),
                "around": text(around),
            }


def middles():
    """Boxes of CenterCrop for the sizes that kiln gives a share of the edges, halves upwards."""
    sizes = [(w, h) for w in (1, 5, 8, 13, 40, 333) for h in (1, 6, 9, 26, 251)]
    for width, height in sizes:
        for share in (0.01, 0.3, 0.5, 0.77, 1.0):
            columns, rows = (max(math.floor(edge * share + 0.5), 1) for edge in (width, height))
            with mock.patch.object(F, "crop", side_effect=F.crop) as crop:
                made = F.center_crop(image(width, height), [rows, columns])
            case = {"size": [width, height], "share": share, "box": box_of(*crop.call_args.args[1:])}
            yield case | ({"pixels": text(made)} if (width, height) == (WIDTH, HEIGHT) and share in (0.3, 0.5) else {})


def evaluated():
    """Resize and CenterCrop, as in evaluation."""
    for way, mode in WAYS.items():
        for shorter, edge in [(15, 12), (14, 11), (12, 12), (9, 12)]:
            steps = v2.Compose([v2.Resize(shorter, interpolation=mode), v2.CenterCrop(edge)])
            yield {"interpolation": way, "shorter": shorter, "edge": edge, "pixels": text(steps(image()))}


def flips():
    for size in [(7, 5), (8, 4), (1, 3), (5, 1)]:
        source = image(*size)
        yield {"size": size, "picture": text(source), "level": text(F.hflip(source)), "upright": text(F.vflip(source))}


def pads():
    """RandomCrop of the old size with a border; kiln draws the shift, torchvision the corner of the crop, so a shift of x is a corner at border - x."""
    width, height = 11, 7
    fills = {
        "mirror": {"padding_mode": "symmetric"},
        "black": {"padding_mode": "constant", "fill": 0},
        "mean": {"padding_mode": "constant", "fill": tuple(math.floor(m * 255 + 0.5) for m in MEAN)},
    }
    cases = []
    for fill, settings in fills.items():
        for pad in (0.2, 0.5):
            border = [math.floor(pad * edge + 0.5) for edge in (width, height)]
            for number in range(4):
                key = Key(number)
                x, y = (
                    math.floor(-b + (2 * b + 1) * key.named(name).draws().unit()) for name, b in zip(("pad x", "pad y"), border)
                )
                # The row is drawn first.
                corner = iter([border[1] - y, border[0] - x])
                step = transforms.RandomCrop((height, width), padding=border, **settings)
                with mock.patch.object(torch, "randint", lambda low, high, size: torch.tensor([next(corner)])):
                    made = step(image(width, height))
                cases.append({"fill": fill, "pad": pad, "number": number, "pixels": text(made)})
    return {"size": [width, height], "picture": text(image(width, height)), "cases": cases}


def erasing(draws, noise=None):
    return drawing(draws, backwards=True, noise=noise)


def turned_over(ratio):
    """torchvision's ratio is height over width, kiln's is width over height."""
    return [1 / ratio[1], 1 / ratio[0]]


def erased():
    """Boxes of RandomErasing; none where ten tries find no room. A box of no columns or no rows is possible."""
    cases, nowhere, empty = [], 0, 0
    settings = [([0.02, 0.33], [0.3, 3.3]), ([0.1, 0.9], [0.5, 4.0]), ([1.0, 1.0], [1.0, 1.0])]
    for width, height in [(60, 40), (224, 224), (32, 32), (97, 13), (5, 4), (1, 1)]:
        for scale, ratio in settings:
            boxes = []
            for number in range(8):
                blank = torch.zeros(3, height, width)
                with erasing(Key(number).draws()):
                    top, left, rows, columns, value = transforms.RandomErasing.get_params(blank, scale, turned_over(ratio), [0.0])
                box = None if value is blank else [left, top, columns, rows]
                nowhere += box is None
                empty += box is not None and rows * columns == 0
                boxes.append(box)
            cases.append({"size": [width, height], "scale": scale, "ratio": ratio, "boxes": boxes})
    assert nowhere > 10 and empty > 2, (nowhere, empty)
    return cases


def erased_pixels():
    """On normalised pixels and brought back to bytes for the mean colour and for noise; on bytes for black."""
    width, height, scale, ratio = 14, 10, [0.1, 0.33], [0.3, 3.3]
    source = F.pil_to_tensor(image(width, height))
    mean, std = (torch.tensor(value, dtype=torch.float64)[:, None, None] for value in (MEAN, STD))
    cases = []
    for fill, value in [("mean", 0), ("black", 0), ("random", "random")]:
        step = transforms.RandomErasing(1.0, scale, turned_over(ratio), value)
        for number in range(4):
            key = Key(number)
            with erasing(key.named("patch").draws(), key.named("patch noise").draws()):
                if fill == "black":
                    made = step(source)
                else:
                    normal = step(F.normalize(F.convert_image_dtype(source), MEAN, STD))
                    made = ((normal.double() * std + mean) * 255).round().clip(0, 255)
            cases.append({"fill": fill, "number": number, "pixels": text(made.permute(1, 2, 0).numpy())})
    picture = text(image(width, height))
    return {"size": [width, height], "picture": picture, "scale": scale, "ratio": ratio, "cases": cases}


def batch(shape, pixels):
    """Pictures, and soft labels that differ from row to row."""
    count = shape[0]
    labels = torch.eye(count) * 0.7 + 0.3 / count
    return torch.tensor(pixels, dtype=torch.float32).reshape(shape), labels


def with_share(step, share):
    step._dist = SimpleNamespace(sample=lambda shape: torch.tensor([share]))
    return step


def single(share):
    return float(np.float32(share))


def mixup():
    shape = [4, 3, 2, 3]
    pixels, labels = batch(shape, [math.sin(7.3 * i) * 2.2 for i in range(math.prod(shape))])
    cases = []
    for share in map(single, (0.0, 0.1, 0.37, 0.5, 0.83, 1.0)):
        mixed_pixels, mixed_labels = with_share(v2.MixUp(), share)(pixels, labels)
        cases.append({"share": share, "pixels": numbers(mixed_pixels), "labels": numbers(mixed_labels)})
    return {"shape": shape, "pixels": numbers(pixels), "labels": numbers(labels), "cases": cases}


def cutmix():
    """Boxes of CutMix with the share that stays; the patch's key is `Key::new(number)`."""
    cases, cut_off = [], 0
    for width, height in [(1, 1), (5, 6), (11, 7), (32, 32), (224, 224)]:
        for share in map(single, (0.0, 0.1, 0.37, 0.5, 0.75, 0.99, 1.0)):
            boxes, shares = [], []
            for number in range(5):
                with drawing(Key(number).draws()):
                    made = with_share(v2.CutMix(), share).make_params([torch.zeros(1, 3, height, width)])
                left, top, right, bottom = made["box"]
                boxes.append([left, top, right - left, bottom - top])
                shares.append(made["lam_adjusted"])
                cut_off += made["lam_adjusted"] > share + 0.1
            cases.append({"size": [width, height], "share": share, "boxes": boxes, "shares": shares})
    assert cut_off > 20, cut_off
    return cases


def cutmix_batches():
    shape = [4, 2, 6, 5]
    pixels, labels = batch(shape, range(math.prod(shape)))
    cases = []
    for number, share in enumerate(map(single, (0.2, 0.4, 0.6, 0.8))):
        with drawing(Key(number).draws()):
            mixed_pixels, mixed_labels = with_share(v2.CutMix(), share)(pixels, labels)
        whole = [int(value) for value in numbers(mixed_pixels)]
        cases.append({"share": share, "pixels": whole, "labels": numbers(mixed_labels)})
    return {"shape": shape, "pixels": [int(value) for value in numbers(pixels)], "labels": numbers(labels), "cases": cases}


def main():
    stream = Key(1).named("crop").draws()
    golden = {
        "made by": f"make_torchvision.py with torchvision {torchvision.__version__} and Pillow {PIL.__version__}",
        "stream": [stream.bits() for _ in range(4)],
        "picture": {"size": [WIDTH, HEIGHT], "pixels": text(image())},
        "crops": crops(),
        "resized_crops": list(resized_crops()),
        "middles": list(middles()),
        "evaluated": list(evaluated()),
        "flips": list(flips()),
        "pads": pads(),
        "erased": erased(),
        "erased_pixels": erased_pixels(),
        "mixup": mixup(),
        "cutmix": cutmix(),
        "cutmix_batches": cutmix_batches(),
    }
    lines = (f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}" for name, value in golden.items())
    path = Path(__file__).parent / "augment" / "torchvision.json"
    path.write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
