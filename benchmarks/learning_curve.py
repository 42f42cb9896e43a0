"""Scores on the validation split against the number of simulations learned from, and against the number of steps.

    python benchmarks/learning_curve.py --stage ddpm --data campaign.zarr --out runs [--numbers 25 50 100 200]
                                        [--config coarse] [--stage1 simulation:300] [--steps 1000] [--judged 8]

Trains the stage once for each number of simulations, all with the same config, seed and steps, in the project's own
loop, and judges each `judged` times on the way. The learning rate falls over those steps, so an early row of a long
training is not what a short one reaches. Writes learning_curve_STAGE.csv and .png, and prints the best row of each
training. Run it again to go on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.training.config import TrainingConfig, load_config, parse_config
from spectremor.training.logs import best_of, validations
from spectremor.training.run import Surroundings, train

PANELS = {
    "mifno": {"val_loss": "loss", "val_rRMSE_raw": "rRMSE_raw", "val_bias_high": "bias 2-5 Hz"},
    "ddpm": {"val_loss": "loss", "val_EG": "EG", "val_PG": "PG", "val_bias_high": "bias 2-5 Hz"},
}
Curves = dict[int, list[dict[str, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", required=True, choices=list(PANELS))
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--numbers", type=int, nargs="+", default=[25, 50, 100, 200])
    parser.add_argument("--config", default="coarse")
    parser.add_argument("--stage1", default="simulation:300", help="of the diffusion stage")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--judged", type=int, default=8)
    options = parser.parse_args()
    there = len(CampaignStore.open(options.data).ids("train"))
    if not 1 <= min(options.numbers) <= max(options.numbers) <= there:
        raise SystemExit(f"--numbers: {options.numbers}; allowed: 1 to {there}, the training split's complete samples")
    options.out.mkdir(parents=True, exist_ok=True)
    curves = {number: learn(options, number) for number in sorted(options.numbers)}
    name = options.out / f"learning_curve_{options.stage}"
    write(curves, name.with_suffix(".csv"))
    draw(curves, PANELS[options.stage], name.with_suffix(".png"))


def learn(options: argparse.Namespace, number: int) -> list[dict[str, float]]:
    """Train on the first `number` simulations; the rows of the training."""
    run = options.out / f"{options.stage}-{number}"
    stage1 = options.stage1 if options.stage == "ddpm" else None
    beside = Surroundings(cache=options.out / "cache")
    train(config(options, number), options.data, run, stage1=stage1, resume=run.exists(), surroundings=beside)
    rows = validations(run)
    best = best_of(rows)
    print(
        f"{number} simulations: {', '.join(f'{k} {best[k]:.4g}' for k in ('step', *PANELS[options.stage]))}", flush=True
    )
    return rows


def config(options: argparse.Namespace, number: int) -> TrainingConfig:
    try:
        values = load_config(options.config, options.stage).model_dump(mode="json")
        values |= {
            "train_samples": number,
            "steps": options.steps,
            "warmup": min(values["warmup"], options.steps // 10),
            "validate_every": max(1, options.steps // options.judged),
        }
        return parse_config(values, options.stage)
    except InputError as error:
        raise SystemExit(str(error)) from None


def write(curves: Curves, path: Path) -> None:
    rows = [{"simulations": number} | row for number, curve in curves.items() for row in curve]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(path)


def draw(curves: Curves, panels: dict[str, str], path: Path) -> None:
    """Above: against simulations, the best row of each training. Below: against steps, each training."""
    figure, axes = plt.subplots(2, len(panels), figsize=(3.6 * len(panels), 6.4), squeeze=False, layout="constrained")
    best = {number: best_of(curve) for number, curve in curves.items()}
    for (above, below), (column, label) in zip(axes.T, panels.items(), strict=True):
        above.semilogx(list(best), [row[column] for row in best.values()], "o-k")
        above.set(xlabel="simulations", ylabel=label)
        above.set_xticks(list(best), [str(number) for number in best])
        above.minorticks_off()
        for number, curve in curves.items():
            below.plot(
                [row["step"] for row in curve], [row[column] for row in curve], ".-", label=f"{number} simulations"
            )
        below.set(xlabel="steps", ylabel=label)
        stage1 = column.replace("val_", "val_stage1_")
        level = next(iter(best.values())).get(stage1)
        for axis in (above, below):
            axis.grid(alpha=0.3)
            if level is not None:
                axis.axhline(level, color="grey", linestyle="--", label="stage 1")
    axes[1][0].legend(fontsize=8)
    if axes[0][-1].get_legend_handles_labels()[0]:
        axes[0][-1].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    print(path)


if __name__ == "__main__":
    main()
