#!/usr/bin/env python3
"""Runs an ONNX file in ONNX Runtime, after onnx's own checker has looked at all of it, and prints the outputs as JSON: a list
of [name, numbers]. The input lies in a file of plain little-endian numbers, bytes or 32-bit floats as the model takes them.

    python tests/golden/check_onnx.py MODEL.onnx INPUT N,C,H,W
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime


def main():
    path, numbers, shape = sys.argv[1:4]
    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    kind = np.uint8 if taken.type == "tensor(uint8)" else np.float32
    images = np.fromfile(numbers, kind).reshape([int(length) for length in shape.split(",")])
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {taken.name: images})
    json.dump([[name, values.flatten().tolist()] for name, values in zip(names, found)], sys.stdout)


if __name__ == "__main__":
    main()
