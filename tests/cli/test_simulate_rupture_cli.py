"""`spectremor simulate` of a rupture at stations, on the grid that a highest frequency asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from spectremor.core.geology import make_geology
from spectremor.simulation import plan

SRF = Path(__file__).parents[1] / "exchange" / "data" / "ruptures" / "whittier_excerpt.srf"
PLACE = ["--origin-lon", "-118.2", "--origin-lat", "33.9"]
QUICK = ["--max-frequency", "0.5", "--duration", "9", "--sampling", "5"]


@pytest.fixture
def job(tmp_path: Path) -> list[str | Path]:
    """A rupture in a domain of 24 km x 18 km, and two stations."""
    ground, stations = tmp_path / "ground.nc", tmp_path / "stations.csv"
    make_geology(np.full((9, 7, 9), 3200.0), (24000.0, 18000.0, 18000.0)).dataset.to_netcdf(ground)
    stations.write_text("name,lon,lat\nNORTH,-118.05,34.0\nSOUTH,-118.05,33.93\n")
    return ["simulate", "--geology", ground, "--rupture", SRF, *PLACE, "--stations", stations]


def test_the_plan_and_the_sides_are_said(
    job: list[str | Path], tmp_path: Path, here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert here(*job, *QUICK, "--out", tmp_path / "field.nc") == 0
    said = capsys.readouterr()
    (line,) = [text for text in said.err.splitlines() if text.startswith("grid of")]
    for words in ("6.4 points per wavelength of 0.5 Hz at 3200 m/s", " cells, ", " steps, ", " GiB of memory, about "):
        assert words in line
    with xr.open_dataarray(tmp_path / "field.nc") as field:
        assert field["station"].values.tolist() == ["NORTH", "SOUTH"]
        assert field.attrs["rupture_points"] == 9
        assert field.attrs["lowpass_hz"] == pytest.approx(0.5)
        from_s = field.attrs["absorbing_sides_from_s"]
    assert f"could matter from {from_s:.3g} s on" in said.out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--source", "4800,4800,-8400,48,45,88"], "--source: got 4800,4800,-8400,48,45,88; allowed: nothing beside"),
        (["--mw", "5"], "--mw: got 5.0; allowed: nothing beside --rupture, whose file says it"),
        (["--grid-spacing", "600"], "--max-frequency: got 0.5 Hz and a spacing of the grid; allowed: one of the two"),
        (["--rigidity", "30"], "--rigidity: got 30.0; allowed: 1e7 to 1e12 Pa"),
        (["--max-frequency", "-1"], "--max-frequency: got -1.0; allowed: a positive frequency in Hz"),
        (["--max-frequency", "4", "--sampling", "20"], "allowed: at most "),
        (["--origin-lon", "33.9", "--origin-lat", "-118.2"], "--origin-lat: got "),
    ],
)
def test_refusals_are_one_line(
    change: list[str],
    words: str,
    job: list[str | Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    here: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(plan, "present_bytes", lambda: 1 << 28)
    assert here(*job, *QUICK, *change, "--out", tmp_path / "field.nc") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert not (tmp_path / "field.nc").exists()


def test_a_rigidity_without_a_rupture(tmp_path: Path, here: Callable[..., int]) -> None:
    arguments = ["simulate", "--geology", tmp_path / "none.nc", "--source", "1,1,-1,1,1,1", "--rigidity", "3e10"]
    assert here(*arguments, "--out", tmp_path / "field.nc") == 2
