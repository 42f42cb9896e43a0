"""The fair energy score is lowest for draws from the distribution of the truth."""

from __future__ import annotations

import pytest
import torch
from field_cases import random_positions, random_traces, stage_config, surroundings

from spectremor.diffusion.clock import to_s_clock
from spectremor.diffusion.energy_score import band_edges, fair_energy_score, log_energies, log_envelopes, score_parts
from spectremor.diffusion.latent import Latents, cosine_matrix
from spectremor.diffusion.sensor_inputs import SensorInputs, place_inputs


def test_its_formula_by_hand() -> None:
    first, second, truth = torch.tensor([[0.0, 0.0]]), torch.tensor([[6.0, 8.0]]), torch.tensor([[3.0, 4.0]])
    # (5 + 5) / 2 - 10 / 2, over the root of two.
    assert float(fair_energy_score(first, second, truth)) == pytest.approx(0.0, abs=1e-6)
    assert float(fair_energy_score(first, first, truth)) == pytest.approx(5 / 2**0.5, rel=1e-5)


def sensors_of(stage1: torch.Tensor, amplitude: float) -> SensorInputs:
    """Sensors at random places, without recordings."""
    config, count = stage_config(), len(stage1)
    places = place_inputs(
        surroundings(random_positions(count, size_m=500.0)),
        torch.zeros(count).numpy(),
        torch.zeros(count, dtype=torch.bool).numpy(),
        config.field,  # type: ignore[arg-type]
        config.latent,
    )
    return SensorInputs(
        stage1=stage1,
        amplitude=torch.full((count,), amplitude),
        reference=torch.full((count,), amplitude),
        recorded=stage1,
        is_recorded=torch.zeros(count),
        recording_error=torch.zeros(count, 3),
        **places,
    )


def scores(spread: float, shift: float, alike: float) -> dict[str, float]:
    """Of draws with another spread, mean or likeness of neighbours than the truths, which have 1, 0 and 0.8."""
    torch.manual_seed(0)
    config, count = stage_config(), 12
    latents = Latents(config.latent)
    stage1 = latents.coefficients(torch.from_numpy(random_traces(count)))
    sensors = sensors_of(stage1, 0.01)

    # All sensors on one clock, on which they are alike.
    clock = to_s_clock(torch.full((count,), 8.0), 40)

    def draw(likeness: float) -> torch.Tensor:
        return likeness**0.5 * torch.randn(1, 3, 40) + (1 - likeness) ** 0.5 * torch.randn(count, 3, 40)

    total: dict[str, float] = {}
    for _ in range(200):
        draws = (spread * draw(alike) + shift, spread * draw(alike) + shift)
        for name, value in score_parts(latents, draws, draw(0.8), sensors, clock).items():
            total[name] = total.get(name, 0.0) + float(value) / 200
    return total


def test_draws_of_another_spread_mean_or_likeness_score_worse() -> None:
    true = scores(1.0, 0.0, 0.8)
    assert set(true) == {"spectrum", "together", "difference", "energy", "envelope"}
    for spread in (0.7, 1.4):
        wrong = scores(spread, 0.0, 0.8)
        assert all(wrong[name] > true[name] for name in true), spread
    shifted = scores(1.0, 0.5, 0.8)
    assert shifted["spectrum"] > true["spectrum"]
    # Only the difference tells draws without likeness, each right at each sensor.
    incoherent = scores(1.0, 0.0, 0.0)
    assert incoherent["spectrum"] == pytest.approx(true["spectrum"], rel=0.02)
    assert incoherent["difference"] > 1.1 * true["difference"]


def test_windows_tell_when_motion_is_strong() -> None:
    latents, count = Latents(stage_config().latent), 5
    time = torch.arange(40)
    # The same shape early and late: 2.67 s of 6.4 s apart, which are a third of the 8 windows.
    early, late = (torch.exp(-(((time - at) / 3.0) ** 2)) * torch.cos(time) for at in (8, 28))
    sensors = sensors_of(torch.zeros(count, 3, 40), 1.0)
    edges = band_edges(latents)
    whitened = [latents.whitened(x.expand(count, 3, 40) @ cosine_matrix(40, 40)) for x in (early, late)]
    first, second = (log_envelopes(latents, x, sensors, edges) for x in whitened)
    assert first.shape == (count, 3, 8)
    strongest = [x.exp().sum(dim=1).argmax(dim=1) for x in (first, second)]
    assert set(strongest[0].tolist()) == {1}
    assert set(strongest[1].tolist()) == {5}
    whole = [log_energies(latents, x, sensors, edges) for x in whitened]
    torch.testing.assert_close(whole[0].exp().sum(dim=1), whole[1].exp().sum(dim=1), rtol=0.05, atol=0)


def test_bands_are_those_of_the_coefficients() -> None:
    # 96 samples at 15 Hz: a coefficient every 0.078 Hz.
    assert band_edges(Latents(stage_config().latent)) == [(0, 13), (13, 26), (26, 40)]
