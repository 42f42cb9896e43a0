"""How alike neighbours are in draws, for several shares of common noise and distances over which it is alike.

    python benchmarks/shared_noise.py --data STORE --model MODEL... [--events 20] [--split val] --table FILE
                                      [--choices 0.65 2000 1 3000 ...]
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
from spectremor.core.files import check_result_folder
from spectremor.core.validation import validated
from spectremor.data.store import CampaignStore
from spectremor.diffusion.config import DiffusionConfig, FieldConfig
from spectremor.diffusion.field_stage import FieldStage
from spectremor.judging.benchmark import sound_up_to_hz, true_field
from spectremor.judging.contenders import Case, patch_draw, patch_motion
from spectremor.judging.fields import DISTANCES_M, Measures, draw_measures, field_measures, with_patch
from spectremor.model.build import load_model
from spectremor.model.folder import MODEL_FILES, find_run_model, read_model_folder, write_with_diffusion
from spectremor.model.pipeline import GroundMotionModel

CHOICES = (
    (0.5, 1500.0), (0.8, 1500.0), (0.9, 1500.0), (1.0, 1500.0), (0.9, 3000.0), (1.0, 2000.0), (1.0, 3000.0),
)  # fmt: skip
DRAWS = 4
Choices = tuple[tuple[float, float], ...]


def config_with_noise(config: DiffusionConfig | None, share: float, distance_m: float) -> DiffusionConfig:
    """The config of a stage that sees the field with another share of common noise."""
    if config is None or config.field is None:
        raise InputError("--model", "no such stage", "a model whose diffusion stage sees the field")
    values = config.field.model_dump() | {"shared_noise": share, "shared_noise_m": distance_m}
    return config.model_copy(update={"field": validated(FieldConfig, values, "--choose")})


def with_noise(model: GroundMotionModel, share: float, distance_m: float) -> GroundMotionModel:
    """The model with another share of common noise, drawing in bfloat16."""
    stage = model.need_diffusion()
    config = config_with_noise(stage.config, share, distance_m)
    assert isinstance(stage, FieldStage)
    return dataclasses.replace(model, diffusion=stage.with_config(config, bf16=True))


def write_with_noise(model: str, share: float, distance_m: float, out: Path) -> None:
    """Write the model folder with another share of common noise."""
    out = check_result_folder(out, MODEL_FILES, "a model folder", field="--out")
    folder = read_model_folder(find_run_model(model, "--model"))
    write_with_diffusion(folder, config_with_noise(folder.config.diffusion, share, distance_m), out)


def measures_of(models: list[GroundMotionModel], store: CampaignStore, sample: int) -> list[tuple[Measures, Measures]]:
    """Of each model's draws of a whole field, and of the truth; their stage 1 is the same."""
    shape = (len(store.x_m), len(store.y_m))
    case = Case(store, sample, np.arange(shape[0] * shape[1]), realizations=DRAWS)
    about = (float(store.x_m[1] - store.x_m[0]), 1 / store.sampling_hz, sound_up_to_hz(store, sample))
    truth, of_truth, found = store.velocity(sample), true_field(case, about[2]), []
    patch_m = None if store.stations is None else store.stations.patch_spacing_m
    close = patch_motion(models[0], store, sample) if patch_m else None
    for model in models:
        # The case keeps stage 1 by the model's name, and draws anew.
        drawn = np.moveaxis(case.everywhere(DRAWS).draws(model), 1, 2)
        measures = draw_measures(drawn.reshape(DRAWS, 3, *shape, -1), truth, *about)
        if close is not None:
            of_patch = field_measures(patch_draw(model, close, case.draw_seed()), patch_m, *about[1:])
            measures = with_patch(measures, of_patch, about[0])
        found.append((measures, of_truth))
    return found


def row_of(share: float, distance_m: float, found: list[tuple[Measures, Measures]]) -> dict[str, float | str]:
    """Means over events."""
    row: dict[str, float | str] = {"shared_noise": share, "shared_noise_m": distance_m, "events": len(found)}
    row["fast_share"] = float(np.nanmean([np.log(d["fast_share"] / t["fast_share"]) for d, t in found]))
    pairs = [(d["residual_fast_share"], d["true_residual_fast_share"]) for d, _ in found]
    row["added_fast_share"] = float(np.nanmean([np.log(one / true) for one, true in pairs]))
    row["ln_difference"] = float(np.nanmean([d["ln_difference"] - t["ln_difference"] for d, t in found]))
    for name in ("aligned_coherency", "correlation"):
        apart = np.array([d[name] - t[name] for d, t in found])
        known = np.flatnonzero(np.isfinite(apart).any(axis=0))
        row |= {f"{name} {DISTANCES_M[k]:g} m": float(np.nanmean(apart[:, k])) for k in known}
    return row


def rows_of(name: str, store: CampaignStore, samples: list[int], choices: Choices) -> list[dict[str, float | str]]:
    """One row for each choice, printed as they come."""
    model = load_model(find_run_model(name, "--model"))
    models = [with_noise(model, *choice) for choice in choices]
    events = [measures_of(models, store, sample) for sample in samples]
    rows = []
    for choice, found in zip(choices, zip(*events, strict=True), strict=True):
        rows.append({"model": model.model_id.partition("@")[0]} | row_of(*choice, list(found)))
        print(", ".join(f"{key} {v:.3g}" if isinstance(v, float) else f"{key} {v}" for key, v in rows[-1].items()))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", nargs="+", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--events", type=int, default=20)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--choices", type=float, nargs="+", metavar="SHARE DISTANCE_M")
    parser.add_argument("--choose", type=float, nargs=2, metavar=("SHARE", "DISTANCE_M"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    writes = options.choose is not None and options.out is not None
    if (not writes and options.data is None) or (writes and len(options.model) > 1):
        parser.error("--data, or --choose with --out and one model")
    given = options.choices
    if given and len(given) % 2:
        parser.error(f"--choices: got {len(given)} numbers; allowed: a share and a distance for each choice")
    choices = tuple(zip(given[::2], given[1::2], strict=True)) if given else CHOICES
    try:
        if writes:
            write_with_noise(*options.model, *options.choose, options.out)
            return
        store = CampaignStore.open(options.data)
        samples = [int(i) for i in store.ids(options.split)[: options.events]]
        rows = [row for model in options.model for row in rows_of(model, store, samples, choices)]
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    if options.table:
        write_table(rows, options.table, decimals=4)


if __name__ == "__main__":
    main()
