"""Time the MIFNO against a matrix product of the same machine, in one run.

    python benchmarks/mifno.py [--threads 2] [--repeats 5] [--layers 16] [--preset small] [--device cuda]

Prints, for one sample through the published network at paper size: operations counted, seconds, and the ratio (of
medians, and of bests) to a 4096 x 4096 x 4096 float32 product timed in turn with it. Then, for a preset of the
project's own network, the seconds from a geology and a source to a wavefield in m/s, ray tracing included.

On a GPU, of the published network alone, the floor: the larger of the operations at the product's rate (float32, no
TF32) and of the bytes that each layer must at least move (input, output and weights once; backward, also what comes
back) at a large copy's rate. Each job is timed as it is called, and as a replayed graph of its kernels.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.surrogate.config import load_preset
from spectremor.surrogate.fourier_layer import FourierLayer
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.network import Mifno
from spectremor.surrogate.published import PublishedConfig, PublishedMifno

PRODUCT_SIZE = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--layers", type=int, default=16, choices=(8, 16))
    parser.add_argument("--preset", default="small")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    device = torch.device(args.device)
    a, b = torch.randn(2, PRODUCT_SIZE, PRODUCT_SIZE).to(device)
    jobs: dict[str, Callable[[], object]] = {"product": lambda: a @ b}
    model = PublishedMifno(PublishedConfig.paper(args.layers)).to(device)
    geology, source = torch.randn(1, 32, 32, 32, 1).to(device), torch.randn(1, 1, 9).to(device)
    target = torch.randn(3, 1, 32, 32, 320, 1).to(device)

    def forward() -> None:
        with torch.inference_mode():
            model(geology, source)

    def both() -> None:
        model.zero_grad(set_to_none=True)
        loss = torch.stack([(u - v).abs().mean() for u, v in zip(model(geology, source), target, strict=True)]).sum()
        loss.backward()

    jobs |= {"forward": forward, "forward + backward": both}
    if args.device == "cuda":
        on_gpu(jobs, model, lambda: model(geology, source), args.repeats)
        return
    times = measure(jobs, args.repeats)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {args.layers} layers, one sample")
    print(f"{'what':20s} {'GFLOP':>7s} {'median s':>9s} {'best s':>8s} {'GFLOP/s':>8s} {'products':>9s} {'(best)':>7s}")
    product = times["product"]
    for name, job in jobs.items():
        flop = count_flop(job) if name != "product" else 2 * PRODUCT_SIZE**3
        middle, best = statistics.median(times[name]), min(times[name])
        ratio = middle / statistics.median(product)
        print(
            f"{name:20s} {flop / 1e9:7.1f} {middle:9.3f} {best:8.3f} {flop / middle / 1e9:8.0f} {ratio:9.2f} "
            f"{best / min(product):7.2f}"
        )
    shipped = own_network(args.preset)
    seconds = measure({"predict": shipped}, args.repeats)["predict"]
    print(
        f"{args.preset} network, geology to wavefield: {statistics.median(seconds):.3f} s (best {min(seconds):.3f} s)"
    )


def on_gpu(
    jobs: dict[str, Callable[[], object]], model: torch.nn.Module, run: Callable[[], object], repeats: int
) -> None:
    """Times against the floor, as called and as graphs."""
    large = torch.empty(1 << 29, device="cuda")
    other = torch.empty_like(large)
    kernels = jobs | {"copy": lambda: other.copy_(large)}
    called = measure({name: waited_for(job) for name, job in kernels.items()}, repeats)
    replayed = measure({name: waited_for(graph_of(job)) for name, job in kernels.items()}, repeats)
    rate = 2 * PRODUCT_SIZE**3 / statistics.median(called["product"])
    bandwidth = 2 * large.nbytes / statistics.median(called["copy"])
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, one sample")
    print(f"product {rate / 1e12:.1f} TFLOP/s (float32), copy {bandwidth / 1e12:.2f} TB/s")
    print(
        f"{'what':20s} {'GFLOP':>7s} {'MB':>6s} {'floor ms':>9s} {'called ms':>10s} {'/ floor':>8s} {'graph ms':>9s} /"
    )
    moved = fewest_bytes(model, run)
    for name in ("forward", "forward + backward"):
        flop, nbytes = count_flop(jobs[name]), moved[name]
        floor = max(flop / rate, nbytes / bandwidth)
        direct, graph = (statistics.median(times[name]) for times in (called, replayed))
        print(
            f"{name:20s} {flop / 1e9:7.1f} {nbytes / 1e6:6.0f} {1e3 * floor:9.2f} {1e3 * direct:10.2f} "
            f"{direct / floor:8.2f} {1e3 * graph:9.2f} {graph / floor:.2f}"
        )


def waited_for(job: Callable[[], object]) -> Callable[[], object]:
    """The job until the GPU is done with it."""

    def run() -> None:
        job()
        torch.cuda.synchronize()

    return run


def graph_of(job: Callable[[], object]) -> Callable[[], object]:
    """A replay of the job's kernels."""
    aside = torch.cuda.Stream()
    with torch.cuda.stream(aside):
        for _ in range(3):
            job()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        job()
    return graph.replay


def fewest_bytes(model: torch.nn.Module, run: Callable[[], object]) -> dict[str, int]:
    """Bytes that the Fourier layers must move: forward x, y, weights; backward x, dy, dx, weights, their gradients."""
    volumes, weights = 0, 0

    def count(layer: FourierLayer, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal volumes, weights
        volumes += inputs[0].nbytes + output.nbytes
        weights += sum(p.nbytes for p in layer.parameters())

    layers = [m for m in model.modules() if isinstance(m, FourierLayer)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    # The last layer, read out without being called, is not counted: the floor is a little too low.
    with torch.inference_mode():
        run()
    for hook in hooks:
        hook.remove()
    return {"forward": volumes + weights, "forward + backward": 5 * volumes // 2 + 3 * weights}


def own_network(preset: str) -> Callable[[], object]:
    """One prediction of the project's own network, from Vs and source to m/s."""
    config = load_preset(preset)
    nodes = config.trained_range.nodes
    rng = np.random.default_rng(0)
    ground = make_geology(rng.uniform(1500, 3500, nodes), config.trained_range.extent_m)
    source = Source.from_angles(position_m=(4800, 4000, -5000), strike_deg=48, dip_deg=45, rake_deg=88)
    normalisation = GeologyNormalisation(np.full(nodes, 2500.0), np.full(nodes, 500.0))
    surrogate = MifnoSurrogate(Mifno(config).eval(), normalisation)
    return lambda: surrogate.predict_arrays([ground], [source])


def measure(jobs: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each job, taken in turn so that all meet the same weather; the first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if turn:
                times[name].append(time.perf_counter() - start)
    return times


def _product_flop(_added: torch.Size, a: torch.Size, b: torch.Size, **_: object) -> int:
    """In-place products, which torch's counter leaves out."""
    return 2 * math.prod(a) * b[-1]


def count_flop(job: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products and convolutions in one call."""
    in_place = {torch.ops.aten.addmm_: _product_flop, torch.ops.aten.baddbmm_: _product_flop}
    with FlopCounterMode(display=False, custom_mapping=in_place) as counter:
        job()
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
