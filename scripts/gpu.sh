#!/usr/bin/env bash
# The system on a GPU, in two parts that go on from where they stopped:
#
#   scripts/gpu.sh 1     nine minutes: simulations, then the operator alone, then the diffusion of whole fields behind it
#   scripts/gpu.sh 2     three minutes: what both stages and a simulation take on this card, and the test split
#
# An operator knows the events that it learned from better than others, and diffusion learns what an operator leaves to
# it. So two operators are trained: one on all events, which is kept, and one on the first half alone, behind which the
# diffusion learns from the second half.
#
#   WORK   where the campaign and the runs lie (gpu-work)
#   KEEP   what is to be kept: models, learning curves, tables (gpu-results)
#   DATA_MINUTES, OPERATOR_MINUTES, HALF_MINUTES, DIFFUSION_MINUTES    of the steps of part 1
#   N, WORKERS, DEVICE, PYTHON, OPERATOR, DIFFUSION      simulations, their workers, cuda or cpu; presets
#   TINY=1   everything at its smallest, on the processor: a rehearsal in a few minutes
set -euo pipefail
part=${1:?1 or 2}
if [ "${TINY:-0}" = 1 ]; then
  : "${N:=20}" "${WORKERS:=2}" "${DEVICE:=cpu}" "${SPACING:=300}" "${ALSO:=400}" "${OPERATOR:=rays}" "${DIFFUSION:=tiny}"
  : "${DATA_MINUTES:=3}" "${OPERATOR_MINUTES:=0.7}" "${HALF_MINUTES:=0.4}" "${DIFFUSION_MINUTES:=0.7}"
  : "${BATCHES:=1 2}" "${SAMPLES:=1}"
fi
: "${N:=2000}" "${WORKERS:=14}" "${DEVICE:=cuda}" "${SPACING:=150}" "${ALSO:=300}" "${OPERATOR:=rays-gpu}"
: "${DIFFUSION:=draws-gpu}" "${DATA_MINUTES:=3}" "${OPERATOR_MINUTES:=1.6}" "${HALF_MINUTES:=1}" "${DIFFUSION_MINUTES:=2.4}"
: "${BATCHES:=1 4 16}" "${SAMPLES:=8}" "${REGRESSION_MINUTES:=0.3}" "${WORK:=gpu-work}" "${KEEP:=gpu-results}" "${PYTHON:=python3}"
here=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH=$here/src${PYTHONPATH:+:$PYTHONPATH}
mkdir -p "$WORK" "$KEEP"
spectremor() { "$PYTHON" -m spectremor "$@"; }
go_on() { [ -d "$1" ] && echo --resume || true; }
kept() { # a run's model and learning curve
  mkdir -p "$KEEP/$2"
  cp "$1/model/"* "$1/metrics.csv" "$1/config.json" "$KEEP/$2/" 2>/dev/null || true
}
# A preset with one line more.
preset() { { cat "$here/src/spectremor/presets/train/$1.yaml"; echo "$2"; } >"$3"; }
store=$WORK/system.zarr

if [ "$part" = 1 ]; then
  spectremor dataset create --preset system --n "$N" --seed 2027 --grid-spacing "$SPACING" --also "$ALSO" \
    --workers "$WORKERS" --device "$DEVICE" --minutes "$DATA_MINUTES" --out "$store"
  spectremor dataset info "$store" | tee "$KEEP/campaign.txt"
  # A run that was stopped goes on with the events that it began with.
  if [ ! -f "$WORK/half.txt" ]; then
    "$PYTHON" -c "import sys; from spectremor.data.store import CampaignStore; print(len(CampaignStore.open(sys.argv[1]).ids('train')) // 2)" \
      "$store" >"$WORK/half.txt"
  fi
  half=$(cat "$WORK/half.txt")
  preset "mifno_$OPERATOR" "train_samples: $half" "$WORK/half.yaml"
  preset "field_$DIFFUSION" "skip_samples: $half" "$WORK/second.yaml"
  # shellcheck disable=SC2046
  {
    spectremor train mifno --config "$OPERATOR" --data "$store" --out "$WORK/operator" --budget "$OPERATOR_MINUTES" $(go_on "$WORK/operator")
    kept "$WORK/operator" operator
    spectremor train mifno --config "$WORK/half.yaml" --data "$store" --out "$WORK/half" --budget "$HALF_MINUTES" $(go_on "$WORK/half")
    spectremor train field --config "$WORK/second.yaml" --data "$store" --stage1 "$WORK/half" --out "$WORK/second" --budget "$DIFFUSION_MINUTES" $(go_on "$WORK/second")
    kept "$WORK/second" second
  }
  "$PYTHON" "$here/scripts/join_stages.py" --stage1 "$WORK/operator" --stage2 "$WORK/second" --out "$KEEP/mifno"
else
  # shellcheck disable=SC2086
  "$PYTHON" "$here/benchmarks/gpu.py" --model "$KEEP/mifno" --data "$store" --device "$DEVICE" --spacing "$SPACING" \
    --batches $BATCHES --out "$KEEP/gpu.csv"
  spectremor evaluate --data "$store" --model "$KEEP/mifno" --split test --samples "$SAMPLES" --regression-minutes "$REGRESSION_MINUTES" \
    --out "$KEEP/report"
fi
