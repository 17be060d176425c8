#!/usr/bin/env python3
"""Compares the heat that `kiln explain` found with Grad-CAM by hooks on timm's network, and prints how far they are apart.

The lines that `kiln export --layout timm` prints come on standard input and are run as they are; then a line of JSON for each
picture, as `kiln explain --json` prints them. The pictures are as large as they are resized to, so that only the crop and the
normalisation, which the file states, stand between them and the network.

    (printf '%s\n' "$LINES" ""; kiln explain ... --json) | python tests/golden/check_explain.py MODEL.safetensors
"""
import json
import sys

import numpy as np
import safetensors
import safetensors.torch
import timm
import torch
from check_embed import prepared


def grad_cam(model, image, number):
    """Selvaraju et al. 2017: the channels of the last map, each weighed by the mean of the class's gradient over it."""
    kept = {}

    def keep(_module, _input, output):
        output.retain_grad()
        kept["map"] = output

    hook = model.bn2.register_forward_hook(keep)
    logits = model(image[None])
    hook.remove()
    logits[0, number].backward()
    channels = kept["map"].grad[0].mean(dim=(1, 2), keepdim=True)
    cam = (channels * kept["map"][0]).sum(0).clamp(min=0)
    return (cam / cam.max().clamp(min=1e-12)).detach().numpy(), int(logits.argmax())


def main():
    lines, answers = sys.stdin.read().split("\n\n")
    with safetensors.safe_open(sys.argv[1], "pt") as file:
        about = json.loads(file.metadata()["kiln"])
    names = {"timm": timm, "safetensors": safetensors}
    exec(lines, names)
    model = names["model"].eval()
    compared = []
    for answer in map(json.loads, answers.splitlines()):
        number = about["classes"].index(answer["class"])
        wanted, predicted = grad_cam(model, prepared(answer["path"], about["preprocess"]), number)
        found = np.asarray(answer["heat"])
        compared.append({
            "shape": found.shape,
            "same_class": about["classes"][predicted] == answer["predicted"],
            "error": float(np.abs(found - wanted).max()),
            "correlation": float(np.corrcoef(found.ravel(), wanted.ravel())[0, 1]),
            "apart": float(found.max() - found.min()),
        })
    print(json.dumps(compared))


if __name__ == "__main__":
    main()
