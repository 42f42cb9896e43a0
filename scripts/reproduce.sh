#!/usr/bin/env bash
# From seeds to results, on whatever budget is given. Every step goes on from where it was stopped.
#   N, DATA_MINUTES    simulations, and minutes after which no more are begun (none)
#   MINUTES            of each of the five trainings
#   WORKERS, DEVICE    of the simulations; cuda also chooses the trainings' configs for a GPU
set -euo pipefail
: "${N:=2000}" "${MINUTES:=480}" "${WORKERS:=2}" "${DEVICE:=cpu}" "${OUT:=reproduced}"
# A GPU takes the larger network, and larger batches.
case $DEVICE in
  cuda) : "${CONFIG:=large}" "${COARSE:=coarse-gpu}" "${JUMPS:=jumps-gpu}" ;;
  *) : "${CONFIG:=small}" "${COARSE:=coarse}" "${JUMPS:=jumps}" ;;
esac
mkdir -p "$OUT"
store=$OUT/hemews150.zarr

spectremor dataset create --preset hemews --n "$N" --grid-spacing 150 --also 300 --seed 2026 --workers "$WORKERS" --device "$DEVICE" ${DATA_MINUTES:+--minutes "$DATA_MINUTES"} --out "$store"
spectremor dataset check "$store"

go_on() { [ -d "$1" ] && echo --resume || true; }
# shellcheck disable=SC2046
spectremor train mifno --config "$CONFIG" --data "$store" --out "$OUT/mifno" --budget "$MINUTES" $(go_on "$OUT/mifno")
# shellcheck disable=SC2046
spectremor train ddpm --config "$CONFIG" --data "$store" --stage1 "$OUT/mifno" --out "$OUT/neural" --budget "$MINUTES" $(go_on "$OUT/neural")
# shellcheck disable=SC2046
spectremor train mifno --config "$COARSE" --data "$store" --out "$OUT/correction" --budget "$MINUTES" $(go_on "$OUT/correction")
# shellcheck disable=SC2046
spectremor train ddpm --config "$COARSE" --data "$store" --stage1 "$OUT/correction" --out "$OUT/coarse" --budget "$MINUTES" $(go_on "$OUT/coarse")
# shellcheck disable=SC2046
spectremor train ddpm --config "$JUMPS" --data "$store" --stage1 "$OUT/correction" --init "$OUT/coarse" --out "$OUT/jumps" --budget "$MINUTES" $(go_on "$OUT/jumps")

spectremor evaluate --data "$store" --model "$OUT/jumps/model" --compare "$OUT/coarse/model" --compare "$OUT/neural/model" --split test --out "$OUT/report"
echo "models: $OUT/jumps/model, $OUT/neural/model   report: $OUT/report/index.html"
