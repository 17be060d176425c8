"""Measures how many labels that were turned on purpose `kiln data check --model` puts among the most suspicious.

    python benches/data/turned_labels.py KILN FLOWERS12 OUT --model imagenet:lite0 --seeds 5

KILN is the program. For each seed 5 % of the pictures, of all splits together, are linked into another class of their split,
drawn evenly; all others stay where they are. Counted are the turned ones in the first tenth and in the first twentieth of the
ranking, and among the labels that the check calls contradicted. `--train CONFIG` trains a run on the turned pictures
first and takes that as the model. Needs nothing but Python.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path


def plant(source, out, seed, share):
    """Links every picture below `out`; returns the names of those whose class was turned, with the class they are of."""
    draws = random.Random(seed)
    files = sorted(path.relative_to(source) for path in source.rglob("*.jpg"))
    classes = sorted({path.parent.name for path in files})
    chosen = set(draws.sample(files, round(len(files) * share)))
    turned = {}
    for path in files:
        target = path
        if path in chosen:
            other = draws.choice([name for name in classes if name != path.parent.name])
            target = path.parent.parent / other / path.name
            turned[target.as_posix()] = path.parent.name
        link = out / target
        link.parent.mkdir(parents=True, exist_ok=True)
        os.symlink((source / path).resolve(), link)
    return turned


def checked(kiln, pictures, model):
    start = time.monotonic()
    ended = subprocess.run([kiln, "data", "check", pictures, "--model", model, "--json"], stdout=subprocess.PIPE)
    assert ended.returncode in (0, 3), f"kiln ended with {ended.returncode}"
    return json.loads(ended.stdout)["labels"], time.monotonic() - start


def score(labels, turned):
    ranking = labels["ranking"]
    assert len(ranking) == labels["pictures"] and turned.keys() <= {one["name"] for one in ranking}

    def within(share):
        return sum(one["name"] in turned for one in ranking[: round(len(ranking) * share)])

    contradicted = [one for one in ranking if one["contradicted"]]
    found = [one for one in contradicted if one["name"] in turned]
    return {
        "turned": len(turned),
        "first_tenth": within(0.1),
        "first_twentieth": within(0.05),
        "contradicted": len(contradicted),
        "contradicted_turned": len(found),
        "right_class": sum(one["suggested"] == turned[one["name"]] for one in found),
    }


def trained(kiln, config, pictures, folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    config = Path(config).resolve()
    command = [kiln, "train", config, f"data.path={pictures.resolve()}", "data.leakage=allow", "--run", name]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return folder / "checkpoints" / name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kiln", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="imagenet:lite0")
    parser.add_argument("--train", metavar="CONFIG")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.05)
    asked = parser.parse_args()
    totals = {}
    for seed in range(asked.seeds):
        pictures = asked.out / f"seed-{seed}"
        shutil.rmtree(pictures, ignore_errors=True)
        turned = plant(asked.source, pictures, seed, asked.share)
        model = asked.model
        if asked.train:
            model = trained(asked.kiln, asked.train, pictures, asked.out / "runs", f"seed-{seed}-{os.getpid()}")
        labels, seconds = checked(asked.kiln, pictures, model)
        found = score(labels, turned)
        print(f"seed {seed}: {json.dumps(found)}, agreement {labels['agreement']:.4f}, {seconds:.1f} s", flush=True)
        for key, value in found.items():
            totals[key] = totals.get(key, 0) + value
    share = totals["first_tenth"] / totals["turned"]
    print(f"together: {json.dumps(totals)}; {share:.1%} of the turned labels in the first tenth")


if __name__ == "__main__":
    main()
