"""`spectremor geology`, as a person types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectremor.campaign.perturbation import perturb_geology
from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.recording import Stations
from spectremor.core.source import Source
from spectremor.data.geology_files import read_geology, write_geology
from spectremor.report.ground import ground_figure

LAYERS = "thickness_m,vs_m_s\n600,1500\n,3000\n"
SIZE = ("--extent", "2400,1800,1200", "--spacing", "300")


def test_layers_become_a_geology(tmp_path: Path, here: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "layers.csv").write_text(LAYERS)
    assert here("geology", "import", tmp_path / "layers.csv", *SIZE, "--out", tmp_path / "g.nc") == 0
    assert "9 x 7 x 5 nodes, Vs from 1500 to 3000 m/s" in capsys.readouterr().out
    ground = read_geology(tmp_path / "g.nc")
    assert ground.vs_m_s[0, 0].tolist() == [3000, 3000, 2000, 1500, 1500]
    assert ground.attrs["model"] == "layers.csv"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--extent", "2400,1800", "--spacing", "300"), "--extent: got"),
        (("--extent", "2400,abc,1", "--spacing", "300"), "--extent: got 2400,abc,1; allowed: three sizes in m"),
        (("--extent", "2400,1800,1200", "--spacing", "500"), "--spacing: got 500 m; allowed: a part of 2400 m"),
        ((*SIZE, "--origin-lon", "13,26"), "--origin-lon: got 13,26; allowed: a valid number"),
        ((*SIZE, "--origin-lon", "13"), "--origin-lat: got nothing"),
        ((*SIZE, "--origin-lon", "13", "--origin-lat", "142"), "--origin-lat: got 142 degrees"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    options: tuple[str, ...], message: str, tmp_path: Path, here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "layers.csv").write_text(LAYERS)
    assert here("geology", "import", tmp_path / "layers.csv", *options, "--out", tmp_path / "g.nc") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "g.nc").exists()


def _ground():
    z = np.linspace(3000, 1500, 5)
    return make_geology(np.broadcast_to(z, (9, 7, 5)), (2400.0, 1800.0, 1200.0))


def test_a_seed_is_a_ground(tmp_path: Path, here: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    write_geology(_ground(), tmp_path / "g.nc")
    options = ("--variation", 0.05, "--correlation", "900,900,600", "--hurst", 0.2)
    for seed in (1, 2):
        out = tmp_path / f"{seed}.nc"
        assert here("geology", "perturb", tmp_path / "g.nc", "--seed", seed, *options, "--out", out) == 0
    assert "9 x 7 x 5 nodes, Vs from " in capsys.readouterr().out
    one, two = (read_geology(tmp_path / f"{seed}.nc") for seed in (1, 2))
    expected = perturb_geology(
        _ground(), seed=1, coefficient_of_variation=0.05, correlation_lengths_m=(900, 900, 600), hurst=0.2
    )
    np.testing.assert_allclose(one.vs_m_s, expected.vs_m_s, rtol=1e-6)
    assert one.attrs["heterogeneity_seed"] == 1
    assert np.abs(one.vs_m_s / two.vs_m_s - 1).max() > 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seed", 1, "--variation", 0.7), "--variation: got 0.7; allowed: [0, 0.5]"),
        (("--seed", 1, "--correlation", "100,900,900"), "--correlation: got 100 m; allowed: [300"),
        (("--seed", 1, "--correlation", "900,900"), "--correlation: got 900,900; allowed: three lengths in m"),
        (("--seed", 1, "--correlation", "a,b,c"), "--correlation: got a,b,c; allowed: three lengths in m"),
        (("--seed", 1, "--hurst", 0), "--hurst: got 0"),
        (("--seed", -1), "--seed: got -1"),
        (("--seed", 2**63), "--seed: got 9223372036854775808"),
        ((), "--seed"),
    ],
)
def test_heterogeneity_that_is_none_is_one_line_and_writes_nothing(
    options: tuple[str, ...], message: str, tmp_path: Path, here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    write_geology(_ground(), tmp_path / "g.nc")
    assert here("geology", "perturb", tmp_path / "g.nc", *options, "--out", tmp_path / "o.nc") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not (tmp_path / "o.nc").exists()


def test_a_picture_with_source_and_stations(tmp_path: Path, here: Callable[..., int]) -> None:
    write_geology(_ground(), tmp_path / "g.nc")
    (tmp_path / "s.csv").write_text("name,x_m,y_m\nNORTH,1200,1700\n")
    source = ("--source", "600,900,-600,20,60,50", "--stations", tmp_path / "s.csv")
    assert here("geology", "show", tmp_path / "g.nc", *source, "--figure", tmp_path / "f.png") == 0
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert here("geology", "show", tmp_path / "g.nc", "--column", "9000,0", "--figure", tmp_path / "no.png") == 2
    assert not (tmp_path / "no.png").exists()


def test_what_the_picture_draws() -> None:
    source = Source.from_angles(position_m=(600, 900, -600), strike_deg=20, dip_deg=60, rake_deg=50)
    stations = Stations(("NORTH",), np.array([1200.0]), np.array([1700.0]), np.zeros(1))
    figure = ground_figure(_ground(), source, stations)
    surface, along_x, along_y, column = figure.axes[:4]
    assert surface.texts[0].get_text() == "NORTH"
    drawn = [line.get_xydata().tolist() for line in surface.lines]
    assert [[1.2, 1.7]] in drawn
    assert [[0.6, 0.9]] in drawn
    assert [[0.6, -0.6]] in [line.get_xydata().tolist() for line in along_x.lines]
    assert [[0.9, -0.6]] in [line.get_xydata().tolist() for line in along_y.lines]
    assert column.get_title() == "Column at x = 1.2 km, y = 1.7 km"
    np.testing.assert_allclose(column.lines[0].get_xdata(), np.linspace(3000, 1500, 5))
    np.testing.assert_allclose(column.lines[0].get_ydata(), np.linspace(-1.2, 0, 5))


def test_a_source_outside_is_refused() -> None:
    source = Source.from_angles(position_m=(6000, 900, -600), strike_deg=20, dip_deg=60, rake_deg=50)
    with pytest.raises(InputError, match=r"^source\.x: got 6000 m; allowed: \[0, 2400\] m, inside the ground$"):
        ground_figure(_ground(), source)
