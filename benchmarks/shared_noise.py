"""How alike neighbours are in draws, for several shares of common noise and distances over which it is alike.

    python benchmarks/shared_noise.py --data STORE --model MODEL [--events 20] [--split val] --table FILE
    python benchmarks/shared_noise.py --model MODEL --choose 0.65 2000 --out FOLDER

The noise of a stage that sees the field acts on sampling alone (`field.shared_noise`, `field.shared_noise_m`): this
prints what each choice gives on the validation split, beside the truth, so that one can be chosen; the second form
writes the model with the one that was chosen. `fast_share` is the
share of 2-5 Hz power above 12 km/s apparent velocity, as the mean logarithm of its ratio to the truth's; `added` is the
same of what a draw adds to the mean of the others; likeness is draws less truth at each distance.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np
from table_files import write_table

from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.diffusion.field_stage import FieldStage
from spectremor.judging.benchmark import sound_up_to_hz
from spectremor.judging.contenders import Case
from spectremor.judging.fields import DISTANCES_M, Measures, draw_measures, field_measures
from spectremor.model.build import load_model
from spectremor.model.folder import CARD, find_run_model, read_model_folder, write_model_folder
from spectremor.model.pipeline import GroundMotionModel

CHOICES = ((0.5, 1500.0), (0.5, 3000.0), (0.6, 2000.0), (0.65, 1500.0), (0.65, 3000.0), (0.8, 1500.0))
DRAWS = 4


def with_noise(model: GroundMotionModel, share: float, distance_m: float) -> GroundMotionModel:
    """The model with another share of common noise, drawing in bfloat16."""
    stage = model.need_diffusion()
    if not isinstance(stage, FieldStage):
        raise InputError("--model", model.model_id, "a model whose diffusion stage sees the field")
    field = stage.field.model_copy(update={"shared_noise": share, "shared_noise_m": distance_m})
    changed = FieldStage.from_parts(stage.config.model_copy(update={"field": field}), stage.parts()[1])
    changed.network.bf16 = True
    return dataclasses.replace(model, diffusion=changed)


def write_with_noise(model: str, share: float, distance_m: float, out: Path) -> None:
    """Write the model folder with another share of common noise."""
    folder = read_model_folder(find_run_model(model, "--model"))
    config = folder.config.diffusion
    if config is None or config.field is None:
        raise InputError("--model", model, "a model whose diffusion stage sees the field")
    field = config.field.model_copy(update={"shared_noise": share, "shared_noise_m": distance_m})
    configs = folder.config.parts | {"diffusion": config.model_copy(update={"field": field})}
    parts = {name: (configs[name], tensors) for name, tensors in folder.tensors().items()}
    about = {"spectremor_version": folder.config.spectremor_version, "training": folder.config.training}
    write_model_folder(out, parts=parts, about=about, card=(folder.path / CARD).read_text(encoding="utf-8"))


def measures_of(model: GroundMotionModel, store: CampaignStore, sample: int) -> tuple[Measures, Measures]:
    """Of the draws of a whole field, and of the truth."""
    shape = (len(store.x_m), len(store.y_m))
    case = Case(store, sample, np.arange(shape[0] * shape[1]), realizations=DRAWS)
    truth, drawn = store.velocity(sample), np.moveaxis(case.draws(model), 1, 2)
    about = (float(store.x_m[1] - store.x_m[0]), 1 / store.sampling_hz, sound_up_to_hz(store, sample))
    return draw_measures(drawn.reshape(DRAWS, 3, *shape, -1), truth, *about), field_measures(truth, *about)


def row_of(share: float, distance_m: float, found: list[tuple[Measures, Measures]]) -> dict[str, float]:
    """Means over events."""
    row: dict[str, float] = {"shared_noise": share, "shared_noise_m": distance_m, "events": float(len(found))}
    row["fast_share"] = float(np.nanmean([np.log(d["fast_share"] / t["fast_share"]) for d, t in found]))
    pairs = [(d["residual_fast_share"], d["true_residual_fast_share"]) for d, _ in found]
    row["added_fast_share"] = float(np.nanmean([np.log(one / true) for one, true in pairs]))
    row["ln_difference"] = float(np.nanmean([d["ln_difference"] - t["ln_difference"] for d, t in found]))
    for name in ("aligned_coherency", "correlation"):
        apart = np.array([d[name] - t[name] for d, t in found])
        known = np.flatnonzero(np.isfinite(apart).any(axis=0))
        row |= {f"{name} {DISTANCES_M[k]:g} m": float(np.nanmean(apart[:, k])) for k in known}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--events", type=int, default=20)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--choose", type=float, nargs=2, metavar=("SHARE", "DISTANCE_M"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.choose is not None and options.out is not None:
        write_with_noise(options.model, *options.choose, options.out)
        return
    if options.data is None:
        parser.error("--data, or --choose with --out")
    try:
        store, model = CampaignStore.open(options.data), load_model(find_run_model(options.model, "--model"))
        samples = [int(i) for i in store.ids(options.split)[: options.events]]
        rows = []
        for choice in CHOICES:
            of_choice = with_noise(model, *choice)
            rows.append(row_of(*choice, [measures_of(of_choice, store, sample) for sample in samples]))
            print(", ".join(f"{name} {value:.3g}" for name, value in rows[-1].items()), flush=True)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    if options.table:
        write_table(rows, options.table, decimals=4)


if __name__ == "__main__":
    main()
