"""Makes the golden pictures of src/dataset: what Pillow makes of the same sources and files.

    python3 -m venv /tmp/pictures/v && /tmp/pictures/v/bin/pip install pillow==13.0.0 numpy==2.4.6
    /tmp/pictures/v/bin/python tests/golden/make_resize.py

writes tests/golden/resize (results of Image.resize and of the evaluation pipeline, with cases.json) and
tests/golden/decode (small files of many kinds and, beside each, the upright RGB picture in it, with files.json).
Sources are formulas that the Rust tests know too, so only results are stored.
"""

import json
import shutil
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).parent
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
BACKGROUND = (200, 100, 50)


def chirp(width, height):
    """Fine waves that wrap around with hard edges: what shows aliasing, overshoot and clipping."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray((((x * x * 3 + y * y * 7 + x * y * (5 + 11 * c)) // 8 + 31 * c) % 256).astype(np.uint8))


def slope(width, height):
    """Smooth and without symmetry: survives JPEG, and shows how it lies."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * (200 - 60 * c)) // max(width - 1, 1) + (y * (20 + 30 * c)) // max(height - 1, 1)).astype(np.uint8)


# name, source, box or None, output, filter
RESIZES = [
    ("down-2", (64, 48), None, (32, 24)),
    ("down-odd", (97, 61), None, (40, 23)),
    ("down-far", (301, 203), None, (17, 11)),
    ("up-2", (24, 18), None, (48, 36)),
    ("up-odd", (19, 13), None, (53, 47)),
    ("up-from-1", (1, 1), None, (5, 4)),
    ("mixed", (90, 14), None, (33, 41)),
    ("one-axis", (50, 40), None, (50, 21)),
    ("other-axis", (50, 40), None, (23, 40)),
    ("box-whole", (80, 60), (10, 5, 70, 45), (30, 20)),
    ("box-fraction-down", (80, 60), (3.3, 7.75, 71.6, 52.2), (31, 27)),
    ("box-fraction-up", (80, 60), (20.25, 11.5, 31.9, 19.1), (37, 29)),
    ("box-same-size", (40, 40), (4.5, 6.25, 34.5, 36.25), (30, 30)),
    ("box-to-the-edge", (41, 37), (20.5, 18.5, 41, 37), (24, 22)),
]

# name, source, shorter edge or both edges, crop
PIPELINES = [
    ("landscape", (125, 94), ("shorter", 64), 56),
    ("portrait", (94, 125), ("shorter", 64), 56),
    ("odd-rest", (99, 98), ("shorter", 37), 32),
    ("enlarged", (33, 20), ("shorter", 48), 43),
    ("squash", (120, 70), ("squash", 50), 45),
    ("padded", (60, 45), ("shorter", 30), 37),
    ("long", (15, 240), ("shorter", 36), 32),
    ("lite0", (320, 240), ("shorter", 256), 224),
]


def shorter(size, edge):
    """torchvision's _compute_resized_output_size for one number."""
    width, height = size
    short, long = (width, height) if width <= height else (height, width)
    new_long = int(edge * long / short)
    return (edge, new_long) if width <= height else (new_long, edge)


def center_crop(image, crop):
    """torchvision's center_crop: black border where the picture is smaller, round() to even for the offset."""
    width, height = image.size
    if crop > width or crop > height:
        border = (
            (crop - width) // 2 if crop > width else 0,
            (crop - height) // 2 if crop > height else 0,
            (crop - width + 1) // 2 if crop > width else 0,
            (crop - height + 1) // 2 if crop > height else 0,
        )
        image = ImageOps.expand(image, border, fill=0)
        width, height = image.size
    top, left = int(round((height - crop) / 2.0)), int(round((width - crop) / 2.0))
    return image.crop((left, top, left + crop, top + crop))


def resized():
    folder = fresh("resize")
    cases = []
    for kind, pillow in FILTERS.items():
        for name, source, box, out in RESIZES:
            chirp(*source).resize(out, pillow, box=box).save(folder / f"{name}-{kind}.png", optimize=True)
            box = box or (0, 0, *source)
            cases.append({"name": f"{name}-{kind}", "source": source, "box": box, "out": out, "interpolation": kind})
    write(folder / "cases.json", cases)
    pipelines = []
    for kind, pillow in FILTERS.items():
        for name, source, (rule, edge), crop in PIPELINES:
            out = shorter(source, edge) if rule == "shorter" else (edge, edge)
            made = center_crop(pipeline_source(name, source).resize(out, pillow), crop)
            made.save(folder / f"pipeline-{name}-{kind}.png", optimize=True)
            pipelines.append({"name": f"pipeline-{name}-{kind}", "source": source, "resize": {rule: edge}, "size": crop, "interpolation": kind})
    write(folder / "pipelines.json", pipelines)


def pipeline_source(name, source):
    # The one of real size is smooth, so that its result stays small.
    return Image.fromarray(slope(*source)) if name == "lite0" else chirp(*source)


