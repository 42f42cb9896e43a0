"""The command as a process among others: signals, pipes, full disks, terminals of few letters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectremor.cli import main
from spectremor.core.wavefield import make_wavefield
from spectremor.data.wavefield_files import write_wavefield
from spectremor.examples import example_geology

SOURCE = "4800,4800,-8400,48,45,88"
COMMAND = [sys.executable, "-m", "spectremor"]
#: A shell starts background jobs with SIGINT ignored; a terminal does not.
UNDER_A_TERMINAL = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from spectremor.cli import process; process()",
]


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    axis, time_s = np.array([0.0, 300.0]), np.arange(50) * 0.02
    waves = make_wavefield(rng.standard_normal((3, 2, 2, 50)), x_m=axis, y_m=axis, time_s=time_s)
    path = tmp_path_factory.mktemp("field") / "field.nc"
    write_wavefield(waves, path)
    return path


@pytest.fixture
def geology(tmp_path: Path) -> Path:
    path = tmp_path / "geology.npy"
    np.save(path, example_geology().vs_m_s)
    return path


def export(field: Path, out: Path) -> list[str]:
    return [*COMMAND, "export", str(field), "--format", "csv", "--table", "traces", "--out", str(out)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("when", ["importing", "working"])
def test_an_interruption_is_one_line(
    when: str, number: signal.Signals, code: int, geology: Path, tmp_path: Path
) -> None:
    """Stopped by the process itself, at the same place whatever the machine's speed."""
    at = {"importing": "xarray", "working": "spectremor.data.wavefield_files"}[when]
    program = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == {at!r}:
            os.kill(os.getpid(), {int(number)})

sys.meta_path.insert(0, Stop())
from spectremor.cli import main
main()
"""
    arguments = ["generate", "--geology", str(geology), "--source", SOURCE, "--out", str(tmp_path / "out.nc")]
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert (result.returncode, result.stderr, result.stdout) == (code, "interrupted\n", "")
    assert [p.name for p in tmp_path.iterdir()] == ["geology.npy"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("when", ["threads end", "exit handlers", "modules go"])
def test_a_signal_after_the_work_stops_nothing(when: str, number: signal.Signals, field: Path, tmp_path: Path) -> None:
    """The process asks itself to stop while Python shuts down, and goes on to say that it was not stopped."""
    program = f"""
import atexit, os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)

class Late:
    def ask(self, kill=os.kill, pid=os.getpid(), write=os.write):
        kill(pid, {int(number)})
        write(2, b"went on")

late = Late()
if {when!r} == "threads end":
    threading._register_atexit(late.ask)
elif {when!r} == "exit handlers":
    atexit.register(late.ask)
else:
    Late.__del__ = Late.ask
    sys.kept = late
from spectremor.cli import process
process()
"""
    arguments = export(field, tmp_path / "t.csv")[3:]
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "went on")
    assert (tmp_path / "t.csv").stat().st_size > 1000


def test_asked_twice_a_shutdown_that_takes_too_long_ends(field: Path, tmp_path: Path) -> None:
    program = f"""
