"""What the page shows, without a page."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.web.beachball import beachball
from spectremor.web.scene import Scene


def test_peak_and_nearest_sensor(field):
    scene = Scene.of(field, "a file")
    peak = scene.measure("PGV", 1).reshape(8, 6)
    assert np.unravel_index(peak.argmax(), peak.shape) == (2, 5)
    # Both components move in step: the motion keeps to one line, and half of all directions see cos(45 degrees) of it.
    line = float(np.sqrt((field[1, :2, 2, 5].astype(float) ** 2).sum(axis=0)).max())
    assert peak[2, 5] == pytest.approx(100 * line * np.sqrt(0.5), rel=0.02)
    assert scene.nearest_sensor(2700.0, 8000.0) == 2 * 6 + 4
    np.testing.assert_allclose(scene.sensor_positions_m[2 * 6 + 4], [2550, 7350])
    assert scene.realization_numbers == [0, 1]
    assert Scene.of(field.drop_vars("realization"), "unnumbered").realization_numbers == [0, 1]
    assert scene.source.mw == pytest.approx(4.9)
    assert (scene.label, scene.stage1_label) == ("a file", "")


def test_single_fields_and_the_stage_behind_them(field):
    one = field.isel(realization=0, drop=True)
    scene = Scene.of(one, "x", stage1=one * 0.5)
    assert scene.field.dims[0] == "realization"
    point = 3 * 6 + 1
    np.testing.assert_allclose(scene.stage1_traces_m_s(point), scene.traces_m_s[0, :, point] * 0.5)
    np.testing.assert_array_equal(scene.traces_m_s[0, :, point], one[:, 3, 1])


def test_scenes_that_cannot_be(field):
    broken = field.copy(deep=True)
    broken.values[0, 0, 0, 0, 0] = np.nan
    for bad in (broken, field.rename(x="y", y="x"), field.expand_dims("sample")):
        with pytest.raises(InputError, match="wavefield"):
            Scene.of(bad, "bad")


def mechanism(strike, dip, rake):
    return Source.from_angles(
        position_m=(0, 0, -1), strike_deg=strike, dip_deg=dip, rake_deg=rake, moment_nm=1e16
    ).tensor_nm


@pytest.mark.parametrize(("angles", "centre"), [((0, 45, 90), 1), ((0, 45, -90), 0)])
def test_centre_of_the_ball_tells_thrust_from_normal(angles, centre):
    image = beachball(mechanism(*angles), pixels=41)
    assert image[20, 20] == centre
    assert np.isnan(image[0, 0])


def test_quadrants_of_a_strike_slip_event():
    # Vertical plane along North, left lateral: Mne > 0, so first motion is away in the North-East and South-West.
    image = beachball(mechanism(0, 90, 0), pixels=41)
    north_east, north_west, south_west = image[32, 32], image[32, 8], image[8, 8]
    assert (north_east, north_west, south_west) == (1, 0, 1)


def test_ball_has_half_its_area_dark():
    image = beachball(mechanism(37, 90, 0), pixels=200)
    assert np.nanmean(image) == pytest.approx(0.5, abs=0.01)
