#!/usr/bin/env bash
# Resolves the project's dependencies in an empty environment and pins what came out.
set -euo pipefail
: "${PYTHON:=python3}" "${TORCH_INDEX:=}"
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
"$PYTHON" -m venv "$here/venv"
pip() { "$here/venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
torch=torch==2.13.0
if [ -n "$TORCH_INDEX" ]; then pip install --index-url "$TORCH_INDEX" "$torch"; else pip install "$torch"; fi
pip install 'setuptools>=77' '.[all]' "spectremor[dev] @ file://$PWD"
{
  echo "# Made by 'make lock'; installed by 'make setup' without resolving anything."
  "$here/venv/bin/python" -m pip freeze --all | grep -viE '^(spectremor|pip)( @|==)' | sed 's/^\(torch==[^+]*\)+.*/\1/'
} > "$here/requirements.lock"
mv "$here/requirements.lock" requirements.lock
