"""The project's MIFNO as a model: linear, symmetric in its inputs, the same whatever the batch, saved and loaded."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.signal import hilbert

from spectremor.core.axes import sensor_axis_m
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import make_geology
from spectremor.core.medium import VP_OVER_VS
from spectremor.core.source import Source, moment_function
from spectremor.data.normalisation import GeologyNormalisation, trace_scale
from spectremor.data.symmetries import Symmetry
from spectremor.lab.mifno_variants import MifnoVariant
from spectremor.signal.filters import low_pass
from spectremor.surrogate.augmentation import SYMMETRIES, turn_inputs, turn_traces
from spectremor.surrogate.config import MifnoConfig, NetworkDomainConfig, check_config, load_preset
from spectremor.surrogate.first_guess import arrival_envelopes, direct_wave_spectra, pulse_spectrum
from spectremor.surrogate.inputs import event_inputs
from spectremor.surrogate.loss import LossConfig, relative_l1, sensor_l1, sensor_l2, spectral_l1, surrogate_loss
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.network import Mifno
from spectremor.surrogate.protocol import Stage1
from spectremor.surrogate.simulated import simulated_spectra
from spectremor.surrogate.time_axis import at_times, delay, on_grid, spectrum

DOMAIN = NetworkDomainConfig(
    extent_m=(9600.0, 7200.0, 9600.0),
    nodes=(17, 13, 17),
    sensors=(8, 6),
    first_sensor_m=(600.0, 600.0),
    last_sensor_m=(9000.0, 6600.0),
    samples=64,
    sampling_hz=10.0,
    source_low_m=(1200.0, 1200.0, -9000.0),
    source_high_m=(8400.0, 6000.0, -600.0),
    ray_smoothings_m=(600.0, 1500.0),
)
SMALL = {
    "steps": 36,
    "period_s": 7.2,
    "geology_width": 3,
    "geology_layers": 1,
    "context_layers": 2,
    "wave_width": 4,
    "wave_layers": 2,
    "modes": (3, 3, 4),
    "time_modes": 9,
}
CONFIGS = [
    {},
    {"domain": DOMAIN.model_copy(update={"ray_smoothings_m": (0.0,)})},
    {"simulation_m": 300.0},
]
VARIANTS = [
    *CONFIGS,
    {"variant": MifnoVariant(direct_waves=False)},
    {"variant": MifnoVariant(align=False)},
    {"variant": MifnoVariant(free_moment=True)},
    {
        "variant": MifnoVariant(
            free_moment=True, source_branch=True, travel_times=False, direct_waves=False, align=False
        )
    },
    {"variant": MifnoVariant(travel_times=False, lowpass_skip=True)},
    {"simulation_m": 300.0, "variant": MifnoVariant(direct_waves=False, align=False)},
    {"simulation_m": 300.0, "variant": MifnoVariant(free_moment=True)},
]


def square(domain=DOMAIN):
    return domain.model_copy(
        update={"extent_m": (9600.0,) * 3, "nodes": (17, 17, 17), "sensors": (6, 6)}
        | {"first_sensor_m": (600.0, 600.0), "last_sensor_m": (9000.0, 9000.0)}
    )


def rocks(shape, seed=0):
    rng = np.random.default_rng(seed)
    vs = rng.uniform(1500, 3500, shape)
    for axis in range(3):
        vs = (vs + np.roll(vs, 1, axis) + np.roll(vs, -1, axis)) / 3
    return vs.astype(np.float32)


def ground(seed=0):
    return make_geology(rocks(DOMAIN.nodes, seed), DOMAIN.extent_m)


def normalisation(domain):
    depth = np.broadcast_to(np.linspace(3500, 2000, domain.nodes[2]), domain.nodes)
    return GeologyNormalisation(depth.copy(), np.full(domain.nodes, 400.0))


def model(seed=0, variant=None, **switches):
    torch.manual_seed(seed)
    network = (Mifno if variant is None else variant.build)(MifnoConfig(**{"domain": DOMAIN, **SMALL, **switches}))
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return MifnoSurrogate(network.eval(), normalisation(DOMAIN), simulate)


def simulate(geology, source, _recording=None):
    """Stands for a simulation: linear in the moment tensor, different at each place and time."""
    waves = np.random.default_rng(int(geology.vs_m_s.sum())).standard_normal((6, 3, *DOMAIN.sensors, DOMAIN.samples))
    return np.tensordot(source.moment_tensor_nm, 1e-19 * waves, axes=1)


def simulated_if(stage1, geology, source):
    return None if stage1.config.simulation_m is None else simulate(geology, source)


def source(moment=(1.0, -0.5, -0.5, 0.3, 0.8, -0.2), position=(4000.0, 2500.0, -5000.0), size=2e16):
    return Source(position_m=position, moment_tensor_nm=tuple(size * m for m in moment))


@pytest.mark.parametrize("switches", VARIANTS)
def test_predicts_a_labelled_wavefield(switches):
    stage1 = model(**switches)
    assert isinstance(stage1, Stage1)
    field = stage1.predict(ground(), source())
    assert field.dims == ("component", "x", "y", "time")
    assert field.shape == (3, 8, 6, 64)
    assert np.isfinite(field.values).all()
    assert field.attrs["units"] == "m/s"
    np.testing.assert_allclose(field["x"].values, sensor_axis_m(8, 600, 9000))


@pytest.mark.parametrize("switches", VARIANTS)
def test_every_weight_learns(switches):
    stage1 = model(**switches)
    vs = rocks(DOMAIN.nodes).astype(float)
    simulated = simulated_if(stage1, ground(), source())
    arrays = event_inputs(vs, source(), stage1.config, stage1.normalisation, simulated_m_s=simulated)
    out = stage1.network({k: torch.from_numpy(v)[None] for k, v in arrays.items()})
    surrogate_loss(out, torch.randn_like(out), LossConfig(relative=1, sensor=1, energy=1, spectral=1)).backward()
    for name, p in stage1.network.named_parameters():
        assert p.grad is not None, name
        assert torch.isfinite(p.grad).all(), name
        # Without any waves that come in there is nothing to lift.
        assert not p.numel() or p.grad.abs().max() > 0, name


@pytest.mark.parametrize("switches", VARIANTS)
def test_magnitude_scales_exactly(switches):
    stage1 = model(**switches)
    one, ten = (stage1.predict_arrays([ground()], [source(size=s)])[0] for s in (1e16, 1e17))
    np.testing.assert_allclose(ten, 10 * one, rtol=1e-4, atol=1e-5 * np.abs(ten).max())


def test_without_a_correction_it_is_the_simulation():
    stage1 = model(simulation_m=300.0)
    assert stage1.name == "MIFNO on a simulation at 300 m"
    torch.nn.init.zeros_(stage1.network.waves.head)
    np.testing.assert_allclose(
        stage1.predict_arrays([ground()], [source()])[0], simulate(ground(), source()), rtol=1e-5
    )


def test_a_simulation_at_hand_is_not_made_again():
    stage1 = model(simulation_m=300.0)
    whole = stage1.predict_arrays([ground()], [source()])[0]
    alone = MifnoSurrogate(stage1.network, stage1.normalisation)
    np.testing.assert_array_equal(alone.correct(ground(), source(), simulate(ground(), source())), whole)
    with pytest.raises(InputError, match="no simulation at 300 m"):
        alone.predict_arrays([ground()], [source()])
    short = MifnoSurrogate(stage1.network, stage1.normalisation, lambda *event: simulate(*event)[..., :-1])
    with pytest.raises(InputError, match="simulated_m_s"):
        short.predict_arrays([ground()], [source()])
    with pytest.raises(InputError, match="simulated_m_s"):
        alone.correct(ground(), source(), simulate(ground(), source())[..., :-1])


def test_simulated_traces_are_themselves_on_the_networks_axis():
    """A band-limited pulse, seen from the origin of each sensor."""
    rate, samples, steps, period = 50.0, 320, 90, 7.2
    pulse = lambda t: np.exp(-(((t - 2.5) / 0.25) ** 2)) * np.cos(9 * (t - 2.5))  # noqa: E731
    traces = torch.tensor(pulse(np.arange(samples) / rate), dtype=torch.float32).expand(1, 3, 2, 1, -1)
    origin = torch.tensor([[[0.0], [1.3]]])
    found = on_grid(simulated_spectra(traces, rate, origin, 45, period), steps)
    times = np.arange(steps) * period / steps
    for x, start in enumerate((0.0, 1.3)):
        wanted = pulse(np.where(times + start > 6.8, times + start - period, times + start))
        np.testing.assert_allclose(found[0, 1, x, 0].numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("switches", [{}, {"simulation_m": 300.0}])
def test_linear_in_the_moment_tensor(switches):
    stage1 = model(**switches)
    a, b = np.array([1.0, -0.5, -0.5, 0.3, 0.8, -0.2]), np.array([0.2, 0.1, -0.4, 1.0, 0.0, 0.5])

    def field(m):
        return stage1.predict_arrays([ground()], [source(moment=m)])[0]

    wanted = 2 * field(a) - 3 * field(b)
    np.testing.assert_allclose(field(2 * a - 3 * b), wanted, atol=2e-5 * np.abs(wanted).max())


def test_same_bytes_at_any_batch_size():
    stage1 = model()
    grounds = [ground(seed) for seed in range(3)]
    sources = [source(position=(3000.0 + 1000 * i, 2500.0, -4000.0)) for i in range(3)]
    together = stage1.predict_arrays(grounds, sources)
    for i in range(3):
        assert stage1.predict_arrays(grounds[i : i + 1], sources[i : i + 1])[0].tobytes() == together[i].tobytes()


@pytest.mark.parametrize("switches", CONFIGS)
def test_save_and_load(switches):
    stage1 = model(**switches)
    config, tensors = stage1.parts()
    again = MifnoSurrogate.from_parts(config, tensors, simulate)
    fields = [one.predict_arrays([ground()], [source()]) for one in (again, stage1)]
    assert fields[0].tobytes() == fields[1].tobytes()


def test_refuses_foreign_weights():
    config, tensors = model().parts()
    with pytest.raises(InputError, match="unknown_key"):
        check_config({**config.model_dump(), "unknown_key": 1})
    for name in ("normalisation.mean", "network.waves.head"):
        with pytest.raises(InputError, match="surrogate weights"):
            MifnoSurrogate.from_parts(config, {k: v for k, v in tensors.items() if k != name})
    with pytest.raises(InputError, match="foreign"):
        MifnoSurrogate.from_parts(config, {**tensors, "network.extra": torch.zeros(1)})


def test_refuses_other_geologies_and_sources():
    stage1 = model()
    good = ground()
    with pytest.raises(InputError, match="geology"):
        stage1.predict(make_geology(rocks((17, 17, 17)), DOMAIN.extent_m), source())
    with pytest.raises(InputError, match="geology"):
        stage1.predict(make_geology(rocks(DOMAIN.nodes), (9600.0, 9600.0, 9600.0)), source())
    with pytest.raises(InputError, match="geology"):
        stage1.predict(dataclasses.replace(good, x_m=good.x_m + 4000.0), source())
    for position in ((100.0, 2500.0, -5000.0), (4000.0, 2500.0, -9100.0), (4000.0, 2500.0, -100.0), (1e5, 0.0, -1.0)):
        with pytest.raises(InputError, match=r"source\.[xz]"):
            stage1.predict(good, source(position=position))
    with pytest.raises(InputError, match="sources"):
        stage1.predict_arrays([good], [])


def test_properties_that_break_the_laws_are_warned_of(recwarn):
    vs = rocks(DOMAIN.nodes)
    model().predict(make_geology(vs, DOMAIN.extent_m, vp_m_s=1.705 * vs), source())
    assert not recwarn
    with pytest.warns(InputWarning, match=r"^geology: vp, qs differ from the laws"):
        model().predict(make_geology(vs, DOMAIN.extent_m, vp_m_s=1.8 * vs, qs=np.full_like(vs, 50.0)), source())


@pytest.mark.parametrize("symmetry", range(SYMMETRIES))
def test_turned_inputs_are_inputs_of_the_turned_event(symmetry):
    """The square's 8 symmetries: preparing and turning commute."""
    domain, vs, turn = square(), rocks((17, 17, 17)), Symmetry(symmetry)
    event = source(position=(3000.0, 5500.0, -5000.0))
    turned_vs = turn.geology(make_geology(vs, domain.extent_m)).vs_m_s.astype(float)
    field = np.random.default_rng(3).standard_normal((3, *domain.sensors, 5))
    turned = turn.source(event, domain.extent_m)
    config = MifnoConfig(domain=domain, **SMALL)
    wanted = event_inputs(turned_vs, turned, config, normalisation(domain), simulated_m_s=turn_traces(field, symmetry))
    found = event_inputs(vs.astype(float), event, config, normalisation(domain), simulated_m_s=field)
    found = turn_inputs(found, symmetry)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, atol=2e-3 * np.abs(values).max(), err_msg=name)


