"""Names from files and people stand in figures as they are, whatever signs they hold."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from spectremor.core.recording import Stations
from spectremor.core.wavefield import make_wavefield
from spectremor.examples import example_geology, example_source
from spectremor.report import html
from spectremor.report.ground import ground_figure
from spectremor.report.literal_text import literal
from spectremor.report.overview import overview_figure

#: Half a formula, which matplotlib cannot draw; and a terminal's command.
ODD = "$\\frac{x$ \x1b[31m"


def shown(figure: Figure) -> list[str]:
    """Draws the figure too."""
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def test_stations_of_any_name() -> None:
    stations = Stations((ODD[:-5], "_^$"), np.array([3000.0, 6000.0]), np.array([3000.0, 6000.0]), np.zeros(2))
    assert {ODD[:-5], "_^$"} <= set(shown(ground_figure(example_geology(), example_source(), stations, None)))


def test_a_stage_of_any_name() -> None:
    axis = 300.0 * np.arange(3)
    velocity = np.random.default_rng(0).standard_normal((3, 3, 3, 100))
    field = make_wavefield(velocity, x_m=axis, y_m=axis, time_s=0.02 * np.arange(100), band_hz=(0, 5))
    field.attrs["stage1"] = ODD
    texts = shown(overview_figure(field, field, example_source(), sensors=1))
    assert any("$\\frac{x$ \\x1b[31m" in text.lower() for text in texts)
    assert not any("\x1b" in text for text in texts)


def test_reports_draw_any_name_and_powers_of_ten_stay() -> None:
    figure = Figure()
    axis = figure.subplots()
    axis.loglog([1, 1e4], [1, 1e4], label=ODD)
    axis.set_title(ODD)
    axis.legend()
    assert html.png(figure).startswith(b"\x89PNG")
    ticks = [label for label in axis.get_xticklabels() if label.get_text()]
    assert ticks
    assert all(label.get_parse_math() for label in ticks)
    assert literal(figure) is figure


@pytest.mark.parametrize("format_", ["mseed", "asdf"])
def test_exports_of_a_field_whose_attributes_hold_anything(tmp_path, format_: str) -> None:
    pytest.importorskip("obspy")
    from spectremor.exchange import Georeference, write_asdf, write_mseed

    axis = 300.0 * np.arange(2)
    field = make_wavefield(np.ones((3, 2, 2, 50)), x_m=axis, y_m=axis, time_s=0.02 * np.arange(50))
    field.attrs |= {"model": "a\x00\x1b[31m", "stage": "two\nlines"}
    place = Georeference(longitude_deg=5.7, latitude_deg=43.5)
    if format_ == "mseed":
        write_mseed(field, tmp_path / "f.mseed", place=place)
        assert "\\x1b[31m" in (tmp_path / "f.stations.xml").read_text()
    else:
        write_asdf(field, tmp_path / "f.h5", place)
        assert (tmp_path / "f.h5").stat().st_size > 0
