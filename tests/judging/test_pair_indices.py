"""`evaluate --prediction --reference`: one wavefield of a file that holds several."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
import xarray as xr
from typer.testing import CliRunner

from spectremor.cli import evaluate as verb
from spectremor.core.errors import InputError
from spectremor.data.geology_files import write_geology
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store
from spectremor.data.wavefield_files import read_wavefield, write_wavefield
from spectremor.judging.pairing import make_pair
from spectremor.judging.scores import evaluate
from spectremor.report.pair_report import write_pair_report


def invoke(*arguments: object):
    app = typer.Typer()
    verb.register(app)
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def prediction(truth: xr.DataArray, tmp_path: Path) -> Path:
    write_wavefield(truth, tmp_path / "p.nc")
    return tmp_path / "p.nc"


def score(output: str, name: str) -> str:
    (line,) = [line for line in output.splitlines() if line.split()[:1] == [name]]
    return line.split()[1]


def test_one_of_a_campaign_brings_its_own_geology(store, prediction: Path) -> None:
    done = invoke("--prediction", prediction, "--reference", store.path, "--reference-index", 4)
    assert done.exit_code == 0, done.output
    assert (score(done.output, "EG"), score(done.output, "rMAE")) == ("10", "0")
    done = invoke("--prediction", store.path, "--prediction-index", 4, "--reference", prediction)
    assert (score(done.output, "EG"), score(done.output, "rMAE")) == ("10", "nan")


def test_a_geology_alone_or_among_several(store, prediction: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "all.npy", np.stack([store.vs(i) for i in range(3)]))
    write_geology(store.geology(4), tmp_path / "g.nc")
    pair = ("--prediction", prediction, "--reference", store.path, "--reference-index", 4)
    for geology in (tmp_path / "g.nc", store.path):
        done = invoke(*pair, "--geology", geology)
        assert score(done.output, "rMAE") == "0", done.output
    done = invoke(*pair, "--geology", tmp_path / "all.npy")
    assert isinstance(done.exception, InputError)
    assert "--reference-index, for --geology: got 4; allowed: 0 to 2" in str(done.exception)


def test_the_option_is_named(store, prediction: Path) -> None:
    for given in ((), ("--prediction-index", 7)):
        done = invoke("--prediction", store.path, "--reference", prediction, *given)
        assert isinstance(done.exception, InputError)
        assert str(done.exception).startswith(
            f"--prediction-index: got {given[1] if given else 'none'}; allowed: 0 to 6"
        )
    done = invoke("--prediction", prediction, "--reference", prediction, "--reference-index", 1)
    assert str(done.exception).startswith("--reference-index: got 1; allowed: none: ")


def test_the_only_one_needs_no_index(store, prediction: Path, tmp_path: Path) -> None:
    layout = StoreLayout(
        geology_shape=store.vs(4).shape,
        extent_m=store.extent_m,
        x_m=store.x_m,
        y_m=store.y_m,
        time_s=store.time_s,
        band_high_hz=5.0,
    )
    create_store(tmp_path / "one.zarr", layout, [store.source(4)], {})
    writer = StoreWriter(tmp_path / "one.zarr")
    writer.commit(0, writer.write(0, store.vs(4), {None: store.velocity(4)}))
    done = invoke("--prediction", tmp_path / "one.zarr", "--reference", prediction)
    assert score(done.output, "EG") == "10", done.output


def test_samples_of_a_netcdf_file(truth: xr.DataArray, prediction: Path, tmp_path: Path) -> None:
    two = xr.concat([truth, 0.5 * truth], "sample").assign_attrs(truth.attrs)
    write_wavefield(two, tmp_path / "two.nc")
    write_wavefield(two[:1], tmp_path / "one.nc")
    assert read_wavefield(tmp_path / "two.nc").sizes["sample"] == 2
    xr.testing.assert_allclose(read_wavefield(tmp_path / "two.nc", 1), 0.5 * truth)
    with pytest.raises(InputError, match=r"index: got 2; allowed: 0 to 1"):
        read_wavefield(tmp_path / "two.nc", 2)
    for arguments in ((tmp_path / "two.nc", "--prediction-index", 0), (tmp_path / "one.nc",)):
        done = invoke("--reference", prediction, "--prediction", *arguments)
        assert score(done.output, "EG") == "10", done.output
    done = invoke("--reference", prediction, "--prediction", tmp_path / "two.nc")
    assert str(done.exception).startswith("--prediction-index: got none; allowed: 0 to 1")


def test_a_folder_with_other_things_is_never_replaced(prediction: Path, tmp_path: Path) -> None:
    """A page of that name is no sign of a report."""
    pair = ("--prediction", prediction, "--reference", prediction, "--out")
    report, site = tmp_path / "report", tmp_path / "site"
    for _ in range(2):
        done = invoke(*pair, report)
        assert done.exit_code == 0, done.output
    site.mkdir()
    (site / "index.html").write_text("home")
    (site / "thesis.tex").write_text("years of work")
    done = invoke(*pair, site)
    assert str(done.exception).startswith(f"--out: got {site}, which holds thesis.tex; allowed: a new folder")
    assert {p.name for p in site.iterdir()} == {"index.html", "thesis.tex"}
    done = invoke(*pair, prediction)
    assert str(done.exception).startswith(f"--out: got {prediction}; allowed: a new folder")


@pytest.mark.parametrize("spoil", ["infinite", "all NaN", "short", "still"])
def test_odd_wavefields_have_a_report(truth: xr.DataArray, spoil: str, tmp_path: Path) -> None:
    reference = truth.copy(deep=True)
    if spoil == "infinite":
        reference[0, 0, 0, 5] = np.inf
    elif spoil == "all NaN":
        reference[:] = np.nan
    elif spoil == "still":
        reference[:] = 0.0
    else:
        truth, reference = truth.isel(time=slice(0, 6)), reference.isel(time=slice(0, 6))
    scores, pair = evaluate(truth, reference), make_pair(truth, reference)
    page = write_pair_report(scores, pair, ("a.nc", "b.nc"), tmp_path / "report")
    assert "a.nc against b.nc" in page.read_text()
    assert (page.parent / "figures" / "spectra.png").stat().st_size > 1000


def test_options_of_the_other_kind_are_refused(store, prediction: Path, tmp_path: Path) -> None:
    pair, data = (
        ("--prediction", prediction, "--reference", prediction),
        ("--data", store.path, "--out", tmp_path / "r"),
    )
    idle = {
        "--window": (*data, "--window", "0,1"),
        "--nearest": (*data, "--nearest"),
        "--tolerance": (*data, "--tolerance", 5),
        "--geology": (*data, "--geology", prediction),
        "--reference-index": (*data, "--reference-index", 1),
        "--model": (*pair, "--model", "nope"),
        "--split": (*pair, "--split", "val"),
        "--sensors": (*pair, "--sensors", 3),
        "--realizations": (*pair, "--realizations", 4),
        "--steps": (*pair, "--steps", 4),
        "--seed": (*pair, "--seed", 0),
        "--regression-minutes": (*pair, "--regression-minutes", 5),
    }
    for option, words in idle.items():
        done = invoke(*words)
        assert isinstance(done.exception, InputError), option
        assert str(done.exception).startswith(f"{option}: got ")
        assert "nothing here: it goes with" in str(done.exception)
    done = invoke(*pair, "--tolerance", 60)
    assert str(done.exception) == "--tolerance: got 60.0; allowed: nothing here: it goes with --nearest"
    done = invoke(*data, "--regression", tmp_path, "--regression-minutes", 1)
    assert str(done.exception).startswith("--regression-minutes: got 1.0; allowed: nothing here")
    assert not (tmp_path / "r").exists()
    done = invoke(*data, "--regression-minutes", "nan")
    assert "--regression-minutes: got nan" in str(done.exception)


def test_two_earthquakes_are_told_apart(truth: xr.DataArray) -> None:
    other = truth.assign_attrs(source_position_m=[900.0, 700.0, -1500.0])
    assert evaluate(truth, truth).notes == evaluate(truth, truth.copy()).notes
    assert any("two earthquakes" in note for note in evaluate(other, truth).notes)
    assert not any("two earthquakes" in note for note in evaluate(truth, truth).notes)


def test_bands_that_are_none_or_do_not_meet_are_refused(truth: xr.DataArray) -> None:
    free = truth.drop_attrs()
    free.attrs["units"] = "m/s"
    with pytest.raises(InputError, match=r"reference\.attrs\.band_high_hz: got 300 to \d+ Hz"):
        evaluate(free, free.assign_attrs(band_low_hz=300.0))
    for low in ("abc", [1.0, 2.0], np.nan):
        with pytest.raises(InputError, match=r"prediction\.attrs\.band_low_hz"):
            evaluate(free.assign_attrs(band_low_hz=low), free)
    low, high = (free.assign_attrs(band_low_hz=a, band_high_hz=b) for a, b in ((0.0, 1.0), (2.0, 5.0)))
    with pytest.raises(InputError, match=r"got 0 to 1 Hz; allowed: a band that meets the reference's, 2 to 5 Hz"):
        evaluate(low, high)
    assert make_pair(free.assign_attrs(band_low_hz=1.0), high).band_hz == (2.0, 5.0)
    assert make_pair(free.assign_attrs(band_high_hz=None), low).band_hz == (0.0, 1.0)


def test_arrays_without_labels_are_refused() -> None:
    """In a process without the tests' own checks of types."""
    code = "import numpy as np, spectremor as sp; sp.evaluate(np.zeros((3, 2, 2, 9)), np.zeros((3, 2, 2, 9)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "prediction: got a ndarray; allowed: an xarray.DataArray" in done.stderr.splitlines()[-1]
