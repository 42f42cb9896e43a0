"""Shared by all tests: runtime shape and type checks on, shared data found by environment variable."""

from __future__ import annotations

import importlib.util
import os
import runpy
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import hypothesis
import jaxtyping
import pytest

# One thread for each worker and for what it starts: threads that wait for one another on busy cores spin, and a test
# then takes up to ten times its own work. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The numeric tower lets an int stand for a float, as Python itself does: metres and degrees are often whole.
jaxtyping.install_import_hook("spectremor", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

# The same examples every time, and no time limit per example: a busy machine is no failure.
hypothesis.settings.register_profile("project", deadline=None, derandomize=True)
hypothesis.settings.load_profile("project")

_DEFAULT_SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure(config: pytest.Config) -> None:
    """Judge skips where results are collected: the main process."""
    if hasattr(config, "workerinput"):
        return
    spec = importlib.util.spec_from_file_location("spectremor_skips", Path(__file__).with_name("skips.py"))
    skips = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(skips)
    config.pluginmanager.register(skips.SkipGuard(), "spectremor-skips")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `scripts/long_tests.py` has listed."""
    listed = set(Path(__file__).with_name("long_tests.txt").read_text(encoding="utf-8").split())
    for item in items:
        if item.nodeid.partition("[")[0] in listed:
            item.add_marker(pytest.mark.long)


def _shared(name: str) -> Path:
    folder = Path(os.environ.get("SPECTREMOR_SHARED", _DEFAULT_SHARED)) / name
    if not folder.is_dir():
        pytest.skip(f"published data not found: {folder} (set SPECTREMOR_SHARED)")
    return folder


@pytest.fixture(scope="session")
def hemew3d() -> Path:
    """Folder with the published SEM3D samples."""
    return _shared("hemew3d")


@pytest.fixture(scope="session")
def reference_mifno() -> Path:
    """Folder with the golden values of the published MIFNO."""
    return _shared("reference_mifno")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder for the published domain with both stages at their smallest and random weights.

    It proves what holds for any weights, in a tenth of the time that the shipped ones take.
    """
    import numpy as np
    import torch

    from spectremor.data.normalisation import GeologyNormalisation
    from spectremor.diffusion.config import DiffusionConfig
    from spectremor.diffusion.stage import DiffusionStage
    from spectremor.model.folder import write_model_folder
    from spectremor.surrogate.config import load_preset
    from spectremor.surrogate.mifno import MifnoSurrogate
    from spectremor.surrogate.network import Mifno

    torch.manual_seed(0)
    config = load_preset("tiny")
    nodes = config.trained_range.nodes
    normalisation = GeologyNormalisation(np.full(nodes, 2500.0), np.full(nodes, 300.0))
    surrogate = MifnoSurrogate(Mifno(config).eval(), normalisation)
    stage = DiffusionStage(
        DiffusionConfig(
            latent={"keep_below_hz": 1.0}, network={"widths": (16, 16), "embedding": 16}, sampling={"steps": 2}
        )
    )
    with torch.no_grad():  # a fresh head is zero: the condition would change nothing
        stage.network.head.weight.normal_(0, 0.05)
    folder = tmp_path_factory.mktemp("model") / "tiny"
    parts = {"surrogate": surrogate.parts(), "diffusion": stage.eval().parts()}
    write_model_folder(folder, parts=parts, about={}, card="Random weights: for tests.\n")
    return folder


@pytest.fixture
def here() -> Callable[..., int]:
    """Runs a command of the command line in this process, and gives its exit code."""
    from spectremor.cli.app import main

    def run(*arguments: str | Path) -> int:
        terminate, argv = signal.getsignal(signal.SIGTERM), sys.argv
        try:
            sys.argv = ["spectremor", *map(str, arguments)]
            with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
                main()
        finally:
            sys.argv = argv
            signal.signal(signal.SIGTERM, terminate)
        return int(left.value.code)

    return run


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a Python file as a program, in this process, and gives what it printed."""

    def run(path: Path, *arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        monkeypatch.syspath_prepend(str(path.parent))
        capsys.readouterr()
        with warnings.catch_warnings():
            # As a program shows them: nothing ends with a warning.
            warnings.simplefilter("default")
            runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return run
