"""What is drawn at a sensor, without a figure."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.exchange.intensities import rotd50 as exchanged
from spectremor.signal.calculus import derivative, integral
from spectremor.web.scene import MEASURES, Scene
from spectremor.web.sensor_figures import round_numbers
from spectremor.web.sensor_motion import SensorMotion
from spectremor.web.sensor_table import sensor_table


@pytest.fixture
def scene(field) -> Scene:
    return Scene.of(field, "generated", field.isel(realization=0, drop=True) * 0.5)


@pytest.mark.parametrize("name", list(MEASURES))
def test_measures_are_those_that_are_exported(scene, name):
    scale = {"cm/s": 100, "cm": 100, "m/s²": 1}[MEASURES[name][1]]
    table = exchanged(scene.field, (0.3, 1.0))[name]
    np.testing.assert_allclose(scene.measure(name, 1), table[1].ravel() * scale, rtol=1e-9)


def test_rotd50_is_not_the_norm_of_three_components(scene, field):
    norm = np.sqrt((field[0].values ** 2).sum(axis=0)).max(axis=-1).ravel() * 100
    assert (scene.measure("PGV", 0) < norm).all()


def test_quantities_are_derived_from_velocity(scene, field):
    velocity = field.values[:, :, 2, 5].astype(float)
    for quantity, expected in (
        ("velocity", velocity * 100),
        ("acceleration", derivative(velocity, scene.step_s)),
        ("displacement", integral(velocity, scene.step_s) * 100),
    ):
        motion = SensorMotion.of(scene, 17, quantity)
        np.testing.assert_allclose(motion.traces, expected, rtol=1e-9)
        np.testing.assert_allclose(motion.stage1, expected[0] / 2, rtol=1e-9)


def test_spectra_of_draws_and_of_the_first_stage(scene):
    motion = SensorMotion.of(scene, 17, "velocity")
    for curves in (motion.fourier, motion.response):
        assert curves.draws.shape == (2, len(curves.x))
        np.testing.assert_allclose(curves.stage1, curves.draws[0] / 2, rtol=1e-6)
        low, median, high = curves.band
        assert (low <= median).all()
        assert (median <= high).all()
        np.testing.assert_allclose(median, curves.draws.mean(axis=0))
    response, fourier = motion.response, motion.fourier
    np.testing.assert_array_equal(fourier.usable, (fourier.x >= 1 / 3.18 - 1e-9) & (fourier.x <= 5 + 1e-9))
    assert response.usable[(response.x > 0.21) & (response.x < 3)].all()
    assert not response.usable[0]


def test_rows_are_in_the_units_that_they_name(scene, field):
    rows = {row.name: row for row in SensorMotion.of(scene, 17, "velocity").rows}
    table = exchanged(field, (0.3, 1.0))
    np.testing.assert_allclose(rows["PGA"].draws, table["PGA"][:, 2, 5] / 9.80665)
    np.testing.assert_allclose(rows["SA(0.3 s)"].draws, table["SA(0.3)"][:, 2, 5] / 9.80665)
    np.testing.assert_allclose(rows["PGV"].draws, table["PGV"][:, 2, 5] * 100)
    assert rows["PGV"].stage1 == pytest.approx(rows["PGV"].draws[0] / 2)
    assert rows["PGA"].unit == "g"


def test_the_table_names_everything_and_escapes_names(scene, field):
    table = sensor_table(SensorMotion.of(scene, 17, "velocity").rows, "<b>x")
    assert "RotD50" in table
    assert "16–84%" in table
    assert "&lt;b&gt;x" in table
    single = Scene.of(field.isel(realization=[0]), "one")
    assert "16–84%" not in sensor_table(SensorMotion.of(single, 3, "velocity").rows, "")


@pytest.mark.parametrize(("low", "high"), [(0.1, 10), (0.3, 0.9), (1e-5, 3), (0.15, 8), (1e-12, 1)])
def test_marks_of_logarithmic_axes_fit(low, high):
    marks = round_numbers(low, high)
    assert 1 <= len(marks) <= 8
    assert all(low <= mark <= high for mark in marks)


def test_frames_are_left_out_evenly_until_they_fit(scene, field):
    times, frames = scene.frames(2, 1, most_numbers=48 * 40)
    assert len(times) == 40
    np.testing.assert_allclose(np.diff(times), 4 / 50)
    np.testing.assert_allclose(frames[3], field[1, 2, :, :, 12].values.ravel() * 100, rtol=1e-6)
