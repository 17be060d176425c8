"""Measures what `kiln data check` finds of planted near duplicates, and what it flags where nothing was planted.

    python benches/data/near_duplicates.py plant FLOWERS12 OUT     # links to the pictures, and 200 near duplicates of them
    kiln data check OUT --json > planted.json
    kiln data check FLOWERS12 --json > untouched.json
    python benches/data/near_duplicates.py score planted.json untouched.json
    python benches/data/near_duplicates.py sheet FLOWERS12 untouched.json sheet.png     # the flagged pairs, for the eye

Needs Pillow. Planted are 40 of each: resized (40 to 160 %), recompressed (quality 20 to 60), cropped (5 % of both edges,
anywhere), brightness (times 0.6 to 1.4), and all four at once. All are saved as JPEG.
"""

import json
import os
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance

KINDS = ["resized", "recompressed", "cropped", "brightness", "all"]
EACH = 40


def changed(picture, kind, draws):
    quality = 90
    if kind in ("cropped", "all"):
        width, height = round(picture.width * 0.95), round(picture.height * 0.95)
        left, top = draws.randint(0, picture.width - width), draws.randint(0, picture.height - height)
        picture = picture.crop((left, top, left + width, top + height))
    if kind in ("resized", "all"):
        scale = draws.uniform(0.4, 1.6)
        size = round(picture.width * scale), round(picture.height * scale)
        picture = picture.resize(size, draws.choice([Image.BILINEAR, Image.BICUBIC, Image.LANCZOS]))
    if kind in ("brightness", "all"):
        picture = ImageEnhance.Brightness(picture).enhance(draws.choice([draws.uniform(0.6, 0.85), draws.uniform(1.15, 1.4)]))
    if kind in ("recompressed", "all"):
        quality = draws.randint(20, 60)
    return picture, quality


def plant(source, out):
    files = sorted(path for path in Path(source).rglob("*.jpg"))
    for path in files:
        link = Path(out) / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(path.resolve(), link)
    draws = random.Random(7)
    originals = draws.sample(files, EACH * len(KINDS))
    for number, path in enumerate(originals):
        kind = KINDS[number % len(KINDS)]
        picture, quality = changed(Image.open(path).convert("RGB"), kind, draws)
        name = f"planted-{kind}-{path.name}"
        picture.save(Path(out) / path.relative_to(source).with_name(name), quality=quality)


def groups(report):
    report = json.loads(Path(report).read_text())
    for finding in report["findings"]:
        for group in finding.get("groups", []):
            yield finding["kind"], group["likeness"], [file["name"] for file in group["files"]]


def score(planted, untouched):
    together = {}
    for _, likeness, names in groups(planted):
        for name in names:
            together.setdefault(name, set()).update(names)
    totals = {kind: [0, 0] for kind in KINDS}
    root = Path(json.loads(Path(planted).read_text())["root"])
    for path in sorted(root.rglob("planted-*")):
        name = path.relative_to(root).as_posix()
        _, kind, original = path.name.split("-", 2)
        found = str(Path(name).with_name(original)) in together.get(name, ())
        totals[kind][0] += found
        totals[kind][1] += 1
        if not found:
            print("missed:", name)
    for kind, (found, all_of_them) in totals.items():
        print(f"{kind}: {found} of {all_of_them}")
    print("together:", sum(found for found, _ in totals.values()), "of", sum(n for _, n in totals.values()))
    flagged = list(groups(untouched))
    print("flagged in the untouched set:", len(flagged), "groups of", sum(len(names) for _, _, names in flagged), "files")
    for kind, likeness, names in flagged:
        print(f"  {likeness:.3f} {kind}: {' | '.join(names)}")


def sheet(source, untouched, out):
    rows = list(groups(untouched))
    edge, across = 220, 4
    page = Image.new("RGB", (edge * 2 * across, (edge + 18) * -(-len(rows) // across)), "white")
    pen = ImageDraw.Draw(page)
    for number, (kind, likeness, names) in enumerate(rows):
        left, top = number % across * edge * 2, number // across * (edge + 18)
        for column, name in enumerate(names[:2]):
            picture = Image.open(Path(source) / name).convert("RGB")
            picture.thumbnail((edge - 6, edge - 6))
            page.paste(picture, (left + column * edge, top + 16))
        pen.text((left, top), f"{number}: {likeness:.3f} {kind} {len(names)} {names[0][-22:]}", fill="black")
    page.save(out)


if __name__ == "__main__":
    {"plant": plant, "score": score, "sheet": sheet}[sys.argv[1]](*sys.argv[2:])
