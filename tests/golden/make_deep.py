"""Makes tests/golden/deep: tiny pictures of many kinds, and the numbers that Pillow and tifffile find in them.

    pip install pillow numpy tifffile
    python tests/golden/make_deep.py
"""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageSequence

FOLDER = Path(__file__).parent / "deep"
WIDTH, HEIGHT = 13, 9


def ramp(low, high, channels=1):
    """Values from low to high, no two rows or channels alike."""
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels]
    share = ((x * 37 + y * 101 + c * 53) % 251) / 250
    return np.squeeze(low + share * (high - low))


def words(channels=1):
    return np.round(ramp(0, 65535, channels)).astype(np.uint16)


def png(path, array, kind, extra=b""):
    """A PNG of 16 bits with any number of channels, which Pillow itself cannot write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, kind, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
                     + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def on_white(array):
    """Samples and alpha of 16 bits on white, rounded."""
    colour, alpha = array[..., :-1].astype(np.int64), array[..., -1:].astype(np.int64)
    return np.squeeze((colour * alpha + 65535 * (65535 - alpha) + 32767) // 65535).astype(np.uint16)


class Cases:
    def __init__(self):
        self.list = []

    def add(self, name, expected, found=None, tolerance=0):
        """`expected` is what was written; what the reference reader finds must be the same."""
        if found is not None:
            assert np.abs(np.asarray(found, np.float64) - expected).max() <= tolerance, name
        shape = expected.shape if expected.ndim == 3 else (*expected.shape, 1)
        kind = {"u": "u16", "f": "f32"}[expected.dtype.kind] if expected.dtype != np.uint8 else "u8"
        self.list.append({
            "name": name, "kind": kind, "width": shape[1], "height": shape[0], "channels": shape[2],
            "tolerance": tolerance, "values": expected.ravel().tolist(),
        })


def deep_pngs(cases):
    grey = words()
    Image.fromarray(grey).save(FOLDER / "grey16.png")
    cases.add("grey16.png", grey, np.asarray(Image.open(FOLDER / "grey16.png")))
    rgb = words(3)
    png(FOLDER / "rgb16.png", rgb, 2)
    # Pillow reads RGB of 16 bits at 8; its bytes are the upper ones.
    assert (np.asarray(Image.open(FOLDER / "rgb16.png")) == rgb >> 8).all()
    cases.add("rgb16.png", rgb)
    grey_alpha, rgba = words(2), words(4)
    png(FOLDER / "grey-alpha16.png", grey_alpha, 4)
    cases.add("grey-alpha16.png", on_white(grey_alpha))
    png(FOLDER / "rgba16.png", rgba, 6)
    cases.add("rgba16.png", on_white(rgba))


def pnms(cases):
    grey, rgb = words(), words(3)
    for name, magic, array in [("grey16.pgm", b"P5", grey), ("rgb16.ppm", b"P6", rgb)]:
        head = b"%s %d %d 65535\n" % (magic, WIDTH, HEIGHT)
        (FOLDER / name).write_bytes(head + array.astype(">u2").tobytes())
    cases.add("grey16.pgm", grey, np.asarray(Image.open(FOLDER / "grey16.pgm")))
    cases.add("rgb16.ppm", rgb)
    twelve = np.round(ramp(0, 4095)).astype(np.uint16)
    (FOLDER / "grey12.pgm").write_bytes(b"P5 %d %d 4095\n" % (WIDTH, HEIGHT) + twelve.astype(">u2").tobytes())
    # As Pillow does, the file's own white becomes 65535; one step of rounding.
    found = np.asarray(Image.open(FOLDER / "grey12.pgm"))
    cases.add("grey12.pgm", np.round(twelve * (65535 / 4095)).astype(np.uint16), found, 1)


def tiffs(cases):
    kinds = {
        "grey16.tiff": (words(), {}),
        "rgb16.tiff": (words(3), {"photometric": "rgb"}),
        "float.tiff": (ramp(0, 1).astype(np.float32), {}),
        "float-packed.tiff": (ramp(-3, 900).astype(np.float32), {"compression": "deflate"}),
        "float-rgb.tiff": (ramp(0, 1, 3).astype(np.float32), {"photometric": "rgb"}),
        "half.tiff": (ramp(0, 1).astype(np.float16), {}),
        "double.tiff": (ramp(-1, 1).astype(np.float64), {}),
        "signed16.tiff": (np.round(ramp(-1024, 3071)).astype(np.int16), {}),
        "whole32.tiff": (np.round(ramp(0, 4e9)).astype(np.uint32), {}),
    }
    for name, (array, options) in kinds.items():
        tifffile.imwrite(FOLDER / name, array, **({"photometric": "minisblack"} | options))
        deep = array if array.dtype == np.uint16 else array.astype(np.float32)
        cases.add(name, deep, tifffile.imread(FOLDER / name).astype(deep.dtype))
    turned = ramp(0, 1).astype(np.float32)
    tifffile.imwrite(FOLDER / "float-turned.tiff", turned, photometric="minisblack", extratags=[(274, "H", 1, 6, True)])
    cases.add("float-turned.tiff", np.rot90(turned, -1))


def colours(name, image, cases, tolerance=0):
    image.load()
    cases.add(name, np.asarray(image.convert("RGB")), tolerance=tolerance)


def cmyk(cases):
    """Pillow's own CMYK; YCCK has the same samples under another marker, so that the decoder turns their colours."""
    for width, height, subsampling in [(24, 20, 0), (24, 20, 2), (13, 9, 0)]:
        y, x = np.mgrid[0:height, 0:width]
        planes = np.stack([x * 9, y * 9, 255 - x * 5, x + y], -1).astype(np.uint8)
        image = Image.fromarray(planes, "CMYK")
        data = io.BytesIO()
        image.save(data, "JPEG", quality=95, subsampling=subsampling)
        data = data.getvalue()
        at = data.index(b"Adobe") + 11
        assert data[at] == 0
        for name, transform in [("cmyk", 0), ("ycck", 2)]:
            name = f"{name}-{width}-{subsampling}.jpg"
            (FOLDER / name).write_bytes(data[:at] + bytes([transform]) + data[at + 1:])
            colours(name, Image.open(FOLDER / name), cases, 3 if subsampling == 0 else 4)


