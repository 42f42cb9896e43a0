"""The diffusion stage: time per wavefield against steps, quality against steps, and what the latents leave out.

    python benchmarks/diffusion.py speed [--config small] [--threads 2] [--steps 1 2 5 8 10 20]
                                         [--out TABLE.csv]
    python benchmarks/diffusion.py quality --data STORE --model MODEL --out FOLDER [--stage1 simulation:300]
                                           [--keep-below-hz 2]
    python benchmarks/diffusion.py latents [--kept 80 96]

`speed` times fresh weights, whose values change nothing, beside a 4096^3 float32 matrix product in the same run.
`quality` generates the validation split with 1 to 1,000 steps and writes a table (csv) and a figure.
`latents` measures what cosine coefficients beyond the kept ones hold of the published SEM3D samples (folder hemew3d/ of
SPECTREMOR_SHARED, default ../shared).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
from table_files import write_table

from spectremor.core.at_sensors import at_sensors


def speed(options: argparse.Namespace) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from spectremor.diffusion.protocol import Condition
    from spectremor.diffusion.stage import DiffusionStage
    from spectremor.training.config import load_config

    torch.set_num_threads(options.threads)
    stage = DiffusionStage(load_config(options.config, "ddpm").model)
    n = stage.config.latent.latent_samples
    condition = Condition(traces=torch.zeros(1, 3, n), log_amplitude=torch.zeros(1))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        stage.network(torch.zeros(1, 3, n), condition, torch.zeros(1))
    flops = counter.get_total_flops()
    weights = sum(p.numel() for p in stage.network.parameters())
    a = torch.randn(4096, 4096)
    product = _best(lambda: a @ a, options.repeat)
    field = np.random.default_rng(0).standard_normal((3, 32, 32, 320)).astype(np.float32)
    print(f"preset {options.config}: {weights / 1e6:.2f} M weights, {flops / 1e6:.1f} MFLOP per sensor and step")
    print(f"{options.threads} threads; 4096^3 float32 product: {product:.2f} s")
    print(f"default steps: {stage.config.sampling.steps}\n")
    print("| steps | s per wavefield (32 x 32 x 3 x 320) | products | share of the product's speed |")
    print("|---|---|---|---|")
    rows = []
    for steps in options.steps:
        seconds = _best(lambda k=steps: stage.generate_arrays(field, steps=k), options.repeat)
        share = (flops * 1024 * steps / seconds) / (2 * 4096**3 / product)
        print(f"| {steps} | {seconds:.2f} | {seconds / product:.2f} | {100 * share:.0f}% |")
        rows.append({"steps": steps, "seconds": seconds, "products": seconds / product, "share": share})
    if options.out:
        write_table(rows, options.out)


def quality(options: argparse.Namespace) -> None:
    from spectremor.data.store import CampaignStore
    from spectremor.diffusion.stage import DiffusionStage
    from spectremor.model.folder import find_run_model, read_model_folder
    from spectremor.training.stage1_cache import FrozenStage1

    store = CampaignStore.open(options.data)
    folder = read_model_folder(find_run_model(options.model, "--model"))
    folder.require(stage1=False, diffusion=True)
    config = folder.config.diffusion
    if options.keep_below_hz is not None:
        latent = config.latent.model_copy(update={"keep_below_hz": options.keep_below_hz})
        config = config.model_copy(update={"latent": latent})
    stage = DiffusionStage.from_parts(config, folder.tensors()["diffusion"])
    stage1 = FrozenStage1(store, options.stage1 or str(options.model))
    ids = store.ids("val")[: options.samples]
    cases = [(stage1(int(i)), store.velocity(int(i))) for i in ids]
    sensors = np.sort(np.random.default_rng(0).permutation(len(store.x_m) * len(store.y_m))[: options.sensors])
    truth = np.concatenate([at_sensors(wanted, sensors) for _, wanted in cases])
    dt = 1 / store.sampling_hz
    rows = [
        {"sampler": "stage 1", "steps": 0}
        | _scores(np.concatenate([at_sensors(s, sensors) for s, _ in cases]), truth, dt)
    ]
    print(_line(rows[-1]))
    own = ["dpm-solver++", "ddim", "ddpm", *(["jump"] if stage.config.network.jumps else [])]
    for sampler in options.samplers or own:
        for steps in options.steps:
            made = [stage.generate_at(known, sensors, steps=steps, sampler=sampler)[0] for known, _ in cases]
            rows.append({"sampler": sampler, "steps": steps} | _scores(np.concatenate(made), truth, dt))
            print(_line(rows[-1]), flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    write_table(rows, options.out / "quality_against_steps.csv")
    _figure(rows, options.out / "quality_against_steps.png", len(truth))


def latents(options: argparse.Namespace) -> None:
    import spectremor as sp
    from spectremor.diffusion.latent import cosine_matrix

    folder = Path(os.environ.get("SPECTREMOR_SHARED", "../shared")) / "hemew3d"
    print("sample  kept   rest, relative L2   of it between 2 and 5 Hz")
    for path in sorted(folder.glob("sample*.h5")):
        field = sp.read_wavefield(path)
        traces = field.values.reshape(-1, field.sizes["time"]).astype(np.float32)
        basis = cosine_matrix(traces.shape[1], traces.shape[1]).numpy()
        frequency_hz = np.fft.rfftfreq(traces.shape[1], float(field["time"][1] - field["time"][0]))
        inside = (frequency_hz >= 2) & (frequency_hz <= 5)
        whole = np.linalg.norm(np.fft.rfft(traces))
        for kept in options.kept:
            rest = (traces @ basis[:, kept:]) @ basis[:, kept:].T
            share, band = np.linalg.norm(rest) / np.linalg.norm(traces), np.linalg.norm(np.fft.rfft(rest)[:, inside])
            print(f"{path.stem}  {kept:4d}   {100 * share:14.2f} %   {100 * band / whole:21.3f} %")


def _scores(prediction: np.ndarray, truth: np.ndarray, dt_s: float) -> dict[str, float]:
    from spectremor.signal.filters import low_pass
    from spectremor.signal.misfit import relative_errors
    from spectremor.training.scores import trace_scores

    slow = (low_pass(v, dt_s, 1.0).astype(np.float32) for v in (prediction, truth))
    _, below_1hz = relative_errors(*slow)
    # The filter rings at the ends of a record, where it mixes in what lies above; a cut of the spectrum does not.
    _, cut_1hz = relative_errors(*(_cut(v, dt_s, 1.0) for v in (prediction, truth)))
    return {
        **trace_scores(prediction, truth, dt_s),
        "rRMSE_raw_below_1Hz": float(below_1hz.mean()),
        "rRMSE_raw_cut_1Hz": float(cut_1hz.mean()),
        "before_arrival": _before_arrival(prediction, truth, dt_s),
    }


def _before_arrival(prediction: np.ndarray, truth: np.ndarray, dt_s: float) -> float:
    """Largest velocity up to 0.1 s before the truth exceeds 0.2% of its peak, over that peak; median over sensors."""
    modulus = np.abs(truth).max(axis=1)
    peak = modulus.max(axis=1)
    still = np.arange(truth.shape[-1]) * dt_s < (modulus > 0.002 * peak[:, None]).argmax(axis=1)[:, None] * dt_s - 0.1
    early = (np.abs(prediction).max(axis=1) * still).max(axis=1) / peak
    return float(np.median(early[still.any(axis=1)]))


def _cut(traces: np.ndarray, dt_s: float, highest_hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(traces)
    spectrum[..., np.fft.rfftfreq(traces.shape[-1], dt_s) > highest_hz] = 0
    return np.fft.irfft(spectrum, traces.shape[-1]).astype(np.float32)


def _figure(rows: list[dict[str, float]], path: Path, sensors: int) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for sampler in dict.fromkeys(row["sampler"] for row in rows if row["steps"]):
        own = [row for row in rows if row["sampler"] == sampler]
        steps = [row["steps"] for row in own]
        axes[0].semilogx(steps, [row["EG"] for row in own], "o-", label=sampler)
        axes[1].semilogx(steps, [row["PG"] for row in own], "o-", label=sampler)
        axes[2].semilogx(steps, [row["bias_high"] for row in own], "o-", label=sampler)
    for axis, name in zip(axes, ("EG", "PG", "bias_high"), strict=True):
        axis.axhline(rows[0][name], color="grey", linestyle="--", label="stage 1")
        axis.set_xlabel("steps")
        axis.set_ylabel({"bias_high": "bias, 2-5 Hz"}.get(name, f"{name} (10 is perfect)"))
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.suptitle(f"Quality against sampling steps, {sensors} sensors of the validation split")
    figure.savefig(path, dpi=130)
    print(path)


def _line(row: dict[str, float]) -> str:
    numbers = ", ".join(f"{name} {value:.4f}" for name, value in row.items() if isinstance(value, float))
    return f"{row['sampler']} {row['steps']}: {numbers}"


def _best(work: object, repeat: int) -> float:
    work()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    fast = verbs.add_parser("speed")
    fast.add_argument("--config", default="small")
    fast.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    fast.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    fast.add_argument("--repeat", type=int, default=3)
    fast.add_argument("--out", type=Path, help="a csv file")
    fast.set_defaults(run=speed)
    good = verbs.add_parser("quality")
    good.add_argument("--data", type=Path, required=True)
    good.add_argument("--model", type=Path, required=True)
    good.add_argument("--stage1")
    good.add_argument("--out", type=Path, required=True)
    good.add_argument("--samples", type=int, default=16)
    good.add_argument("--sensors", type=int, default=64)
    good.add_argument("--keep-below-hz", type=float, help="another crossover than the model's own")
    good.add_argument("--samplers", nargs="+", help="default: all that the model knows")
    good.add_argument("--steps", type=int, nargs="+", default=[1, 2, 3, 4, 6, 8, 12, 20, 50, 200, 1000])
    good.set_defaults(run=quality)
    lost = verbs.add_parser("latents")
    lost.add_argument("--kept", type=int, nargs="+", default=[80, 96])
    lost.set_defaults(run=latents)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
