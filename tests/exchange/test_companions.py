"""The files beside an exported one: refused before any work, and there with it or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spectremor.cli.export import export
from spectremor.cli.options import PlaceOptions
from spectremor.core.errors import InputError
from spectremor.data import wavefield_files
from spectremor.data.wavefield_files import write_wavefield
from spectremor.exchange.companions import companions
from spectremor.exchange.openquake import write_openquake
from spectremor.exchange.tables import write_traces
from spectremor.exchange.waveform_files import write_mseed

PLACE = {"origin_lon": 5.7, "origin_lat": 43.5}


@pytest.fixture
def field_file(field, tmp_path_factory):
    path = tmp_path_factory.mktemp("field") / "field.nc"
    write_wavefield(field, path)
    return path


@pytest.mark.parametrize("kind", ["folder", "pipe"])
@pytest.mark.parametrize(
    ("options", "companion"),
    [
        ({"form": "mseed"}, "out.sensors.csv"),
        ({"form": "mseed", **PLACE}, "out.stations.xml"),
        ({"form": "mseed", **PLACE}, "out.event.xml"),
        ({"form": "openquake", **PLACE}, "out.sites.csv"),
        ({"form": "csv", "table": "traces"}, "out.sensors.csv"),
    ],
)
def test_a_companions_place_is_checked_first(tmp_path, field_file, monkeypatch, options, companion, kind):
    (tmp_path / companion).mkdir() if kind == "folder" else os.mkfifo(tmp_path / companion)
    monkeypatch.setattr(wavefield_files, "read_wavefield", lambda *_: pytest.fail("read before it was checked"))
    given = {"quantity": "velocity", "origin_time": None, "table": None, "periods": None, "index": None}
    given["place"] = PlaceOptions(**{name: options[name] for name in PLACE if name in options})
    given |= {name: value for name, value in options.items() if name not in PLACE}
    with pytest.raises(InputError, match=rf"^--out: got .*{companion}"):
        export(field=field_file, out=tmp_path / "out.dat", **given)
    assert [p.name for p in tmp_path.iterdir()] == [companion]


@pytest.mark.parametrize("write", [write_mseed, write_openquake, write_traces])
@pytest.mark.parametrize("existing", [True, False])
def test_none_is_left_when_the_last_rename_fails(tmp_path, field, place, monkeypatch, write, existing):
    arguments = {"place": place} if write is not write_openquake else {}
    positional = (place,) if write is write_openquake else ()
    written = write(field, tmp_path / "out.dat", *positional, **arguments)
    assert sorted(written) == sorted(tmp_path.iterdir())
    for path in written:
        path.write_text("old") if existing else path.unlink()
    rename = Path.replace

    def refuse(self: Path, to: Path) -> Path:
        if to.name == "out.dat":
            raise OSError("the disk went away")
        return rename(self, to)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="went away"):
        write(field, tmp_path / "out.dat", *positional, **arguments)
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == ({path.name: "old" for path in written} if existing else {})


def test_names():
    path = Path("a/out.mseed")
    assert companions(path, "mseed", placed=False, source=True) == {"sensors": Path("a/out.sensors.csv")}
    assert list(companions(path, "mseed", placed=True, source=False)) == ["sensors", "stations"]
    assert companions(path, "asdf", placed=True, source=True) == {}
    assert companions(path, "intensities", placed=True, source=True) == {}


def test_names_with_dots():
    """A magnitude is no suffix: two events' companions must not be one file."""
    for name, sensors in {
        "mw4.9": "mw4.9.sensors.csv",
        "a.b.mseed": "a.b.sensors.csv",
        "out": "out.sensors.csv",
    }.items():
        assert companions(Path(name), "mseed", placed=False, source=False) == {"sensors": Path(sensors)}


def test_companions_of_an_earlier_export_do_not_stay_beside_another(tmp_path, field, place):
    write_mseed(field, tmp_path / "f.mseed", place=place)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        InputError, match=r"out: got .*f\.mseed, beside which f\.stations\.xml of another export stands"
    ):
        write_mseed(field, tmp_path / "f.mseed", quantity="acceleration")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    write_mseed(field, tmp_path / "f.mseed", place=place, quantity="acceleration")
