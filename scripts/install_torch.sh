#!/usr/bin/env bash
# install_torch.sh PYTHON: the pinned CPU build of torch into that Python's environment.
# A plain index serves gigabytes of CUDA under the same version, so: the index named by TORCH_INDEX; else a local CPU
# wheel, if pip knows one; else the CPU index of the PyTorch project.
set -euo pipefail
torch=$(grep '^torch==' requirements.lock)
pip() { "$1" -m pip --quiet --disable-pip-version-check install --no-deps "${@:2}" "$torch"; }
if [ -n "${TORCH_INDEX:-}" ]; then
  pip "$1" --index-url "$TORCH_INDEX"
elif ! pip "$1" --no-index 2>/dev/null; then
  pip "$1" --index-url https://download.pytorch.org/whl/cpu
fi
