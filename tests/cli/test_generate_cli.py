"""`spectremor generate` as a person types it: the shipped weights once, in a process of their own; refusals by the same
entry point inside this one."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from spectremor.cli.options import EarthquakeOptions, PlaceOptions
from spectremor.core.errors import InputWarning
from spectremor.core.source import Source
from spectremor.data.geology_files import write_geology
from spectremor.examples import example_geology
from spectremor.exchange import Georeference, write_source
from spectremor.model.folder import DEFAULT_MODEL, SHIPPED

SOURCE = "4800,4800,-8400,48,45,88"


def run(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    command = [sys.executable, "-m", "spectremor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=300)


Refused = Callable[[list[str | Path], list[str]], None]


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Callable[..., int]) -> Refused:
    """Checks that `generate` ends with code 2, one line with these words, and no file."""

    def check(arguments: list[str | Path], words: list[str]) -> None:
        before = sorted(tmp_path.rglob("*"))
        assert here("generate", *arguments, "--out", tmp_path / "refused.nc") == 2
        (line,) = capsys.readouterr().err.splitlines()
        for word in ["error: ", ": got ", "; allowed: ", *words]:
            assert word in line
        assert sorted(tmp_path.rglob("*")) == before

    return check


@pytest.fixture(scope="module")
def geology_npy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("geology") / "geology.npy"
    np.save(path, example_geology().vs_m_s)
    return path


@pytest.mark.shared_data
def test_the_published_sample_in_little_memory(hemew3d: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nc"
    arguments = ["--geology", hemew3d / "sample0.h5", "--source", SOURCE, "--convention", "hemew"]
    run("generate", *arguments, "--moment", "2.47e16", "--out", out)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 4 * 2**20  # KiB
    _check_field(out)


def test_output_is_a_labelled_wavefield(
    geology_npy: Path, tiny_model: Path, tmp_path: Path, here: Callable[..., int]
) -> None:
    arguments = ["--geology", geology_npy, "--source", SOURCE, "--model", tiny_model, "--seed", 7]
    assert here("generate", *arguments, "--out", tmp_path / "field.nc") == 0
    _check_field(tmp_path / "field.nc")


def _check_field(path: Path) -> None:
    with xr.open_dataarray(path) as field:
        assert field.dims == ("realization", "component", "x", "y", "time")
        assert field.shape == (1, 3, 32, 32, 320)
        assert field.attrs["units"] == "m/s"
        assert np.isfinite(field.values).all()
        assert float(np.abs(field).max()) > 1e-4
        assert {"seed", "model", "version", "band_high_hz", "source_position_m"} <= set(field.attrs)
        drawn = field.isel(realization=0, time=100).sel(component="E").plot()
        assert drawn.axes.get_xlabel().startswith("North")
        assert drawn.axes.get_ylabel().startswith("East")
        assert drawn.colorbar.ax.get_ylabel() == "ground velocity [m/s]"


def test_same_seed_same_bytes_alone_or_among_others(
    geology_npy: Path, tiny_model: Path, tmp_path: Path, here: Callable[..., int]
) -> None:
    base = ["generate", "--geology", geology_npy, "--source", SOURCE, "--model", tiny_model, "--seed", 7]
    assert here(*base, "--out", tmp_path / "one.nc") == 0
    run(*base, "--out", tmp_path / "again.nc")
    assert here(*base, "--out", tmp_path / "four.nc", "--realizations", 4) == 0
    assert (tmp_path / "one.nc").read_bytes() == (tmp_path / "again.nc").read_bytes()
    alone, among = xr.open_dataarray(tmp_path / "one.nc"), xr.open_dataarray(tmp_path / "four.nc")
    assert among.shape[0] == 4
    assert alone.isel(realization=0).values.tobytes() == among.isel(realization=0).values.tobytes()


@pytest.mark.slow
def test_the_shipped_weights_keep_what_a_seed_promises(geology_npy: Path, tmp_path: Path) -> None:
    base = ["generate", "--geology", geology_npy, "--source", SOURCE, "--seed", 7]
    run(*base, "--out", tmp_path / "one.nc")
    run(*base, "--out", tmp_path / "four.nc", "--realizations", 4)
    alone, among = xr.open_dataarray(tmp_path / "one.nc").values, xr.open_dataarray(tmp_path / "four.nc").values
    assert alone[0].tobytes() == among[0].tobytes()
    for i in range(4):
        for j in range(i):
            assert np.abs(among[i] - among[j]).max() > 1e-3 * np.abs(among).max()


def test_a_refusal_loads_no_torch(geology_npy: Path, tmp_path: Path) -> None:
    code = "import sys, atexit; from spectremor.cli.app import main\n"
    code += "atexit.register(lambda: 'torch' in sys.modules and print('torch was loaded', file=sys.stderr)); main()"
    for source, model in ((SOURCE.replace("4800", "100"), SHIPPED / DEFAULT_MODEL), (SOURCE, tmp_path)):
        arguments = ["generate", "--geology", geology_npy, "--source", source, "--model", model]
        command = [sys.executable, "-c", code, *map(str, arguments), "--out", str(tmp_path / "out.nc")]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert result.returncode == 2, result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def _geology_file(path: Path, kind: str) -> Path:
    values = example_geology().vs_m_s.copy()
    if kind == "2d":
        values = values[0]
    elif kind == "size":
        values = values[:20]
    elif kind == "nan":
        values[3, 4, 5] = np.nan
    elif kind == "zero":
        values[3, 4, 5] = 0
    elif kind == "fast":
        values[3, 4, 5] = 10_500
    np.save(path, values)
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("2d", ["geology", "(32, 32)", "3D"]),
        ("size", ["geology", "20", "32"]),
        ("nan", ["geology", "1 NaN", "finite"]),
        ("zero", ["geology", "0", "10000 m/s"]),
        ("fast", ["geology", "10500", "10000 m/s"]),
    ],
)
def test_bad_geology_is_one_line_and_no_file(kind: str, words: list[str], refused: Refused, tmp_path: Path) -> None:
    path = _geology_file(tmp_path / "bad.npy", kind)
    refused(["--geology", path, "--source", SOURCE], words)


def test_an_h5_of_other_nodes_is_not_stretched_over_the_published_domain(refused: Refused, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "small.h5", "w") as file:
        file["a"] = np.full((16, 16, 16), 2000, np.float32)
    refused(["--geology", tmp_path / "small.h5", "--source", SOURCE], ["shape (16, 16, 16)", "shape (32, 32, 32)"])


def test_wrong_and_broken_files_are_refused(refused: Refused, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("Vs = 2000")
    fake = tmp_path / "fake.h5"
    fake.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    whole = tmp_path / "whole.h5"
    with h5py.File(whole, "w") as file:
        file["a"] = example_geology().vs_m_s
    broken = tmp_path / "broken.h5"
    broken.write_bytes(whole.read_bytes()[:20_000])
    pickled = tmp_path / "pickled.npy"
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for path in (text, fake, broken, pickled, tmp_path / "missing.npy"):
        refused(["--geology", path, "--source", SOURCE], [path.name])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("4800,4800,100,48,45,88", ["source.z", "100", "z < 0"]),
        ("-4800,4800,-8400,48,45,88", ["source.x", "-4800"]),
        ("4800,48000,-8400,48,45,88", ["source.y", "48000"]),
        ("4800,4800,-84000,48,45,88", ["source.z", "-84000"]),
        ("4800,4800,-8400,48,95,88", ["source.dip", "95", "[0, 90]"]),
        ("4800,4800,-8400,48,45", ["--source", "5 numbers", "six"]),
        ("4800,4800,deep,48,45,88", ["--source", "deep"]),
        ("4800,4800,nan,48,45,88", ["source", "nan"]),
    ],
)
def test_bad_source_is_one_line_and_no_file(source: str, words: list[str], geology_npy: Path, refused: Refused) -> None:
    refused(["--geology", geology_npy, f"--source={source}"], words)


def test_bad_sizes_of_the_job(geology_npy: Path, refused: Refused) -> None:
    base = ["--geology", geology_npy, "--source", SOURCE]
    refused([*base, "--realizations", "0"], ["realizations", "0"])
    refused([*base, "--steps", "0"], ["steps", "0"])
    refused([*base, "--moment", "-1"], ["moment", "-1"])
    refused([*base, "--moment", "1e16", "--mw", "5"], ["moment", "one of the two"])
    refused([*base, "--seed", str(2**63)], ["seed", str(2**63), "2^63 - 1"])
    refused([*base, "--figure", "map.txt"], ["--figure", "map.txt", ".png"])
    refused([*base, "--moment", "2.47e25"], ["source.moment", "2.47e+25", "1 dyn cm is 1e-7 N m"])
    refused([*base, "--stage1-only", "--realizations", "3"], ["--realizations", "3", "--stage1-only"])
    refused([*base, "--stage1-only", "--steps", "4"], ["--steps", "4", "--stage1-only"])
    refused([*base, "--stage1-only", "--sampler", "ddim"], ["--sampler", "ddim", "--stage1-only"])
    refused([*base, "--sampler", "euler"], ["sampler: got euler", "ddpm, ddim, dpm-solver++ or jump"])


def test_an_earthquake_from_quakeml(
    geology_npy: Path, tiny_model: Path, tmp_path: Path, here: Callable[..., int]
) -> None:
    place = Georeference(longitude_deg=13.26, latitude_deg=42.29)
    source = Source.from_angles(
        position_m=(4000, 5000, -6000), strike_deg=30, dip_deg=50, rake_deg=-90, mw=5.0, rise_time_s=0.1
    )
    write_source(source, tmp_path / "event.xml", place)
    arguments = ["--geology", geology_npy, "--event", tmp_path / "event.xml", "--model", tiny_model]
    assert here("generate", *arguments, "--origin-lon", 13.26, "--origin-lat", 42.29, "--out", tmp_path / "f.nc") == 0
    with xr.open_dataarray(tmp_path / "f.nc") as field:
        np.testing.assert_allclose(field.attrs["source_position_m"], source.position_m, atol=1e-2)
        found, given = field.attrs["source_moment_tensor_nm"], source.moment_tensor_nm
        np.testing.assert_allclose(found, given, atol=1e-6 * source.moment_nm)


def test_an_event_and_what_contradicts_it(geology_npy: Path, refused: Refused, tmp_path: Path) -> None:
    geology, event = ["--geology", geology_npy], ["--event", tmp_path / "none.xml"]
    placed = ["--origin-lon", "13", "--origin-lat", "42"]
    refused([*geology, *event, "--source", SOURCE], ["--source", "--event"])
    refused([*geology, *event, *placed, "--mw", "5"], ["--mw", "5", "--event"])
    refused([*geology, *event, *placed, "--convention", "hemew"], ["--convention", "hemew", "standard"])
    refused([*geology, *event, "--origin-lon", "13"], ["--origin-lat: got nothing"])
    refused([*geology, *event, *placed], ["none.xml"])
    refused([*geology, "--source", SOURCE, "--origin-lon", "13"], ["--origin-lon", "13", "--event"])


def test_options_of_the_wrong_kind_or_missing(geology_npy: Path, refused: Refused) -> None:
    base = ["--geology", geology_npy, "--source", SOURCE]
    refused([*base, "--moment", "large"], ["--moment: got large", "number"])
    refused([*base, "--realizations", "1.5"], ["--realizations: got 1.5", "integer"])
    refused(base[:2], ["--source: got nothing", "X,Y,Z,STRIKE,DIP,RAKE", "--event"])
    refused(base[2:], ["--geology: got nothing; allowed: .h5, .npy"])


def test_without_arguments_there_is_help_and_no_error(
    here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ([], ["dataset"]):
        assert here(*command) == 2
        printed = capsys.readouterr()
        assert "Usage: " in printed.out
        assert not printed.err


@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign", "pickle", "no config", "other tensors"])
def test_a_damaged_model_folder_is_refused(
    damage: str, geology_npy: Path, tiny_model: Path, refused: Refused, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    weights = folder / "model.safetensors"
    if damage == "missing":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    elif damage == "foreign":
        weights.write_bytes(b"PK\x03\x04" + bytes(5000))
    elif damage == "pickle":
        weights.write_bytes(b"\x80\x04\x95" + b"cos\nsystem\n" + bytes(5000))
    elif damage == "no config":
        (folder / "config.json").write_text(json.dumps({"hello": 1}))
    elif damage == "other tensors":
        from safetensors.numpy import save_file

        save_file({"surrogate.a": np.zeros(3, np.float32)}, weights)
    refused(["--geology", geology_npy, "--source", SOURCE, "--model", folder], ["model: got", str(folder)])


def test_an_output_that_cannot_be_written_is_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Callable[..., int]
) -> None:
    arguments = ["--geology", tmp_path / "not looked for.npy", "--source", SOURCE]
    for out in (tmp_path / "no" / "such" / "folder" / "out.nc", tmp_path, Path("/proc/out.nc")):
        assert here("generate", *arguments, "--out", out) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"--out: got {out}" in line
    assert not list(tmp_path.iterdir())


def test_outside_the_trained_range_warns_and_goes_on(
    tiny_model: Path, tmp_path: Path, here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    values = example_geology().vs_m_s.copy()
    values[0, 0, -1] = 800
    np.save(tmp_path / "soft.npy", values)
    arguments = ["--geology", tmp_path / "soft.npy", "--source", SOURCE, "--model", tiny_model]
    assert here("generate", *arguments, "--out", tmp_path / "o.nc") == 0
    assert capsys.readouterr().err.count("warning: geology: Vs from 800") == 1
    assert (tmp_path / "o.nc").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("when_s", [0.5, 2.0, 4.0, 6.0])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_partial_file(
    when_s: float, how: signal.Signals, geology_npy: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.nc"
    # A shell starts background jobs with SIGINT ignored; a terminal does not.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from spectremor.cli.app import main; main()"
    command = [sys.executable, "-c", program, "generate", "--geology", str(geology_npy), "--source", SOURCE]
    process = subprocess.Popen([*command, "--out", str(out), "--realizations", "3"], stderr=subprocess.PIPE)
    time.sleep(when_s)
    process.send_signal(how)
    process.communicate(timeout=60)
    left = [p.name for p in tmp_path.iterdir()]
    assert left in ([], ["out.nc"])
    if left:
        assert xr.open_dataarray(out).shape[0] == 3
    else:
        assert process.returncode != 0


@pytest.mark.parametrize("verb", ["generate", "simulate"])
def test_inputs_are_never_written_over(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Callable[..., int]
) -> None:
    geology, event = tmp_path / "g.nc", tmp_path / "e.nc"
    write_geology(example_geology(), geology)
    event.write_text("not read before")
    before = geology.read_bytes()
    assert here(verb, "--geology", geology, "--source", SOURCE, "--out", geology) == 2
    place = ("--origin-lon", 5.7, "--origin-lat", 43.5)
    assert here(verb, "--geology", geology, "--event", event, *place, "--out", event) == 2
    assert [line.split("; ")[1] for line in capsys.readouterr().err.splitlines()] == [
        f"allowed: another path than the input {path}" for path in (geology, event)
    ]
    assert (geology.read_bytes(), event.read_text()) == (before, "not read before")


@pytest.mark.parametrize("verb", ["generate", "simulate"])
@pytest.mark.parametrize("name", ["field.csv", "field.zarr", "field"])
def test_a_wavefield_is_named_as_what_it_is(
    verb: str,
    name: str,
    geology_npy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    here: Callable[..., int],
) -> None:
    assert here(verb, "--geology", geology_npy, "--source", SOURCE, "--out", tmp_path / name) == 2
    assert "--out: got" in (line := capsys.readouterr().err)
    assert "allowed: a file name that ends in .nc" in line
    assert list(tmp_path.iterdir()) == []


def test_a_seed_says_nothing_of_stage_1(refused: Refused, geology_npy: Path, tiny_model: Path) -> None:
    base = ["--geology", geology_npy, "--source", SOURCE, "--model", tiny_model, "--stage1-only"]
    refused([*base, "--seed", "3"], ["--seed", "--stage1-only"])


def test_more_realizations_than_memory_holds(
    geology_npy: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Callable[..., int]
) -> None:
    arguments = ["--geology", geology_npy, "--source", SOURCE, "--model", tiny_model, "--realizations", 10**8]
    assert here("generate", *arguments, "--out", tmp_path / "f.nc") == 2
    assert "realizations: got 100000000; allowed: at most" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_large_magnitude_is_warned_of() -> None:
    with pytest.warns(InputWarning, match="source: magnitude 7 ruptures many kilometres"):
        EarthquakeOptions(source=SOURCE, mw=7.0).load(PlaceOptions(), None)
    assert EarthquakeOptions(source=SOURCE, mw=5.9).load(PlaceOptions(), None).mw == pytest.approx(5.9)


@pytest.mark.parametrize("model", ["neural", "shipped"])
def test_a_geology_is_parsed_once(
    model: str, geology_npy: Path, tiny_model: Path, tmp_path: Path, here: Callable[..., int]
) -> None:
    """From the file to the last stage, what was checked is never checked again."""
    from spectremor.core import geology

    parsed = []
    check = geology._check_rock
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geology, "_check_rock", lambda given: parsed.append(check(given)))
        chosen = ["--model", tiny_model] if model == "neural" else []
        arguments = ["--geology", geology_npy, "--source", SOURCE, *chosen]
        assert here("generate", *arguments, "--out", tmp_path / "out.nc") == 0
    assert len(parsed) == 1
