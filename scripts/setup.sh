#!/usr/bin/env bash
# Makes the environment: pinned packages, the CPU build of torch, and this project in editable form.
set -euo pipefail
: "${PYTHON:=python3}" "${VENV:=.venv}"

"$PYTHON" -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: PYTHON: Python %d.%d; allowed: 3.11 or newer" % sys.version_info[:2])'
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
pip() { "$VENV/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

bash scripts/install_torch.sh "$VENV/bin/python"
pip install --no-deps -r requirements.lock
pip install --no-deps --no-build-isolation --editable .
touch "$VENV/.ready"
