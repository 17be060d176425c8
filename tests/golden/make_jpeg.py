#!/usr/bin/env python3
"""Makes tests/golden/jpeg: small JPEGs of every sampling, with and without restart markers, and what Pillow (libjpeg-turbo)
makes of each, whole and drafted to a half, a quarter and an eighth.

make_jpeg.py PHOTOGRAPH      (any photograph; made with one of flowers12 and Pillow 12)"""
import pathlib, sys
from PIL import Image

folder = pathlib.Path(__file__).parent / "jpeg"
folder.mkdir(exist_ok=True)
photo = Image.open(sys.argv[1]).convert("RGB")


def save(name, size, mode="RGB", **options):
    file = folder / f"{name}.jpg"
    photo.resize(size, Image.BICUBIC).convert(mode).save(file, quality=90, **options)
    Image.open(file).convert("RGB").save(folder / f"{name}.1.png", optimize=True)
    for factor in (2, 4, 8):
        picture = Image.open(file)
        picture.draft(picture.mode, (max(size[0] // factor, 1), max(size[1] // factor, 1)))
        assert picture.size == (-(-size[0] // factor), -(-size[1] // factor))
        picture.convert("RGB").save(folder / f"{name}.{factor}.png", optimize=True)


save("444", (61, 47), subsampling="4:4:4")
save("422", (61, 47), subsampling="4:2:2")
save("420", (61, 47), subsampling="4:2:0")
save("420-restarts", (47, 61), subsampling="4:2:0", restart_marker_blocks=3)
save("422-restarts-optimised", (47, 61), subsampling="4:2:2", restart_marker_rows=1, optimize=True)
save("grey", (61, 47), mode="L")
save("one", (1, 1), subsampling="4:2:0")
photo.resize((40, 30), Image.BICUBIC).save(folder / "progressive.jpg", progressive=True)
photo.resize((40, 30), Image.BICUBIC).save(folder / "rgb.jpg", keep_rgb=True)
photo.resize((40, 30), Image.BICUBIC).convert("CMYK").save(folder / "cmyk.jpg")
