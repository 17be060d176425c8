#!/usr/bin/env python3
"""Holds an ONNX file of kiln's beside PyTorch's export of the same network: bytes, and ONNX Runtime's time for both, in turn.
Prints one JSON object. Both of PyTorch's exporters write a file, and the smaller and the faster of them count.

    kiln export RUN --format onnx --out model.onnx       # float in, fp32, logits
    kiln export RUN --format safetensors --layout timm --out timm.safetensors
    benches/peers/onnx_files.py model.onnx --weights timm.safetensors --batch 1 16 --threads 2 --rounds 9

Without --weights PyTorch exports an untrained network, whose many equal constants it stores once.
"""
import argparse
import json
import os
import statistics
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
import safetensors.torch
import timm
import torch


def peer(own, weights):
    """timm's network of the same kind, with the same weights where they are given."""
    network = own["network"].split("-")[0]
    family = "efficientnet" if own["padding"] == "symmetric" else "tf_efficientnet"
    model = timm.create_model(
        f"{family}_{network}", num_classes=len(own["classes"]), in_chans=own["channels"], bn_eps=own["norm_eps"]
    ).eval()
    if weights:
        model.load_state_dict(safetensors.torch.load_file(weights))
    return model


def exported(model, own, folder):
    side = own["preprocess"]["size"]
    images = torch.randn(2, own["channels"], side, side)
    paths = {}
    for name in ["torchscript", "dynamo"]:
        path = os.path.join(folder, f"{name}.onnx")
        if name == "dynamo":
            axes = {"dynamic_shapes": ({0: torch.export.Dim("n")},), "dynamo": True, "external_data": False}
        else:
            axes = {"dynamic_axes": {"x": {0: "n"}}, "dynamo": False}
        try:
            torch.onnx.export(model, (images,), path, input_names=["x"], output_names=["y"], **axes)
            paths[name] = path
        except Exception as error:
            print(f"{name}: {error}", file=__import__("sys").stderr)
    return paths


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def seconds(session, images, steps):
    feed = {session.get_inputs()[0].name: images}
    best = []
    for _ in range(steps):
        start = time.perf_counter()
        session.run(None, feed)
        best.append(time.perf_counter() - start)
    return statistics.median(best)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model")
    arguments.add_argument("--weights")
    arguments.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--steps", type=int, default=5)
    given = arguments.parse_args()
    metadata = {entry.key: entry.value for entry in onnx.load(given.model).metadata_props}
    own = json.loads(metadata["kiln"])
    side = own["preprocess"]["size"]
    with tempfile.TemporaryDirectory() as folder:
        paths = {"kiln": given.model, **exported(peer(own, given.weights), own, folder)}
        sizes = {name: os.path.getsize(path) for name, path in paths.items()}
        sessions = {name: session(path, given.threads) for name, path in paths.items()}
        times = {}
        for batch in given.batch:
            images = np.random.default_rng(0).standard_normal((batch, own["channels"], side, side), dtype=np.float32)
            for each in sessions.values():
                seconds(each, images, 2)
            rounds = [
                {name: seconds(each, images, given.steps) for name, each in sessions.items()}
                for _ in range(given.rounds)
            ]
            ratios = [row["kiln"] / min(value for name, value in row.items() if name != "kiln") for row in rounds]
            medians = {name: round(statistics.median(row[name] for row in rounds) * 1e3, 2) for name in sessions}
            times[str(batch)] = dict(ratio=statistics.median(ratios), ratios=sorted(ratios), median_ms=medians)
    smallest = min(size for name, size in sizes.items() if name != "kiln")
    print(json.dumps(dict(network=own["network"], onnxruntime=onnxruntime.__version__, torch=torch.__version__,
                          threads=given.threads, bytes=sizes, size_ratio=sizes["kiln"] / smallest, times=times)))


if __name__ == "__main__":
    main()
