"""Stress drop and a growing Q, as a person types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectremor.core.geology import make_geology
from spectremor.core.q_law import QLaw, q_law_of
from spectremor.core.source import brune_rise_time_s, moment_from_mw
from spectremor.core.wavefield import source_of
from spectremor.data.geology_files import read_geology
from spectremor.data.wavefield_files import read_wavefield

SOURCE = ["--source", "2400,1800,-3000,48,45,88", "--mw", "4.5"]
QUICK = ["--grid-spacing", "600", "--duration", "0.5", "--sampling", "20", "--lowpass", "1"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.nc"
    make_geology(np.full((9, 7, 9), 3000.0), (4800.0, 3600.0, 4800.0)).dataset.to_netcdf(path)
    return path


def test_a_stress_drop_and_a_q(small: Path, tmp_path: Path, here: Callable[..., int]) -> None:
    options = ["--stress-drop", "1e7", "--q-exponent", "0.5", "--q-reference", "2"]
    assert here("simulate", "--geology", small, *SOURCE, *QUICK, *options, "--out", tmp_path / "f.nc") == 0
    field = read_wavefield(tmp_path / "f.nc")
    expected = brune_rise_time_s(moment_from_mw(4.5), 3000.0, 1e7)
    assert source_of(field).rise_time_s == pytest.approx(expected, rel=1e-5)
    assert field.attrs["attenuation"].endswith("Q = Q0 (f / 2 Hz)^0.5")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--stress-drop", "5"], "error: --stress-drop: got 5 Pa; allowed: 1e3 to 1e10 Pa (5 MPa is 5e6 Pa)"),
        (
            ["--stress-drop", "5e6", "--rise-time", "0.1"],
            "error: --stress-drop: got 5e+06 Pa beside a rise time of 0.1 s; allowed: one of the two",
        ),
        (["--q-exponent", "2"], "error: --q-exponent: got 2.0; allowed: a number in [0, 0.95]; 0 is a constant Q"),
        (["--q-reference", "2"], "error: --q-reference: got 2.0; allowed: nothing without q_exponent"),
    ],
)
def test_refusals(
    options: list[str],
    line: str,
    small: Path,
    tmp_path: Path,
    here: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert here("simulate", "--geology", small, *SOURCE, *QUICK, *options, "--out", tmp_path / "f.nc") == 2
    assert capsys.readouterr().err.splitlines() == [line]
    assert not (tmp_path / "f.nc").exists()


def test_an_imported_ground_keeps_its_q(tmp_path: Path, here: Callable[..., int]) -> None:
    (tmp_path / "layers.csv").write_text(
        "thickness_m,vs_m_s,vp_m_s,density_kg_m3,qs,qp\n900,1500,2900,2200,60,120\n,3000,5200,2600,200,400\n"
    )
    line = ["geology", "import", tmp_path / "layers.csv", "--extent", "3600,3600,3600", "--spacing", "300"]
    assert here(*line, "--q-exponent", "0.3", "--out", tmp_path / "g.nc") == 0
    ground = read_geology(tmp_path / "g.nc")
    assert q_law_of(ground) == QLaw(0.3, 1.0)
    assert float(ground.qs.max()) == pytest.approx(200.0)
    assert here(*line, "--q-reference", "2", "--out", tmp_path / "h.nc") == 2
