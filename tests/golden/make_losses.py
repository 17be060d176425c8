"""What src/train/loss.rs and balance.rs expect: losses with gradients from PyTorch in float64, and class weights from
their formulas. Writes losses.json and class_weights.json beside itself:

    python tests/golden/make_losses.py
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent


def case(name, logits, labels, smoothing=0.0, weights=None, gamma=0.0):
    # The numbers are float32's own, so that both sides start from the same.
    logits = torch.tensor(logits, dtype=torch.float32).double().requires_grad_()
    hard = not isinstance(labels[0], list)
    soft = F.one_hot(torch.tensor(labels), logits.shape[1]).double() if hard else torch.tensor(labels).double()
    # A row's sum is its sample's weight.
    own = soft.sum(1, keepdim=True)
    w = None if weights is None else torch.tensor(weights, dtype=torch.float32).double()
    if gamma == 0 and hard:
        # PyTorch's own weighted mean.
        loss = F.cross_entropy(logits, torch.tensor(labels), weight=w, label_smoothing=smoothing)
    elif gamma == 0:
        # For shared labels PyTorch divides by the number of rows; kiln by their weights, as it does for hard ones.
        rows = F.cross_entropy(logits, soft / own, weight=w, label_smoothing=smoothing, reduction="none")
        loss = (rows * own[:, 0]).sum() / (soft.sum() if w is None else (soft @ w).sum())
    else:
        logs = F.log_softmax(logits, 1)
        smooth = soft * (1 - smoothing) + own * smoothing / logits.shape[1]
        terms = -smooth * (1 - logs.exp()) ** gamma * logs
        loss = terms.sum() / soft.sum() if w is None else (terms * w).sum() / (soft @ w).sum()
    loss.backward()
    return dict(name=name, classes=logits.shape[1], logits=logits.detach().flatten().tolist(),
                labels=soft.flatten().tolist(), smoothing=smoothing, weights=weights, gamma=gamma,
                loss=loss.item(), gradient=logits.grad.flatten().tolist())


generator = torch.Generator().manual_seed(7)
LOGITS = (torch.randn(6, 5, generator=generator) * 2).tolist()
HARD = [0, 3, 1, 1, 4, 2]
SHARES = [0.25, 0.5, 0.875, 1.0, 0.625, 0.75]
MIXED = [[SHARES[i] * (c == HARD[i]) + (1 - SHARES[i]) * (c == HARD[i - 1]) for c in range(5)] for i in range(6)]
OWN = [1.0, 2.0, 0.25, 0.5, 4.0, 1.0]
OWN_MIXED = [[OWN[i] * share for share in row] for i, row in enumerate(MIXED)]
WEIGHTS = [0.5, 2.0, 1.0, 3.5, 0.25]

CASES = [
    case("hard", LOGITS, HARD),
    case("smoothed", LOGITS, HARD, 0.1),
    case("weighed", LOGITS, HARD, 0.0, WEIGHTS),
    case("smoothed and weighed", LOGITS, HARD, 0.1, WEIGHTS),
    case("mixed", LOGITS, MIXED),
    case("mixed, smoothed and weighed", LOGITS, MIXED, 0.2, WEIGHTS),
    case("samples of their own weights", LOGITS, OWN_MIXED),
    case("samples of their own weights, smoothed and weighed", LOGITS, OWN_MIXED, 0.2, WEIGHTS),
    case("focal", LOGITS, HARD, gamma=2.0),
    case("focal, steep", LOGITS, HARD, gamma=5.0),
    case("focal, below one", LOGITS, HARD, gamma=0.5),
    case("focal, smoothed", LOGITS, HARD, 0.1, gamma=2.0),
    case("focal, weighed", LOGITS, HARD, 0.0, WEIGHTS, 2.0),
    case("focal, mixed, smoothed and weighed", LOGITS, MIXED, 0.2, WEIGHTS, 1.5),
    case("focal, samples of their own weights, smoothed and weighed", LOGITS, OWN_MIXED, 0.2, WEIGHTS, 1.5),
]
# Any other focal loss must fall back to cross-entropy.
for other in ("hard", "smoothed"):
    settings = next(c for c in CASES if c["name"] == other)
    again = case("", LOGITS, MIXED, settings["smoothing"], gamma=1e-12)["loss"]
    assert abs(again - case("", LOGITS, MIXED, settings["smoothing"])["loss"]) < 1e-9
(HERE / "losses.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]\n")

COUNTS = [1, 7, 80, 1300, 25000]


def normalised(weights):
    whole = math.fsum(w * n for w, n in zip(weights, COUNTS))
    return [w * sum(COUNTS) / whole for w in weights]


found = {"counts": COUNTS, "inverse": normalised([1 / n for n in COUNTS])}
for beta in ("0.9", "0.99", "0.999", "0.9999"):
    b = float(beta)
    found[beta] = normalised([(1 - b) / (1 - b**n) for n in COUNTS])
(HERE / "class_weights.json").write_text(json.dumps(found, indent=1) + "\n")
