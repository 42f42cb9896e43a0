"""The picture of a rupture shows each subfault once, with its slip and its start."""

from __future__ import annotations

import io

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.moment_rates import RiseTimes
from spectremor.core.rupture import Rupture
from spectremor.report.rupture_figure import rupture_figure


def test_slip_starts_and_hypocentre():
    rupture = Rupture.from_magnitude(mw=5.8, hypocentre_m=(0, 0, -9e3), strike_deg=40, dip_deg=60, rake_deg=90)
    figure = rupture_figure(rupture)
    axis, bar = figure.axes
    squares = axis.collections[0]
    assert np.array_equal(squares.get_array(), rupture.slip_m)
    assert np.asarray(squares.get_offsets())[:, 1] == pytest.approx(-rupture.position_m[:, 2] / 1000)
    assert bar.get_ylabel() == "slip (m)"
    assert axis.lines[0].get_ydata()[0] == pytest.approx(-rupture.hypocentre_m[2] / 1000)
    assert "Mw 5.80" in axis.get_title()
    figure.savefig(io.BytesIO(), format="png")


def test_two_directions_are_one_subfault_and_one_point_is_enough():
    source = sp.Source.from_angles(position_m=(1, 1, -100), strike_deg=40, dip_deg=60, rake_deg=0, mw=5)
    both = Rupture(
        position_m=np.array([source.position_m] * 2),
        tensors=np.array([source.moment_tensor_nm] * 2),
        start_s=np.array([1.0, 0.5]),
        rates=RiseTimes(np.array([0.1, 0.1])),
        subfault=np.array([4, 4]),
        slip_m=np.array([3.0, 4.0]),
    )
    assert rupture_figure(both).axes[0].collections[0].get_array().tolist() == [5.0]
    alone = rupture_figure(Rupture.from_source(source))
    assert alone.axes[1].get_ylabel() == "moment (N m)"
