"""Writes the small PyTorch files beside this script. Needs torch; run only when the cases change."""

from pathlib import Path

import torch

HERE = Path(__file__).parent

# Every float type, a transposed view, a view into the middle of a storage, a whole number, a wrapper, something beside.
base = torch.arange(12, dtype=torch.float32)
weights = {
    "conv_stem.weight": base.reshape(3, 4).t(),
    "bn1.weight": base[4:7],
    "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "brain": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "double": torch.tensor([1.5, -2.0], dtype=torch.float64),
    "bn1.num_batches_tracked": torch.tensor(7),
}
checkpoint = {"epoch": 3, "state_dict": weights, "optimizer": {"momentum": torch.zeros(2)}}
torch.save(checkpoint, HERE / "tiny_zip.pth")
torch.save(checkpoint, HERE / "tiny_legacy.pth", _use_new_zipfile_serialization=False)

# One number that claims to be four gigabytes.
torch.save({"bn1.weight": torch.zeros(1).expand(1024, 1024, 1024)}, HERE / "repeated.pth")
