#!/usr/bin/env python3
"""How far pictures decoded with Pillow's draft are from the same decoded whole, at the network's size: the peer of `reduced_training`
and `reduced_evaluation` of `kiln bench --mode data`. Prints one JSON object; levels of 255.

draft_pil.py --pictures FOLDER"""
import argparse, json, pathlib
import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import functional as F

a = argparse.ArgumentParser()
a.add_argument("--pictures", required=True)
a.add_argument("--side", type=int, default=224)
o = a.parse_args()
torch.manual_seed(1)
sums = {}


def opened(file, width=None, height=None):
    picture = Image.open(file)
    if width:
        picture.draft("RGB", (int(width), int(height)))
    return picture.convert("RGB")


def note(name, found, wanted):
    step = np.abs(np.asarray(found, np.int16) - np.asarray(wanted, np.int16))
    row = sums.setdefault(name, dict(pictures=0, mean=0.0, most=0))
    row["pictures"] += 1
    row["mean"] += float(step.mean())
    row["most"] = max(row["most"], int(step.max()))


def cropped(picture, size, box):
    """The box of a picture of this size, in the drafted one."""
    x, y = picture.size[0] / size[0], picture.size[1] / size[1]
    top, left, h, w = box
    box = (left * x, top * y, (left + w) * x, (top + h) * y)
    return picture.resize((o.side, o.side), Image.BILINEAR, box=box)


for file in sorted(pathlib.Path(o.pictures).rglob("*.jpg"))[:100]:
    full = opened(file)
    width, height = full.size
    box = T.RandomResizedCrop.get_params(full, [0.08, 1.0], [3 / 4, 4 / 3])
    wanted = cropped(full, full.size, box)
    note("training, draft size", cropped(opened(file, o.side, o.side), full.size, box), wanted)
    scale = o.side / min(box[2:])
    note("training, draft crop", cropped(opened(file, width * scale + 1, height * scale + 1), full.size, box), wanted)
    shorter = int(o.side / 0.875)
    seen = lambda picture: F.center_crop(F.resize(picture, shorter, T.InterpolationMode.BILINEAR), o.side)
    note("evaluation, draft size", seen(opened(file, shorter, shorter)), seen(full))
    note("evaluation, draft twice the size", seen(opened(file, 2 * shorter, 2 * shorter)), seen(full))
for row in sums.values():
    row["mean"] /= row["pictures"]
print(json.dumps(sums))
