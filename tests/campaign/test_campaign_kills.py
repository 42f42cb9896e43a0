"""Campaigns killed at random moments, in real processes: nothing lost but what was in flight, nothing twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from spectremor.campaign.config import CampaignConfig, load_scenario
from spectremor.campaign.store import open_campaign
from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.data.store_check import check_store
from spectremor.data.store_writer import StoreWriter

pytestmark = pytest.mark.slow

CONFIG = CampaignConfig(scenario=load_scenario("tiny"), seed=7, grid_spacing_m=600)
COUNT = 24
_QUIET_S = 240
_STARTED: list[subprocess.Popen[str]] = []


def _command(out: Path, workers: int = 2, *more: str, count: int = COUNT) -> list[str]:
    words = f"dataset create --preset tiny --n {count} --grid-spacing 600 --seed 7 --workers {workers}".split()
    return [sys.executable, "-m", "spectremor", *words, "--out", str(out), *more]


def _start(command: list[str]) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    _STARTED.append(process)
    return process


@pytest.fixture(autouse=True)
def _no_process_is_left():
    yield
    while _STARTED:
        process = _STARTED.pop()
        process.kill()
        process.communicate()


def _complete(out: Path) -> int:
    try:
        return len(CampaignStore.open(out).ids())
    except InputError:
        return 0


def _wait(condition, process=None) -> None:
    deadline = time.monotonic() + _QUIET_S
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for too long"
        if process is not None and process.poll() is not None:
            return
        time.sleep(0.02)


def _workers(process) -> list[psutil.Process]:
    found = psutil.Process(process.pid).children(recursive=True)
    return [p for p in found if _alive(p) and "spawn_main" in _words(p)]


def _kill(process: psutil.Process) -> None:
    """Kill a process, which may have ended by itself or by its guardian since it was listed."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _contents(out: Path) -> dict[str, bytes]:
    store = CampaignStore.open(out)
    names = [*store.results(), "checksum", "split", "source_moment_tensor_nm"]
    return {name: np.asarray(store.array(name)[:]).tobytes() for name in names}


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The command that makes the campaign in one go with one worker, and its store."""
    out = tmp_path_factory.mktemp("reference") / "d.zarr"
    done = subprocess.run(_command(out, 1), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done, out


@pytest.fixture(scope="module")
def reference(straight) -> dict[str, bytes]:
    """The arrays of that campaign."""
    return _contents(straight[1])


def _assert_sound(out: Path, reference: dict[str, bytes]) -> None:
    store = CampaignStore.open(out)
    assert len(store.ids()) == COUNT
    assert check_store(store) == {}
    assert not list(out.rglob("*.partial"))
    assert _contents(out) == reference


def test_three_workers_make_the_same_samples(tmp_path, reference):
    assert subprocess.run(_command(tmp_path / "d.zarr", 3), capture_output=True, check=False).returncode == 0
    _assert_sound(tmp_path / "d.zarr", reference)


def test_the_whole_command_killed_at_random_moments(tmp_path, reference):
    out = tmp_path / "d.zarr"
    rng = random.Random()
    seen = 0
    for stop in (0, 3, 8, 13):
        process = _start(_command(out))
        _wait(lambda stop=stop: _complete(out) >= stop, process)
        time.sleep(rng.uniform(0, 0.4))
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        _wait(lambda family=family: not any(_alive(p) for p in family))
        # What was complete stays complete, through every kill.
        assert _complete(out) >= seen
        seen = _complete(out)
    final = _start(_command(out))
    output, errors = final.communicate(timeout=_QUIET_S)
    assert final.returncode == 0, errors
    # On a fast machine the last kill may come when nothing is left to make.
    assert ("all complete" if seen == COUNT else f"{COUNT} samples, {COUNT - seen} made now") in output
    _assert_sound(out, reference)


def test_stations_and_elastic_traces_survive_kills(tmp_path):
    scenario = tmp_path / "mine.yaml"
    tiny = load_scenario("tiny").model_dump(mode="json")
    scenario.write_text(json.dumps(tiny | {"stations": {"random": 20, "patch": 4}, "motion": "elastic"}))
    whole, killed = tmp_path / "whole.zarr", tmp_path / "killed.zarr"
    more, rng = ("--preset", str(scenario)), random.Random()
    done = subprocess.run(_command(whole, 1, *more, count=20), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for stop in (0, 6, 13):
        process = _start(_command(killed, 2, *more, count=20))
        _wait(lambda stop=stop: _complete(killed) >= stop, process)
        time.sleep(rng.uniform(0, 0.4))
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        _wait(lambda family=family: not any(_alive(p) for p in family))
    done = subprocess.run(_command(killed, 2, *more, count=20), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    store = CampaignStore.open(killed)
    assert len(store.ids()) == 20
    assert check_store(store) == {}
    assert _contents(killed) == _contents(whole)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_killed_at_random_moments(tmp_path, reference):
    out = tmp_path / "d.zarr"
    rng = random.Random()
    process = _start(_command(out))
    kills = 0
    for stop in (1, 5, 9):
        _wait(lambda stop=stop: _complete(out) >= stop, process)
        time.sleep(rng.uniform(0, 0.3))
        if process.poll() is None and (workers := _workers(process)):
            _kill(rng.choice(workers))
            kills += 1
    _, errors = process.communicate(timeout=_QUIET_S)
    assert process.returncode == 0, errors
    assert kills == 3
    _assert_sound(out, reference)


def test_the_only_worker_killed_again_while_it_starts(tmp_path, reference):
    """Its guardian gives up on a worker that dies while starting; the campaign does not."""
    out = tmp_path / "d.zarr"
    rng = random.Random()
    process = _start(_command(out, 1))
    _wait(lambda: _complete(out) >= 2, process)
    for _ in range(3):
        _wait(lambda: bool(_workers(process)), process)
        time.sleep(rng.uniform(0, 1.5))
        for worker in _workers(process):
            _kill(worker)
            _wait(lambda worker=worker: not _alive(worker))
    _, errors = process.communicate(timeout=_QUIET_S)
    assert process.returncode == 0, errors
    _assert_sound(out, reference)


def test_a_worker_beyond_its_memory_is_ended(tmp_path):
    """torch alone takes more than 330 MB: the sample never gets done, and that is said."""
    code = f"""
        from pathlib import Path
        from spectremor.campaign import cluster as campaign_cluster
        from spectremor.campaign.run import CampaignStoppedError, run_campaign
        from spectremor.campaign.config import CampaignConfig, load_scenario
        from spectremor.campaign.store import open_campaign
        campaign_cluster._DEATHS_PER_SAMPLE = 1
        config = CampaignConfig(scenario=load_scenario("tiny"), seed=7, grid_spacing_m=600)
        path = Path({str(tmp_path / "d.zarr")!r})
        open_campaign(path, config, 2)
        with campaign_cluster.local_client(1, 330_000_000) as client:
            try:
                run_campaign(path, config, 2, client)
            except CampaignStoppedError as error:
                print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert "ended every worker that tried it (out of memory?)" in done.stdout, done.stderr
    assert _complete(tmp_path / "d.zarr") == 0


