"""How long a training takes from a signal to a saved checkpoint, and what share of its time goes into checkpoints.

    python3 benches/interrupt.py --kiln target/release/kiln --times 50 configs/head.toml data.path=FOLDER ...

Each time, one run is started or resumed, sent SIGTERM at a random moment once it trains, and has to exit with 143 and to
say how long saving took; kiln itself takes the time. The share is that of timing.jsonl, of one run left alone at the end.
"""

import argparse
import json
import pathlib
import random
import re
import signal
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--kiln", default="target/release/kiln")
parser.add_argument("--times", type=int, default=50)
parser.add_argument("--most", type=float, default=3.0, help="longest wait before the signal, in seconds")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("config")
parser.add_argument("overrides", nargs="*")
args = parser.parse_args()

draw = random.Random(args.seed)
kiln = str(pathlib.Path(args.kiln).resolve())
config = str(pathlib.Path(args.config).resolve())
folder = pathlib.Path(tempfile.mkdtemp(prefix="kiln-interrupt-"))


def start(words):
    return subprocess.Popen([kiln, *words], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def new_run(number):
    return ["train", config, *args.overrides, "--run", f"run-{number}"]


seconds, run, number = [], None, 0
while len(seconds) < args.times:
    if run is None:
        number += 1
    child = start(["resume", run] if run else new_run(number))
    for line in child.stderr:
        if line.startswith("stage "):
            break
    time.sleep(draw.uniform(0, args.most))
    child.send_signal(signal.SIGTERM)
    said = child.stderr.read()
    code = child.wait()
    if code == 0:
        run = None
        continue
    found = re.search(r"saved .* ([\d.]+) s after the signal", said)
    assert code == 143 and found, (code, said)
    seconds.append(float(found[1]))
    run = f"checkpoints/run-{number}"

seconds.sort()
print(f"signal to saved, {len(seconds)} times: median {statistics.median(seconds):.2f} s, worst {seconds[-1]:.2f} s")

child = start(new_run("alone"))
child.communicate()
lines = (folder / "checkpoints/run-alone/timing.jsonl").read_text().splitlines()
timing = [json.loads(line) for line in lines]
saving, whole = (sum(line[key] for line in timing) for key in ("saving_seconds", "seconds"))
print(f"one run of {len(timing)} epochs: {whole:.1f} s, of which {saving:.2f} s stood still for checkpoints: {saving / whole:.2%}")
print(f"left for a look: {folder}")
