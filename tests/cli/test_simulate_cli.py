"""`spectremor simulate` and the rise time of `generate`, as a person types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from spectremor.core.geology import make_geology
from spectremor.data.geology_files import read_geology
from spectremor.data.wavefield_files import read_wavefield
from spectremor.examples import example_geology
from spectremor.simulation import memory

SOURCE = "2400,1800,-3000,48,45,88"
QUICK = ["--grid-spacing", "600", "--duration", "0.5", "--sampling", "20", "--lowpass", "1"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A domain of 4.8 km x 3.6 km."""
    path = tmp_path / "small.nc"
    make_geology(np.full((9, 7, 9), 3000.0), (4800.0, 3600.0, 4800.0)).dataset.to_netcdf(path)
    assert read_geology(path).shape[0] == 9
    return path


def test_sensors_are_spread_over_a_domain_of_another_size(
    small: Path, tmp_path: Path, here: Callable[..., int]
) -> None:
    out = tmp_path / "field.nc"
    assert here("simulate", "--geology", small, "--source", SOURCE, *QUICK, "--out", out) == 0
    with xr.open_dataarray(out) as field:
        assert field.shape == (3, 32, 32, 10)
        np.testing.assert_allclose(field.x[[0, -1]], [75.0, 4725.0])
        np.testing.assert_allclose(field.y[[0, -1]], [56.25, 3543.75])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--duration", "600"], ["duration_s", "12000 output times", "this machine has 0.5 GiB"]),
        (["--time-step", "1e-5"], ["time_step_s", "1e-05 s", "longer steps"]),
        (["--duration", "0.05"], ["duration_s", "(0.05, 3600] s: at least two samples"]),
    ],
)
def test_a_run_that_cannot_be_is_one_line(
    change: list[str],
    words: list[str],
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    here: Callable[..., int],
) -> None:
    monkeypatch.setattr(memory, "present_bytes", lambda: 1 << 29)
    arguments = ["--geology", small, "--source", SOURCE, *QUICK, *change]
    assert here("simulate", *arguments, "--out", tmp_path / "field.nc") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    for word in ["error: ", ": got ", "; allowed: ", *words]:
        assert word in line
    assert not (tmp_path / "field.nc").exists()


def test_a_domain_in_map_coordinates_is_one_line(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Callable[..., int]
) -> None:
    with xr.open_dataarray(small) as geology:
        geology.load().assign_coords(x=geology["x"] + 500_000).to_netcdf(tmp_path / "moved.nc")
    arguments = ["--geology", tmp_path / "moved.nc", "--source", SOURCE, *QUICK]
    assert here("simulate", *arguments, "--out", tmp_path / "field.nc") == 2
    assert "geology.x: got starts at 500000 m; allowed: 0 m" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--model", "hybrid", "--stage1-only"]])
def test_another_rise_time_than_the_trained_one_is_taken(
    more: list[str], tmp_path: Path, here: Callable[..., int]
) -> None:
    example_geology().dataset.to_netcdf(tmp_path / "geology.nc")
    arguments = ["--geology", tmp_path / "geology.nc", "--source", "4800,4800,-8400,48,45,88", *more]
    for name, rise_time_s in (("slow.nc", 1.0), ("quick.nc", 0.1)):
        assert here("generate", *arguments, "--rise-time", rise_time_s, "--out", tmp_path / name) == 0
    slow, quick = (read_wavefield(tmp_path / name) for name in ("slow.nc", "quick.nc"))
    assert slow.attrs["source_rise_time_s"] == 1.0
    # Ten times the rise time leaves little of what lies above the trained corner.
    high = [np.abs(np.fft.rfft(field.values)[..., 13:]).sum() for field in (slow, quick)]
    assert high[0] < 0.1 * high[1]
