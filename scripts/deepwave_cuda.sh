#!/usr/bin/env bash
# deepwave's 3D elastic propagator of order 8 in float32 alone, for one GPU architecture: 6 MB in place of 360. For GPU
# machines without a network: make the folder elsewhere, carry it there, and put it first on PYTHONPATH.
#
#   ARCH=90 scripts/deepwave_cuda.sh FOLDER      (needs pip, nvcc and a C compiler; CPU=0 leaves the CPU's version out)
#
# The sources and flags are those of deepwave's own release. What is left out is missed only when it is called.
set -euo pipefail
: "${PYTHON:=python3}" "${ARCH:=90}" "${CPU:=1}" "${NVCC:=nvcc}" "${CC:=gcc}" "${CXX:=g++}"
version=$(grep -oP '^deepwave==\K.*' "$(dirname "$0")/../requirements.lock")
target=$(mkdir -p "${1:?folder}" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m pip download --quiet --no-deps --no-binary :all: -d "$work" "deepwave==$version"
tar -xzf "$work"/deepwave-*.tar.gz -C "$work" --strip-components 1
source=$work/src/deepwave
mkdir -p "$target/deepwave" "$target/deepwave-$version.dist-info"
cp "$source"/*.py "$target/deepwave/"
printf 'Metadata-Version: 2.1\nName: deepwave\nVersion: %s\n' "$version" >"$target/deepwave-$version.dist-info/METADATA"

flags=(-DDW_NDIM=3 -DDW_DTYPE=float -DDW_FAST_MATH_BUILD)
objects=()
gpu() {
  "$NVCC" -std=c++17 --use_fast_math -O3 --restrict -gencode "arch=compute_$ARCH,code=sm_$ARCH" -Xcompiler=-fPIC \
    "${flags[@]}" -DDW_DEVICE=cuda "-DDW_ACCURACY=$2" -c "$source/$1.cu" -o "$work/$1_gpu.o"
  objects+=("$work/$1_gpu.o")
}
cpu() {
  "$CC" -std=gnu11 -fPIC -Ofast -fno-associative-math -fopenmp -mavx2 --param=vect-epilogues-nomask=0 \
    "${flags[@]}" -DDW_DEVICE=cpu "-DDW_ACCURACY=$2" -c "$source/$1.c" -o "$work/$1_cpu.o"
  objects+=("$work/$1_cpu.o")
}
gpu elastic 8
gpu storage_utils 2
gpu simple_compress 2
"$CXX" -O3 -fPIC -c "$source/cuda_config_lock.cpp" -o "$work/lock.o"
objects+=("$work/lock.o")
if [ "$CPU" = 1 ]; then
  cpu elastic 8
  cpu storage_utils 2
  cpu simple_compress 2
  "$CC" -O3 -fPIC '-DDW_BASELINE_ISA="avx2"' -c "$source/cpu_features.c" -o "$work/features.o"
  objects+=("$work/features.o")
fi
"$NVCC" -shared --cudart=static -gencode "arch=compute_$ARCH,code=sm_$ARCH" \
  -o "$target/deepwave/libdeepwave_C.so" "${objects[@]}" -lgomp
du -sh "$target/deepwave"
