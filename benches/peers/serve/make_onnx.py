"""kiln's model as ONNX by way of timm, with what server.py has to know beside it.

    kiln export checkpoints/head --layout timm --out head-timm.safetensors
    python benches/peers/serve/make_onnx.py head-timm.safetensors model.onnx
"""

import json
import pathlib
import sys

import safetensors.torch
import timm
import torch
from safetensors import safe_open

source, target = sys.argv[1:]
with safe_open(source, "pt") as file:
    about = json.loads(file.metadata()["kiln"])
names = {"lite": "tf_efficientnet_lite", "b": "tf_efficientnet_b"}
network = about["network"]
name = names["lite"] + network[4:] if network.startswith("lite") else names["b"] + network[1:]
model = timm.create_model(name, num_classes=len(about["classes"])).eval()
model.load_state_dict(safetensors.torch.load_file(source))
preprocess = about["preprocess"]
size = preprocess["size"]
example = torch.zeros(1, 3, size, size)
torch.onnx.export(
    model, (example,), target, dynamo=False, opset_version=17, input_names=["images"], output_names=["logits"],
    dynamic_axes={"images": {0: "n"}, "logits": {0: "n"}},
)
kept = {
    "classes": about["classes"], "temperature": about["temperature"], "size": size,
    "resize": preprocess["resize"], "interpolation": preprocess["interpolation"],
    "mean": preprocess["mean"], "std": preprocess["std"],
}
pathlib.Path(target).with_suffix(".json").write_text(json.dumps(kept))
