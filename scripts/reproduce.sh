#!/usr/bin/env bash
# From seeds to results, on whatever budget is given. Every step goes on from where it was stopped.
set -euo pipefail
: "${N:=2000}" "${MINUTES:=480}" "${WORKERS:=2}" "${OUT:=reproduced}" "${CONFIG:=small}"
mkdir -p "$OUT"
store=$OUT/hemews150.zarr

spectremor dataset create --preset hemews --n "$N" --grid-spacing 150 --also 300 --seed 2026 --workers "$WORKERS" --out "$store"
spectremor dataset check "$store"

go_on() { [ -d "$1" ] && echo --resume || true; }
# shellcheck disable=SC2046
spectremor train mifno --config "$CONFIG" --data "$store" --out "$OUT/mifno" --minutes "$MINUTES" $(go_on "$OUT/mifno")
# shellcheck disable=SC2046
spectremor train ddpm --config "$CONFIG" --data "$store" --stage1 "$OUT/mifno" --out "$OUT/neural" --minutes "$MINUTES" $(go_on "$OUT/neural")
# shellcheck disable=SC2046
spectremor train mifno --config coarse --data "$store" --out "$OUT/correction" --minutes "$MINUTES" $(go_on "$OUT/correction")
# shellcheck disable=SC2046
spectremor train ddpm --config coarse --data "$store" --stage1 "$OUT/correction" --out "$OUT/coarse" --minutes "$MINUTES" $(go_on "$OUT/coarse")

spectremor evaluate --data "$store" --model "$OUT/coarse/model" --compare "$OUT/neural/model" --split test --out "$OUT/report"
echo "models: $OUT/coarse/model, $OUT/neural/model   report: $OUT/report/index.html"
