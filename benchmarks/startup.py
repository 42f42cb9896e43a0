"""What a cold `spectremor generate` takes over loading torch and the work itself.

    python benchmarks/startup.py [--repeats 5] [--model simulation] [--threads 2]

Prints the best of some repeats, in turn: a process that only imports torch; a cold `generate` of the example; and the
same command run again in a process that has loaded everything (the work: reading, both stages, writing). The ratio is
cold / (torch + work); the target is 1.4. Best times, because other work on the machine only adds to them; the same of
processor time, which other work hardly touches (on several threads it counts them all). The time of a 4096^3 product of
float32 matrices says how fast the machine was.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import spectremor

SOURCE = "4800,4800,-8400,48,45,88"
TARGET = 1.4

#: Seconds on the clock and of processors.
Times = tuple[float, float]

#: Runs the command line twice in one process; prints the times of the second run.
WARM = """
import sys, time
from spectremor.cli import main

for _ in range(2):
    start = time.perf_counter(), time.process_time()
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 0, ended.code
    times = time.perf_counter() - start[0], time.process_time() - start[1]
print(*times)
"""
PRODUCT = """
import time, torch
a = torch.randn(4096, 4096)
a @ a
start = time.perf_counter(), time.process_time()
a @ a
print(time.perf_counter() - start[0], time.process_time() - start[1])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--model", default="simulation")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    # An installed package has its byte code.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        geology = Path(spectremor.__file__).parent / "examples" / "geology.nc"
        command = ["generate", "--geology", str(geology), "--source", SOURCE, "--model", options.model]
        command += ["--out", str(Path(folder) / "field.nc")]
        times: dict[str, list[Times]] = {
            "import torch": [],
            "the work": [],
            "cold generate": [],
            "a 4096^3 product": [],
        }
        for _ in range(options.repeats):
            times["import torch"].append(measured("-c", "import torch"))
            times["the work"].append(printed("-c", WARM, *command))
            times["cold generate"].append(measured("-m", "spectremor", *command))
            times["a 4096^3 product"].append(printed("-c", PRODUCT))
    print(f"model {options.model}, {options.threads} threads, best of {options.repeats}: clock, processors")
    best = {name: [min(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}
    for name, (clock_s, processor_s) in best.items():
        print(f"{name:18} {clock_s:6.2f} s {processor_s:6.2f} s")
    clock, processors = (
        cold / (torch + work)
        for torch, work, cold in zip(best["import torch"], best["the work"], best["cold generate"], strict=True)
    )
    print(f"cold / (torch + work): {clock:.2f}, of processor time {processors:.2f}; target {TARGET}")


def measured(*arguments: str) -> Times:
    """Times of a process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def printed(*arguments: str) -> Times:
    """Times that a process prints in its last line."""
    result = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True)
    clock_s, processor_s = map(float, result.stdout.splitlines()[-1].split())
    return clock_s, processor_s


if __name__ == "__main__":
    main()
