#!/usr/bin/env python3
"""Prints the logits that timm or torchvision computes with an exported model, as JSON.

The lines that `kiln export --layout LIBRARY` prints come on standard input and are run as they are; load_state_dict is strict
unless told otherwise. The input is a formula that tests/export.rs has too.

    printf '%s\n' "$LINES" | python tests/golden/check_layout.py timm|torchvision SAMPLES SIDE CHANNELS [ones]

With `ones`, a plane of ones follows the channels.
"""
import importlib
import json
import sys

import numpy as np
import safetensors.torch
import torch


def pictures(samples, side, channels):
    """Numbers in [-1, 1), which float32 holds exactly."""
    shape = (samples, channels, side, side)
    index = np.arange(np.prod(shape), dtype=np.uint64)
    bits = index * np.uint64(2654435761) % np.uint64(2**32) >> np.uint64(8)
    return torch.from_numpy(bits.astype(np.float32) / np.float32(2**23) - np.float32(1)).reshape(shape)


def main():
    library = sys.argv[1]
    samples, side, channels = map(int, sys.argv[2:5])
    images = pictures(samples, side, channels)
    if sys.argv[5:] == ["ones"]:
        images = torch.cat([images, torch.ones_like(images[:, :1])], 1)
    names = {library: importlib.import_module(library), "safetensors": safetensors}
    exec(sys.stdin.read(), names)
    with torch.no_grad():
        logits = names["model"].eval()(images)
    json.dump(logits.flatten().tolist(), sys.stdout)


if __name__ == "__main__":
    main()