def test_normalisation_inverts():
    norm = GeologyNormalisation.from_statistics(
        {"vs_mean": np.full((3, 4, 5), 2000.0), "vs_std": np.random.default_rng(0).uniform(0, 500, (3, 4, 5))}
    )
    vs = rocks((3, 4, 5)).astype(float)
    # Four standard deviations are one; ground that hardly varies is not blown up.
    back = norm.apply(vs) * 4 * np.maximum(norm.std, 100.0) + norm.mean
    np.testing.assert_allclose(back, vs, rtol=1e-5)


def test_trace_scale():
    vs = np.full((4, 5, 6), 2000.0)
    assert trace_scale(vs, source(size=1e15), (9600.0, 9600.0, 9600.0)) == pytest.approx(
        1e-8 * 2000**2 * np.hypot(5.0, 2.4) * 2.47e16 / source(size=1e15).moment_nm
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(7, 24), st.floats(-5, 5))
def test_time_axis_shifts_and_evaluates_exactly(steps, shift):
    torch.manual_seed(0)
    coefficients = spectrum(torch.randn(2, steps))
    late = delay(coefficients, torch.full((2,), shift), 3.0)
    back = on_grid(delay(late, torch.full((2,), -shift), 3.0), steps)
    torch.testing.assert_close(back, on_grid(coefficients, steps), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        at_times(coefficients, 0.0, 3.0 / steps, steps, 3.0), on_grid(coefficients, steps), atol=1e-4, rtol=1e-4
    )


