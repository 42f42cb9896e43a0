#!/usr/bin/env bash
# The system on a GPU, in two parts that go on from where they stopped:
#
#   scripts/gpu.sh 1     nine minutes: simulations, then the operator alone, then the diffusion stage behind it
#   scripts/gpu.sh 2     three minutes: what both stages and a simulation take on this card, and the test split
#
#   WORK   where the campaign and the runs lie (gpu-work)
#   KEEP   what is to be kept: models, learning curves, tables (gpu-results)
#   DATA_MINUTES, OPERATOR_MINUTES, DIFFUSION_MINUTES    of the three steps of part 1
#   N, WORKERS, DEVICE, PYTHON, OPERATOR, DIFFUSION      simulations, their workers, cuda or cpu; presets or config files
#   TINY=1   everything at its smallest, on the processor: a rehearsal in a few minutes
set -euo pipefail
part=${1:?1 or 2}
if [ "${TINY:-0}" = 1 ]; then
  : "${N:=20}" "${WORKERS:=2}" "${DEVICE:=cpu}" "${SPACING:=300}" "${ALSO:=400}" "${OPERATOR:=rays}" "${DIFFUSION:=tiny}"
  : "${DATA_MINUTES:=3}" "${OPERATOR_MINUTES:=0.7}" "${DIFFUSION_MINUTES:=0.7}" "${BATCHES:=1 2}" "${SAMPLES:=1}"
fi
: "${N:=2000}" "${WORKERS:=14}" "${DEVICE:=cuda}" "${SPACING:=150}" "${ALSO:=300}" "${OPERATOR:=rays-gpu}"
: "${DIFFUSION:=coarse-gpu}" "${DATA_MINUTES:=3.5}" "${OPERATOR_MINUTES:=2.7}" "${DIFFUSION_MINUTES:=1.8}"
: "${BATCHES:=1 4 16}" "${SAMPLES:=8}" "${WORK:=gpu-work}" "${KEEP:=gpu-results}" "${PYTHON:=python3}"
here=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH=$here/src${PYTHONPATH:+:$PYTHONPATH}
mkdir -p "$WORK" "$KEEP"
spectremor() { "$PYTHON" -m spectremor "$@"; }
go_on() { [ -d "$1" ] && echo --resume || true; }
kept() { # a run's model and learning curve
  mkdir -p "$KEEP/$2"
  cp "$1/model/"* "$1/metrics.csv" "$1/config.json" "$KEEP/$2/" 2>/dev/null || true
}
store=$WORK/system.zarr

if [ "$part" = 1 ]; then
  spectremor dataset create --preset system --n "$N" --seed 2027 --grid-spacing "$SPACING" --also "$ALSO" \
    --workers "$WORKERS" --device "$DEVICE" --minutes "$DATA_MINUTES" --out "$store"
  spectremor dataset info "$store" | tee "$KEEP/campaign.txt"
  # shellcheck disable=SC2046
  spectremor train mifno --config "$OPERATOR" --data "$store" --out "$WORK/operator" --budget "$OPERATOR_MINUTES" $(go_on "$WORK/operator")
  kept "$WORK/operator" operator
  # shellcheck disable=SC2046
  spectremor train ddpm --config "$DIFFUSION" --data "$store" --stage1 "$WORK/operator" --out "$WORK/mifno" --budget "$DIFFUSION_MINUTES" $(go_on "$WORK/mifno")
  kept "$WORK/mifno" mifno
else
  # shellcheck disable=SC2086
  "$PYTHON" "$here/benchmarks/gpu.py" --model "$WORK/mifno/model" --data "$store" --device "$DEVICE" --spacing "$SPACING" \
    --batches $BATCHES --out "$KEEP/gpu.csv"
  spectremor evaluate --data "$store" --model "$WORK/mifno/model" --split test --samples "$SAMPLES" --out "$KEEP/report"
fi
