"""Writes labels.json: what scikit-learn's logistic regression and cleanlab's confident learning make of small random cases.

    pip install scikit-learn cleanlab     # made with scikit-learn 1.9.1 and cleanlab 2.9.0
    python tests/golden/make_labels.py

src/evaluate/labels/tests.rs reads it.
"""

import json
from pathlib import Path

import numpy as np
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression

draws = np.random.default_rng(5)


def regression(samples, width, classes, penalty):
    centres = draws.normal(size=(classes, width))
    labels = np.arange(samples) % classes
    rows = (centres[labels] + draws.normal(size=(samples, width))).round(3)
    labels = np.where(draws.random(samples) < 0.1, draws.integers(0, classes, samples), labels)
    learnt = draws.random(samples) < 0.75
    # scikit-learn sums the cross-entropy over samples where kiln takes the mean. Of two classes it keeps one weight, the
    # difference of kiln's two, whose squares together are half of its own.
    halved = 2 if classes == 2 else 1
    model = LogisticRegression(C=halved / (penalty * learnt.sum()), tol=1e-10, max_iter=10_000)
    model.fit(rows[learnt], labels[learnt])
    return {
        "rows": rows.tolist(),
        "labels": labels.tolist(),
        "learnt": learnt.tolist(),
        "penalty": penalty,
        "probabilities": model.predict_proba(rows).round(7).tolist(),
    }


def joint(samples, classes):
    labels = draws.integers(0, classes, samples)
    probabilities = draws.dirichlet(np.full(classes, 0.5), samples)
    probabilities[np.arange(samples), labels] += draws.random(samples)
    probabilities = (probabilities / probabilities.sum(1, keepdims=True)).round(6)
    counts, others = compute_confident_joint(
        labels, probabilities, calibrate=False, return_indices_of_off_diagonals=True
    )
    quality = get_label_quality_scores(labels, probabilities, method="self_confidence")
    return {
        "labels": labels.tolist(),
        "probabilities": probabilities.tolist(),
        "thresholds": get_confident_thresholds(labels, probabilities).tolist(),
        "joint": counts.tolist(),
        "contradicted": sorted(int(sample) for sample in others),
        "order": np.argsort(quality, kind="stable").tolist(),
    }


if __name__ == "__main__":
    regressions = [regression(60, 5, 3, 0.01), regression(40, 12, 2, 0.1), regression(90, 4, 5, 0.001)]
    found = {"regressions": regressions, "joints": [joint(60, 4), joint(120, 3)]}
    Path(__file__).with_name("labels.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")
