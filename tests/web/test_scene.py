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
    peak = scene.peak_velocity_m_s(1)
    assert np.unravel_index(peak.argmax(), peak.shape) == (2, 5)
    assert peak[2, 5] == pytest.approx(
        float(np.sqrt((field[1, :, 2, 5].astype(float) ** 2).sum(axis=0)).max()), rel=1e-6
    )
    assert scene.nearest_sensor(2700.0, 8000.0) == (2, 4)
    assert scene.realization_numbers == [0, 1]
    assert Scene.of(field.drop_vars("realization"), "unnumbered").realization_numbers == [0, 1]
    assert scene.source.mw == pytest.approx(4.9)
    assert scene.labels == {"full": "a file"}


def test_single_fields_and_the_stage_behind_them(field):
    one = field.isel(realization=0, drop=True)
    scene = Scene.of(one, "x", stage1=one * 0.5)
    assert scene.field.dims[0] == "realization"
    traces = scene.traces_m_s(0, 3, 1)
    np.testing.assert_allclose(traces["stage1"], traces["full"] * 0.5)


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