def test_losses():
    truth = torch.randn(2, 3, 4, 5, 16)
    assert relative_l1(truth, truth) == sensor_l1(truth, truth) == spectral_l1(truth, truth) == 0
    assert sensor_l2(truth, truth) == pytest.approx(0, abs=1e-5)
    # An error as large as the truth costs 1 at every sensor, but for the floor.
    assert sensor_l1(2 * truth, truth) == pytest.approx(1, abs=2e-3)
    assert sensor_l2(0 * truth, truth) == pytest.approx(1, abs=2e-3)
    error = relative_l1(2 * truth, truth)
    assert error == pytest.approx(float((truth.abs() / (truth.abs() + 0.01)).mean()), rel=1e-5)
    # The spectrum's modulus does not see a time reversal.
    assert spectral_l1(truth.flip(-1), truth) == pytest.approx(0, abs=1e-5)
    assert surrogate_loss(2 * truth, truth, LossConfig(sensor=0, relative=3)) == pytest.approx(
        3 * float(error), rel=1e-5
    )


@pytest.mark.parametrize("name", ["tiny", "small", "large"])
def test_presets(name):
    assert load_preset(name).domain == NetworkDomainConfig(ray_smoothings_m=(500, 1500))


def test_config_errors(tmp_path):
    with pytest.raises(InputError, match=r"mifno\.unknown"):
        check_config({"unknown": 1})
    with pytest.raises(InputError, match="domain"):
        check_config({"domain": {"planet": "Mars"}})
    with pytest.raises(InputError, match="period_s"):
        check_config({"period_s": 1.0})
    with pytest.raises(InputError, match=r"must be domain\.rise_time_s"):
        check_config({"domain": {"rise_time_s": 0.3}})
    with pytest.raises(InputError, match=r"3 or more domain\.nodes"):
        check_config({"domain": {"nodes": [32, 2, 32]}})
    with pytest.raises(ValidationError, match="at least one weight"):
        LossConfig(sensor=0)
    with pytest.raises(InputError, match="tiny"):
        load_preset("none")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(InputError, match="YAML"):
        load_preset(tmp_path / "bad.yaml")


