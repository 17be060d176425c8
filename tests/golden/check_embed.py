#!/usr/bin/env python3
"""Compares features that kiln wrote with those of timm for the same weights and pictures, and prints how far they are apart.

The lines that `kiln export --layout timm` prints come on standard input and are run as they are. The pictures are as large as
they are resized to, so that only the crop and the normalisation, which the file states, stand between them and the network.

    printf '%s\n' "$LINES" | python tests/golden/check_embed.py FEATURES.npy FEATURES.names.csv MODEL.safetensors
"""
import csv
import json
import sys

import numpy as np
import safetensors
import safetensors.torch
import timm
import torch
from PIL import Image


def prepared(path, preprocess):
    pixels = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) / 255
    size = preprocess["size"]
    top, left = ((edge - size) // 2 for edge in pixels.shape[:2])
    pixels = pixels[top : top + size, left : left + size]
    pixels = (pixels - np.float32(preprocess["mean"])) / np.float32(preprocess["std"])
    return torch.from_numpy(pixels.transpose(2, 0, 1))


def main():
    features = np.load(sys.argv[1])
    with open(sys.argv[2], newline="") as names:
        rows = list(csv.DictReader(names))
    assert [int(row["row"]) for row in rows] == list(range(len(features)))
    with safetensors.safe_open(sys.argv[3], "pt") as file:
        preprocess = json.loads(file.metadata()["kiln"])["preprocess"]
    names = {"timm": timm, "safetensors": safetensors}
    exec(sys.stdin.read(), names)
    model = names["model"].eval()
    with torch.no_grad():
        images = torch.stack([prepared(row["path"], preprocess) for row in rows])
        wanted = model.forward_head(model.forward_features(images), pre_logits=True).numpy()
    assert features.shape == wanted.shape and features.dtype == np.float32
    print(json.dumps({
        "shape": features.shape,
        "largest": float(np.abs(wanted).max()),
        "error": float(np.abs(features - wanted).max()),
        "apart": float(np.abs(wanted[0] - wanted[1]).max()),
    }))


if __name__ == "__main__":
    main()
