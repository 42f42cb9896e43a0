"""What models owe to physics, and what their second stage makes of a weak condition, on test events of a campaign.

    python benchmarks/physics.py --data STORE [--model simulation hybrid] [--events 2] [--sensors 48] --out FOLDER

Writes FOLDER/physics.csv (a row for each model, event and check) and FOLDER/condition_scaling.csv (stage 1 and truth of
the first event scaled by 1 to 0.001). Symmetries and linearity are of stage 1: a draw's noise belongs to its sensors.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from condition_scaling import scaled_condition_rows

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.core.source import Source
from spectremor.data.store import CampaignStore
from spectremor.data.symmetries import SYMMETRIES
from spectremor.judging import physics
from spectremor.judging.benchmark import sound_up_to_hz
from spectremor.judging.subset import stratified_sensors
from spectremor.model.pipeline import GroundMotionModel
from spectremor.report.tables import write_csv
from spectremor.signal.intensity import peak_norm


def physics_rows(name: str, model: GroundMotionModel, store: CampaignStore, sample: int, symmetries: list[int]) -> list:
    """One row for each check of one event."""
    geology, source = store.geology(sample), store.source(sample)
    truth = store.wavefield(sample)
    true_decay = physics.decay(truth, source)
    other = Source.from_angles(
        position_m=source.position_m, strike_deg=100, dip_deg=70, rake_deg=20, moment_nm=2e16, convention="hemew"
    )
    rows: list[dict[str, Any]] = []

    def say(field: str, check: str, value: float) -> None:
        rows.append({"model": name, "sample": sample, "field": field, "check": check, "value": float(value)})

    stage1 = model.predict(geology, source)
    draw = model.restore(stage1, geology=geology).isel(realization=0)

    def predict(ground: sp.Geology, event: Source) -> Any:
        """Stage 1, that of the event itself not again."""
        return stage1 if ground is geology and event is source else model.predict(ground, event)

    for field, values in (("truth", truth), ("stage 1", stage1), ("draw", draw)):
        early = physics.motion_before_p(values, geology, source)
        say(field, "largest motion before P over the peak, worst sensor", np.nanmax(early))
        say(field, "largest motion before P over the peak, median sensor", np.nanmedian(early))
        found = physics.decay(values, source)
        say(field, "slope of ln PGV against ln distance", found.slope)
        say(field, "ln PGV at 10 km less the truth's", found.level - true_decay.level)
        say(
            field, "correlation with the truth of what the decay leaves", physics.pattern_correlation(found, true_decay)
        )
    for number in symmetries:
        error = physics.symmetry_error(predict, geology, source, SYMMETRIES[number])
        say("stage 1", f"relative error of symmetry {number}", error)
    say("stage 1", "relative error of half the moment", physics.moment_error(predict, geology, source))
    error = physics.superposition_error(predict, geology, source, other)
    say("stage 1", "relative error of a sum of two moment tensors", error)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", nargs="+", default=["simulation", "hybrid"])
    parser.add_argument("--events", type=int, default=2)
    parser.add_argument("--sensors", type=int, default=48)
    parser.add_argument("--symmetries", type=int, nargs="*", default=list(range(1, 8)))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    store = CampaignStore.open(options.data)
    samples = [int(i) for i in store.ids("test")[: options.events]]
    checks, scaled = [], []
    for name in options.model:
        model = sp.load_model(name)
        for sample in samples:
            checks += physics_rows(name, model, store, sample, options.symmetries)
        first = samples[0]
        peaks = peak_norm(np.moveaxis(store.velocity(first), 0, -2)).ravel()
        sensors = stratified_sensors(peaks, options.sensors, 0, first)
        scaled += scaled_condition_rows(model, store, first, sensors, highest_hz=sound_up_to_hz(store, first))
    options.out.mkdir(parents=True, exist_ok=True)
    write_csv(options.out / "physics.csv", checks)
    write_csv(options.out / "condition_scaling.csv", scaled)
    for row in checks:
        print(f"{row['model']:12} {row['sample']:5} {row['field']:8} {row['check']:55} {row['value']:.4g}")


if __name__ == "__main__":
    main()
