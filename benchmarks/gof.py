"""How much faster than one ObsPy process is the goodness of fit, and how far from what the arithmetic allows?

    python benchmarks/gof.py [--sensors 1024] [--threads 2] [--obspy-sensors 12]

Both are timed in turns within one run, on the same traces; the medians are compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from obspy.signal.tf_misfit import eg, pg

from spectremor.signal.gof import gof
from spectremor.signal.wavelet import log_frequencies, matrix_plan

DT, SAMPLES, SETTINGS = 0.02, 320, {"dt": 0.02, "fmin": 0.01, "fmax": 5.0, "nf": 100, "w0": 6, "norm": "global"}
#: Elementwise operations on each point of the time-frequency plane: two moduli (3 each), difference, product with the
#: conjugate (6), angle (about 25 in a vectorised arctangent), weighting, four sums of squares (2 each).
POINT_OPERATIONS = 48


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def product_rate() -> float:
    """Floating-point operations per second of a large float32 matrix product."""
    a = torch.randn(2048, 2048)
    a @ a
    return 2 * 2048**3 / min(timed(lambda: a @ a) for _ in range(5))


def traces(sensors: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    reference = np.cumsum(rng.standard_normal((sensors, 3, SAMPLES)), axis=-1)
    reference -= reference.mean(axis=-1, keepdims=True)
    prediction = reference + 0.5 * reference.std() * rng.standard_normal(reference.shape)
    return prediction.astype(np.float32), reference.astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensors", type=int, default=1024)
    parser.add_argument("--obspy-sensors", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    prediction, reference = traces(arguments.sensors)
    few = slice(0, arguments.obspy_sensors)

    def oracle() -> np.ndarray:
        pairs = list(zip(prediction[few].astype(float), reference[few].astype(float), strict=True))
        return np.array([[score(p, r, **SETTINGS).mean() for score in (eg, pg)] for p, r in pairs]).T

    variants = {
        (precision, threads): lambda precision=precision: gof(prediction, reference, DT, precision=precision)
        for precision in ("float32", "float64")
        for threads in sorted({1, arguments.threads})
    }
    expected = oracle()
    times: dict[object, list[float]] = {"obspy": []} | {key: [] for key in variants}
    errors = {}
    for _ in range(arguments.rounds):
        times["obspy"].append(timed(oracle) / arguments.obspy_sensors)
        for key, call in variants.items():
            torch.set_num_threads(key[1])
            if key not in errors:
                errors[key] = max(abs(np.stack(call())[:, few] - expected).max(), 0.0)
            times[key].append(timed(call) / arguments.sensors)

    obspy_ms = 1e3 * float(np.median(times["obspy"]))
    print(
        f"EG + PG of a sensor: 3 components, {SAMPLES} samples, 100 frequencies; {arguments.sensors} sensors at once\n"
    )
    print(f"{'':24s}{'ms per sensor':>16s}{'times ObsPy':>14s}{'largest difference':>22s}")
    print(f"{'ObsPy, one process':24s}{obspy_ms:16.3f}{1:14.0f}")
    for key in variants:
        ms = 1e3 * float(np.median(times[key]))
        label = f"{key[0]}, {key[1]} thread{'s' * (key[1] > 1)}"
        print(f"{label:24s}{ms:16.3f}{obspy_ms / ms:14.0f}{errors[key]:22.1e}")

    torch.set_num_threads(arguments.threads)
    rate = product_rate()
    plan = matrix_plan(SAMPLES, DT, log_frequencies(0.01, 5.0, 100), 6.0, torch.float32, "cpu")
    products = 2 * 6 * 2 * plan.analysis.numel()
    points = 3 * 100 * SAMPLES * POINT_OPERATIONS
    dense = 2 * 6 * 2 * 100 * SAMPLES**2
    floor_ms = 1e3 * (products + points) / rate
    best = 1e3 * float(np.median(times["float32", arguments.threads]))
    print(f"\nranks: {min(plan.ranks)} to {max(plan.ranks)}, {sum(plan.ranks)} in all")
    print(f"arithmetic per sensor: {products / 1e6:.1f} Mflop in products (dense: {dense / 1e6:.0f})")
    print(f"                       {points / 1e6:.1f} Mflop elementwise")
    print(f"matrix product rate, {arguments.threads} threads: {rate / 1e9:.0f} Gflop/s")
    print(
        f"floor at that rate: {floor_ms:.3f} ms ({obspy_ms / floor_ms:.0f} times ObsPy); "
        f"reached: {best / floor_ms:.1f} floors"
    )


if __name__ == "__main__":
    main()
