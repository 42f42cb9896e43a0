"""Killed when its output is written and not yet in its place, a command leaves what was there, and the next one sweeps.

Signals of other times are tried in `test_process`, campaigns and trainings, which go on, in their own folders.
"""

from __future__ import annotations

import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from spectremor.core import files
from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.data.geology_files import write_geology
from spectremor.data.wavefield_files import write_wavefield
from spectremor.examples import example_geology

PLACE = ["--origin-lon", "13", "--origin-lat", "42"]
EXPORT = ["export", "field.nc", "--format"]
SIMULATE = [
    "simulate",
    "--geology",
    "small.nc",
    "--grid-spacing",
    "600",
    "--duration",
    "0.5",
    "--sampling",
    "20",
    "--lowpass",
    "1",
]
GENERATE = ["generate", "--geology", "cube.npy", "--model", "MODEL"]
#: What is typed, and the files that it replaces; how folders are replaced is tried in `test_core_files`.
COMMANDS = {
    "geology import": (
        ["geology", "import", "layers.csv", "--extent", "2400,2400,2400", "--spacing", "300", "--out", "out.nc"],
        ["out.nc"],
    ),
    "geology show": (["geology", "show", "small.nc", "--figure", "out.png"], ["out.png"]),
    "simulate": (
        [*SIMULATE, "--source", "1200,1200,-1500,48,45,88", "--mw", "4.5", "--out", "out.nc"],
        ["out.nc"],
    ),
    "generate": (
        [*GENERATE, "--source", "4800,4800,-8400,48,45,88", "--figure", "out.png", "--out", "out.nc"],
        ["out.nc", "out.png"],
    ),
    "export csv": ([*EXPORT, "csv", "--table", "traces", "--out", "out.csv"], ["out.csv"]),
    "export mseed": ([*EXPORT, "mseed", *PLACE, "--out", "out.mseed"], ["out.mseed", "out.xml"]),
    "export asdf": ([*EXPORT, "asdf", *PLACE, "--out", "out.h5"], ["out.h5"]),
    "export openquake": ([*EXPORT, "openquake", *PLACE, "--out", "out.csv"], ["out.csv"]),
    "evaluate": (["evaluate", "--prediction", "field.nc", "--reference", "field.nc", "--out", "report"], []),
    "dataset import": (["dataset", "import", "published", "--out", "out.zarr"], []),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the commands read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers.csv").write_text("thickness_m,vs_m_s\n600,1500\n,3000\n")
    write_geology(make_geology(np.full((9, 9, 9), 3000.0), (2400.0,) * 3), "small.nc")
    np.save("cube.npy", example_geology().vs_m_s)
    rng, axis = np.random.default_rng(0), np.array([0.0, 300.0])
    source = Source.from_angles(position_m=(150, 150, -900), strike_deg=10, dip_deg=50, rake_deg=80, mw=4.5)
    field = make_wavefield(
        0.01 * rng.standard_normal((3, 2, 2, 160)),
        x_m=axis,
        y_m=axis,
        time_s=np.arange(160) / 50,
        source=source,
        band_hz=(0.0, 5.0),
    )
    write_wavefield(field, "field.nc")
    (tmp_path / "published").mkdir()
    np.save("published/materials0-0.npy", rng.uniform(1100, 4400, (1, 8, 8, 8)).astype(np.float32))
    (tmp_path / "published" / "sources.csv").write_text("x,y,z,strike,dip,rake\n4000,5000,-3000,40,50,60\n")
    with h5py.File("published/sample0.h5", "w") as file:
        for name in ("uE", "uN", "uZ"):
            file[name] = rng.normal(size=(12, 12, 800)).astype(np.float32)
    (tmp_path / "temporary").mkdir()
    return tmp_path


def killed(here: Callable[..., int], words: Sequence[str | Path], temporary: Path) -> bool:
    """Run a command in a process of its own that is killed at its first rename; whether it came so far."""
    with warnings.catch_warnings():
        # A process with threads is forked: what the child needs of them is none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            tempfile.tempdir = str(temporary)
            for move in ("rename", "replace"):
                setattr(Path, move, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
                setattr(os, move, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            here(*words)
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_leaves_what_was_there(name, folder, here, request):
    words, outputs = COMMANDS[name]
    if "MODEL" in words:
        words = [request.getfixturevalue("tiny_model") if word == "MODEL" else word for word in words]
    for output in outputs:
        (folder / output).write_bytes(b"what was there")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert killed(here, words, folder / "temporary")
    left = {path for path in folder.iterdir() if path.suffix == ".part"}
    assert left
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert {path.name for path in folder.iterdir() if path.is_dir()} - {path.name for path in left} == {
        "published",
        "temporary",
    }
    assert not list((folder / "temporary").iterdir())
    files._sweep_killed_once.cache_clear()
    with files.atomic_file(folder / "another") as aside:
        aside.write_text("whole")
    assert not list(folder.glob(".*"))
