"""A stage that sees the field: any layout, exact properties, and the network of single sensors inside it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from field_cases import SAMPLES, random_positions, random_stage, random_traces, stage_config, surroundings

from spectremor.core.errors import InputError
from spectremor.diffusion.denoiser import UNet1d
from spectremor.diffusion.field_network import FieldNetwork, weights_of_single_sensors
from spectremor.diffusion.field_parts import WholeField
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.orientation import ORIENTATIONS
from spectremor.diffusion.recorded import Recorded
from spectremor.diffusion.sensor_inputs import SensorInputs, place_inputs

# One draw and its orientation alone, where the layout is at stake and not the symmetries.
PLAIN = {"any_orientation": False}


def close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 2e-5) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * float(np.abs(wanted).max()))


def test_another_order_of_the_sensors_gives_the_same_draws_in_another_order() -> None:
    stage, positions, traces = random_stage(stage_config()), random_positions(20), random_traces(20)
    order = np.random.default_rng(5).permutation(20)
    draws = stage.generate(traces, surroundings(positions), realizations=2, seed=3)
    shuffled = stage.generate(traces[order], surroundings(positions[order]), realizations=2, seed=3)
    close(shuffled, draws[:, order])
    close(
        stage.expect(traces[order], surroundings(positions[order])),
        stage.expect(traces, surroundings(positions))[order],
    )


def test_sensors_far_away_change_nothing_and_near_ones_do() -> None:
    stage, traces = random_stage(stage_config()), random_traces(30)
    positions = random_positions(30)
    positions[20:] += 60_000.0
    all_of_them = stage.generate(traces, surroundings(positions), seed=3)
    near_ones = stage.generate(traces[:20], surroundings(positions[:20]), seed=3)
    close(near_ones, all_of_them[:, :20])
    fewer = stage.generate(traces[:19], surroundings(positions[:19]), seed=3)
    assert np.abs(fewer - all_of_them[:, :19]).max() > 1e-3 * np.abs(all_of_them).max()


def test_a_single_station_and_two_at_one_place() -> None:
    stage = random_stage(stage_config())
    alone = stage.generate(random_traces(1), surroundings(random_positions(1)), seed=1)
    assert alone.shape == (1, 1, 3, SAMPLES)
    assert np.isfinite(alone).all()
    twice = np.repeat(random_positions(1), 2, axis=0)
    both = stage.generate(np.repeat(random_traces(1), 2, axis=0), surroundings(twice), seed=1)
    # The same place, the same traces, the same noise: the same motion.
    close(both[:, 0], both[:, 1])


def test_realizations_are_the_same_whatever_their_number() -> None:
    stage, where, traces = random_stage(stage_config()), surroundings(random_positions(6)), random_traces(6)
    three = stage.generate(traces, where, realizations=3, seed=9)
    np.testing.assert_array_equal(stage.generate(traces, where, realizations=1, seed=9), three[:1])
    assert np.abs(three[0] - three[1]).max() > 0
    assert np.abs(stage.generate(traces, where, seed=8)[0] - three[0]).max() > 0


def test_draws_and_mean_are_linear_in_the_moment() -> None:
    stage, positions, traces = random_stage(stage_config()), random_positions(12), random_traces(12)
    records = Recorded(sensors=np.array([2, 7]), velocity=random_traces(2, seed=8))
    louder = dataclasses.replace(records, velocity=8 * records.velocity)
    near, far = surroundings(positions), surroundings(positions, reference_m_s=0.08)
    for recorded, larger in ((None, None), (records, louder)):
        draw = stage.generate(traces, near, seed=2, recorded=recorded)
        np.testing.assert_allclose(stage.generate(8 * traces, far, seed=2, recorded=larger), 8 * draw, rtol=1e-5)
        mean = stage.expect(traces, near, recorded=recorded)
        np.testing.assert_allclose(stage.expect(8 * traces, far, recorded=larger), 8 * mean, rtol=1e-5)


@pytest.mark.parametrize("number", [1, 4, 7, 8, 13])
def test_a_turned_event_has_the_turned_draws_and_the_turned_mean(number: int) -> None:
    config = stage_config()
    stage, where, traces = random_stage(config), surroundings(random_positions(10)), random_traces(10)
    turn = ORIENTATIONS[number]
    turned, turned_traces = where.turned(turn), (turn @ traces).astype(np.float32)
    close(stage.expect(turned_traces, turned), turn @ stage.expect(traces, where))
    # The draws of one noise, over all orientations, are one set for both; a draw takes one of them at random.
    noise = torch.randn(10, 3, 40)
    event, other = (
        stage._event(WholeField(motion, around, None), slice(0, SAMPLES))
        for motion, around in ((traces, where), (turned_traces, turned))
    )

    def all_draws(which: object) -> np.ndarray:
        draws = []
        for k, matrix in enumerate(ORIENTATIONS):
            latents = stage.draw(stage._condition(which, k), lambda: noise)  # type: ignore[arg-type]
            draws.append((torch.from_numpy(matrix.T.copy()) @ latents).detach().numpy())
        return np.stack(draws)

    first, second = all_draws(event), turn.T @ all_draws(other)
    apart = np.abs(first[:, None] - second[None]).max(axis=(2, 3, 4))
    assert (apart.min(axis=1) < 1e-4 * np.abs(first).max()).all()
    # And they are 16 different ones.
    assert (np.abs(first[:, None] - first[None]).max(axis=(2, 3, 4)) > 1e-2).sum() == 16 * 15
    numbers = {int(n) for n in np.argmin(apart, axis=1)}
    assert numbers == set(range(16))


def single_sensors(config: object, seed: int = 4) -> UNet1d:
    torch.manual_seed(seed)
    network = UNet1d(config)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return network.eval()


def conditions(stage: FieldStage, count: int = 8) -> object:
    """What the network is told of some sensors, two of them with recordings."""
    where, known = surroundings(random_positions(count)), torch.from_numpy(random_traces(count))
    config = stage.config
    known = stage.latents.coefficients(known)
    observed = np.arange(count) < 2
    places = place_inputs(where, np.zeros(count), observed, stage.field, config.latent)
    return SensorInputs(
        stage1=known,
        amplitude=torch.full((count,), 0.01),
        reference=torch.full((count,), 0.01),
        recorded=2 * known,
        is_recorded=torch.from_numpy(observed).float(),
        recording_error=torch.full((count, 3), 1e-4),
        **places,
    ).condition(stage.latents)


def test_without_exchange_it_is_the_network_of_single_sensors() -> None:
    config = stage_config()
    single = single_sensors(config.network)
    stage = FieldStage(config)
    stage.network.load_state_dict(weights_of_single_sensors(stage.network, single.state_dict()))
    stage.eval()
    condition = conditions(stage)
    x, step = torch.randn(8, 3, 40), torch.rand(8)
    with torch.no_grad():
        torch.testing.assert_close(stage.network(x, condition, step), single(x, condition, step))
        # Everything that it has beyond that matters once it has weights.
        before = stage.network(x, condition, step)
        for part in ("exchanges.1.hear.weight", "surroundings.2.weight", "mean"):
            parameter = dict(stage.network.named_parameters())[part]
            parameter.add_(torch.randn(parameter.shape))
            told = condition.of_mean() if part == "mean" else condition  # type: ignore[attr-defined]
            assert (stage.network(x, told, step) - before).abs().max() > 1e-4
            parameter.zero_()


def test_weights_of_another_network_are_refused() -> None:
    network = FieldNetwork(stage_config())
    other = UNet1d(stage_config().network.model_copy(update={"widths": (8, 24)}))
    with pytest.raises(InputError, match=r"diffusion weights: got .* of shape"):
        weights_of_single_sensors(network, other.state_dict())


def test_a_fresh_stage_gives_back_a_recording_and_its_band_above() -> None:
    stage = FieldStage(stage_config(**PLAIN))
    traces, where = random_traces(9), surroundings(random_positions(9))
    records = Recorded(sensors=np.array([5, 0]), velocity=random_traces(2, seed=12))
    draw = stage.generate(traces, where, recorded=records, seed=0)
    close(draw[0, [5, 0]], records.velocity, 1e-4)
    close(stage.expect(traces, where, recorded=records)[[5, 0]], records.velocity, 1e-4)


def test_whatever_the_weights_a_recording_is_left_by_errors_alone() -> None:
    config = stage_config()
    stage = random_stage(config, scale=0.1)
    traces, where = random_traces(9), surroundings(random_positions(9))
    velocity = random_traces(2, seed=12)
    departures = []
    for error in (0.01, 0.04):
        records = Recorded(sensors=np.array([5, 0]), velocity=velocity, error=error)
        departures.append(stage.generate(traces, where, recorded=records, seed=0)[0, [5, 0]] - velocity)
    assert np.abs(departures[0]).max() > 0
    # Four times the error, four times as far from the recording.
    close(departures[1], 4 * departures[0], 1e-3)
    exact = Recorded(sensors=np.array([5, 0]), velocity=velocity, error=0.0)
    close(stage.generate(traces, where, recorded=exact, seed=0)[0, [5, 0]], velocity, 1e-4)
    # Wild weights do not lead far from it either: two standard deviations of each coefficient at most.
    wild = random_stage(config, scale=10.0).generate(
        traces, where, recorded=Recorded(sensors=np.array([5, 0]), velocity=velocity, error=0.01), seed=0
    )
    departure = np.square(wild[0, [5, 0]] - velocity).mean(axis=2)
    limit = np.square(2.0 * 0.01 * np.sqrt(np.square(velocity).mean(axis=2)))
    assert (departure <= 1.01 * limit).all()
    assert (departure > 0.25 * limit).any()


def test_a_recording_reaches_its_neighbours() -> None:
    stage, traces, where = random_stage(stage_config()), random_traces(9), surroundings(random_positions(9))
    one, other = (
        stage.generate(traces, where, recorded=Recorded(sensors=np.array([4]), velocity=random_traces(1, seed=s)))
        for s in (1, 2)
    )
    others = np.arange(9) != 4
    assert np.abs(one - other)[:, others].max() > 1e-3 * np.abs(one).max()


def test_recordings_that_the_stage_cannot_take_are_refused() -> None:
    traces, where = random_traces(3), surroundings(random_positions(3))
    good = Recorded(sensors=np.array([1]), velocity=random_traces(1))
    without = FieldStage(stage_config(observed=False))
    assert without.generate(traces, where).shape == (1, 3, 3, SAMPLES)
    with pytest.raises(InputError, match=r"observed: got recordings; allowed: none: this model was not trained"):
        without.generate(traces, where, recorded=good)
    stage = FieldStage(stage_config())
    with pytest.raises(InputError, match=r"observed: got shape"):
        stage.generate(traces, where, recorded=dataclasses.replace(good, velocity=good.velocity[..., :-1]))
    with pytest.raises(InputError, match=r"observed: got NaN"):
        stage.generate(traces, where, recorded=dataclasses.replace(good, velocity=np.nan * good.velocity))


@pytest.mark.parametrize(
    ("traces", "found"),
    [
        (random_traces(2), r"stage-1 traces: got shape"),
        (random_traces(3)[..., 1:], r"stage-1 wavefield.time: got 95 samples"),
        (np.inf * random_traces(3), r"stage-1 traces: got NaN"),
    ],
)
def test_traces_that_are_none_are_refused(traces: np.ndarray, found: str) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(InputError, match=found):
        FieldStage(stage_config()).generate(traces, surroundings(random_positions(3)))


def test_a_silent_sensor_stays_still_and_nothing_comes_before_the_first_motion() -> None:
    stage, where = random_stage(stage_config()), surroundings(random_positions(5))
    traces = random_traces(5)
    traces[:, :, :30] = 0
    traces[2] = 0
    draw = stage.generate(traces, where, realizations=3, seed=4)
    assert (draw[:, 2] == 0).all()
    assert np.abs(draw[..., :29]).max() <= 1e-6 * np.abs(draw).max()


def test_a_saved_stage_is_the_same() -> None:
    stage = random_stage(stage_config())
    again = FieldStage.from_parts(*stage.parts())
    traces, where = random_traces(4), surroundings(random_positions(4))
    np.testing.assert_array_equal(again.generate(traces, where, seed=1), stage.generate(traces, where, seed=1))
    config, tensors = stage.parts()
    with pytest.raises(InputError, match="diffusion weights"):
        FieldStage.from_parts(config, {name: t for name, t in tensors.items() if name != "network.mean"})


def test_what_a_stage_that_sees_the_field_cannot_be_is_refused() -> None:
    values = stage_config().model_dump()
    parse = type(stage_config()).model_validate
    assert parse(values).field is not None
    for part, key, value in (
        ("latent", "keep_below_hz", 1.0),
        ("latent", "target", "trace"),
        ("sampling", "noise_correlation", 3.0),
        ("network", "jumps", True),
        ("field", "heads", 3),
    ):
        with pytest.raises(ValueError, match=r"field needs|heads must divide"):
            parse(values | {part: values[part] | {key: value}})
    # A model that sees no field says nothing of it: its digest stays what it was.
    assert "field" not in parse(values | {"field": None}).model_dump()
