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
spectremor train ddpm --config "$CONFIG" --data "$store" --stage1 "$OUT/mifno" --out "$OUT/ddpm" --minutes "$MINUTES" $(go_on "$OUT/ddpm")

spectremor evaluate --data "$store" --model "$OUT/ddpm/model" --split test --out "$OUT/report"
echo "model: $OUT/ddpm/model   report: $OUT/report/index.html"
