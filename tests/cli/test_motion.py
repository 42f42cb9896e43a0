"""The motion that `generate`, `simulate` and `evaluate` print in the measures that engineers know."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectremor.cli.motion import show_motion
from spectremor.core.wavefield import make_wavefield


def field(amplitude: float = 0.1, band_hz: tuple[float, float] = (0.0, 5.0)) -> xr.DataArray:
    """One horizontal component alone, of 1 Hz and growing from sensor to sensor: the same in the mean everywhere."""
    time_s = np.arange(500) * 0.02
    wave = np.sin(2 * np.pi * time_s) * np.sin(np.pi * time_s / time_s[-1])
    velocity = np.zeros((2, 3, 3, 3, len(time_s)))
    velocity[:, 0] = amplitude * np.linspace(0.5, 1.5, 9).reshape(3, 3)[..., None] * wave
    axis = 300.0 * np.arange(3)
    return make_wavefield(velocity, x_m=axis, y_m=axis, time_s=time_s, band_hz=band_hz)


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, list[float]]:
    rows = {}
    for line in capsys.readouterr().out.splitlines():
        name, _, numbers = line.strip().partition("  ")
        if line.startswith("  ") and numbers.strip() and numbers.split()[0][0].isdigit():
            rows[name] = [float(number) for number in numbers.split()]
    return rows


def test_rotd_of_motion_along_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Along a line, RotD100 is the peak itself and RotD50 that over the root of 2."""
    show_motion({"": field()})
    rows = printed(capsys)
    assert set(rows) == {
        "PGA below 5 Hz (m/s2)",
        "PGV (m/s)",
        *(f"SA({t} s) (m/s2)" for t in ("0.2", "0.5", "1", "2")),
        *(f"FAS({f} Hz) (m/s)" for f in ("0.5", "1", "2", "4")),
    }
    half, whole, largest = rows["PGV (m/s)"]
    assert (half, whole, largest) == pytest.approx((0.1 / np.sqrt(2), 0.1, 0.15 / np.sqrt(2)), rel=0.02)
    for values in rows.values():
        assert values[1] / values[0] == pytest.approx(np.sqrt(2), rel=0.02)
    assert rows["FAS(1 Hz) (m/s)"][0] == max(rows[name][0] for name in rows if name.startswith("FAS"))


def test_only_the_band_and_the_length_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_motion({"": field(band_hz=(0.0, 1.5)).isel(time=slice(0, 90))})
    assert set(printed(capsys)) == {
        "PGA below 1.5 Hz (m/s2)",
        "PGV (m/s)",
        "SA(1 s) (m/s2)",
        "FAS(1 Hz) (m/s)",
    }


def test_two_fields_side_by_side_and_names_that_are_printed_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    show_motion({"[bold]a\x1b[31m": field(0.1), "reference": field(0.2)})
    text = capsys.readouterr().out
    assert "\x1b[31m" not in text
    assert r"[bold]a\x1b[31m" in text
    assert "at 9 sensors, first of 2 realizations" in text


def test_a_field_with_gaps_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show_motion({"": field().where(lambda waves: waves["time"] > 1)})
    assert capsys.readouterr().out == ""
