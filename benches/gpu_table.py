#!/usr/bin/env python3
"""Turns results.jsonl of gpu.sh into a table: pictures per second, the first step, memory, and the speed beside PyTorch eager with AMP (or
without, where that is missing)."""
import json, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
rate = {row["name"]: row["result"]["batch"] / row["result"]["median_ms"] * 1e3 for row in rows if "result" in row}
print("| what | pictures/s | beside PyTorch eager | median ms | first step, s | device, MiB |\n|---|---|---|---|---|---|")
for row in rows:
    if "seconds" in row:
        print(f"| {row['name']} | | | | {row['seconds']}{' (failed)' if row['code'] else ''} | |")
    elif "failed" in row:
        print(f"| {row['name']} | failed with code {row['failed']} | | | | |")
    else:
        result, variant = row["result"], row["name"].rsplit(", ", 1)[1]
        peers = [f"pytorch eager {kind} channels_last, {variant}" for kind in ("amp", "fp32")]
        peer = next((rate[name] for name in peers if name in rate), None)
        beside = f"{rate[row['name']] / peer:.2f}" if peer else ""
        memory = result.get("device_memory_mib")
        memory = f"{memory:.0f}" if memory else ""
        print(f"| {row['name']} | {rate[row['name']]:.1f} | {beside} | {result['median_ms']:.1f} | {result['first_ms'] / 1e3:.1f} | {memory} |")
