"""How far two draws are from being of the truth's distribution: fair energy scores, lowest for the true one.

The energy score of two draws x1, x2 and a truth y is (|x1 - y| + |x2 - y|) / 2 - |x1 - x2| / 2 (Gneiting & Raftery
2007, eq. 22; fair, since it does not depend on the number of draws: Ferro 2014). It is taken of several things that
matter: the spectrum of each sensor band by band, neighbours together, their differences, and their energies, over the
whole record and window by window.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from spectremor.diffusion.config import JUDGED_TOGETHER
from spectremor.diffusion.latent import Latents
from spectremor.diffusion.sensor_inputs import SensorInputs
from spectremor.signal.spectra import BANDS_HZ

#: Least energy, as a part of stage 1's.
_LEAST_ENERGY = 1e-5
#: Length in s of the windows in which energies are taken, and the least energy in one, as a part of stage 1's mean.
_WINDOW_S, _LEAST_IN_WINDOW = 0.8, 1e-2
#: Keeps the gradient of a norm finite.
_TINY = 1e-12


def fair_energy_score(
    first: Float[Tensor, "*rows k"], second: Float[Tensor, "*rows k"], truth: Float[Tensor, "*rows k"]
) -> Float[Tensor, "*rows"]:
    """Of each row, over the square root of the number of columns."""
    size = truth.shape[-1] ** 0.5
    missed = (_length(first - truth) + _length(second - truth)) / 2
    return (missed - _length(first - second) / 2) / size


def score_parts(
    latents: Latents,
    draws: tuple[Tensor, Tensor],
    truth: Float[Tensor, "b 3 n"],
    sensors: SensorInputs,
    clock: Float[Tensor, "b n n"],
) -> dict[str, Float[Tensor, ""]]:
    """Mean energy score of several things.

    `spectrum`: each sensor's spectrum, band by band. `together`: a sensor and its neighbours as one. `difference`:
    motion of a neighbour less the sensor's own, band by band, at equal time and at equal time after S. `energy`:
    logarithms of the energies in the bands, of a sensor and its neighbours as one. `envelope`: likewise in windows of
    `_WINDOW_S`, of each sensor: when motion is strong, and how long.

    Args:
        latents: that the draws are in.
        draws: two of them, independent.
        truth: likewise.
        sensors: whose draws they are; their nearest neighbours come first.
        clock: takes traces to times after S (`clock.to_s_clock`).
    """
    three = (*draws, truth)
    edges = band_edges(latents)
    spectra = [latents.spectrum(x) for x in three]
    bands = [_score([x[..., low:high] for x in spectra], lambda x: x.flatten(1)) for low, high in edges]
    parts = {"spectrum": torch.stack(bands).mean()}
    energies = [log_energies(latents, x, sensors, edges) for x in three]
    near = sensors.neighbour[:, :JUDGED_TOGETHER]
    parts["together"] = _score(three, lambda x: _with(x, near).flatten(1))
    parts["energy"] = _score(energies, lambda x: _with(x, near).flatten(1))
    parts["envelope"] = _score([log_envelopes(latents, x, sensors, edges) for x in three], lambda x: x.flatten(1))
    moved = [latents.spectrum(x @ clock) for x in three]
    each = [_difference(x, near, sensors.amplitude, edges) for x in (spectra, moved)]
    parts["difference"] = torch.stack(each).mean()
    return parts


def band_edges(latents: Latents) -> list[tuple[int, int]]:
    """First cosine coefficient of each band, and the first one beyond it."""
    config = latents.config
    spacing_hz = config.sampling_hz / (2 * config.time_samples)
    edges = [(round(low / spacing_hz), round(high / spacing_hz)) for low, high in BANDS_HZ]
    return [(low, min(high, config.latent_samples)) for low, high in edges if low < config.latent_samples]


def log_energies(
    latents: Latents, x: Float[Tensor, "b 3 n"], sensors: SensorInputs, edges: list[tuple[int, int]]
) -> Float[Tensor, "b band"]:
    """Logarithm of each sensor's energy in each band, all components together, over its stage-1 amplitude squared."""
    power = _motion(latents, x, sensors).square().sum(dim=1)
    least = _LEAST_ENERGY * 3 * latents.config.time_samples
    return torch.stack([(power[:, low:high].sum(dim=1) + least).log() for low, high in edges], dim=1)


def log_envelopes(
    latents: Latents, x: Float[Tensor, "b 3 n"], sensors: SensorInputs, edges: list[tuple[int, int]]
) -> Float[Tensor, "b band window"]:
    """As `log_energies`, in windows of time."""
    config, motion = latents.config, _motion(latents, x, sensors)
    size = max(1, round(_WINDOW_S * config.latent_samples * config.sampling_hz / config.time_samples))
    power = torch.stack([latents.in_time(motion, band).square().sum(dim=1) for band in edges], dim=1)
    least = _LEAST_IN_WINDOW * 3 * config.time_samples / config.latent_samples
    return (functional.avg_pool1d(power, size) + least).log()


def _motion(latents: Latents, x: Float[Tensor, "b 3 n"], sensors: SensorInputs) -> Float[Tensor, "b 3 n"]:
    """Coefficients of the motion that a change makes of stage 1, over each sensor's amplitude."""
    return latents.unwhitened(x) + sensors.stage1 / sensors.amplitude[:, None, None]


def _score(three: tuple[Tensor, ...] | list[Tensor], rows: Callable[[Tensor], Tensor]) -> Float[Tensor, ""]:
    return fair_energy_score(*(rows(x) for x in three)).mean()


def _with(x: Tensor, near: Tensor) -> Tensor:
    """Each sensor and its neighbours."""
    return torch.cat([x[:, None], x[near]], dim=1)


def _difference(
    three: list[Float[Tensor, "b 3 n"]],
    near: Tensor,
    amplitude: Float[Tensor, " b"],
    edges: list[tuple[int, int]],
) -> Float[Tensor, ""]:
    """Of the change at each neighbour less the sensor's own, over the root of the product of their amplitudes."""
    there = (near != torch.arange(len(near), device=near.device)[:, None]).float()
    root = (amplitude[near] / amplitude[:, None]).sqrt()[:, :, None, None]
    apart = [x[near] * root - x[:, None] / root for x in three]
    bands = [fair_energy_score(*(x[..., low:high].flatten(2) for x in apart)) for low, high in edges]
    return (torch.stack(bands).mean(dim=0) * there).sum() / there.sum().clamp_min(1)


def _length(x: Tensor) -> Tensor:
    return (x.square().sum(dim=-1) + _TINY).sqrt()