def test_a_killed_scheduler_stops_the_command_and_a_new_one_continues(tmp_path, reference):
    out = tmp_path / "d.zarr"
    address = f"tcp://127.0.0.1:{_free_port()}"
    cluster = _cluster(address)
    try:
        process = _start(_command(out, 1, "--scheduler", address))
        _wait(lambda: _complete(out) >= 4, process)
        time.sleep(random.Random().uniform(0, 0.5))
        cluster[0].send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=_QUIET_S)
        assert process.returncode == 1
        assert "the same command continues" in errors
    finally:
        _end(cluster)
    assert 4 <= _complete(out) < COUNT
    cluster = _cluster(address)
    try:
        process = _start(_command(out, 1, "--scheduler", address))
        _, errors = process.communicate(timeout=_QUIET_S)
        assert process.returncode == 0, errors
    finally:
        _end(cluster)
    _assert_sound(out, reference)


def test_scheduler_workers_and_command_killed_in_any_order(tmp_path, reference):
    out = tmp_path / "d.zarr"
    address = f"tcp://127.0.0.1:{_free_port()}"
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    victims = ["scheduler", "worker", "command", rng.choice(["scheduler", "worker", "command"])]
    rng.shuffle(victims)
    print(f"seed {seed}: {victims}")
    cluster, seen = _cluster(address), 0
    process = _start(_command(out, 1, "--scheduler", address))
    try:
        for stop, victim in zip((2, 6, 10, 14), victims, strict=True):
            _wait(lambda stop=stop: _complete(out) >= stop, process)
            time.sleep(rng.uniform(0, 0.4))
            if victim == "worker":
                _kill_a_worker(cluster, rng)
                cluster.append(_cluster_worker(address))
            else:
                (process if victim == "command" else cluster[0]).kill()
                process.communicate(timeout=_QUIET_S)
                assert process.returncode == (-signal.SIGKILL if victim == "command" else 1)
                if victim == "scheduler":
                    _end(cluster)
                    cluster = _cluster(address)
                process = _start(_command(out, 1, "--scheduler", address))
            assert _complete(out) >= seen
            seen = _complete(out)
        _, errors = process.communicate(timeout=_QUIET_S)
    finally:
        _end(cluster)
    assert process.returncode == 0, errors
    _assert_sound(out, reference)