def test_switches_of_earlier_versions_are_read_at_the_value_that_is_left():
    former = {
        "skip": "band_limited", "moment": "linear", "source_branch": False, "travel_times": True, "first_guess": True,
        "align": True,
    }  # fmt: skip
    assert check_config(former) == MifnoConfig()
    for name, value in {**dict.fromkeys(former, False), "source_branch": True, "moment": "input"}.items():
        with pytest.raises(InputError, match=f"{name} must be .*, or left out") as refused:
            check_config({**former, name: value})
        assert len(str(refused.value).splitlines()) == 1


def test_variants_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="source_branch"):
        MifnoVariant(source_branch=True)
    with pytest.raises(InputError, match="geology_width: got 1; allowed: 2 or more"):
        MifnoVariant(source_branch=True, free_moment=True).build(MifnoConfig(geology_width=1))


def test_variants_differ():
    fields = [model(**v).predict_arrays([ground()], [source()]) for v in VARIANTS]
    assert all(not np.allclose(a, b) for a, b in itertools.combinations(fields, 2))


def test_a_direct_wave_is_the_filtered_pulse_at_its_arrival():
    """The real part as it is, the imaginary part on its Hilbert transform; P arrives VP_OVER_VS times sooner than S."""
    steps, period, rise, corner, s_time, origin = 288, 7.2, 0.1, 5.0, 3.4, 0.7
    amplitude = torch.zeros(1, 2, 9, 1, 1)
    amplitude[0, 0, 2], amplitude[0, 1, 3] = 1.0, 1.0
    one = torch.ones(1, 1, 1)
    pulse = pulse_spectrum(steps, period, rise, corner)
    waves = on_grid(direct_wave_spectra(amplitude, s_time * one[None], origin * one, pulse, period), steps)[0, :, 0, 0]
    times, dt = np.arange(steps) * period / steps, 1e-3
    fine = np.arange(-20_000, 20_000) * dt
    motion = low_pass(np.gradient(np.gradient(moment_function(fine, rise), dt), dt), dt, corner)
    for wave, series, arrival in ((2, motion, s_time / VP_OVER_VS), (3, hilbert(motion).imag, s_time)):
        wanted = np.interp(times - (arrival - origin), fine, series)
        np.testing.assert_allclose(waves[wave].numpy(), wanted, atol=0.02 * np.abs(motion).max())
    assert np.abs(np.delete(waves.numpy(), [2, 3], axis=0)).max() == 0


