"""`spectremor generate` as a person runs it: the real command, the real weights, real and broken input."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import spectremor as sp
from spectremor.examples import example_geology

SOURCE = "4800,4800,-8400,48,45,88"


def run(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spectremor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=300)


@pytest.fixture(scope="module")
def geology_npy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("geology") / "geology.npy"
    np.save(path, example_geology().values)
    return path


@pytest.fixture(scope="module")
def generated(geology_npy: Path) -> Path:
    out = geology_npy.with_name("field.nc")
    run("generate", "--geology", geology_npy, "--source", SOURCE, "--out", out, "--seed", 7)
    return out


def test_output_is_a_labelled_wavefield(generated: Path) -> None:
    field = xr.open_dataarray(generated)
    assert field.dims == ("realization", "component", "x", "y", "time")
    assert field.shape == (1, 3, 32, 32, 320)
    assert field.attrs["units"] == "m/s"
    assert np.isfinite(field.values).all()
    assert float(np.abs(field).max()) > 1e-4
    assert {"seed", "model", "version", "band_high_hz", "source_position_m"} <= set(field.attrs)
    drawn = field.isel(realization=0, time=100).sel(component="E").plot()
    assert drawn.axes.get_xlabel().startswith("North")


def test_same_seed_same_bytes_alone_or_among_others(generated: Path, geology_npy: Path, tmp_path: Path) -> None:
    four = tmp_path / "four.nc"
    run("generate", "--geology", geology_npy, "--source", SOURCE, "--out", four, "--seed", 7, "--realizations", 4)
    alone, among = xr.open_dataarray(generated), xr.open_dataarray(four)
    assert among.shape[0] == 4
    assert alone.isel(realization=0).values.tobytes() == among.isel(realization=0).values.tobytes()


def test_four_realizations_differ_around_one_stage1_prediction(geology_npy: Path) -> None:
    model = sp.load_model()
    geology = sp.read_geology(geology_npy)
    source = sp.Source.from_angles(position_m=(3000, 6000, -5000), strike_deg=10, dip_deg=60, rake_deg=40)
    fields = model.generate(geology, source, realizations=4, seed=1).values
    for i in range(4):
        for j in range(i):
            assert np.abs(fields[i] - fields[j]).max() > 1e-3 * np.abs(fields).max()
    assert not np.array_equal(fields[0], model.generate(geology, source, seed=2).values[0])


def test_motion_is_linear_in_the_moment(geology_npy: Path) -> None:
    model, geology = sp.load_model(), sp.read_geology(geology_npy)
    angles = {"position_m": (3000, 6000, -5000), "strike_deg": 10, "dip_deg": 60, "rake_deg": 40}
    small = model.generate(geology, sp.Source.from_angles(**angles, moment_nm=1e15), seed=3).values
    large = model.generate(geology, sp.Source.from_angles(**angles, moment_nm=1e18), seed=3).values
    np.testing.assert_allclose(large, 1000 * small, rtol=1e-3, atol=1e-4 * np.abs(large).max())


@pytest.mark.shared_data
def test_the_published_sample_in_time_and_memory(hemew3d: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nc"
    arguments = ["--geology", hemew3d / "sample0.h5", "--source", SOURCE, "--convention", "hemew"]
    start = time.perf_counter()
    run("generate", *arguments, "--moment", "2.47e16", "--out", out)
    assert time.perf_counter() - start < 60
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 4 * 2**20  # KiB
    assert xr.open_dataarray(out).shape == (1, 3, 32, 32, 320)


def _geology_file(path: Path, kind: str) -> Path:
    values = example_geology().values.copy()
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
def test_bad_geology_is_one_line_and_no_file(kind: str, words: list[str], tmp_path: Path) -> None:
    path = _geology_file(tmp_path / "bad.npy", kind)
    _refused(tmp_path, ["--geology", path, "--source", SOURCE], words)


def test_wrong_and_broken_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("Vs = 2000")
    fake = tmp_path / "fake.h5"
    fake.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    whole = tmp_path / "whole.h5"
    with h5py.File(whole, "w") as file:
        file["a"] = example_geology().values
    broken = tmp_path / "broken.h5"
    broken.write_bytes(whole.read_bytes()[:20_000])
    pickled = tmp_path / "pickled.npy"
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for path in (text, fake, broken, pickled, tmp_path / "missing.npy"):
        _refused(tmp_path, ["--geology", path, "--source", SOURCE], [path.name])


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
def test_bad_source_is_one_line_and_no_file(source: str, words: list[str], geology_npy: Path, tmp_path: Path) -> None:
    _refused(tmp_path, ["--geology", geology_npy, f"--source={source}"], words)


def test_bad_sizes_of_the_job(geology_npy: Path, tmp_path: Path) -> None:
    base = ["--geology", geology_npy, "--source", SOURCE]
    _refused(tmp_path, [*base, "--realizations", "0"], ["realizations", "0"])
    _refused(tmp_path, [*base, "--steps", "0"], ["steps", "0"])
    _refused(tmp_path, [*base, "--moment", "-1"], ["moment", "-1"])
    _refused(tmp_path, [*base, "--moment", "1e16", "--mw", "5"], ["moment", "one of the two"])


@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign", "pickle", "no config", "other tensors"])
def test_a_damaged_model_folder_is_refused(damage: str, geology_npy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(Path(sp.__file__).parent / "pretrained" / "default", folder)
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
    _refused(tmp_path, ["--geology", geology_npy, "--source", SOURCE, "--model", folder], ["model"])


def test_an_output_that_cannot_be_written_is_refused_first(geology_npy: Path, tmp_path: Path) -> None:
    out = tmp_path / "no" / "such" / "folder" / "out.nc"
    start = time.perf_counter()
    result = run("generate", "--geology", geology_npy, "--source", SOURCE, "--out", out, check=False)
    assert result.returncode == 2
    assert "--out" in result.stderr
    assert time.perf_counter() - start < 10


def test_outside_the_trained_range_warns_and_goes_on(tmp_path: Path) -> None:
    values = example_geology().values.copy()
    values[0, 0, -1] = 800
    np.save(tmp_path / "soft.npy", values)
    result = run("generate", "--geology", tmp_path / "soft.npy", "--source", SOURCE, "--out", tmp_path / "o.nc")
    assert "warning: geology: Vs from 800" in result.stderr
    assert (tmp_path / "o.nc").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("when_s", [0.5, 2.0, 4.0, 6.0])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_partial_file(
    when_s: float, how: signal.Signals, geology_npy: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.nc"
    command = [sys.executable, "-m", "spectremor", "generate", "--geology", str(geology_npy), "--source", SOURCE]
    command += ["--out", str(out), "--realizations", "3"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=dict(os.environ))
    time.sleep(when_s)
    process.send_signal(how)
    process.communicate(timeout=60)
    left = [p.name for p in tmp_path.iterdir()]
    assert left in ([], ["out.nc"])
    if left:
        assert xr.open_dataarray(out).shape[0] == 3


def _refused(folder: Path, arguments: list[str | Path], words: list[str]) -> None:
    out = folder / "refused.nc"
    before = sorted(folder.iterdir())
    result = run("generate", *arguments, "--out", out, check=False)
    lines = [line for line in result.stderr.splitlines() if not line.startswith("warning:")]
    assert result.returncode == 2, result.stderr
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]
    assert sorted(folder.iterdir()) == before
