"""Inputs that cannot be looked at or have no end: exit code 2 and one line, whatever the option; nothing is written."""

from __future__ import annotations

import os

import numpy as np
import pytest

SOURCE = ("--source", "4800,4800,-5400,48,45,88")
PLACE = ("--origin-lon", "13", "--origin-lat", "42")


@pytest.fixture(params=["loop", "long", "folder", "pipe", "missing"])
def bad(request, tmp_path):
    """A path without suffix that is no regular file."""
    path = tmp_path / ("x" * 300 if request.param == "long" else "bad")
    if request.param == "loop":
        path.symlink_to(path.name)
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "pipe":
        os.mkfifo(path)
    return path


def with_suffix(path, suffix):
    """The same kind of thing under another name."""
    other = path.with_name(path.name + suffix)
    if len(path.name) >= 300:
        return other
    if path.is_symlink():
        other.symlink_to(other.name)
    elif path.is_dir():
        other.mkdir()
    elif path.exists():
        os.mkfifo(other)
    return other


@pytest.fixture
def refused(here, tmp_path, capfd):
    def run(*arguments):
        before = sorted(p.name for p in tmp_path.iterdir())
        assert here(*arguments) == 2
        said = capfd.readouterr().err
        # What a long command says of its progress is another matter.
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, said
        assert said.splitlines()[-1] == errors[0]
        assert "Traceback" not in said
        assert sorted(p.name for p in tmp_path.iterdir()) == before

    return run


@pytest.mark.parametrize("suffix", [".nc", ".h5", ".npy", ".zarr", ".xyz", ".csv", ".fk1d"])
def test_geology(bad, suffix, refused, tmp_path):
    refused("generate", "--geology", with_suffix(bad, suffix), *SOURCE, "--out", tmp_path / "o.nc")


def test_model_and_event(bad, refused, tmp_path):
    np.save(tmp_path / "g.npy", np.full((32, 32, 32), 2500.0, np.float32))
    ground = ("--geology", tmp_path / "g.npy", "--out", tmp_path / "o.nc")
    refused("generate", *ground, *SOURCE, "--model", bad)
    pytest.importorskip("obspy")
    refused("generate", *ground, "--event", bad, *PLACE)


def test_data(bad, refused, tmp_path):
    refused("evaluate", "--data", bad, "--out", tmp_path / "report")
    refused("dataset", "info", bad)
    refused("dataset", "check", bad)
    refused("dataset", "import", bad, "--out", tmp_path / "d.zarr")
    refused("train", "mifno", "--config", "tiny", "--data", bad, "--out", tmp_path / "run")


def test_config(bad, refused, tmp_path):
    refused("train", "mifno", "--config", bad, "--data", tmp_path, "--out", tmp_path / "run")
    refused("dataset", "create", "--n", "1", "--preset", bad, "--out", tmp_path / "d.zarr")
    refused("dataset", "create", "--n", "1", "--slurm", bad, "--out", tmp_path / "d.zarr")


def test_wavefields(bad, refused, tmp_path):
    path = with_suffix(bad, ".nc")
    refused("evaluate", "--prediction", path, "--reference", path)
    refused("export", path, "--format", "csv", "--out", tmp_path / "out")
