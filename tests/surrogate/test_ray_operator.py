"""The operator alone: exact where physics is exact, sensor by sensor, and without a simulation anywhere."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator
from small_ray_operators import DOMAIN, SMALL

from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.data.store import CampaignStore
from spectremor.model.build import load_model
from spectremor.model.folder import write_model_folder
from spectremor.surrogate.augmentation import turn_inputs, turn_traces
from spectremor.surrogate.config import RayConfig, check_config, load_preset
from spectremor.surrogate.inputs import event_inputs
from spectremor.surrogate.loss import LossConfig, band_l2, surrogate_loss
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.networks import make_network
from spectremor.surrogate.preparation import Preparation
from spectremor.surrogate.protocol import AnySensors, Stage1
from spectremor.surrogate.ray_tube import column_points_m, sampled, sensor_frames, tube_points_m
from spectremor.surrogate.transfer import TransferFunctions
from spectremor.training.config import parse_config


def ground(seed=0):
    rng = np.random.default_rng(seed)
    vs = rng.uniform(1500, 3500, DOMAIN.nodes)
    for axis in range(3):
        vs = (vs + np.roll(vs, 1, axis) + np.roll(vs, -1, axis)) / 3
    return make_geology(vs.astype(np.float32), DOMAIN.extent_m)


def source(moment=(1.0, -0.5, -0.5, 0.3, 0.8, -0.2), position=(4000.0, 2500.0, -5000.0), size=2e16):
    return Source(position_m=position, moment_tensor_nm=tuple(size * m for m in moment))


def stage1(**switches):
    torch.manual_seed(0)
    network = make_network(check_config({**SMALL, **switches}))
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.2)
    depth = np.broadcast_to(np.linspace(3500, 2000, DOMAIN.nodes[2]), DOMAIN.nodes)
    return MifnoSurrogate(network.eval(), GeologyNormalisation(depth.copy(), np.full(DOMAIN.nodes, 400.0)))


def inputs_of(model, geology, event):
    vs = geology.vs_m_s.astype(np.float64)
    return event_inputs(vs, event, model.config, model.normalisation)


def batched(*inputs):
    return {name: torch.from_numpy(np.stack([one[name] for one in inputs])) for name in inputs[0]}


def test_predicts_a_labelled_wavefield_of_its_own_bytes():
    model = stage1()
    assert isinstance(model, Stage1)
    field = model.predict(ground(), source())
    assert field.dims == ("component", "x", "y", "time")
    assert field.shape == (3, 6, 6, 64)
    assert float(abs(field).max()) > 0
    two = model.predict_arrays([ground(1), ground()], [source(), source()])
    assert two[1].tobytes() == field.values.tobytes()


def test_at_places_of_one_s_own_it_is_what_it_is_on_the_grid_there():
    model = stage1()
    assert isinstance(model, AnySensors)
    assert model.any_sensors
    field = model.predict(ground(), source()).values
    x_m, y_m = model.config.sensors.x_m, model.config.sensors.y_m
    there = np.array([[x_m[4], y_m[1]], [x_m[0], y_m[5]], [x_m[2], y_m[2]]])
    alone = model.predict_at(ground(), source(), there)
    assert alone.dtype == np.float32
    wanted = np.stack([field[:, 4, 1], field[:, 0, 5], field[:, 2, 2]], axis=1)
    np.testing.assert_allclose(alone, wanted, atol=2e-5 * abs(field).max())
    # Between sensors it goes over from one to the other, and a metre changes next to nothing.
    between = model.predict_at(ground(), source(), there[:1] + np.array([[0.0, 0.0], [1.0, 0.0], [150.0, 0.0]]))
    assert abs(between[:, 1] - between[:, 0]).max() < 0.02 * abs(between[:, 0]).max()
    assert abs(between[:, 2] - between[:, 0]).max() > 0.02 * abs(between[:, 0]).max()


def test_many_places_are_what_a_few_are(monkeypatch):
    model, places = stage1(), np.random.default_rng(0).uniform(700, 8900, (7, 2))
    together = model.predict_at(ground(), source(), places)
    monkeypatch.setattr("spectremor.surrogate.mifno._POINTS_AT_ONCE", 3)
    np.testing.assert_allclose(model.predict_at(ground(), source(), places), together, atol=1e-5 * abs(together).max())


def test_is_linear_in_the_moment_tensor():
    model, (a, b) = stage1(), ((1.0, -0.5, -0.5, 0.3, 0.8, -0.2), (0.2, 0.1, -0.3, 1.0, 0.0, 0.5))
    mixed = tuple(2 * p - 3 * q for p, q in zip(a, b, strict=True))
    one, two, both = (model.predict(ground(), source(m)).values for m in (a, b, mixed))
    np.testing.assert_allclose(both, 2 * one - 3 * two, atol=2e-5 * abs(both).max())
    assert abs(one - two).max() > 0.1 * abs(one).max()


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_turned_event_gives_the_turned_field(quarter_turns):
    model = stage1()
    inputs = inputs_of(model, ground(), source())
    rotations = [s for s in range(8) if _is_rotation(s)]
    symmetry = rotations[quarter_turns]
    with torch.inference_mode():
        turned = model.network(batched(turn_inputs(inputs, symmetry)))[0].numpy()
        plain = model.network(batched(inputs))[0].numpy()
    expected = turn_traces(plain, symmetry)
    np.testing.assert_allclose(turned, expected, atol=2e-4 * abs(expected).max())
    assert abs(turned - plain).max() > 0.1 * abs(plain).max()


def _is_rotation(symmetry):
    from spectremor.data.symmetries import Symmetry

    return bool(np.linalg.det(Symmetry(symmetry).matrix) > 0)


def test_sensors_alone_are_as_among_all_and_thinned_times_as_among_all():
    model = stage1()
    inputs = batched(inputs_of(model, ground(), source()), inputs_of(model, ground(1), source()))
    sensors = torch.tensor([[3, 20, 35], [0, 7, 7]])
    with torch.inference_mode():
        every = model.network(inputs).flatten(2, 3)
        some = model.network.at(inputs, sensors, stride=4)
    for event in range(2):
        torch.testing.assert_close(some[event], every[event][:, sensors[event], ::4], rtol=1e-4, atol=1e-5)


def test_in_bfloat16_traces_and_gradients_are_nearly_the_same():
    model = stage1()
    inputs = batched(inputs_of(model, ground(), source()))
    found = {}
    for bf16 in (False, True):
        model.network.bf16 = bf16
        model.network.zero_grad()
        traces = model.network(inputs)
        assert traces.dtype == torch.float32
        traces.square().sum().backward()
        gradient = torch.cat([p.grad.flatten() for p in model.network.parameters()])
        assert gradient.dtype == torch.float32
        found[bf16] = traces.detach(), gradient
    for exact, rounded in zip(found[False], found[True], strict=True):
        assert 0 < float((rounded - exact).norm() / exact.norm()) < 0.03


def test_every_weight_learns():
    model = stage1()
    model.network.train()
    out = model.network(batched(inputs_of(model, ground(), source())))
    surrogate_loss(out, torch.randn_like(out), LossConfig(sensor=0, energy=1, bands=1), 10.0).backward()
    for name, parameter in model.network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_ground_off_the_tube_and_the_column_is_not_seen():
    model = stage1(tube_spacing_m=100.0, column_spacing_m=100.0)
    event = source(position=(2000.0, 2000.0, -5000.0))
    inputs = inputs_of(model, ground(), event)
    far = {**inputs, "geology": inputs["geology"].copy()}
    far["geology"][4:, 4:] += 1.0
    with torch.inference_mode():
        a, b = (model.network(batched(v))[0] for v in (inputs, far))
    assert torch.equal(a[:, 0, 0], b[:, 0, 0])
    assert not torch.equal(a[:, 5, 5], b[:, 5, 5])


def test_points_of_a_tube_and_of_a_column():
    frames = sensor_frames(torch.tensor([[0.0, 0.0, -4000.0]]), torch.tensor([[[3000.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]))
    tube = tube_points_m(frames, 10, 3, 500.0)
    assert tube.shape == (1, 2, 10, 3, 3, 3)
    np.testing.assert_allclose(tube[0, 0, 0, 1, 1], [150.0, 0.0, -3800.0], atol=1e-3)
    # To the left is North of a ray to the East; above it is backward and up.
    np.testing.assert_allclose(tube[0, 0, 0, 2, 1] - tube[0, 0, 0, 1, 1], [0.0, 500.0, 0.0], atol=1e-3)
    np.testing.assert_allclose(tube[0, 0, 0, 1, 2] - tube[0, 0, 0, 1, 1], [-400.0, 0.0, 300.0], atol=1e-3)
    column = column_points_m(frames, 4, 3, 300.0)
    np.testing.assert_allclose(column[0, 0, 3, 1, 1], [3000.0, 0.0, -900.0], atol=1e-3)
    np.testing.assert_allclose(column[0, 0, 0, 2, 1] - column[0, 0, 0, 1, 1], [300.0, 0.0, 0.0], atol=1e-3)
    # Straight above the source a direction is chosen, and nothing is NaN.
    assert torch.isfinite(tube[0, 1]).all()
    np.testing.assert_allclose(frames.axes[0, 1], np.eye(3), atol=1e-6)


def test_sampling_is_trilinear_and_keeps_the_edge():
    rng = np.random.default_rng(0)
    volume, low, high = rng.standard_normal((5, 4, 6)), np.array([0.0, 10.0, -50.0]), np.array([40.0, 40.0, 0.0])
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, volume.shape, strict=True)]
    points = rng.uniform(low - 5, high + 5, (30, 3))
    expected = RegularGridInterpolator(axes, volume)(np.clip(points, low, high))
    as_tensor = lambda v: torch.tensor(v, dtype=torch.float64)  # noqa: E731
    values = sampled(as_tensor(volume)[None, None], as_tensor(points)[None], as_tensor(low), as_tensor(high))
    np.testing.assert_allclose(values[0, :, 0], expected, rtol=1e-10)


def test_transfer_functions_start_at_half_the_wave_and_delay_it():
    transfer = TransferFunctions(4, 5, 2, steps=90, period_s=7.2)
    direct = torch.randn(1, 18, 3, 45, dtype=torch.complex64)
    torch.testing.assert_close(transfer(direct, torch.randn(1, 3, 4)), direct / 4)
    with torch.no_grad():
        transfer.head.bias.view(6, -1)[:, -1] = 2.0
    delayed = transfer(direct, torch.zeros(1, 3, 4))
    expected = direct / 4 * torch.exp(-2j * torch.pi * 0.2 * transfer.frequency)
    torch.testing.assert_close(delayed, expected)


def test_the_loss_by_bands_weighs_bands_alike():
    t = torch.arange(640) / 50.0
    # Whole cycles, so that a tone is in its own band alone.
    low, high = (torch.sin(2 * torch.pi * cycles / 12.8 * t) for cycles in (6, 52))
    truth = (low + 5 * high).expand(1, 3, 2, -1)
    assert band_l2(truth, truth, 50.0) < 1e-4
    # Without the low tone one band of four is lost; without the high one, another.
    assert band_l2(5 * high.expand_as(truth), truth, 50.0) == pytest.approx(0.25, abs=0.02)
    assert band_l2(low.expand_as(truth), truth, 50.0) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("values", "field", "allowed"),
    [
        ({"widht": 3}, "mifno.widht", "no such key: domain"),
        ({"latent": 7}, "mifno.latent", "multiple of 2"),
        ({"simulation_m": 3}, "mifno.simulation_m", "greater than or equal to 50"),
        ({"along": 4096, "across": 4096}, "mifno", "must not exceed"),
    ],
)
def test_refuses_a_config(values, field, allowed):
    with pytest.raises(InputError) as refused:
        check_config({**SMALL, **values})
    assert refused.value.field == field
    assert allowed in str(refused.value)


def test_a_network_of_another_kind_is_refused_by_name():
    with pytest.raises(InputError, match="rays"):
        parse_config({"model": {"kind": "cubes"}}, "mifno")
    with pytest.raises(InputError, match=r"model\.widht.*no such key: domain.*width"):
        parse_config({"model": {"kind": "rays", "widht": 3}}, "mifno")
    with pytest.raises(InputError, match="kind rays"):
        parse_config({"sensors": 4}, "mifno")
    with pytest.raises(InputError, match="kind rays"):
        parse_config({"mixed_precision": "bf16"}, "mifno")


def simulated(geology, event, recording):
    """Made-up motion that depends on where each sensor is, and is linear in the moment."""
    points_m, time_s = recording.sensors.points_m(), recording.time_s
    phase = points_m[:, :2].sum(axis=1)[:, None] / 3000.0 + 2 * np.pi * 1.3 * time_s
    pulse = np.exp(-(((time_s - 3.0) / 0.8) ** 2)) * np.stack([np.sin(phase), np.cos(phase), np.sin(2 * phase)])
    motion = pulse * event.moment_nm / 1e18
    return motion.reshape(3, *recording.sensors.shape, -1).astype(np.float32)


def corrects(**switches):
    model = stage1(simulation_m=300.0, **switches)
    return MifnoSurrogate(model.network, model.normalisation, simulated)


def test_what_corrects_a_simulation_begins_with_the_simulation():
    torch.manual_seed(1)
    fresh = make_network(check_config({**SMALL, "simulation_m": 300.0})).eval()
    model = MifnoSurrogate(fresh, stage1().normalisation, simulated)
    found, given = model.predict(ground(), source()).values, simulated(ground(), source(), model.recording)
    assert 0 < abs(found - given).max() < 0.02 * abs(given).max()


def test_with_a_simulation_everything_is_linear_in_the_moment_and_the_same_at_places_of_one_s_own():
    model = corrects()
    assert model.any_sensors
    field = model.predict(ground(), source()).values
    assert abs(field - simulated(ground(), source(), model.recording)).max() > 0.1 * abs(field).max()
    half = model.predict(ground(), source(size=1e16)).values
    np.testing.assert_allclose(2 * half, field, atol=1e-5 * abs(field).max())
    x_m, y_m = model.config.sensors.x_m, model.config.sensors.y_m
    alone = model.predict_at(ground(), source(), np.array([[x_m[4], y_m[1]], [x_m[0], y_m[5]]]))
    np.testing.assert_allclose(alone, np.stack([field[:, 4, 1], field[:, 0, 5]], axis=1), atol=2e-5 * abs(field).max())


def test_a_thinned_simulation_is_corrected_alike():
    model = corrects()
    traces = simulated(ground(), source(), model.recording)
    vs = ground().vs_m_s.astype(np.float64)
    every = torch.arange(36)[None]
    outputs = []
    for thinning in (1, 2):
        inputs = event_inputs(vs, source(), model.config, model.normalisation, simulated_m_s=traces[..., ::thinning])
        with torch.inference_mode():
            outputs.append(model.network.at(batched(inputs), every, stride=4))
    torch.testing.assert_close(outputs[1], outputs[0], atol=0.02 * float(outputs[0].abs().max()), rtol=0)


class TimesAsMotion(CampaignStore):
    """A store whose motion at each time is the number of its sample."""

    def __init__(self):
        pass

    def velocity(self, _index, _grid_spacing_m=None):
        return np.broadcast_to(np.arange(64, dtype=np.float32), (3, 6, 6, 64))


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5, 6, 9])
def test_times_of_thinned_traces_are_among_those_of_the_simulation(stride):
    model = corrects()
    preparation = Preparation(TimesAsMotion(), model.config, model.normalisation, stride=stride)
    traces, given = preparation.traces(0)[0, 0, 0], preparation.simulated(0)[0, 0, 0]
    thinning = model.network._thinning(torch.from_numpy(given.copy()))
    np.testing.assert_array_equal(given[:: stride // thinning], traces)


def test_without_its_simulation_it_predicts_nothing():
    model = corrects()
    alone = MifnoSurrogate(model.network, model.normalisation)
    with pytest.raises(InputError, match="no simulation at 300 m"):
        alone.predict(ground(), source())


def test_the_preset_is_saved_and_loaded_whole(tmp_path):
    assert load_preset("rays") == RayConfig()
    model = stage1()
    write_model_folder(tmp_path / "m", parts={"surrogate": model.parts()}, about={}, card="Random.\n")
    again = load_model(tmp_path / "m")
    assert again.stage1.config == model.config
    np.testing.assert_array_equal(again.predict(ground(), source()), model.predict(ground(), source()))


def test_predicts_where_there_is_no_simulator(tmp_path):
    write_model_folder(tmp_path / "m", parts={"surrogate": stage1().parts()}, about={}, card="Random.\n")
    program = f"""
import sys
sys.modules["deepwave"] = None
import numpy as np
import spectremor as sp
model = sp.load_model({str(tmp_path / "m")!r})
ground = sp.core.geology.make_geology(np.full((17, 17, 17), 2500.0, np.float32), (9600.0,) * 3)
event = sp.Source(position_m=(4000.0, 2500.0, -5000.0), moment_tensor_nm=(1e16, -1e16, 0, 0, 0, 0))
assert np.isfinite(model.predict(ground, event).values).all()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
