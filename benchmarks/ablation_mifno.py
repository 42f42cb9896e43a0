"""What each ingredient of the project's MIFNO is worth, trained and judged alike.

    python benchmarks/ablation_mifno.py --data campaign.zarr --out runs [--preset small] [--steps 400] [--batch 4]
                                        [--only full no_first_guess ...] [--minutes 0] [--train-samples 0]

Each variant takes the same steps (with --minutes: the same time, at most) in the project's own training loop, on the
training split; the scores are of the validation split, the best of four times on the way. `full_again` is `full` with
another seed: a difference no larger than theirs says nothing. `simulation` corrects the campaign's 300 m simulation
(--also 300), as the preset `coarse` does, and `no_simulation` corrects direct waves where the preset corrects a
simulation. Writes ablation_mifno.csv; run it again to go on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from spectremor.lab.mifno_variants import MifnoVariant
from spectremor.surrogate.config import load_preset
from spectremor.training.config import MifnoTraining, parse_config
from spectremor.training.driver import TimeLimits
from spectremor.training.logs import best_row
from spectremor.training.run import Surroundings, train

#: Ingredients of the network.
INGREDIENTS = {
    "no_first_guess": MifnoVariant(direct_waves=False),
    "no_travel_times": MifnoVariant(travel_times=False),
    "not_aligned": MifnoVariant(align=False),
    "lowpass_skip": MifnoVariant(free_moment=True, lowpass_skip=True),
    "free_moment": MifnoVariant(free_moment=True),
    "published_inputs": MifnoVariant(
        free_moment=True,
        source_branch=True,
        travel_times=False,
        direct_waves=False,
        align=False,
        lowpass_skip=True,
    ),
}
#: Choices of its config.
CHOICES: dict[str, dict[str, Any]] = {
    "full": {},
    "full_again": {},
    "rough_rays": {"domain": {"ray_smoothings_m": [0.0]}},
    "one_medium": {"domain": {"ray_smoothings_m": [500.0]}},
    "no_augmentation": {},
    "simulation": {"simulation_m": 300.0},
    "no_simulation": {"simulation_m": None},
}
VARIANTS = (*CHOICES, *INGREDIENTS)
#: Of the same network as `full`, or itself.
ALIKE = ("full", "full_again", "no_augmentation")
METRICS = ("seconds", "val_loss", "val_rRMSE_raw", "val_bias_low", "val_bias_mid", "val_bias_high")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--minutes", type=float, default=0.0, help="0: no limit")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--train-samples", type=int, default=0, help="of the training split, the first; 0: all")
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"{'variant':18s} {'steps':>6s} " + " ".join(f"{m.removeprefix('val_'):>10s}" for m in METRICS))
    rows = []
    for name in args.only:
        if name not in (*ALIKE, *INGREDIENTS) and variant(name, args) == variant("full", args):
            print(f"{name:18s} is `full` of this preset")
            continue
        run, limit = args.out / name, args.minutes or None
        network = INGREDIENTS[name].build if name in INGREDIENTS else None
        beside = Surroundings(cache=args.out / "cache")
        more = {"limits": TimeLimits(minutes=limit), "surroundings": beside, "network": network}
        train(variant(name, args), args.data, run, resume=run.exists(), **more)
        row = best_row(run)
        rows.append({"variant": name, "step": int(row["step"])} | {m: row[m] for m in METRICS})
        print(f"{name:18s} {row['step']:6.0f} " + " ".join(f"{row[m]:10.4f}" for m in METRICS), flush=True)
    with (args.out / "ablation_mifno.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def variant(name: str, args: argparse.Namespace) -> MifnoTraining:
    """The training config of a variant: the preset with some choices changed."""
    model = load_preset(args.preset).model_dump(mode="json")
    for key, value in CHOICES.get(name, {}).items():
        model[key] = {**model[key], **value} if isinstance(value, dict) else value
    config = parse_config(
        {
            "model": model,
            "seed": int(name == "full_again"),
            "steps": args.steps,
            "batch": args.batch,
            "train_samples": args.train_samples,
            "learning_rate": 2e-3,
            "warmup": 25,
            "ema_decay": 0.98,
            "validate_every": max(1, args.steps // 4),
            "checkpoint_every": 20,
            "augment": name != "no_augmentation",
        },
        "mifno",
    )
    assert isinstance(config, MifnoTraining)
    return config


if __name__ == "__main__":
    main()
