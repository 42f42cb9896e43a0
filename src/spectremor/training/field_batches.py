"""Groups of sensors for training: which ones, in which orientation, with recordings at which of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spectremor.core.seeds import generator
from spectremor.diffusion.config import JUDGED_TOGETHER, FieldConfig
from spectremor.diffusion.orientation import ORIENTATIONS
from spectremor.diffusion.sensor_inputs import amplitude_by_reference, log_amplitude, place_inputs
from spectremor.diffusion.shared_noise import group_noise
from spectremor.training.config import FieldTraining
from spectremor.training.field_cache import FieldSample
from spectremor.training.layouts import Layout

#: Part of the groups that have recordings, and part that teach the mean beside the noise process.
_WITH_RECORDINGS, _OF_MEAN = 0.5, 0.125


def group_of_sample(
    sample: FieldSample, layout: Layout, rng: np.random.Generator, config: FieldTraining, place: float
) -> dict[str, Tensor]:
    """What `FieldObjective` is called with, of one group and without the dimension of groups.

    Args:
        sample: that the group is of.
        layout: of its sensors.
        rng: that draws everything random.
        config: of the training.
        place: in [0, 1), where the step lies in the noise process.
    """
    latent, longest = config.model.latent, config.model.process.train_steps
    chosen = layout.group(rng, config.sensors)
    turn = ORIENTATIONS[int(rng.integers(len(ORIENTATIONS)))] if config.augment else ORIENTATIONS[0]
    matrix = torch.from_numpy(turn)
    stage1, truth = matrix @ sample.stage1[chosen], matrix @ sample.truth[chosen]
    where = sample.surroundings.at(chosen).turned(turn)
    observed = _observed(rng, config)
    records, error = _recordings(truth, rng, config)
    amplitude = amplitude_by_reference(stage1, where.reference_m_s, latent)
    amplitudes = log_amplitude(amplitude, where.reference_m_s, latent).numpy()
    field = config.model.field
    assert field is not None
    places = _padded(place_inputs(where, amplitudes, observed, field, latent), field)
    noise = group_noise(rng, where.positions_m, places["delay"], (2, *stage1.shape[1:]), field)
    return {
        "truth": truth,
        "noise": noise,
        "step": torch.tensor(int(place * longest)),
        "of_mean": torch.tensor(float(rng.random() < _OF_MEAN)),
        "stage1": stage1,
        "amplitude": amplitude,
        "reference": torch.full_like(amplitude, where.reference_m_s),
        "recorded": records,
        "is_recorded": torch.from_numpy(observed.astype(np.float32)),
        "recording_error": error,
        "positions_m": torch.from_numpy(where.positions_m),
        **places,
    }


def places_of_groups(seed: int, step: int, count: int) -> np.ndarray:
    """Places in [0, 1), one in each of `count` equal parts, in random order (Kingma et al. 2021, appendix)."""
    rng = generator(seed, "places", step)
    return np.asarray((rng.permutation(count) + rng.random(count)) / count)


def _observed(rng: np.random.Generator, config: FieldTraining) -> np.ndarray:
    field = config.model.field
    observed = np.zeros(config.sensors, dtype=bool)
    share = config.observed_share * rng.random() * (rng.random() < _WITH_RECORDINGS)
    order = rng.permutation(config.sensors)
    if field is not None and field.observed:
        observed[order[: round(share * config.sensors)]] = True
    return observed


def _recordings(truth: Tensor, rng: np.random.Generator, config: FieldTraining) -> tuple[Tensor, Tensor]:
    """Recordings at every sensor, and the standard deviation of their errors in m/s."""
    rms = (truth.square().sum(dim=2) / config.model.latent.time_samples).sqrt()
    error = config.observed_error * rms
    unit = torch.from_numpy(rng.standard_normal(truth.shape, dtype=np.float32))
    return truth + error[:, :, None] * unit, error


def _padded(places: dict[str, Tensor], field: FieldConfig) -> dict[str, Tensor]:
    """The same with room for neighbours with recordings where there are none, so that all groups are of one size."""
    wanted = max(field.neighbours, JUDGED_TOGETHER) + (field.observed_neighbours if field.observed else 0)
    count, found = places["neighbour"].shape
    own = torch.arange(count)[:, None].expand(count, wanted - found)
    nothing = torch.zeros(count, wanted - found)
    told = torch.zeros(count, wanted - found, places["pair"].shape[2])
    return places | {
        "neighbour": torch.cat([places["neighbour"], own], dim=1),
        "weight": torch.cat([places["weight"], nothing], dim=1),
        "pair": torch.cat([places["pair"], told], dim=1),
    }