def test_envelopes_start_at_the_arrivals():
    s_time, origin, period = torch.tensor([[[3.4]]]), torch.tensor([[[0.7]]]), 7.2
    envelopes = arrival_envelopes(s_time, origin, 720, period)[0, 0, 0].numpy()
    starts = np.repeat([3.4 / VP_OVER_VS, 3.4], 3) - 0.7 - 0.1
    np.testing.assert_allclose(envelopes.argmax(axis=0) * 0.01, starts + np.tile([0.15, 0.6, 2.4], 2), atol=0.02)


def test_inputs_place_source_and_ground_where_the_sensors_are():
    depth = np.linspace(0, 3.0, DOMAIN.nodes[2])
    x, y = (np.linspace(0, side, n) for side, n in zip(DOMAIN.extent_m[:2], DOMAIN.nodes[:2], strict=True))
    ramp = 2000.0 + 0.05 * x[:, None, None] + 0.1 * y[None, :, None] + 100.0 * depth
    thousands = GeologyNormalisation(np.zeros(DOMAIN.nodes), np.full(DOMAIN.nodes, 250.0))
    config = MifnoConfig(domain=DOMAIN, **SMALL)
    arrays = event_inputs(ramp, source(), config, thousands)
    np.testing.assert_allclose(arrays["position"], [4000 / 9600, 2500 / 7200, 5000 / 9600], rtol=1e-6)
    gx, gy = np.meshgrid(config.sensors.x_m, config.sensors.y_m, indexing="ij")
    below = 2000.0 + 0.05 * gx[..., None] + 0.1 * gy[..., None] + 100.0 * depth
    np.testing.assert_allclose(arrays["geology"], below / 1000.0, rtol=1e-5)
    distance = np.sqrt((gx - 4000.0) ** 2 + (gy - 2500.0) ** 2 + 5000.0**2)
    np.testing.assert_allclose(arrays["sensor"][3], distance / 9600.0, rtol=1e-5)


def test_normalisation_pools_the_places_of_one_depth():
    vs = np.random.default_rng(1).uniform(1500, 3500, (40, 3, 4, 5))
    norm = GeologyNormalisation.from_statistics({"vs_mean": vs.mean(axis=0), "vs_std": vs.std(axis=0)})
    np.testing.assert_allclose(norm.mean[1, 2], vs.mean(axis=(0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(norm.std[1, 2], vs.std(axis=(0, 1, 2)), rtol=1e-9)
