#!/usr/bin/env python3
"""Makes tests/golden/half.json: how far PyTorch's own mixed precision is from float64 on the networks of make_network.py.

Weights stay float32, torch.autocast casts on the way; the loss is scaled in fp16 as kiln starts, and
by half as much until nothing overflows. How roundings fall is chance, so each network is tried on several brightnesses of its pictures,
against float64 on the same, and the largest error of each tensor counts. Only the errors are kept: the float64 values of the first lie in
network/.

    pip install torch torchvision timm safetensors numpy
    python tests/golden/make_half.py
"""
import json
from pathlib import Path

import numpy as np
import torch

from make_network import BATCH, CASES, CLASSES, computed, error, filled, kiln_tensors, thinned, watched

SIZE = 64
CHOSEN = ("torchvision_b0", "timm_tf_b0", "timm_tf_lite0")
BRIGHTNESSES = [1 + k / 64 for k in range(8)]
KINDS = {"fp16": (torch.float16, 65536.0), "bf16": (torch.bfloat16, 1.0)}


def trained(case, dtype, scale, brightness):
    """The training form under autocast, or in float64 without a type: logits, loss, watched gradients and statistics."""
    model = case.build().train()
    tensors = kiln_tensors(model, case.modules)
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.from_numpy(filled(name, tuple(tensor.shape), case.activation)))
    images = torch.from_numpy(filled(case.inputs.get(SIZE, "input"), (BATCH, 3, SIZE, SIZE))) * brightness
    if dtype is None:
        model, images = model.double(), images.double()
        tensors = kiln_tensors(model, case.modules)
    gradients, statistics = watched(tensors)
    with torch.autocast("cpu", dtype, enabled=dtype is not None):
        logits = model(images)
    logits = logits if dtype is None else logits.float()
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(BATCH) * 7 % CLASSES)
    (loss * scale).backward()
    results = {"train.logits": logits, "train.loss": loss}
    results |= {f"train.gradient.{name}": tensors[name].grad / scale for name in gradients}
    results |= {f"train.statistics.{name}": tensors[name] for name in statistics}
    return {name: value.detach().double().numpy() for name, value in results.items()}


def mixed(case, dtype, scale, brightness):
    """In mixed precision, with the first scale at which nothing overflows."""
    found = trained(case, dtype, scale, brightness)
    while not all(np.isfinite(value).all() for value in found.values()):
        scale /= 2
        assert scale >= 1, f"{case.name} overflows"
        found = trained(case, dtype, scale, brightness)
    return found, scale


def main():
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    made = {"torch": torch.__version__, "brightnesses": len(BRIGHTNESSES), "cases": []}
    for case in CASES:
        if case.name not in CHOSEN:
            continue
        exact = [trained(case, None, 1.0, brightness) for brightness in BRIGHTNESSES]
        kept, _ = computed(case, SIZE, torch.float64, True)
        for name, value in exact[0].items():
            assert error(thinned(value), thinned(kept[name]))["norm"] < 1e-12, f"{case.name}: {name} is not what network/ holds"
        for kind, (dtype, first) in KINDS.items():
            found = [mixed(case, dtype, first, brightness) for brightness in BRIGHTNESSES]
            tensors = {}
            for name in exact[0]:
                errors = [error(thinned(own[name]), thinned(right[name])) for (own, _), right in zip(found, exact)]
                tensors[name] = {k: float(f"{max(e[k] for e in errors):.3g}") for k in errors[0]}
            scale = found[0][1]
            made["cases"].append({"case": f"{case.name}_{SIZE}", "precision": kind, "loss_scale": scale, "tensors": tensors})
            print(case.name, kind, scale, *(f"\n  {name:54} {e['norm']:.1e} max {e['max']:.1e}" for name, e in tensors.items()))
    out = Path(__file__).parent / "half.json"
    out.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
