#!/usr/bin/env python3
"""Makes tests/golden/network/*.safetensors: what torchvision's and timm's EfficientNets compute in float64.

Weights and input are not stored: both sides fill them by the formula in README.md, under kiln's own tensor names.
Beside each tensor lies the error that PyTorch's own float32 makes against it.

    pip install torch torchvision timm safetensors numpy
    python tests/golden/make_network.py
"""
import json
import math
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import timm
import torch
import torchvision
from safetensors.numpy import save_file

CLASSES, BATCH, TRAINED_SIZES = 10, 4, (64, 75)
VALUES_KEPT = 1536  # Longer tensors are thinned out to at most this many values.


# --- the formula ---------------------------------------------------------------------------------------------------

def uniform(name, count):
    """Numbers in [-1, 1) with 24 bits each, so that float32 holds them exactly."""
    hash = 0xCBF29CE484222325
    for byte in name.encode():
        hash = (hash ^ byte) * 0x100000001B3 % 2**64
    z = np.uint64(hash) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)


# Three times the variance of a weight times its fan-in. They keep inference form alive without true statistics: with
# other numbers the samples' differences die out within sixteen blocks or explode within twenty-six.
GAINS = {"stem": 768, "expand": 3, "depthwise": 6, "squeeze": 0.3, "project": 24, "head": 12, "classifier": 1}

# ReLU6 has kinks at 0 and 6, and a rounding error that moves a value over one changes gradients by a whole term. So seven
# channels of eight mostly keep to the middle of a piece in training form, and only the first of each eight crosses freely.
# The running variance makes up for the smaller weight: in inference form all of them cross.
RELU6_CENTRES = (0, 3, -3, 3, 9, 3, -3, 3)
RELU6_SCALES = (1, *[0.75] * 7)


def filled(name, shape, activation=None):
    """The tensor called `name`. Every operation is one float32 operation, so that any language gets the same bits."""
    u = uniform(name, math.prod(shape))
    centre, scale = np.float32(0), np.float32(1)
    if activation == "relu6" and ".norm." in name and ".project." not in name:
        centre, scale = np.resize(np.float32(RELU6_CENTRES), u.shape), np.resize(np.float32(RELU6_SCALES), u.shape)
    if name.endswith("norm.weight"):
        value = scale * (np.float32(1) + np.float32(0.1) * u)
    elif name.endswith("norm.bias"):
        value = centre + np.float32(0.1) * u
    elif name.endswith("running_var"):
        value = scale * scale * (np.float32(1) + np.float32(0.5) * np.abs(u))
    elif name.endswith(("bias", "running_mean")):
        value = np.float32(0.1) * u
    elif name.startswith("input"):
        value = u
    else:
        part = next(part for part in name.split(".") if part in GAINS)
        value = u * np.float32(math.sqrt(GAINS[part] / math.prod(shape[1:])))
    return value.reshape(shape)


# --- the two libraries, under kiln's names -------------------------------------------------------------------------

def torchvision_modules(model):
    yield "stem.conv", model.features[0][0]
    yield "stem.norm", model.features[0][1]
    for i, block in enumerate(block for stage in model.features[1:-1] for block in stage):
        *expand, depthwise, squeeze, project = block.block
        parts = [("expand", layer) for layer in expand] + [("depthwise", depthwise), ("project", project)]
        for part, layer in parts:
            yield f"blocks.{i}.{part}.conv", layer[0]
            yield f"blocks.{i}.{part}.norm", layer[1]
        yield f"blocks.{i}.squeeze.reduce", squeeze.fc1
        yield f"blocks.{i}.squeeze.expand", squeeze.fc2
    yield "head.conv", model.features[-1][0]
    yield "head.norm", model.features[-1][1]
    yield "classifier", model.classifier[1]