def _kill_a_worker(cluster, rng) -> None:
    """One worker process, or the guardian that would restart it."""
    parent = psutil.Process(rng.choice([p for p in cluster[1:] if p.poll() is None]).pid)
    _kill(rng.choice([parent, *parent.children(recursive=True)]))


def test_no_scheduler_there(tmp_path):
    address = f"tcp://127.0.0.1:{_free_port()}"
    done = subprocess.run(
        _command(tmp_path / "d.zarr", 1, "--scheduler", address), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "scheduler: got" in done.stderr.splitlines()[-1]


def test_terminated_politely(tmp_path):
    out = tmp_path / "d.zarr"
    process = _start(_command(out))
    _wait(lambda: _complete(out) >= 2, process)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert errors.strip().splitlines()[-1] == "interrupted"
    assert "Traceback" not in errors
    assert check_store(CampaignStore.open(out)) == {}


def test_two_commands_on_one_store(tmp_path):
    out = tmp_path / "d.zarr"
    first = _start(_command(out))
    _wait(lambda: _complete(out) >= 1, first)
    # Held still meanwhile: a quick machine would be done before the second command has started.
    first.send_signal(signal.SIGSTOP)
    second = subprocess.run(_command(out), capture_output=True, text=True, check=False)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert "no other running command" in second.stderr
    first.communicate(timeout=_QUIET_S)
    assert first.returncode == 0


def test_disk_full(tmp_path):
    """Files may not exceed 8 kB: writing a wavefield fails as on a full disk; nothing half-written is counted."""
    out = tmp_path / "d.zarr"
    open_campaign(out, CONFIG, 4)
    limited = ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash", *_command(out, count=4)]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "could not be written" in done.stderr.splitlines()[-1]
    assert _complete(out) == 0
    assert not list(out.rglob("*.partial"))
    finished = subprocess.run(_command(out, count=4), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert check_store(CampaignStore.open(out)) == {}


def test_memory_stays_below_what_is_stated(straight):
    done, _ = straight
    stated = float(next(line for line in done.stderr.splitlines() if "at most" in line).split()[-3])
    peak = float(done.stdout.split()[-2])
    assert peak < stated


def test_killed_while_growing(tmp_path):
    """A kill between lengthening the arrays and lengthening `status` leaves the store as it was."""
    out = tmp_path / "d.zarr"
    open_campaign(out, CONFIG, 5)
    store = CampaignStore.open(out)
    writer = StoreWriter(out)
    writer._group["velocity"].resize((9, *writer._group["velocity"].shape[1:]))
    assert CampaignStore.open(out).count == store.count == 5
    assert open_campaign(out, CONFIG, 12).count == 12


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cluster(address: str) -> list[subprocess.Popen[bytes]]:
    host, port = address.removeprefix("tcp://").split(":")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", host, "--port", port, "--no-dashboard"],
        **quiet,
    )
    # A command waits ten seconds for a scheduler, and on a busy machine one takes longer to start.
    _wait(lambda: _listening(host, int(port)), scheduler)
    return [scheduler, _cluster_worker(address), _cluster_worker(address)]


def _listening(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def _cluster_worker(address: str) -> subprocess.Popen[bytes]:
    words = [address, "--nthreads", "1", "--no-dashboard", "--death-timeout", "60"]
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _end(cluster: list[subprocess.Popen[bytes]]) -> None:
    for process in cluster:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
                _kill(child)
        process.kill()
        process.wait()
