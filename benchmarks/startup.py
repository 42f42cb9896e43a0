"""What a cold `spectremor generate` takes over loading torch and the work itself.

    python benchmarks/startup.py [--repeats 5] [--model simulation] [--threads 2]

Prints the best of some repeats, in turn: a process that only imports torch; a cold `generate` of the example; and the
same command run again in a process that has loaded everything (the work: reading, both stages, writing). The ratio is
cold / (torch + work); the target is 1.4. Best times, because other work on the machine only adds to them; the time of a
4096 x 4096 x 4096 float32 product says how fast the machine was.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import spectremor

SOURCE = "4800,4800,-8400,48,45,88"
TARGET = 1.4

#: Runs the command line twice in one process; prints the seconds of the second run.
WARM = """
import sys, time
from spectremor.cli import main

for _ in range(2):
    start = time.perf_counter()
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 0, ended.code
    seconds = time.perf_counter() - start
print(seconds)
"""
PRODUCT = """
import time, torch
a = torch.randn(4096, 4096)
a @ a
start = time.perf_counter()
a @ a
print(time.perf_counter() - start)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--model", default="simulation")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        geology = Path(spectremor.__file__).parent / "examples" / "geology.nc"
        command = ["generate", "--geology", str(geology), "--source", SOURCE, "--model", options.model]
        command += ["--out", str(Path(folder) / "field.nc")]
        torch, cold, work, product = [], [], [], []
        for _ in range(options.repeats):
            torch.append(wall_s("-c", "import torch"))
            cold.append(wall_s("-m", "spectremor", *command))
            work.append(printed_s("-c", WARM, *command))
            product.append(printed_s("-c", PRODUCT))
    ratio = min(cold) / (min(torch) + min(work))
    print(f"model {options.model}, {options.threads} threads, best of {options.repeats}")
    print(f"import torch        {min(torch):6.2f} s")
    print(f"the work            {min(work):6.2f} s")
    print(f"cold generate       {min(cold):6.2f} s = {ratio:.2f} x (torch + work); target {TARGET}")
    print(f"a 4096^3 product    {min(product):6.2f} s")


def wall_s(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def printed_s(*arguments: str) -> float:
    return float(subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