def timm_modules(model):
    yield "stem.conv", model.conv_stem
    yield "stem.norm", model.bn1
    for i, block in enumerate(block for stage in model.blocks for block in stage):
        if hasattr(block, "conv_pwl"):
            parts = [("expand", block.conv_pw, block.bn1), ("depthwise", block.conv_dw, block.bn2), ("project", block.conv_pwl, block.bn3)]
        else:
            parts = [("depthwise", block.conv_dw, block.bn1), ("project", block.conv_pw, block.bn2)]
        for part, conv, norm in parts:
            yield f"blocks.{i}.{part}.conv", conv
            yield f"blocks.{i}.{part}.norm", norm
        if not isinstance(block.se, torch.nn.Identity):
            yield f"blocks.{i}.squeeze.reduce", block.se.conv_reduce
            yield f"blocks.{i}.squeeze.expand", block.se.conv_expand
    yield "head.conv", model.conv_head
    yield "head.norm", model.bn2
    yield "classifier", model.classifier


def own_tensors(module):
    """Parameters and buffers of a module that carry numbers of the network."""
    everything = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor for name, tensor in everything if not name.endswith("num_batches_tracked")}


def kiln_tensors(model, modules):
    """Every tensor of the model under kiln's name; fails where one was forgotten or taken twice."""
    tensors = {f"{name}.{part}": tensor for name, module in modules(model) for part, tensor in own_tensors(module).items()}
    mapped, present = [id(t) for t in tensors.values()], [id(t) for t in own_tensors(model).values()]
    assert sorted(mapped) == sorted(present), "the map of names misses a tensor or has one twice"
    return tensors


class Case(NamedTuple):
    """One network of the tables below, and what the formula and a reader have to know of it."""
    name: str
    variant: str
    build: Callable[[], torch.nn.Module]
    modules: Callable
    padding: str
    activation: str
    inferred_sizes: tuple = ()
    inputs: dict = {}  # By size, where it is not the plain "input".


def torchvision_case(variant, **more):
    def build():
        return getattr(torchvision.models, f"efficientnet_{variant}")(num_classes=CLASSES, dropout=0.0, stochastic_depth_prob=0.0)

    return Case(f"torchvision_{variant}", variant, build, torchvision_modules, "symmetric", "silu", **more)


def timm_case(variant, activation, **more):
    def build():
        return timm.create_model(f"tf_efficientnet_{variant}", num_classes=CLASSES, drop_rate=0.0, drop_path_rate=0.0)

    return Case(f"timm_tf_{variant}", variant, build, timm_modules, "same", activation, **more)


CASES = [
    torchvision_case("b0", inferred_sizes=(224,)),
    torchvision_case("b3"),
    timm_case("b0", "silu"),
    # Found by trying numbers: with these inputs values stay clear of ReLU6's kinks, which `make` checks.
    timm_case("lite0", "relu6", inferred_sizes=(224,), inputs={64: "input.99", 75: "input.65"}),
]


# --- one case at one size ------------------------------------------------------------------------------------------

def watched(tensors):
    """The tensors whose gradients, and the norms whose statistics, are compared."""
    blocks = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
    first = next(i for i in range(blocks) if f"blocks.{i}.expand.conv.weight" in tensors)
    middle = blocks // 2
    gradients = [
        "stem.conv.weight",
        *(f"blocks.{first}.{part}" for part in ("expand.conv.weight", "depthwise.conv.weight", "squeeze.reduce.weight", "squeeze.reduce.bias")),
        *(f"blocks.{middle}.depthwise.{part}" for part in ("conv.weight", "norm.weight", "norm.bias")),
        "head.conv.weight", "classifier.weight", "classifier.bias",
    ]
    norms = ["stem.norm", f"blocks.{middle}.depthwise.norm", "head.norm"]
    statistics = [f"{norm}.{kind}" for norm in norms for kind in ("running_mean", "running_var")]
    return [name for name in gradients if name in tensors], statistics


def record_relu6(model):
    """The list that the inputs of every ReLU6 will go to in training form."""
    seen = []

    def record(layer, inputs):
        if layer.training:
            seen.append(inputs[0].detach().to(torch.float64, copy=True))  # The layer works in place.

    for layer in model.modules():
        if isinstance(layer, torch.nn.ReLU6):
            layer.register_forward_pre_hook(record)
    return seen


