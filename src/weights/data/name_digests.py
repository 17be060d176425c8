"""Prints the digests that layouts/mod.rs tests against: what real libraries call EfficientNet's parameters.

    python name_digests.py        (needs torch, torchvision, timm, efficientnet_pytorch, efficientnet_lite_pytorch)

A digest is the SHA-256 of one line for each floating-point entry of the state_dict, in its order: `name [shape]`.
"""

import hashlib

import torch


def digest(model):
    lines = [
        f"{name} {list(value.shape)}\n"
        for name, value in model.state_dict().items()
        if value.is_floating_point()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def libraries():
    import timm
    import torchvision
    from efficientnet_lite_pytorch import EfficientNet as Lite
    from efficientnet_pytorch import EfficientNet

    for i in range(8):
        yield "Torchvision", f"B{i}", lambda: getattr(torchvision.models, f"efficientnet_b{i}")()
        yield "Timm", f"B{i}", lambda: timm.create_model(f"tf_efficientnet_b{i}")
        yield "Lukemelas", f"B{i}", lambda: EfficientNet.from_name(f"efficientnet-b{i}")
    for i in range(5):
        yield "Timm", f"Lite{i}", lambda: timm.create_model(f"tf_efficientnet_lite{i}")
        yield "LitePytorch", f"Lite{i}", lambda: Lite.from_name(f"efficientnet-lite{i}")


for layout, variant, build in libraries():
    with torch.device("meta"):
        print(f'        check(Layout::{layout}, Variant::{variant}, "{digest(build())}");')