def decoded():
    folder = fresh("decode")
    files = []

    def add(name, content, picture=None, tolerance=0, error=None):
        (folder / name).write_bytes(content)
        entry = {"name": name, "tolerance": tolerance, "error": error}
        if picture is not None:
            entry["picture"] = f"{name}.expected.png"
            picture.convert("RGB").save(folder / entry["picture"], optimize=True)
        files.append(entry)

    upright = Image.fromarray(slope(24, 16))
    for number in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = number
        jpeg = save(upright, "JPEG", quality=95, subsampling=0, exif=exif)
        add(f"orientation-{number}.jpg", jpeg, ImageOps.exif_transpose(reopen(jpeg)), 2)
    exif = Image.Exif()
    exif[0x0112] = 6
    add("orientation-6.png", save(upright, "PNG", exif=exif), upright.transpose(Image.Transpose.ROTATE_270))
    add("orientation-6.webp", save(upright, "WEBP", lossless=True, exif=exif), upright.transpose(Image.Transpose.ROTATE_270))

    grey = Image.fromarray(slope(24, 16)[:, :, 0])
    add("grey.png", save(grey, "PNG"), grey)
    jpeg = save(grey, "JPEG", quality=95)
    add("grey.jpg", jpeg, reopen(jpeg), 2)
    progressive = save(upright, "JPEG", quality=95, subsampling=0, progressive=True)
    add("progressive.jpg", progressive, reopen(progressive), 2)
    # Colour at half the resolution, and an odd size: decoders may differ more here.
    halved = save(Image.fromarray(slope(37, 29)), "JPEG", quality=90, subsampling=2)
    add("halved-colour.jpg", halved, reopen(halved), 4)
    restarts = save(upright, "JPEG", quality=95, subsampling=0, restart_marker_blocks=1)
    add("restarts.jpg", restarts, reopen(restarts), 2)

    deep = deep_samples(24, 16, 3)
    add("deep.png", png(deep, 2), Image.fromarray(to_8_bits(deep)))
    add("deep-grey.png", png(deep[:, :, :1], 0), Image.fromarray(to_8_bits(deep[:, :, 0])))
    clear = deep_samples(24, 16, 4)
    add("deep-alpha.png", png(clear, 6), Image.fromarray(on_background(clear, 65535)))
    clear = (deep_samples(24, 16, 4) >> 8).astype(np.uint8)
    add("alpha.png", save(Image.fromarray(clear), "PNG"), Image.fromarray(on_background(clear, 255)))
    clear = np.ascontiguousarray(clear[:, :, 2:])
    add("grey-alpha.png", save(Image.fromarray(clear, "LA"), "PNG"), Image.fromarray(on_background(clear[:, :, [0, 0, 0, 1]], 255)))
    palette = upright.quantize(9)
    add("palette.png", save(palette, "PNG"), palette)
    add("palette-clear.png", save(palette, "PNG", transparency=3), clear_entry(palette, 3))
    bits = grey.convert("1")
    add("bits.png", save(bits, "PNG"), bits)
    for format, name in [("GIF", "gif"), ("BMP", "bmp"), ("TIFF", "tiff"), ("PPM", "ppm")]:
        picture = palette if format == "GIF" else upright
        add(f"plain.{name}", save(picture, format), picture)
    cmyk = Image.fromarray(np.dstack([slope(24, 16), slope(24, 16)[::-1, :, 0] // 2]), "CMYK")
    jpeg = save(cmyk, "JPEG", quality=95)
    add("cmyk.jpg", jpeg, reopen(jpeg), 3)

    jpeg = save(upright, "JPEG", quality=95, subsampling=0)
    add("named-wrongly.png", jpeg, reopen(jpeg), 2)
    add("with-a-tail.jpg", jpeg + b"appended by a camera", reopen(jpeg), 2)
    add("truncated.jpg", jpeg[: len(jpeg) * 2 // 3], error="truncated")
    large = save(chirp(48, 32), "JPEG", quality=95)
    add("truncated-late.jpg", large[: len(large) - 300], error="truncated")
    add("without-end.jpg", large[:-2], error="truncated")
    add("truncated-progressive.jpg", progressive[: len(progressive) * 2 // 3], error="truncated")
    whole = save(chirp(24, 16), "PNG")
    add("truncated.png", whole[: len(whole) * 2 // 3], error="truncated")
    add("damaged.png", whole[:200] + bytes([whole[200] ^ 255]) + whole[201:], error="damaged")
    add("empty.jpg", b"", error="empty")
    add("text.jpg", b"This is not a picture.\n", error="not a picture")
    add("float.tiff", save(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), error="unsupported")
    add("bomb.png", bomb_png(60_000, 60_000), error="too large")
    add("bomb.jpg", bomb_jpeg(jpeg, 65_500, 65_500), error="too large")
    gif = save(palette, "GIF")
    add("bomb.gif", gif[:6] + struct.pack("<HH", 65_500, 65_500) + gif[10:], error="too large")
    write(folder / "files.json", files)


def deep_samples(width, height, channels):
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    return ((x * 2711 + y * 1913 * (c + 1) + c * 9001) % 65536).astype(np.uint16)


def to_8_bits(samples):
    return np.round(samples.astype(np.float64) / 257).astype(np.uint8)


def on_background(samples, full):
    colour, alpha = samples[:, :, :3].astype(np.float64) / full, samples[:, :, 3:].astype(np.float64) / full
    return np.floor((colour * alpha + np.array(BACKGROUND) / 255 * (1 - alpha)) * 255 + 0.5).astype(np.uint8)


def clear_entry(palette, entry):
    pixels = np.array(palette.convert("RGB"))
    pixels[np.array(palette) == entry] = BACKGROUND
    return Image.fromarray(pixels)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width, height, bits, colour):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def png(samples, colour):
    """A 16-bit PNG; Pillow writes none in colour."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    height, width = samples.shape[:2]
    return header(width, height, 16, colour) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def bomb_png(width, height):
    return header(width, height, 8, 2) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def bomb_jpeg(jpeg, width, height):
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def save(image, format, **options):
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def reopen(content):
    return Image.open(BytesIO(content))


def fresh(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def write(path, entries):
    path.write_text("[\n" + ",\n".join("  " + json.dumps(entry) for entry in entries) + "\n]\n")


resized()
decoded()
