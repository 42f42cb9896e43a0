"""How uncertain the level of a model's draws is beyond what they show: measured on events that no training has seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from spectremor.core.errors import InputError
from spectremor.core.files import check_result_folder
from spectremor.data.store import CampaignStore, Split
from spectremor.diffusion.config import MAX_LEVEL_SD, LevelErrors
from spectremor.diffusion.field_stage import FieldStage
from spectremor.judging.benchmark import sound_up_to_hz
from spectremor.judging.contenders import Case, sensor_positions_m
from spectremor.model.build import load_model
from spectremor.model.folder import MODEL_FILES, find_run_model, read_model_folder, write_with_diffusion
from spectremor.model.pipeline import GroundMotionModel
from spectremor.signal.spectra import BANDS_HZ, band_rms, bands_up_to

#: Distances in m between which pairs of sensors are taken together.
DISTANCES_M = np.array([0.0, 600.0, 1200.0, 2400.0, 4800.0, 9600.0, np.inf])
#: Distances in m over which levels may be alike, and shares common to an event: among these the best are taken.
_REACHES_M = np.geomspace(300, 10_000, 24)
_SHARES = np.linspace(0, 1, 21)
#: Standard deviation of ln velocity below which a band has nothing that is worth drawing.
_LEAST_SD = 0.01


@dataclasses.dataclass(frozen=True, kw_only=True)
class LevelStatistics:
    """What draws miss of the truth's level in one event.

    Attributes:
        mean: by band, mean over the sensors of ln(truth) less the draws' mean ln; NaN where the truth is not sound.
        excess: by band and distance, mean product of those differences at two sensors, less what it would be were the
            truth one more draw; the first column is of each sensor with itself.
        pairs: of sensors at each distance.
    """

    mean: Float[np.ndarray, " band"]
    excess: Float[np.ndarray, "band distance"]
    pairs: Float[np.ndarray, " distance"]


def level_statistics(
    draws: Float[np.ndarray, "draw sensor 3 time"],
    truth: Float[np.ndarray, "sensor 3 time"],
    positions_m: Float[np.ndarray, "sensor 2"],
    dt_s: float,
    highest_hz: float,
) -> LevelStatistics:
    """Compare the levels of draws with the truth's, in the bands of `BANDS_HZ`.

    Args:
        draws: two or more, velocities in m/s.
        truth: at the same sensors.
        positions_m: East and North of each sensor.
        dt_s: sampling step.
        highest_hz: frequency up to which the truth is sound.
    """
    true, drawn = (_levels(x, dt_s, highest_hz) for x in (truth, draws))
    missed = true - drawn.mean(axis=0)
    scatter = drawn - drawn.mean(axis=0)
    # Of n draws, their mean has 1/n of their scatter, and n - 1 of n parts of it are left around it.
    count = len(draws)
    honest = (1 + 1 / count) / (count - 1)
    bins = np.digitize(cdist(positions_m, positions_m), DISTANCES_M)
    np.fill_diagonal(bins, 0)
    of_bin = [bins == number for number in range(len(DISTANCES_M))]
    excess = np.full((len(BANDS_HZ), len(of_bin)), np.nan)
    for band in range(len(BANDS_HZ)):
        found = np.outer(missed[:, band], missed[:, band]) - honest * scatter[:, :, band].T @ scatter[:, :, band]
        excess[band] = [found[chosen].mean() if chosen.any() else np.nan for chosen in of_bin]
    return LevelStatistics(
        mean=missed.mean(axis=0), excess=excess, pairs=np.array([chosen.sum() for chosen in of_bin], dtype=float)
    )


def _levels(traces: np.ndarray, dt_s: float, highest_hz: float) -> Float[np.ndarray, "*draw sensor band"]:
    """Logarithms of the root-mean-square velocity of all components together in each band."""
    power = np.square(band_rms(traces, dt_s, bands_up_to(highest_hz))).mean(axis=-2)
    return np.log(np.where(power > 0, power, np.nan)) / 2


def fitted(statistics: Sequence[LevelStatistics]) -> LevelErrors:
    """The level errors that make up what draws miss, by moments: no draw is made again.

    The standard deviation of each band is what each sensor's own differences ask for; share and reach, one for all
    bands, are the least squares over the distances.

    Args:
        statistics: of events that no training has seen.

    Raises:
        InputError: no event, or draws so far off that their level is not what is wrong with them.

    Example:
        >>> one = LevelStatistics(
        ...     mean=np.zeros(3), excess=np.tile([0.04, *[0.01] * 6], (3, 1)), pairs=np.full(7, 10.0)
        ... )
        >>> fitted([one]).sd_ln
        (0.2, 0.2, 0.2)
    """
    if not statistics:
        raise InputError("levels", "no validation sample", "at least one")
    each = np.stack([of_event.excess for of_event in statistics])
    known = np.isfinite(each)
    excess = np.divide(
        np.where(known, each, 0).sum(axis=0),
        known.sum(axis=0),
        out=np.full(each.shape[1:], np.nan),
        where=known.any(axis=0),
    )
    pairs = np.sum([of_event.pairs for of_event in statistics], axis=0)
    variance = np.clip(np.nan_to_num(excess[:, 0]), 0, None)
    sd = np.where(variance >= _LEAST_SD**2, np.sqrt(variance), 0.0)
    if sd.max() > MAX_LEVEL_SD:
        allowed = (
            f"at most {MAX_LEVEL_SD:g} (ln velocity): draws that are further off are not a model's of these events"
        )
        raise InputError("levels", f"a standard deviation of {sd.max():.2f}", allowed)
    share, reach_m = _likeness(excess[:, 1:], variance, pairs[1:])
    return LevelErrors(sd_ln=tuple(round(float(x), 3) for x in sd), of_event=share, reach_m=reach_m)


def _likeness(excess: np.ndarray, variance: np.ndarray, pairs: np.ndarray) -> tuple[float, float]:
    """Share that is common to an event, and the reach of the rest."""
    middle_m = np.append((DISTANCES_M[:-2] + DISTANCES_M[1:-1]) / 2, DISTANCES_M[-2])
    known = np.isfinite(excess).all(axis=0) & (pairs > 0)
    best = (np.inf, 0.0, float(_REACHES_M[0]))
    for reach_m in _REACHES_M:
        alike = np.exp(-middle_m[known] / reach_m)
        for share in _SHARES:
            expected = np.outer(variance, share + (1 - share) * alike)
            error = float((np.square(excess[:, known] - expected)).sum())
            best = min(best, (error, float(share), float(reach_m)))
    return round(best[1], 3), round(best[2], 1)


def measure_level_errors(
    model: GroundMotionModel,
    store: CampaignStore,
    *,
    split: Split = "val",
    samples: int | None = None,
    realizations: int = 8,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[LevelErrors, list[LevelStatistics]]:
    """What a model's draws of whole fields miss of the truth's level on a split that no training has seen.

    Args:
        model: with a second stage that sees the field; its own level errors, if it has any, count as drawn.
        store: the campaign.
        split: whose samples.
        samples: the first so many of them (None: all).
        realizations: draws of each event, two or more.
        seed: of the draws.
        on_progress: called with (events done, events).

    Raises:
        InputError: an empty split, or too few draws.
    """
    if realizations < 2:
        raise InputError("realizations", realizations, "2 or more: their scatter is compared with their error")
    ids = [int(i) for i in store.ids(split)[:samples]]
    positions_m, dt_s = sensor_positions_m(store), 1 / store.sampling_hz
    sensors, found = np.arange(len(positions_m)), []
    for done, sample in enumerate(ids):
        if on_progress is not None:
            on_progress(done, len(ids))
        case = Case(store, sample, sensors, realizations=realizations, seed=seed)
        truth = case.at_sensors(store.velocity(sample))[0]
        found.append(level_statistics(case.draws(model), truth, positions_m, dt_s, sound_up_to_hz(store, sample)))
    return fitted(found), found


def write_with_levels(
    model: str | Path,
    data: Path,
    out: Path,
    *,
    samples: int | None = None,
    realizations: int = 8,
    bf16: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> LevelErrors:
    """Measure a model's level errors on a campaign's validation split, and write the model with them.

    Level errors that the model has already are measured anew.

    Args:
        model: a model folder, a run, or a model that ships; its second stage sees the field.
        data: the campaign's store.
        out: the new model folder; a model folder that is there is replaced, anything else refused.
        samples: as for `measure_level_errors`, and so are the other arguments.
        realizations: likewise.
        bf16: draw in bfloat16.
        on_progress: likewise.

    Raises:
        InputError: a model without such a stage, or as `measure_level_errors`.
    """
    out = check_result_folder(out, MODEL_FILES, "a model folder", field="--out")
    folder = read_model_folder(find_run_model(model, "--model"))
    config = folder.config.diffusion
    if config is None or config.field is None:
        raise InputError("--model", model, "a model whose diffusion stage sees the field")
    store, loaded = CampaignStore.open(data), load_model(folder)
    stage = loaded.need_diffusion()
    assert isinstance(stage, FieldStage)
    plain = stage.with_config(config.model_copy(update={"level_errors": None}), bf16=bf16)
    loaded = dataclasses.replace(loaded, diffusion=plain)
    errors, found = measure_level_errors(
        loaded, store, samples=samples, realizations=realizations, on_progress=on_progress
    )
    # Where nothing is missing there is nothing to draw.
    known = config.model_copy(update={"level_errors": errors if any(errors.sd_ln) else None})
    of_levels = {"store": store.path.name, "val_samples": len(found), "realizations": realizations}
    write_with_diffusion(folder, known, out, training={"levels": {"data": of_levels, "reached": {}}})
    return errors
