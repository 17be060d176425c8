#!/usr/bin/env python3
"""Prints the logits that timm computes with an exported model, as JSON.

The lines that `kiln export --layout timm` prints come on standard input and are run as they are; load_state_dict is strict
unless told otherwise. The input is a formula that tests/export.rs has too.

    printf '%s\n' "$LINES" | python tests/golden/check_timm.py SAMPLES SIDE CHANNELS [ones]

With `ones`, a plane of ones follows the channels.
"""
import json
import sys

import numpy as np
import safetensors.torch
import timm
import torch


def pictures(samples, side, channels):
    """Numbers in [-1, 1), which float32 holds exactly."""
    shape = (samples, channels, side, side)
    index = np.arange(np.prod(shape), dtype=np.uint64)
    bits = index * np.uint64(2654435761) % np.uint64(2**32) >> np.uint64(8)
    return torch.from_numpy(bits.astype(np.float32) / np.float32(2**23) - np.float32(1)).reshape(shape)


def main():
    samples, side, channels = map(int, sys.argv[1:4])
    images = pictures(samples, side, channels)
    if sys.argv[4:] == ["ones"]:
        images = torch.cat([images, torch.ones_like(images[:, :1])], 1)
    names = {"timm": timm, "safetensors": safetensors}
    exec(sys.stdin.read(), names)
    with torch.no_grad():
        logits = names["model"].eval()(images)
    json.dump(logits.flatten().tolist(), sys.stdout)


if __name__ == "__main__":
    main()
