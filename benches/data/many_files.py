"""Makes many JPEGs of about 10 KB for measuring `kiln data check`: a few hundred distinct pictures, and copies of them
whose bytes differ by a comment.

    python benches/data/many_files.py OUT [FILES] [DISTINCT]
    /usr/bin/time -v kiln data check OUT --quick     # listed, headers checked, hashed
    /usr/bin/time -v kiln data check OUT             # decoded and compared too

Needs Pillow and numpy. The pictures are soft noise of 240x180 in ten classes.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image


def picture(number):
    """Noise on several scales; its quality is chosen so that the file has about 10 KB."""
    draws = np.random.default_rng(number)
    total = np.zeros((180, 240, 3), np.float32)
    for cells, strength in ((4, 60), (12, 30), (48, 14), (160, 6)):
        noise = draws.normal(0, strength, (cells * 3 // 4, cells, 3)).clip(-127, 127) + 128
        small = Image.fromarray(noise.astype(np.uint8))
        total += np.asarray(small.resize((240, 180), Image.BICUBIC), np.float32) - 128
    whole = Image.fromarray((total + 128).clip(0, 255).astype(np.uint8))
    best = b""
    for quality in range(95, 40, -3):
        out = io.BytesIO()
        whole.save(out, "JPEG", quality=quality)
        best = out.getvalue()
        if len(best) <= 10_200:
            break
    return best


def main(out, files=100_000, distinct=400):
    files, distinct = int(files), int(distinct)
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
