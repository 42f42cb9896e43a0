#!/usr/bin/env bash
# From seeds to the three models that ship and their report, on whatever budget is given. Every step goes on from where it
# was stopped.
#   N, DATA_MINUTES    simulations, and minutes after which no more are begun (none)
#   MINUTES            of each of the six trainings
#   WORKERS, DEVICE    of the simulations; cuda also chooses the trainings' configs for a GPU
#   OPERATOR, CORRECTION, FIELD     presets of the trainings
set -euo pipefail
: "${N:=2000}" "${MINUTES:=240}" "${WORKERS:=2}" "${DEVICE:=cpu}" "${OUT:=reproduced}"
case $DEVICE in
  cuda) : "${OPERATOR:=rays-gpu}" "${CORRECTION:=rays-300-gpu}" "${FIELD:=draws-gpu}" ;;
  *) : "${OPERATOR:=rays}" "${CORRECTION:=rays-300}" "${FIELD:=draws}" ;;
esac
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$OUT"
store=$OUT/system.zarr

spectremor dataset create --preset system --n "$N" --grid-spacing 150 --also 300 --seed 2027 --workers "$WORKERS" --device "$DEVICE" ${DATA_MINUTES:+--minutes "$DATA_MINUTES"} --out "$store"
spectremor dataset check "$store"

# Half of the training events; a run that was stopped goes on with those that it began with.
[ -f "$OUT/half.txt" ] || python -c "import sys; from spectremor.data.store import CampaignStore
print(len(CampaignStore.open(sys.argv[1]).ids('train')) // 2)" "$store" >"$OUT/half.txt"
half=$(cat "$OUT/half.txt")
preset() { cat "$here/src/spectremor/presets/train/$1.yaml"; echo "$2"; }
preset "mifno_$OPERATOR" "train_samples: $half" >"$OUT/half.yaml"
preset "field_$FIELD" "skip_samples: $half" >"$OUT/second-half.yaml"

# train WHAT CONFIG NAME ...: a training of so many minutes in OUT/NAME.
train() {
  local what=$1 config=$2 run=$OUT/$3
  shift 3
  # shellcheck disable=SC2046
  spectremor train "$what" --config "$config" --data "$store" --out "$run" --budget "$MINUTES" "$@" $([ -d "$run" ] && echo --resume)
}
# mifno: the operator alone. Diffusion learns what an operator leaves of events that it has not seen: behind one that was
# trained on half of them.
train mifno "$OPERATOR" operator
train mifno "$OUT/half.yaml" operator-half
train field "$OUT/second-half.yaml" field --stage1 "$OUT/operator-half"
[ -d "$OUT/mifno" ] || python "$here/scripts/join_stages.py" --stage1 "$OUT/operator" --stage2 "$OUT/field" --out "$OUT/mifno"
# hybrid: an operator that corrects a simulation; simulation: that simulation alone.
train mifno "$CORRECTION" correction
train field "$FIELD" hybrid --stage1 "$OUT/correction" --init "$OUT/mifno"
train field "$FIELD" simulation --stage1 simulation:300 --init "$OUT/hybrid"
# How uncertain the level of their draws is beyond what they show, from the validation split.
mkdir -p "$OUT/calibrated"
for model in mifno hybrid simulation; do
  [ -d "$OUT/calibrated/$model" ] || spectremor train levels --model "$OUT/$model" --data "$store" --out "$OUT/calibrated/$model"
done

models=$OUT/calibrated
spectremor evaluate --data "$store" --model "$models/mifno" --compare "$models/hybrid" --compare "$models/simulation" --split test --out "$OUT/report"
echo "models: $models/mifno, $models/hybrid, $models/simulation   report: $OUT/report/index.html"
