"""How draws at a group of sensors compare with the truth: level, spread, mean, and likeness of neighbours."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from spectremor.diffusion.energy_score import band_edges, fair_energy_score, log_energies
from spectremor.diffusion.latent import Latents
from spectremor.diffusion.sensor_inputs import SensorInputs

_BANDS = ("low", "mid", "high")


def ensemble_scores(
    latents: Latents,
    draws: Float[Tensor, "m b 3 n"],
    mean: Float[Tensor, "b 3 n"],
    truth: Float[Tensor, "b 3 n"],
    sensors: SensorInputs,
) -> dict[str, float]:
    """Scores of m draws, all of them means over the sensors without a recording.

    `energy_score`: fair, of each sensor's latents. For the natural logarithm of the amplitude (half that of the energy)
    in the bands 0-1, 1-2 and 2-5 Hz: `bias_...`, draws less truth; `crps`, fair, mean of the bands; `inside_...`, share
    of truths between the lowest and the highest draw (nominal: (m - 1) / (m + 1)). `mean_error` and `mean_off`: squared
    error of the mean, and its squared distance from the mean of the draws. `alike_...`: correlation without a lag of
    neighbours' motion at 2-5 Hz, of draws and truth. `recorded_error`: root mean square of what draws depart from the
    truth at sensors with a recording, over its error.

    Args:
        latents: that everything is in.
        draws: independent.
        mean: as the network gives it.
        truth: of the same sensors.
        sensors: what is known of them.
    """
    free = sensors.is_recorded == 0
    edges = band_edges(latents)
    true_logs = log_energies(latents, truth, sensors, edges)[free] / 2
    drawn_logs = torch.stack([log_energies(latents, x, sensors, edges)[free] / 2 for x in draws])
    flat = draws.flatten(2)
    scores = {
        "energy_score": float(fair_energy_score(flat[0], flat[1], truth.flatten(1))[free].mean()),
        "crps": float(_fair_crps(drawn_logs, true_logs).mean()),
        "mean_error": float((mean - truth)[free].square().mean()),
        "mean_off": float((mean - draws.mean(dim=0))[free].square().mean()),
    }
    inside = (drawn_logs.amin(dim=0) <= true_logs) & (true_logs <= drawn_logs.amax(dim=0))
    for number, band in enumerate(_BANDS[: len(edges)]):
        scores[f"bias_{band}"] = float((drawn_logs.mean(dim=0) - true_logs)[:, number].mean())
        scores[f"inside_{band}"] = float(inside[:, number].float().mean())
    scores["alike_draws"] = float(torch.stack([_alike(latents, x, sensors) for x in draws]).mean())
    scores["alike_truth"] = float(_alike(latents, truth, sensors))
    scores["recorded_error"] = _recorded_error(latents, draws, truth, sensors)
    return scores


def _fair_crps(draws: Float[Tensor, "m b band"], truth: Float[Tensor, "b band"]) -> Float[Tensor, "b band"]:
    """Continuous ranked probability score, unbiased for any number of draws (Ferro 2014)."""
    m = len(draws)
    apart = (draws[:, None] - draws[None]).abs().sum(dim=(0, 1)) / (2 * m * (m - 1))
    return (draws - truth).abs().mean(dim=0) - apart


def _alike(latents: Latents, x: Float[Tensor, "b 3 n"], sensors: SensorInputs) -> Float[Tensor, ""]:
    """Mean correlation of each sensor's motion with that of its nearest neighbour, in the highest band."""
    low, high = band_edges(latents)[-1]
    motion = latents.unwhitened(x) + sensors.stage1 / sensors.amplitude[:, None, None]
    part = motion[:, :, low:high].flatten(1)
    part = part / part.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return (part * part[sensors.neighbour[:, 0]]).sum(dim=1).mean()


def _recorded_error(latents: Latents, draws: Tensor, truth: Tensor, sensors: SensorInputs) -> float:
    there = sensors.is_recorded > 0
    if not bool(there.any()):
        return float(np.nan)
    apart = (
        latents.unwhitened((draws - truth)[:, there].flatten(0, 1))
        * sensors.amplitude[there].repeat(len(draws))[:, None, None]
    )
    error = sensors.recording_error[there].repeat(len(draws), 1)[:, :, None]
    return float((apart / error).square().mean().sqrt())
