"""The eight symmetries: a group, acting alike on geology, source and wavefield; the simulator obeys them."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.data.symmetries import SYMMETRIES, Symmetry

EXTENT = (4800.0, 3600.0, 3000.0)
SOURCE = Source.from_angles(position_m=(1500.0, 2100.0, -1300.0), strike_deg=25, dip_deg=35, rake_deg=70)


def _geology():
    return make_geology(np.random.default_rng(0).uniform(2000, 3000, (9, 7, 6)).astype(np.float32), EXTENT)


def _field(x=(600.0, 1500.0, 4200.0), y=(300.0, 2400.0), nt=4):
    values = np.random.default_rng(1).normal(size=(3, len(x), len(y), nt)).astype(np.float32)
    return make_wavefield(values, x_m=np.array(x), y_m=np.array(y), time_s=np.arange(nt) * 0.1)


def test_eight_different_orthogonal_matrices():
    matrices = {tuple(s.matrix.ravel()) for s in SYMMETRIES}
    assert len(matrices) == 8
    for s in SYMMETRIES:
        np.testing.assert_array_equal(s.matrix @ s.matrix.T, np.eye(3))


def test_group():
    for a, b in itertools.product(SYMMETRIES, repeat=2):
        np.testing.assert_array_equal(a.after(b).matrix, a.matrix @ b.matrix)
    for s in SYMMETRIES:
        assert s.inverse.after(s).number == 0
        assert s.after(s.inverse).number == 0
    with pytest.raises(InputError):
        Symmetry(8)


@pytest.mark.parametrize("s", SYMMETRIES, ids=lambda s: str(s.number))
def test_inverse_undoes_everything(s):
    geology, field = _geology(), _field()
    turned = s.geology(geology)
    np.testing.assert_array_equal(s.inverse.geology(turned).vs_m_s, geology.vs_m_s)
    assert s.inverse.geology(turned).extent_m == EXTENT
    there = s.source(SOURCE, EXTENT)
    back = s.inverse.source(there, s.extent(EXTENT))
    assert back.position_m == pytest.approx(SOURCE.position_m)
    np.testing.assert_allclose(back.moment_tensor_nm, SOURCE.moment_tensor_nm)
    again = s.inverse.wavefield(s.wavefield(field, EXTENT), s.extent(EXTENT))
    np.testing.assert_array_equal(again.values, field.values)
    np.testing.assert_allclose(again["x"], field["x"])
    np.testing.assert_allclose(again["y"], field["y"])


def test_actions_compose():
    field = _field()
    for a, b in itertools.product(SYMMETRIES, repeat=2):
        both = a.wavefield(b.wavefield(field, EXTENT), b.extent(EXTENT))
        once = a.after(b).wavefield(field, EXTENT)
        np.testing.assert_array_equal(both.values, once.values)
        np.testing.assert_allclose(both["x"], once["x"])


@pytest.mark.parametrize("s", SYMMETRIES, ids=lambda s: str(s.number))
def test_things_move_together(s):
    """A node, a sensor and a vector at one place are at one place, turned, afterwards."""
    geology, field = _geology(), _field()
    x, y, _ = s.position((geology.x_m[2], geology.y_m[5], 0.0), EXTENT)
    there = s.geology(geology).vs.sel(x=x, y=y, method="nearest")
    np.testing.assert_array_equal(there.values, geology.vs_m_s[2, 5])
    sensor_x, sensor_y, _ = s.position((1500.0, 2400.0, 0.0), EXTENT)
    trace = s.wavefield(field, EXTENT).sel(x=sensor_x, y=sensor_y, method="nearest")
    np.testing.assert_allclose(trace.values, s.matrix @ field.values[:, 1, 1], rtol=1e-6)


def test_known_cases():
    mirror_east, exchange = Symmetry(1), Symmetry(4)
    assert mirror_east.position((1.0, 2.0, -3.0), EXTENT) == (4799.0, 2.0, -3.0)
    xx, yy, zz, xy, xz, yz = SOURCE.moment_tensor_nm
    assert mirror_east.source(SOURCE, EXTENT).moment_tensor_nm == pytest.approx((xx, yy, zz, -xy, -xz, yz))
    assert exchange.source(SOURCE, EXTENT).moment_tensor_nm == pytest.approx((yy, xx, zz, xy, yz, xz))


def test_a_turned_source_takes_its_corner_from_the_ground_as_the_source_does():
    source = Source.from_angles(position_m=(1500, 2100, -1300), strike_deg=25, dip_deg=35, rake_deg=70, mw=4.5)
    assert source.stress_drop_pa is not None
    turned = SYMMETRIES[3].source(source, EXTENT)
    assert (turned.stress_drop_pa, turned.rise_time_s) == (source.stress_drop_pa, source.rise_time_s)


@pytest.mark.slow
@pytest.mark.parametrize("s", SYMMETRIES[1:], ids=lambda s: str(s.number))
def test_the_simulator_obeys_them(s):
    from spectremor.simulation.elastic import simulate

    def run(geology, source, x, y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputWarning)
            return simulate(
                geology,
                source,
                grid_spacing_m=300,
                duration_s=2.0,
                sensors_m=(x, y),
                sampling_hz=25,
                lowpass_hz=2,
            )

    geology, field = _geology(), _field()
    straight = run(geology, SOURCE, field["x"].values, field["y"].values)
    expected = s.wavefield(straight, EXTENT)
    turned = run(s.geology(geology), s.source(SOURCE, EXTENT), expected["x"].values, expected["y"].values)
    np.testing.assert_allclose(turned.values, expected.values, atol=2e-5 * float(abs(expected).max()))
