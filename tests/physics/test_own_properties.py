"""Vp, density and Q of the ground's own reach the motion."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectremor.core.geology import make_geology
from spectremor.core.medium import density_kg_m3, quality_factors, vp_m_s
from spectremor.core.source import Source
from spectremor.data.geology_files import read_geology, write_geology
from spectremor.signal.attenuation import path_loss_s
from spectremor.simulation.elastic import simulate

EXTENT = (2700.0, 2100.0, 2400.0)
AXES = (np.array([600.0, 2100.0]), np.array([600.0, 1450.0]))
SOURCE = Source.from_angles(position_m=(1100, 850, -1130), strike_deg=20, dip_deg=60, rake_deg=50)
SETTINGS = {"grid_spacing_m": 150.0, "duration_s": 1.6, "lowpass_hz": 3.0, "sensors_m": AXES}


def vs() -> np.ndarray:
    # Tens of m/s: then 1.7 Vs and Vs / 10 are whole numbers, which float32 holds.
    return np.random.default_rng(2).uniform(2500, 4000, (10, 8, 9)).round(-1).astype(np.float32)


def test_properties_that_follow_the_laws_change_nothing():
    by_law = simulate(make_geology(vs(), EXTENT), SOURCE, **SETTINGS)
    vp = vp_m_s(vs())
    _, qs = quality_factors(vs(), vp)
    own = simulate(make_geology(vs(), EXTENT, vp_m_s=vp, qs=qs), SOURCE, **SETTINGS)
    assert np.abs(own.values - by_law.values).max() <= 1e-6 * np.abs(by_law.values).max()
    # In uniform ground density, which is not linear in Vp, is the same between the nodes too.
    flat = np.full((4, 5, 6), 3000.0)
    full = {"vp_m_s": vp_m_s(flat), "density_kg_m3": density_kg_m3(vp_m_s(flat))}
    uniform = [simulate(make_geology(flat, EXTENT, **more), SOURCE, **SETTINGS).values for more in ({}, full)]
    assert np.abs(uniform[1] - uniform[0]).max() <= 1e-6 * np.abs(uniform[0]).max()


def strongest_motion_s(field: xr.DataArray, before_s: float) -> float:
    """When motion is strongest before a time, between samples."""
    squared = (field.values[:, 0, 0].astype(float) ** 2).sum(axis=0)
    peak = int(np.argmax(np.where(field["time"].values < before_s, squared, 0)))
    left, middle, right = squared[peak - 1 : peak + 2]
    step_s = float(field["time"][1] - field["time"][0])
    return float(field["time"][peak]) + step_s * (left - right) / (left - 2 * middle + right) / 2


def test_p_waves_arrive_with_their_own_speed():
    """Right above an explosion in uniform ground: arrivals differ by the depth times the difference of slownesses.

    Before 1.1 s P waves alone arrive.
    """
    size, speed, depth = (2400.0, 2400.0, 3000.0), 2000.0, 2300.0
    source = Source(position_m=(1200.0, 1200.0, -depth), moment_tensor_nm=(1e16, 1e16, 1e16, 0, 0, 0))
    sensor = (np.array([1200.0]), np.array([1200.0]))
    settings = {"grid_spacing_m": 100.0, "duration_s": 1.4, "sampling_hz": 200.0, "lowpass_hz": 3.0}
    flat = np.full((4, 4, 4), speed)
    arrivals = []
    for ratio in (1.7, 2.3):
        ground = make_geology(flat, size, vp_m_s=ratio * flat)
        field = simulate(ground, source, sensors_m=sensor, attenuation=False, **settings)
        arrivals.append(strongest_motion_s(field, 1.1))
    expected = depth * (1 / 3400.0 - 1 / 4600.0)
    assert arrivals[0] - arrivals[1] == pytest.approx(expected, rel=0.01)


def test_motion_scales_with_density():
    flat = np.full((4, 5, 6), 3000.0)
    light, heavy = (
        simulate(make_geology(flat, EXTENT, density_kg_m3=np.full(flat.shape, rho)), SOURCE, **SETTINGS).values
        for rho in (2000.0, 3000.0)
    )
    np.testing.assert_allclose(heavy * 1.5, light, atol=1e-5 * np.abs(light).max())


def test_losses_follow_the_grounds_own_q():
    flat = np.full((4, 5, 6), 3000.0)
    time_s = np.arange(100) * 0.02
    sensors = tuple(np.meshgrid(*AXES, indexing="ij"))
    by_law = path_loss_s(time_s, make_geology(flat, EXTENT), SOURCE, sensors)
    halved = make_geology(flat, EXTENT, qs=np.full(flat.shape, 150.0), qp=np.full(flat.shape, 300.0))
    np.testing.assert_allclose(path_loss_s(time_s, halved, SOURCE, sensors), 2 * by_law, rtol=1e-6)
    # With another Vp, t* at the P arrival is that of the faster wave.
    fast = make_geology(flat, EXTENT, vp_m_s=2 * flat, qp=np.full(flat.shape, 600.0))
    distance = np.sqrt((sensors[0] - 1100) ** 2 + (sensors[1] - 850) ** 2 + 1130**2)
    arrival = path_loss_s(np.array([0.0, distance[0, 0] / 6000.0]), fast, SOURCE, sensors)[0, 0, 1]
    assert arrival == pytest.approx(distance[0, 0] / 6000.0 / 600.0, rel=1e-3)


def test_properties_in_files_are_read_back(tmp_path):
    ground = make_geology(vs(), EXTENT, vp_m_s=1.8 * vs(), density_kg_m3=np.full(vs().shape, 2500.0), qs=vs() / 20)
    write_geology(ground, tmp_path / "g.nc")
    xr.testing.assert_identical(read_geology(tmp_path / "g.nc").dataset, ground.dataset)
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "g.nc"), ground.dataset)
    write_geology(ground.dataset, tmp_path / "again.nc")
    assert (tmp_path / "again.nc").read_bytes() == (tmp_path / "g.nc").read_bytes()


def test_labelled_ground_is_simulated_as_it_is():
    ground = make_geology(vs(), EXTENT, vp_m_s=1.8 * vs())
    expected = simulate(ground, SOURCE, **SETTINGS).values
    np.testing.assert_array_equal(simulate(ground.dataset, SOURCE, **SETTINGS).values, expected)
    np.testing.assert_array_equal(
        simulate(ground.dataset.transpose("z", "y", "x"), SOURCE, **SETTINGS).values, expected
    )
