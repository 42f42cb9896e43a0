#!/usr/bin/env bash
# A report on the test split of a campaign store, for a model folder, and the six experiments. Stopped, the same command goes
# on with what is missing. Under 40 minutes on two idle cores by default.
#
#   scripts/results.sh STORE MODEL OUT
#
#   EVENTS, SENSORS       of the report                                        (80, 64)
#   DRAWS                 realizations by which the spread is judged           (39)
#   MINUTES, FULL_MINUTES each experiment that trains, at the default size (three trainings of each arm) and with the
#                         model's own network (one training); 0 leaves it out  (3, 2)
#   REGRESSION_MINUTES    for the regression baseline, once                    (4)
#   OTHERS                further models, reported on beside                   (none)
#   SINGLE                model of `train ddpm`, for the experiments `coherence` and `phase-shift`  (left out)
#   NEURAL                model whose stage 1 the experiment `freezing` trains: it needs a neural operator  (hybrid)
set -euo pipefail
[ $# = 3 ] || { echo "usage: $0 STORE MODEL OUT" >&2; exit 2; }
store=$1 model=$2 out=$3
: "${NEURAL:=hybrid}" "${EVENTS:=80}" "${SENSORS:=64}" "${DRAWS:=39}" "${MINUTES:=3}" "${FULL_MINUTES:=2}" "${REGRESSION_MINUTES:=4}"
mkdir -p "$out"
here=$(cd "$(dirname "$0")" && pwd)
PATH="$here/../.venv/bin:$PATH"

# Each step writes its folder whole or not at all, so a folder that is there is done.
step() {
  local folder=$1; shift
  if [ -d "$out/$folder" ]; then echo "== $folder: done before"; return; fi
  echo "== $folder: $*"
  local start=$SECONDS
  "$@" --out "$out/$folder"
  echo "$folder $((SECONDS - start))" >>"$out/seconds.txt"
  printf '%s\n' "$*" >"$out/$folder/command.txt"
}
judge() { step "$1" spectremor evaluate --data "$store" --model "$model" --regression-minutes "$REGRESSION_MINUTES" "${@:2}"; }
try() {
  local model=$model
  [ "${1%-full}" = freezing ] && model=$NEURAL
  step "$1" spectremor experiment "${1%-full}" --data "$store" --model "$model" "${@:2}"
}

judge report --samples "$EVENTS" --sensors "$SENSORS"
judge realizations --samples 8 --sensors 24 --realizations "$DRAWS"
for other in ${OTHERS:-}; do
  name=$(basename "$other")
  step "report-$name" spectremor evaluate --data "$store" --model "$other" --regression-minutes 0 --samples "$EVENTS" --sensors "$SENSORS"
  step "realizations-$name" spectremor evaluate --data "$store" --model "$other" --regression-minutes 0 --samples 8 --sensors 24 --realizations "$DRAWS"
done
# These two judge diffusion that restores each sensor alone, which no model that ships does.
if [ -n "${SINGLE:-}" ]; then
  step coherence spectremor experiment coherence --data "$store" --model "$SINGLE" --samples 8
  step phase-shift spectremor experiment phase-shift --data "$store" --model "$SINGLE" --samples 16 --sensors 64
fi
for name in spectral-bias conditioning noise-schedule freezing; do
  few=(--samples 8 --sensors 48)
  [ "$name" = noise-schedule ] && few+=(--realizations 9)
  [ "$MINUTES" = 0 ] || try "$name" --minutes "$MINUTES" "${few[@]}"
  [ "$FULL_MINUTES" = 0 ] || try "$name-full" --size full --minutes "$FULL_MINUTES" --train-samples 200 "${few[@]}"
done
python "$here/collect_results.py" "$out"
