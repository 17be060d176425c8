#!/usr/bin/env bash
# Builds kiln, checks that the GPU computes right, and times training steps on it beside PyTorch, where that is installed. Needs no
# network; takes at most 9 minutes, because each part has a limit, and what fails or takes longer is a row that says so
# (--quick: longer limits, because software drivers compile slowly).
#
#   benches/gpu.sh [--quick] [OUT]      results go to OUT/results.jsonl and OUT/table.md (default: target/gpu)
#   KILN=path      a kiln that is built already           PYTHON=path    the Python that has torch and torchvision
#   DEVICE=wgpu    or cuda, where kiln was built with it
#
# --quick times one tiny step of each kind: it shows on a software driver that the script works, and measures nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=""
if [ "${1:-}" = --quick ]; then quick=yes; shift; fi
out="${1:-target/gpu}"
kiln="${KILN:-target/release/kiln}"
python="${PYTHON:-python3}"
device="${DEVICE:-wgpu}"
mkdir -p "$out"
results="$out/results.jsonl"
: >"$results"

say() { printf '\n== %s (%(%H:%M:%S)T)\n' "$*" -1 >&2; }

# part NAME SECONDS COMMAND...: runs a command that prints JSON as its last line, and keeps that with its name.
part() {
    local name="$1" limit="$2" line code=0
    shift 2
    say "$name"
    line="$(timeout "$limit" "$@" 2>"$out/errors.log" | tail -n 1)" || code=$?
    if [ "$code" -eq 0 ] && [ "${line:0:1}" = "{" ]; then
        printf '{"name": "%s", "result": %s}\n' "$name" "$line" | tee -a "$results"
    else
        printf '{"name": "%s", "failed": %d}\n' "$name" "$code" | tee -a "$results"
        tail -n 3 "$out/errors.log" >&2
    fi
}

if [ -z "${KILN:-}" ] && command -v cargo >/dev/null; then
    say "cargo build"
    timeout 75 cargo build --release --offline --features "$([ "$device" = cuda ] && echo cuda || echo wgpu)" >&2 ||
        echo "the build failed or takes longer than 75 seconds here; going on with $kiln" >&2
fi
[ -x "$kiln" ] || { echo "$kiln is not there: build it first, or name one with KILN=path" >&2; exit 2; }

say "machine"
{
    "$kiln" --version
    uname -srm
    nproc
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "no nvidia-smi"
    "$python" -c 'import torch; print("torch", torch.__version__, "cuda", torch.cuda.is_available())' 2>/dev/null || echo "no torch"
} | tee "$out/machine.txt" >&2

# Whether it computes right comes before how fast. Left out of --quick: tests/devices.rs does it on software drivers.
if [ -z "$quick" ]; then
    say "kiln devices"
    started="$(date +%s)"
    timeout 50 "$kiln" devices --device "$device" --json >"$out/devices.json" 2>"$out/errors.log" && code=0 || code=$?
    printf '{"name": "self-check", "code": %d, "seconds": %d}\n' "$code" "$(($(date +%s) - started))" | tee -a "$results"
fi

# VARIANT BATCH SIDE STEPS
work=("b0 128 224 20" "b3 64 300 20")
if [ -n "$quick" ]; then work=("lite0 2 32 1"); fi
for one in "${work[@]}"; do
    read -r variant batch side steps <<<"$one"
    for precision in fp32 fp16; do
        measure=("$kiln" bench --device "$device" --variant "$variant" --precision "$precision" --batch "$batch" --side "$side" \
            --steps "$steps" --json)
        part "kiln $device $precision, $variant" "${quick:+2}30" "${measure[@]}"
        # b3 in fp32 stays untuned: tuning is for the precision that is trained in, and there are only 9 minutes.
        if [ -z "$quick" ] && [ "$variant $precision" != "b3 fp32" ]; then
            # What is not measured by then is left to Burn's own choice; the next run goes on there.
            part "kiln $device $precision tuned, $variant" 50 "${measure[@]}" --tune --tune-for 30
        fi
    done
done

# PyTorch stands beside a GPU on CUDA; on other machines only --quick runs it, on the processor.
on=cpu
if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then on=cuda; fi
if [ "$on" = cuda ] || [ -n "$quick" ]; then
    for one in "${work[@]}"; do
        read -r variant batch side steps <<<"$one"
        peer=("$python" benches/peers/torch_bench.py --device "$on" --variant "$variant" --batch "$batch" --side "$side" --steps "$steps")
        part "pytorch eager fp32 channels_last, $variant" "${quick:+1}15" "${peer[@]}" --layout nhwc
        if [ "$on" = cuda ]; then
            part "pytorch eager amp channels_last, $variant" 20 "${peer[@]}" --layout nhwc --amp fp16
            part "pytorch compile amp channels_last, $variant" 35 "${peer[@]}" --layout nhwc --amp fp16 --compile
        fi
    done
else
    echo "no PyTorch on CUDA here: nothing to compare with" >&2
fi

say "table"
# In the shell's own means where there is no Python.
if command -v "$python" >/dev/null; then "$python" benches/gpu_table.py "$results" | tee "$out/table.md"; else cat "$results"; fi