import os, signal, threading
threading._register_atexit(lambda: [os.kill(os.getpid(), {int(signal.SIGTERM)}) for _ in "12"] and print("still here"))
from spectremor.cli import process
process()
"""
    arguments = export(field, tmp_path / "t.csv")[3:]
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "still here" not in result.stdout


def test_what_an_interrupted_import_makes_of_it_is_no_error(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    def stopped(**_keywords: object) -> int:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        raise ImportError("numpy's C-extensions failed")

    monkeypatch.setattr("spectremor.cli.app.app", stopped)
    monkeypatch.setattr("spectremor.cli.verbs.register", lambda _app: None)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 143
    assert capsys.readouterr().err == "interrupted\n"
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_at_any_time(number: signal.Signals, geology: Path, tmp_path: Path) -> None:
    arguments = ["generate", "--geology", str(geology), "--source", SOURCE, "--out", str(tmp_path / "out.nc")]
    # How long Python needs, beside whatever else this machine does now, until it has come to the package.
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import spectremor.cli"], check=True)
    reached_s = 2 * (time.monotonic() - started)
    for wait_s in np.arange(0.3, 4.0, 0.25):
        process = subprocess.Popen([*UNDER_A_TERMINAL, *arguments], stderr=subprocess.PIPE, text=True)
        time.sleep(wait_s)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
        if process.returncode == 0:
            assert (said, (tmp_path / "out.nc").is_file()) == ("", True)
            break
        # Before Python has come to the package, nothing of it can answer.
        assert (process.returncode, said) == (128 + number, "interrupted\n") or "site.py" in said or wait_s < reached_s


def test_a_reader_that_leaves_is_no_failure(field: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        export(field, tmp_path / "t.csv"), stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "t.csv").stat().st_size > 1000


def test_a_full_standard_output_is_said_and_the_work_is_kept(field: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            export(field, tmp_path / "t.csv"), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    (line,) = result.stderr.splitlines()
    assert line == "error: standard output: No space left on device; the work is done, what it printed is lost"
    assert result.returncode == 1
    assert (tmp_path / "t.csv").stat().st_size > 1000


@pytest.mark.parametrize("nowhere", ["full", "closed pipe"])
def test_a_standard_error_that_fails_does_not_stop_the_work(nowhere: str, field: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    error = os.open("/dev/full", os.O_WRONLY) if nowhere == "full" else writing
    code = "import sys; from spectremor.cli import messages, main\nmessages.clear = messages.release\n"
    code += "messages.say_once('warning: nobody reads this'); main()"
    result = subprocess.run(
        [sys.executable, "-c", code, *export(field, tmp_path / "t.csv")[3:]],
        stdout=subprocess.PIPE,
        stderr=error,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (result.returncode, str(tmp_path / "t.csv") in result.stdout.splitlines()) == (0, True)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_a_name_that_the_terminal_has_no_letters_for(encoding: str, field: Path, tmp_path: Path) -> None:
    out = tmp_path / "地震.csv"
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    result = subprocess.run(export(field, out), capture_output=True, env=environment, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    shown = str(out).encode(encoding, errors="backslashreplace")
    assert shown in result.stdout.splitlines()
    assert out.is_file()


@pytest.mark.parametrize("kind", ["loop", "endless name"])
@pytest.mark.parametrize("verb", ["generate", "simulate", "export", "dataset", "evaluate", "experiment"])
def test_an_output_that_cannot_have_its_name(
    verb: str,
    kind: str,
    field: Path,
    geology: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    here: Callable[..., int],
) -> None:
    suffix = {"generate": ".nc", "simulate": ".nc", "export": ".csv", "dataset": ".zarr"}.get(verb, "")
    out = tmp_path / ("loop" if kind == "loop" else "x" * 300)
    out = out.with_name(out.name + suffix)
    if kind == "loop":
        out.symlink_to(out)
    event = ["--geology", geology, "--source", SOURCE]
    arguments = {
        "generate": ["generate", *event],
        "simulate": ["simulate", *event],
        "export": ["export", field, "--format", "csv", "--table", "traces"],
        "dataset": ["dataset", "create", "--preset", "tiny", "--n", "1"],
        "evaluate": ["evaluate", "--prediction", field, "--reference", field],
        "experiment": ["experiment", "phase-shift", "--data", tmp_path],
    }[verb]
    before = sorted(p.name for p in tmp_path.iterdir())
    assert here(*arguments, "--out", out) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --out: got ")
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_an_endless_name_that_no_reader_expects_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch, here: Callable[..., int]
) -> None:
    def opened(*_arguments: object) -> None:
        Path("x" * 300).stat()

    monkeypatch.setattr("spectremor.data.wavefield_files.read_wavefield", opened)
    arguments = ["--format", "csv", "--table", "traces", "--out", tmp_path / "t.csv"]
    assert here("export", "x" * 300, *arguments) == 2
    assert capsys.readouterr().err.endswith("x (too long); allowed: the name of a file\n")


def test_a_refusal_stands_alone_and_warnings_of_a_job_that_goes_on_are_said(
    geology: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.load(geology)
    values[0, 0, -1] = 800.0
    np.save(geology, values)
    arguments = ["generate", "--geology", geology, "--model", tiny_model, "--out", tmp_path / "out.nc"]

    def said(source: str) -> tuple[int, list[str]]:
        command = [*COMMAND, *map(str, arguments), "--source", source]
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        return result.returncode, result.stderr.splitlines()

    code, (line,) = said("100,4800,-8400,48,45,88")
    assert (code, line[:7]) == (2, "error: ")
    for filters in ("", "ignore"):
        monkeypatch.setenv("PYTHONWARNINGS", filters)
        code, (line,) = said(SOURCE)
        assert (code, line[:30]) == (0, "warning: geology: Vs from 800 ")
