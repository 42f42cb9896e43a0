"""The verb `export`: whole files or none, and one line for every mistake."""

from __future__ import annotations

import sys

import obspy
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from spectremor.cli import export
from spectremor.core.errors import InputError
from spectremor.data.wavefield_files import write_wavefield


@pytest.fixture(scope="module")
def field_file(field, tmp_path_factory):
    path = tmp_path_factory.mktemp("field") / "field.nc"
    write_wavefield(field, path)
    return path


@pytest.fixture(scope="module")
def run():
    app = typer.Typer()
    app.callback()(lambda: None)
    export.register(app)

    def call(*arguments):
        result = CliRunner().invoke(app, ["export", *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.stdout.split()

    return call


ORIGIN = ("--origin-lon", 5.7, "--origin-lat", 43.5)


@pytest.mark.parametrize(
    ("form", "options", "names"),
    [
        ("mseed", (), ["out.mseed", "out.sensors.csv"]),
        ("mseed", ORIGIN, ["out.event.xml", "out.mseed", "out.sensors.csv", "out.stations.xml"]),
        ("asdf", ORIGIN, ["out.h5"]),
        ("openquake", ORIGIN, ["out.csv", "out.sites.csv"]),
        ("csv", (), ["out.csv"]),
        ("csv", ("--table", "traces", "--quantity", "acceleration"), ["out.csv", "out.sensors.csv"]),
    ],
)
def test_every_format(run, tmp_path, field_file, form, options, names):
    out = tmp_path / f"out.{ {'mseed': 'mseed', 'asdf': 'h5'}.get(form, 'csv') }"
    printed = run(field_file, "--format", form, "--out", out, *options)
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert sorted(printed) == sorted(str(tmp_path / n) for n in names)


def test_options_reach_the_file(run, tmp_path, field_file):
    out = tmp_path / "out.mseed"
    when = "2024-01-31T12:00:00Z"
    run(field_file, "--format", "mseed", "--out", out, "--quantity", "acceleration", "--origin-time", when)
    trace = obspy.read(out, format="MSEED")[0]
    assert trace.stats.channel == "BNE"
    assert trace.stats.starttime == obspy.UTCDateTime(when) + 0.98
    run(field_file, "--format", "csv", "--out", tmp_path / "im.csv", "--periods", "0.5,2")
    names = [n for n in pd.read_csv(tmp_path / "im.csv") if n.startswith("sa")]
    assert names == [f"sa_{t}s_{rotd}_m_s2" for rotd in ("rotd50", "rotd100") for t in ("0.5", "2.0")]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--format", "sac"), "--format"),
        (("--format", "mseed", "--quantity", "jerk"), "--quantity"),
        (("--format", "openquake", "--quantity", "acceleration", *ORIGIN), "--quantity"),
        (("--format", "csv", "--quantity", "displacement"), "--quantity"),
        (("--format", "asdf"), "--origin-lon"),
        (("--format", "openquake", "--origin-lon", "5"), "--origin-lat"),
        (("--format", "mseed", "--origin-lon", "5"), "--origin-lat"),
        (("--format", "mseed", "--origin-lon", "200", "--origin-lat", "1"), "origin.longitude"),
        (("--format", "mseed", "--crs", "EPSG:1", "--origin-lon", "2", "--origin-lat", "1"), "crs"),
        (("--format", "mseed", "--origin-time", "noon"), "origin_time"),
        (("--format", "csv", "--periods", "0.3,fast"), "--periods"),
        (("--format", "csv", "--periods", "0"), "--periods"),
        (("--format", "csv", "--periods", "1e-300,1e300"), "--periods"),
        (("--format", "csv", "--table", "people"), "--table"),
        (("--format", "mseed", "--table", "traces"), "--table"),
        (("--format", "mseed", "--periods", "0.3"), "--periods"),
        (("--format", "csv", "--table", "traces", "--periods", "0.3"), "--periods"),
        (("--format", "csv", "--origin-time", "2024-01-31"), "--origin-time"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(run, tmp_path, field_file, options, named):
    with pytest.raises(InputError) as caught:
        run(field_file, "--out", tmp_path / "out.x", *options)
    assert caught.value.field == named
    assert list(tmp_path.iterdir()) == []


def test_bad_files_and_paths(run, tmp_path, field_file):
    cut = tmp_path / "cut.nc"
    cut.write_bytes(field_file.read_bytes()[:5000])
    for bad in (tmp_path / "no.nc", cut):
        with pytest.raises(InputError, match="wavefield"):
            run(bad, "--format", "csv", "--out", tmp_path / "out.csv")
    with pytest.raises(InputError, match="--out"):
        run(field_file, "--format", "csv", "--out", tmp_path / "no" / "out.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["cut.nc"]


def test_exit_code_and_line(tmp_path, field_file, here, capsys):
    assert here("export", field_file, "--format", "asdf", "--out", tmp_path / "a.h5") == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: --origin-lon: got nothing; allowed: degrees: the place of the domain's south-west corner"
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (("--origin-lon", "5", "--origin-lat", "95"), "error: --origin-lat: got 95"),
        (("--origin-time=noon",), "error: --origin-time: got noon; allowed"),
        (("--index", "7"), "error: --index: got 7; allowed"),
    ],
)
def test_options_are_called_as_they_were_typed(tmp_path, field_file, here, capsys, typed, line):
    assert here("export", field_file, "--format", "mseed", "--out", tmp_path / "a.mseed", *typed) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
    assert list(tmp_path.iterdir()) == []


def test_missing_package_names_the_extra(run, tmp_path, field_file, monkeypatch):
    from spectremor.core.extras import MissingExtraError

    monkeypatch.setitem(sys.modules, "obspy", None)
    with pytest.raises(MissingExtraError, match=r"obspy is not installed; .* pip install 'spectremor\[exchange\]'"):
        run(field_file, "--format", "mseed", "--out", tmp_path / "out.mseed")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["field.nc", "link.nc", "sub/../field.nc"])
def test_the_input_is_never_written_over(run, tmp_path, field_file, out):
    path = tmp_path / "field.nc"
    path.write_bytes(field_file.read_bytes())
    (tmp_path / "link.nc").symlink_to(path)
    (tmp_path / "sub").mkdir()
    with pytest.raises(InputError, match=r"--out: got .* allowed: another path than the input"):
        run(path, "--format", "csv", "--out", tmp_path / out)
    assert path.read_bytes() == field_file.read_bytes()


def test_a_companion_is_not_written_over_the_input(run, tmp_path, field_file):
    path = tmp_path / "f.sensors.csv"
    path.write_bytes(field_file.read_bytes())
    with pytest.raises(InputError, match="another path than the input"):
        run(path, "--format", "mseed", "--out", tmp_path / "f.mseed")


def test_an_empty_date_is_no_date(run, tmp_path, field_file):
    with pytest.raises(InputError, match="origin_time"):
        run(field_file, "--format", "mseed", "--out", tmp_path / "f.mseed", "--origin-time", "")