def others(cases):
    rgb = np.round(ramp(0, 255, 3)).astype(np.uint8)
    image = Image.fromarray(rgb)
    image.save(FOLDER / "lossless.webp", lossless=True, exact=True)
    colours("lossless.webp", Image.open(FOLDER / "lossless.webp"), cases)
    image.save(FOLDER / "lossy.webp", quality=90)
    # libwebp spreads colour with a smoother filter than the decoder here.
    colours("lossy.webp", Image.open(FOLDER / "lossy.webp"), cases, 4)
    image.save(FOLDER / "rgb.qoi")
    colours("rgb.qoi", Image.open(FOLDER / "rgb.qoi"), cases)
    image.quantize(16).save(FOLDER / "palette.bmp")
    colours("palette.bmp", Image.open(FOLDER / "palette.bmp"), cases)
    bits = image.convert("1")
    bits.save(FOLDER / "bits.pbm")
    colours("bits.pbm", Image.open(FOLDER / "bits.pbm"), cases)
    image.convert("L").save(FOLDER / "packed.tiff", compression="tiff_lzw")
    colours("packed.tiff", Image.open(FOLDER / "packed.tiff"), cases)


def several(cases):
    """The first frame or page is the one that counts."""
    frames = [Image.fromarray(np.round(ramp(low, 255, 3)).astype(np.uint8)) for low in (0, 100)]
    frames[0].quantize(64).save(FOLDER / "moving.gif", save_all=True, append_images=[frames[1].quantize(64)])
    frames[0].save(FOLDER / "moving.png", save_all=True, append_images=frames[1:])
    frames[0].save(FOLDER / "moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    frames[0].save(FOLDER / "pages.tiff", save_all=True, append_images=frames[1:])
    for name in ["moving.gif", "moving.png", "moving.webp", "pages.tiff"]:
        image = Image.open(FOLDER / name)
        assert len(list(ImageSequence.Iterator(image))) == 2, name
        image.seek(0)
        colours(name, image, cases)


def refused():
    """Kinds that kiln does not read; each must be named."""
    rgb = np.round(ramp(0, 255, 3)).astype(np.uint8)
    Image.fromarray(rgb).quantize(16).save(FOLDER / "refused-palette.tiff")
    Image.fromarray(rgb).convert("LAB").save(FOLDER / "refused-lab.tiff")
    tifffile.imwrite(FOLDER / "refused-planes.tiff", np.moveaxis(ramp(0, 1, 3), 2, 0).astype(np.float32),
                     photometric="rgb", planarconfig="separate")
    planes = np.tile(np.moveaxis(rgb, 2, 0), (1, 3, 3))
    tifffile.imwrite(FOLDER / "refused-tiles.tiff", planes, photometric="rgb", planarconfig="separate", tile=(16, 16))
    tifffile.imwrite(FOLDER / "refused-bands.tiff", words(5), photometric="minisblack", planarconfig="contig")
    broken = ramp(0, 1).astype(np.float32)
    broken[3, 4] = np.nan
    tifffile.imwrite(FOLDER / "refused-nan.tiff", broken, photometric="minisblack")
    alpha = ramp(0, 1, 4).astype(np.float32)
    tifffile.imwrite(FOLDER / "refused-float-alpha.tiff", alpha, photometric="rgb", extrasamples=["unassalpha"])


def resized(cases):
    """Pillow's mode F, which computes in doubles: the deep picture on its way to another size."""
    array = ramp(0, 1).astype(np.float32)
    out = {}
    for name, method in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)]:
        for width, height in [(5, 4), (31, 17)]:
            found = np.asarray(Image.fromarray(array).resize((width, height), method)).clip(0, 1)
            out[f"{name}-{width}x{height}"] = [float(v) for v in found.ravel()]
    (FOLDER / "resized.json").write_text(json.dumps(out) + "\n")


def main():
    FOLDER.mkdir(exist_ok=True)
    cases = Cases()
    for make in [deep_pngs, pnms, tiffs, cmyk, others, several, resized]:
        make(cases)
    refused()
    text = ",\n".join(json.dumps(case) for case in cases.list)
    (FOLDER / "files.json").write_text(f"[\n{text}\n]\n")


main()
