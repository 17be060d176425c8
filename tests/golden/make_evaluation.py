"""Writes evaluation.json: predictions, and what scikit-learn and SciPy make of them.

    pip install scikit-learn scipy numpy
    python tests/golden/make_evaluation.py
"""

import json
import pathlib
import warnings

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import bootstrap
from sklearn import metrics
from sklearn.calibration import calibration_curve

warnings.filterwarnings("ignore")
BINS = 15


def predictions(seed, samples, classes, skill, absent=()):
    """Logits that lean towards the label; many values repeat, so that there are ties."""
    draw = np.random.default_rng(seed)
    shares = draw.dirichlet(np.full(classes, 2.0))
    shares[list(absent)] = 0
    labels = draw.choice(classes, size=samples, p=shares / shares.sum())
    logits = draw.normal(0, 2, (samples, classes))
    logits[np.arange(samples), labels] += skill
    # Whole rows stand twice, with other labels perhaps: their probabilities are equal to the last bit.
    twice = draw.integers(0, samples, samples // 4)
    logits[draw.integers(0, samples, samples // 4)] = logits[twice]
    return np.round(logits, 3).astype(np.float32), labels


def auroc(labels, probabilities, average):
    there = [c for c in range(probabilities.shape[1]) if 0 < (labels == c).sum() < len(labels)]
    areas = [metrics.roc_auc_score(labels == c, probabilities[:, c]) for c in there]
    weights = [(labels == c).sum() for c in there] if average == "weighted" else None
    return np.average(areas, weights=weights)


def case(name, seed, samples, classes, skill, temperature, absent=()):
    logits, labels = predictions(seed, samples, classes, skill, absent)
    scaled = logits.astype(np.float64) / temperature
    probabilities, logs = softmax(scaled, axis=1), log_softmax(scaled, axis=1)
    predicted, all_classes = logits.argmax(1), list(range(classes))
    report = metrics.precision_recall_fscore_support(labels, predicted, labels=all_classes, zero_division=0)
    averaged = lambda how: metrics.precision_recall_fscore_support(
        labels, predicted, labels=all_classes, average=how, zero_division=0
    )[:3]
    right, confidence = (predicted == labels).astype(int), probabilities.max(1)
    accuracy_of_bins, confidence_of_bins = calibration_curve(right, confidence, n_bins=BINS)
    filled = np.bincount(np.clip(np.ceil(confidence * BINS).astype(int), 1, BINS) - 1, minlength=BINS)
    filled = filled[filled > 0]
    figures = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "top5": metrics.top_k_accuracy_score(labels, logits, k=5, labels=all_classes) if classes > 5 else 1.0,
        "loss": metrics.log_loss(labels, softmax(logits.astype(np.float64), axis=1), labels=all_classes),
        "calibrated_loss": metrics.log_loss(labels, probabilities, labels=all_classes),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "kappa": metrics.cohen_kappa_score(labels, predicted),
        "calibration_error": float((np.abs(accuracy_of_bins - confidence_of_bins) * filled).sum() / samples),
        "auroc_macro": auroc(labels, logs, "macro"),
        "auroc_weighted": auroc(labels, logs, "weighted"),
    }
    for how in ["macro", "weighted"]:
        figures |= dict(zip([f"{how}_precision", f"{how}_recall", f"{how}_f1"], averaged(how)))
    if not absent:
        own = metrics.roc_auc_score(labels, probabilities, multi_class="ovr") if classes > 2 else None
        assert own is None or abs(own - figures["auroc_macro"]) < 1e-9
    per_class = [
        {
            "precision": report[0][c],
            "recall": report[1][c],
            "f1": report[2][c],
            "support": int(report[3][c]),
            "auroc": metrics.roc_auc_score(labels == c, logs[:, c]) if 0 < (labels == c).sum() < samples else None,
        }
        for c in all_classes
    ]
    resampled = {
        "accuracy": lambda i: metrics.accuracy_score(labels[i], predicted[i]),
        "balanced_accuracy": lambda i: metrics.balanced_accuracy_score(labels[i], predicted[i]),
        "macro_f1": lambda i: metrics.f1_score(
            labels[i], predicted[i], labels=all_classes, average="macro", zero_division=0
        ),
        "kappa": lambda i: metrics.cohen_kappa_score(labels[i], predicted[i]),
        "auroc_macro": lambda i: auroc(labels[i], logs[i], "macro"),
    }
    intervals = {}
    for figure, of in resampled.items():
        drawings = 20_000 if figure == "accuracy" else 5_000
        found = bootstrap(
            (np.arange(samples),), of, n_resamples=drawings, method="percentile", vectorized=False,
            rng=np.random.default_rng(1),
        ).confidence_interval
        intervals[figure] = [found.low, found.high]
    nll = lambda inverse: -log_softmax(inverse * logits.astype(np.float64), axis=1)[np.arange(samples), labels].sum()
    best = minimize_scalar(nll, bounds=(1e-3, 1e3), method="bounded", options={"xatol": 1e-12}).x
    return {
        "name": name,
        "classes": classes,
        "temperature": temperature,
        "labels": labels.tolist(),
        "logits": [round(float(v), 3) for v in logits.ravel()],
        "figures": {k: float(v) for k, v in figures.items()},
        "per_class": per_class,
        "confusion": metrics.confusion_matrix(labels, predicted, labels=all_classes).tolist(),
        "bins": [[float(a), float(c)] for a, c in zip(accuracy_of_bins, confidence_of_bins)],
        "intervals": intervals,
        "fitted_temperature": 1 / best,
    }


cases = [
    case("two classes", 1, 120, 2, 1.5, 1.0),
    case("twelve classes", 2, 240, 12, 5.0, 1.7),
    case("eight classes, two absent", 3, 150, 8, 3.0, 0.8, absent=(2, 5)),
]
path = pathlib.Path(__file__).with_name("evaluation.json")
path.write_text(json.dumps({"cases": cases}) + "\n")
print(path, path.stat().st_size)
