"""Makes many JPEGs of about 10 KB for measuring `kiln data check`: a few hundred distinct pictures, and copies of them
whose bytes differ by a comment.

    python benches/data/many_files.py OUT [FILES] [DISTINCT]
    /usr/bin/time -v kiln data check OUT --quick     # listed, headers checked, hashed
    /usr/bin/time -v kiln data check OUT             # decoded and compared too
    python benches/data/many_files.py OUT2 100000 0  # small ones, all different: for the time of comparing

Needs Pillow and numpy. The pictures are soft noise in ten classes, 240x180 or, all different, 48x36.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image


def noise(number, size, scales):
    """Noise on several scales, the strength falling with the scale as in photographs."""
    draws = np.random.default_rng(number)
    total = np.full((size[1], size[0], 3), 128, np.float32)
    for cells, strength in scales:
        cell = draws.normal(0, strength, (cells * 3 // 4, cells, 3)).clip(-127, 127) + 128
        small = Image.fromarray(cell.astype(np.uint8))
        total += np.asarray(small.resize(size, Image.BICUBIC), np.float32) - 128
    return Image.fromarray(total.clip(0, 255).astype(np.uint8))


def picture(number):
    """A JPEG whose quality is chosen so that it has about 10 KB."""
    whole = noise(number, (240, 180), ((4, 60), (12, 30), (48, 14), (160, 6)))
    best = b""
    for quality in range(95, 40, -3):
        out = io.BytesIO()
        whole.save(out, "JPEG", quality=quality)
        best = out.getvalue()
        if len(best) <= 10_200:
            break
    return best


def small_ones(out, files):
    for number in range(files):
        folder = Path(out) / f"class {number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        noise(number, (48, 36), ((4, 60), (12, 30))).save(folder / f"{number:06}.ppm")


def main(out, files=100_000, distinct=400):
    files, distinct = int(files), int(distinct)
    if distinct == 0:
        return small_ones(out, files)
    pictures = [picture(number) for number in range(distinct)]
    for number in range(files):
        source = pictures[number % distinct]
        comment = f"copy {number}".encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        folder = Path(out) / f"class {number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06}.jpg").write_bytes(source[:2] + segment + source[2:])
    print(f"{files} files, {sum(map(len, pictures)) / distinct:.0f} bytes on average")


if __name__ == "__main__":
    main(*sys.argv[1:])
