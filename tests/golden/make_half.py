#!/usr/bin/env python3
"""Makes tests/golden/half.json: how far PyTorch's own mixed precision is from float64 on the networks of make_network.py.

Weights stay float32, torch.autocast casts on the way; the loss is scaled in fp16 as kiln starts, and
by half as much until nothing overflows. Only the errors are kept: the
float64 values lie in network/.

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
KINDS = {"fp16": (torch.float16, 65536.0), "bf16": (torch.bfloat16, 1.0)}


def mixed(case, dtype, scale):
    """The training form under autocast: logits, loss, watched gradients and statistics."""
    model = case.build().train()
    tensors = kiln_tensors(model, case.modules)
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.from_numpy(filled(name, tuple(tensor.shape), case.activation)))
    images = torch.from_numpy(filled(case.inputs.get(SIZE, "input"), (BATCH, 3, SIZE, SIZE)))
    gradients, statistics = watched(tensors)
    with torch.autocast("cpu", dtype):
        logits = model(images)
    loss = torch.nn.functional.cross_entropy(logits.float(), torch.arange(BATCH) * 7 % CLASSES)
    (loss * scale).backward()
    results = {"train.logits": logits, "train.loss": loss}
    results |= {f"train.gradient.{name}": tensors[name].grad / scale for name in gradients}
    results |= {f"train.statistics.{name}": tensors[name] for name in statistics}
    return {name: value.detach().double().numpy() for name, value in results.items()}


def main():
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    made = {"torch": torch.__version__, "cases": []}
    for case in CASES:
        if case.name not in CHOSEN:
            continue
        exact, _ = computed(case, SIZE, torch.float64, True)
        for kind, (dtype, scale) in KINDS.items():
            found = mixed(case, dtype, scale)
            while not all(np.isfinite(value).all() for value in found.values()):
                scale /= 2
                assert scale >= 1, f"{case.name} overflows in {kind}"
                found = mixed(case, dtype, scale)
            errors = {name: error(thinned(value), thinned(exact[name])) for name, value in found.items()}
            tensors = {name: {k: float(f"{v:.3g}") for k, v in e.items()} for name, e in errors.items()}
            made["cases"].append({"case": f"{case.name}_{SIZE}", "precision": kind, "loss_scale": scale, "tensors": tensors})
            print(case.name, kind, scale, *(f"\n  {name:54} {e['norm']:.1e} max {e['max']:.1e}" for name, e in errors.items()))
    out = Path(__file__).parent / "half.json"
    out.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
