#!/usr/bin/env bash
# Makes the environment: pinned packages, the CPU build of torch, and this project in editable form.
set -euo pipefail
: "${PYTHON:=python3}" "${VENV:=.venv}"

"$PYTHON" -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: PYTHON: Python %d.%d; allowed: 3.11 or newer" % sys.version_info[:2])'
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
pip() { "$VENV/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

echo "setting up $VENV: a few minutes, once"
echo "1/3 torch, its CPU build"
bash scripts/install_torch.sh "$VENV/bin/python"
echo "2/3 the packages pinned by requirements.lock"
pip install --no-deps -r requirements.lock
echo "3/3 this project"
pip install --no-deps --no-build-isolation --editable .
touch "$VENV/.ready"
