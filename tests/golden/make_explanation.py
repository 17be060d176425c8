#!/usr/bin/env python3
"""Makes tests/golden/explanation.json: Grad-CAM by PyTorch's autograd, in float64.

Networks, weights and pictures are those of make_network.py. The map is what leaves the head's convolution, norm and
activation; its weights are the means of the gradient of one logit over the map's places (Selvaraju et al. 2017).

    python tests/golden/make_explanation.py
"""
import json
from pathlib import Path

import torch

from make_network import BATCH, CASES, filled, kiln_tensors

SIZES = {"torchvision_b0": (75, 224), "timm_tf_b0": (75,), "timm_tf_lite0": (224,)}
SAMPLES, OTHER_CLASS = 2, 3


def last_map(model):
    """The module whose output Grad-CAM looks at; timm's norm has the activation inside."""
    return model.bn2 if hasattr(model, "bn2") else model.features[-1]


def grad_cam(model, image, label):
    kept = []
    hook = last_map(model).register_forward_hook(lambda module, inputs, output: kept.append(output))
    logits = model(image[None])
    hook.remove()
    label = int(logits.argmax()) if label is None else label
    (gradient,) = torch.autograd.grad(logits[0, label], kept[0])
    weights = gradient.mean((2, 3), keepdim=True)
    return label, torch.relu((weights * kept[0]).sum(1))[0].detach()


def explained(case, size):
    model = case.build().double().eval()
    with torch.no_grad():
        for name, tensor in kiln_tensors(model, case.modules).items():
            tensor.copy_(torch.from_numpy(filled(name, tuple(tensor.shape), case.activation)))
    name = case.inputs.get(size, "input")
    images = torch.from_numpy(filled(name, (BATCH, 3, size, size))).double()
    for sample in range(SAMPLES):
        for wanted in (None, OTHER_CLASS):
            label, cam = grad_cam(model, images[sample], wanted)
            yield {
                "network": f"{case.name}_{size}", "sample": sample, "class": label, "is_predicted": wanted is None,
                "columns": cam.shape[1], "cam": [float(f"{value:.8g}") for value in cam.flatten().tolist()],
            }


def main():
    torch.set_num_threads(1)
    maps = [one for case in CASES for size in SIZES.get(case.name, ()) for one in explained(case, size)]
    path = Path(__file__).with_name("explanation.json")
    path.write_text("[\n" + ",\n".join(json.dumps(one) for one in maps) + "\n]\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
