#!/usr/bin/env python3
"""Makes folders of JPEGs for the data benchmark out of real photographs: two classes, `a` and `b`.

make_jpegs.py --photos ../shared/assets/datasets/flowers12 --size 500x375 --quality 90 --count 200 OUT

Each picture is one photograph brought to the size, with the fine structure of others laid over it and a camera's noise,
so that a large one costs as many bytes as one from a camera. Prints how many bytes a picture has."""
import argparse, json, pathlib
import numpy as np
from PIL import Image

a = argparse.ArgumentParser()
a.add_argument("out", type=pathlib.Path)
a.add_argument("--photos", type=pathlib.Path, required=True)
a.add_argument("--size", default="500x375")
a.add_argument("--quality", type=int, default=90)
a.add_argument("--count", type=int, default=200)
a.add_argument("--noise", type=float, default=3.0)
a.add_argument("--subsampling", default="4:2:0")
a.add_argument("--progressive", action="store_true")
o = a.parse_args()
width, height = map(int, o.size.split("x"))
draw = np.random.default_rng(1)
photos = sorted(o.photos.rglob("*.jpg"))
photos = [photos[i] for i in draw.permutation(len(photos))]


def opened(number):
    return Image.open(photos[number % len(photos)]).convert("RGB")


def fitted(picture):
    """The middle of a photograph in the shape and size asked for."""
    w, h = picture.size
    scale = min(w / width, h / height)
    cw, ch = width * scale, height * scale
    return picture.resize((width, height), Image.BICUBIC, box=((w - cw) / 2, (h - ch) / 2, (w + cw) / 2, (h + ch) / 2))


def detail(number):
    """What is fine in a photograph, side by side until it fills the picture."""
    pixels = np.asarray(opened(number), np.float32)
    small = Image.fromarray(pixels.astype(np.uint8)).resize((pixels.shape[1] // 4, pixels.shape[0] // 4), Image.BOX)
    fine = pixels - np.asarray(small.resize((pixels.shape[1], pixels.shape[0]), Image.BICUBIC), np.float32)
    fine = np.concatenate([fine, fine[:, ::-1]], 1)
    fine = np.concatenate([fine, fine[::-1]], 0)
    times = (-(-height // fine.shape[0]), -(-width // fine.shape[1]), 1)
    return np.tile(fine, times)[:height, :width]


total = 0
for number in range(o.count):
    source = opened(number)
    pixels = np.asarray(fitted(source), np.float32)
    if width > 2 * source.size[0]:
        pixels = pixels + detail(number + 1)
    pixels = pixels + draw.normal(0, o.noise, (height, width, 1)) + draw.normal(0, o.noise / 3, (height, width, 3))
    file = o.out / "ab"[number % 2] / f"{number:05}.jpg"
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    picture.save(file, quality=o.quality, subsampling=o.subsampling, progressive=o.progressive)
    total += file.stat().st_size
print(json.dumps(dict(pictures=o.count, size=o.size, quality=o.quality, bytes_per_picture=total // o.count)))
