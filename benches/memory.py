#!/usr/bin/env python3
"""Peak memory of whole training runs on the processor beside what --dry-run estimates, as rows of a table.

    benches/memory.py KILN PICTURES [VARIANT:STAGE:BATCH ...]

PICTURES is a folder of a few dozen pictures of some classes (the epoch is one, so few do). Without jobs it takes b0 to b3, all three kinds of
stage, batches of 4, 16 and 32. Linux only: the peak is the kernel's (ru_maxrss, in KiB)."""
import json, os, subprocess, sys, tempfile

SETTINGS = """[model]
pretrained = "none"
[data]
leakage = "allow"
[[stage]]
trains = "all"
epochs = 1
lr = 0.0001
[train]
device = "cpu"
threads = 2
"""

kiln, pictures, *jobs = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), *sys.argv[3:]
jobs = jobs or [f"{v}:{s}:{b}" for v in ("b0", "b1", "b2", "b3") for b in (4, 16, 32) for s in ("head", "last 3", "all")]
print("| network | stage | batch | measured, MiB | estimated, MiB | difference |\n|---|---|---|---|---|---|")
for job in jobs:
    variant, stage, batch = job.split(":")
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/run.toml", "w") as file:
            file.write(SETTINGS)
        environment = os.environ | {"KILN_CACHE": f"{folder}/cache"}
        command = [kiln, "train", "run.toml", f"data.path={pictures}", f"model.variant={variant}", f"stage.1.trains={stage}", f"train.batch={batch}"]
        plan = subprocess.run(command + ["--dry-run", "--json"], cwd=folder, env=environment, capture_output=True, check=True)
        estimated = json.loads(plan.stdout)["stages"][0]["memory_bytes"] / 2**20
        run = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(run.pid, 0)
        measured = usage.ru_maxrss / 1024
        failed = " (failed)" if status else ""
        print(f"| {variant} | {stage} | {batch} | {measured:.0f} | {estimated:.0f} | {100 * (estimated / measured - 1):+.1f}%{failed} |", flush=True)