def clearance(single, exact):
    """How far values stay from ReLU6's kinks, counted in float32 errors of their channel; the nearest one."""
    nearest = math.inf
    for a, b in zip(single, exact):
        distance = torch.minimum(b.abs(), (b - 6).abs()).amin((0, 2, 3))
        rounding = (a - b).square().mean((0, 2, 3)).sqrt()
        nearest = min(nearest, float((distance / rounding).min()))
    return nearest


def computed(case, size, dtype, train):
    """Runs the network, filled by the formula, in the given precision; returns results and inputs of ReLU6 as float64."""
    model = case.build().to(dtype)
    relu6_inputs = record_relu6(model)
    tensors = kiln_tensors(model, case.modules)
    images = torch.from_numpy(filled(case.inputs.get(size, "input"), (BATCH, 3, size, size))).to(dtype)
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.from_numpy(filled(name, tuple(tensor.shape), case.activation)))
        results = {"infer.logits": model.eval()(images)}
    if train:
        gradients, statistics = watched(tensors)
        logits = model.train()(images)
        loss = torch.nn.functional.cross_entropy(logits, torch.arange(BATCH) * 7 % CLASSES)
        loss.backward()
        results |= {"train.logits": logits, "train.loss": loss}
        results |= {f"train.gradient.{name}": tensors[name].grad for name in gradients}
        results |= {f"train.statistics.{name}": tensors[name] for name in statistics}
    return {name: value.detach().double().numpy() for name, value in results.items()}, relu6_inputs


def stride_of(count):
    """The distance between the values kept: 1, or a prime, so that every row and column has its turn."""
    least = -(-count // VALUES_KEPT)
    return next(n for n in range(least, 2 * least + 1) if all(n % d for d in range(2, n)))


def thinned(value):
    return np.ascontiguousarray(value.ravel()[:: stride_of(value.size)])


def error(single, exact):
    difference = single - exact
    return {
        "norm": float(np.linalg.norm(difference) / np.linalg.norm(exact)),
        "max": float(np.abs(difference).max() / np.abs(exact).max()),
    }


def facts_of(case, size):
    norm = next(layer for layer in case.build().modules() if isinstance(layer, torch.nn.BatchNorm2d))
    return {
        "case": case.name, "variant": case.variant, "size": size, "batch": BATCH, "classes": CLASSES, "input": case.inputs.get(size, "input"),
        "padding": case.padding, "activation": case.activation, "eps": norm.eps, "momentum": norm.momentum,
        "torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__,
    }


def make(case, size):
    """What to store: the tensors, and all that a test has to know of them."""
    train = size in TRAINED_SIZES
    (exact, exact_relu6), (single, single_relu6) = (computed(case, size, dtype, train) for dtype in (torch.float64, torch.float32))
    assert clearance(single_relu6, exact_relu6) > 5, "a value lies too near to a kink of ReLU6: take another input"
    tensors = {name: thinned(value) for name, value in exact.items()}
    facts = facts_of(case, size) | {"tensors": {}}
    for name, value in exact.items():
        facts["tensors"][name] = {
            "shape": list(value.shape), "stride": stride_of(value.size), "float32": error(thinned(single[name]), tensors[name]),
        }
    return tensors, facts


def show(tensors, facts):
    differing = tensors["infer.logits"].reshape(BATCH, CLASSES).std(axis=0).mean()
    print(f"{facts['case']} at {facts['size']}: logits differ by {differing:.3f} between samples")
    for name, fact in facts["tensors"].items():
        root_mean_square = math.sqrt(np.square(tensors[name]).mean())
        print(f"  {name:54} rms {root_mean_square:8.2e}  float32 error {fact['float32']['norm']:.1e}, max {fact['float32']['max']:.1e}")


def main():
    out = Path(__file__).parent / "network"
    out.mkdir(exist_ok=True)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    for case in CASES:
        for size in TRAINED_SIZES + case.inferred_sizes:
            tensors, facts = make(case, size)
            # One metadata key: the writer does not keep the order of several, and the bytes should come out the same.
            save_file(tensors, out / f"{case.name}_{size}.safetensors", {"golden": json.dumps(facts)})
            show(tensors, facts)


if __name__ == "__main__":
    main()
