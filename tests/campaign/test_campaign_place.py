"""Where a campaign is put, which samples it makes, and what a kill between two writes leaves: no process is needed."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import typer
import xarray as xr
from typer.testing import CliRunner

from spectremor.campaign import cluster as campaign_cluster
from spectremor.campaign.checks import check_campaign
from spectremor.campaign.cluster import SlurmOptions
from spectremor.campaign.config import CampaignConfig, Scenario, load_scenario
from spectremor.campaign.keeper import WorkerKeeper
from spectremor.campaign.memory import check_job, check_machine, check_workers, worker_memory_bytes
from spectremor.campaign.run import CampaignStoppedError, run_campaign
from spectremor.campaign.sample import SampleDone
from spectremor.campaign.store import open_campaign, sample_ids
from spectremor.cli import dataset
from spectremor.core import memory
from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.data.store_check import check_store
from spectremor.data.store_writer import StoreWriter, create_store, locked

TINY = CampaignConfig(scenario=load_scenario("tiny"), seed=1, grid_spacing_m=600)


class Done:
    """A future that is already there."""

    status = "finished"

    def __init__(self, value):
        self.value = value

    def add_done_callback(self, call):
        call(self)

    def result(self, timeout=None):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class HereClient:
    """Stands for a dask client: makes each sample at once, without simulating."""

    status = "running"

    def __init__(self, fail_at=None, error=None):
        self.made, self.fail_at, self.error, self.devices, self.cancelled = [], fail_at, error, set(), []

    def nthreads(self):
        return {"here": 1}

    def cancel(self, futures):
        self.cancelled += futures

    def submit(self, _function, path, config_json, device, index, **_):
        self.devices.add(device)
        if index == self.fail_at:
            return Done(self.error)
        self.made.append(index)
        config = CampaignConfig.model_validate_json(config_json)
        rng = np.random.default_rng(index)
        vs = rng.uniform(1100, 4400, config.layout().geology_shape).astype(np.float32)
        sizes = config.layout().sizes()
        shape = tuple(sizes[d] for d in ("component", "x", "y", "time"))
        checksum = StoreWriter(path).write(index, vs, {None: rng.normal(size=shape).astype(np.float32)})
        return Done(SampleDone(index, checksum, 1.0, 1 << 20))


def _make(path, count, split="all", client=None):
    client = client or HereClient()
    open_campaign(path, TINY, count, split=split)
    done = run_campaign(path, TINY, count, client, split=split)
    assert done.done == done.total == count
    return client


def test_workers_are_told_the_device(tmp_path):
    path, client = tmp_path / "d.zarr", HereClient()
    open_campaign(path, TINY, 2)
    run_campaign(path, TINY, 2, client, device="cuda")
    assert client.devices == {"cuda"}
    assert _make(tmp_path / "e.zarr", 2).devices == {"cpu"}
    assert worker_memory_bytes(TINY, "cuda") > worker_memory_bytes(TINY) + 2**31


def test_asked_to_stop_it_does_not_wait_for_workers_that_never_come(tmp_path, monkeypatch):
    class Nobody(HereClient):
        def nthreads(self):
            return {}

        def submit(self, *_words, **_options):
            return Never()

    class Never:
        def add_done_callback(self, call):
            pass

    monkeypatch.setattr("spectremor.campaign.run._PATIENCE_S", 0.01)
    monkeypatch.setattr("spectremor.campaign.run.WorkerKeeper", lambda _client: SimpleNamespace(keep=lambda: None))
    path, client, asked = tmp_path / "d.zarr", Nobody(), []
    open_campaign(path, TINY, 3)
    done = run_campaign(path, TINY, 3, client, stop=lambda: len(asked) > 3 or asked.append(0))
    assert (done.done, len(client.cancelled)) == (0, 2)


def _verb(*words):
    app = typer.Typer()
    dataset.register(app)
    return CliRunner().invoke(app, ["dataset", *map(str, words)])


def test_asked_to_stop_it_begins_no_more_and_goes_on_later(tmp_path):
    path, client = tmp_path / "d.zarr", HereClient()
    open_campaign(path, TINY, 6)
    done = run_campaign(path, TINY, 6, client, stop=lambda: len(client.made) >= 3)
    assert (done.done, done.made, done.total) == (3, 3, 6)
    assert CampaignStore.open(path).ids().tolist() == client.made == [0, 1, 2]
    assert _make(path, 6).made == [3, 4, 5]
    assert check_store(CampaignStore.open(path)) == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--minutes", 0), "--minutes: got 0.0; allowed: a positive number"),
        (("--device", "gpu"), "--device: got gpu; allowed: cpu or cuda"),
        pytest.param(
            ("--device", "cuda"),
            "--device: got cuda; allowed: cpu: this machine has no usable CUDA device",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is one"),
        ),
    ],
)
def test_options_that_cannot_be_met_leave_nothing(tmp_path, words, message):
    result = _verb("create", "--preset", "tiny", "--n", 2, "--out", tmp_path / "d.zarr", *words)
    assert str(result.exception) == message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError("Timed out trying to connect to 'tcp://host:8786' after 10 s"),
        TimeoutError(),
        ConnectionRefusedError(111, "refused"),
    ],
)
@pytest.mark.parametrize("calls", [0, 1, 3])
def test_a_scheduler_that_dies_between_two_calls(tmp_path, error, calls):
    """Asked for its threads at the beginning and before every sample: it may be gone at any of them."""

    class Dying(HereClient):
        asked = 0

        def nthreads(self):
            self.asked += 1
            if self.asked > calls:
                raise error
            return super().nthreads()

    path = tmp_path / "d.zarr"
    with pytest.raises(CampaignStoppedError, match=r"the scheduler is gone \(.*the same command continues"):
        _make(path, 6, client=Dying())
    assert len(CampaignStore.open(path).ids()) == max(0, calls - 1)
    _make(path, 6)
    assert check_store(CampaignStore.open(path)) == {}


def test_the_systems_own_errors_are_not_put_on_the_scheduler(tmp_path):
    class Odd(HereClient):
        def nthreads(self):
            raise PermissionError(13, "denied")

    with pytest.raises(PermissionError):
        _make(tmp_path / "d.zarr", 2, client=Odd())


class TestSplit:
    def test_first_samples_of_a_split(self):
        assert sample_ids(4) == [0, 1, 2, 3]
        assert sample_ids(5, "test") == [3, 10, 13, 23, 30]
        assert len(sample_ids(100, "test")) == 100
        assert sample_ids(100, "test")[-1] < 667
        for count in (0, 10**9):
            with pytest.raises(InputError, match="at least 1, at most 1000000"):
                sample_ids(count)

    def test_only_they_are_made_and_the_rest_can_follow(self, tmp_path):
        path = tmp_path / "d.zarr"
        assert _make(path, 4, "test").made == [3, 10, 13, 23]
        store = CampaignStore.open(path)
        assert store.count == 24
        assert store.ids().tolist() == store.ids("test").tolist() == [3, 10, 13, 23]
        assert check_store(store) == {}
        with pytest.raises(InputError, match="no complete training sample"):
            store.statistics()
        rest = _make(path, 24).made
        assert sorted(rest) == [i for i in range(24) if i not in (3, 10, 13, 23)]
        assert np.isfinite(CampaignStore.open(path).statistics()["vs_std"]).all()

    def test_a_sample_is_the_same_alone_or_among_all(self, tmp_path):
        _make(tmp_path / "some.zarr", 2, "val")
        _make(tmp_path / "all.zarr", 17)
        some, whole = (CampaignStore.open(tmp_path / f"{name}.zarr") for name in ("some", "all"))
        for i in (6, 16):
            np.testing.assert_array_equal(some.velocity(i), whole.velocity(i))
            assert some.source(i) == whole.source(i)


class TestNothingIsWritten:
    @pytest.mark.parametrize(
        "words",
        [
            "--preset hemews --n 3 --grid-spacing 480",
            "--preset hemews --n 3 --grid-spacing 150 --also 480",
            "--preset hemews --n 3 --grid-spacing 170",
            "--preset hemews --n 0",
            "--preset tiny --n 3 --grid-spacing 600 --split none",
            "--preset tiny --n 3 --grid-spacing 600 --scheduler nonsense",
            "--preset tiny --n 3 --grid-spacing 600 --slurm small.yaml",
            "--preset hemews --n 3 --grid-spacing 3.2 --workers 99",
        ],
    )
    def test_by_a_refused_command(self, tmp_path, monkeypatch, words):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "small.yaml").write_text("memory: 1GB\ncores: 4\n")
        done = _verb("create", *words.split(), "--out", "d.zarr")
        assert isinstance(done.exception, InputError)
        assert "\n" not in str(done.exception)
        assert [p.name for p in tmp_path.iterdir()] == ["small.yaml"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"lowpass_hz": 13.0}, "half the sampling rate"),
            ({"lowpass_hz": 4.0}, "two points per shear wavelength"),
            ({"duration_s": 4000.0}, "at most 3600 s"),
        ],
    )
    def test_for_times_that_cannot_be_simulated(self, change, message):
        scenario = Scenario.model_validate(TINY.scenario.model_dump() | {"sampling_hz": 25.0} | change)
        spacing = 600 if change.get("lowpass_hz") == 4.0 else 150
        config = TINY.model_copy(update={"scenario": scenario, "grid_spacing_m": spacing})
        with pytest.raises(InputError, match=message):
            check_campaign(config, 4)


class TestKilledBetweenTwoWrites:
    def test_before_the_statistics(self, tmp_path):
        path = tmp_path / "d.zarr"
        _make(path, 12)
        expected = CampaignStore.open(path).recorded_statistics()
        StoreWriter(path).unfinish()
        assert CampaignStore.open(path).recorded_statistics() is None
        assert "all complete" in _verb(*_again(path, 12)).output
        found = CampaignStore.open(path).recorded_statistics()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)

    def test_between_mean_and_deviation(self, tmp_path):
        path = tmp_path / "d.zarr"
        _make(path, 12)
        StoreWriter(path)._group["vs_std"][:] = np.nan
        assert np.isfinite(CampaignStore.open(path).statistics()["vs_std"]).all()

    def test_before_the_summary_of_a_grown_store(self, tmp_path):
        path = tmp_path / "d.zarr"
        open_campaign(path, TINY, 5)
        summary = (path / "zarr.json").read_bytes()
        open_campaign(path, TINY, 9)
        (path / "zarr.json").write_bytes(summary)
        assert xr.open_zarr(path).sizes["sample"] == 5
        open_campaign(path, TINY, 9)
        assert xr.open_zarr(path).sizes["sample"] == 9

    def test_while_making_the_store(self, tmp_path, monkeypatch):
        killed = tmp_path / ".d.zarr.0123abcd.part"
        killed.mkdir()
        (killed / "zarr.json").write_text("{}")
        open_campaign(tmp_path / "d.zarr", TINY, 5)
        assert [p.name for p in tmp_path.iterdir()] == ["d.zarr"]

    def test_two_commands_making_one_store(self, tmp_path):
        path = tmp_path / "d.zarr"
        _make(path, 5)
        with pytest.raises(FileExistsError):
            create_store(path, TINY.layout(), [TINY.source(0)], {})
        assert len(CampaignStore.open(path).ids()) == 5
        assert [p.name for p in tmp_path.iterdir()] == ["d.zarr"]
        with locked(path), pytest.raises(InputError, match="no other"):
            open_campaign(path, TINY, 9)


def _again(path, count):
    return ["create", "--preset", "tiny", "--n", count, "--grid-spacing", 600, "--seed", 1, "--out", path]


class TestDiskFull:
    def test_said_whoever_meets_it(self, tmp_path, monkeypatch):
        path = tmp_path / "d.zarr"
        open_campaign(path, TINY, 5)
        with pytest.raises(CampaignStoppedError, match="sample 3 could not be written: No space"):
            run_campaign(path, TINY, 5, HereClient(3, OSError(28, "No space left on device")))
        monkeypatch.setattr(StoreWriter, "commit", _full)
        with pytest.raises(CampaignStoppedError, match="the store could not be written: No space"):
            run_campaign(path, TINY, 5, HereClient())
        monkeypatch.undo()
        _make(path, 5)

    def test_room_for_what_is_missing_only(self, tmp_path, monkeypatch):
        path = tmp_path / "d.zarr"
        _make(path, 5)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 0})())
        assert open_campaign(path, TINY, 5).count == 5
        with pytest.raises(InputError, match="for 1 samples"):
            open_campaign(path, TINY, 6)


def _full(*_):
    raise OSError(28, "No space left on device")


class TestMemory:
    def test_more_workers_than_the_machine_holds(self, monkeypatch):
        monkeypatch.setattr(memory.os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096}.get(name, 2_000_000))
        check_machine(4, 2_000_000_000)
        with pytest.raises(InputError, match=r"workers: got 5 of 2\.0 GB each; allowed: at most 4 in .* 8 GB"):
            check_machine(5, 2_000_000_000)

    def test_a_running_cluster_with_too_little(self):
        check_workers(_Cluster({"a": (8e9, 4), "b": (0, 2)}), 2_000_000_000)
        with pytest.raises(InputError, match=r"worker tcp://c with 1\.0 GB per thread"):
            check_workers(_Cluster({"tcp://c": (4e9, 4)}), 2_000_000_000)

    def test_a_slurm_job_with_too_little(self):
        options = SlurmOptions(memory="8GB", cores=4)
        check_job(options.memory_bytes(), options.cores, 2_000_000_000)
        with pytest.raises(InputError, match=r"slurm\.memory: got 8\.0 GB for 4 cores; allowed: at least 12\.0 GB"):
            check_job(options.memory_bytes(), options.cores, 3_000_000_000)
        with pytest.raises(InputError, match="such as 16GB"):
            SlurmOptions(memory="lots").memory_bytes()


class _Cluster:
    def __init__(self, workers):
        self.workers = {name: {"memory_limit": m, "nthreads": n} for name, (m, n) in workers.items()}

    def scheduler_info(self, n_workers):
        return {"workers": self.workers}


def test_a_cluster_that_others_started_is_left_alone():
    class Client:
        cluster = None

    assert WorkerKeeper(Client()).keep() == 0


def test_job_script_verb(tmp_path):
    pytest.importorskip("dask_jobqueue")
    path = tmp_path / "slurm.yaml"
    path.write_text("queue: cpu\nmemory: 16GB\ncores: 8\n")
    done = _verb("create", "--n", 10, "--out", tmp_path / "d.zarr", "--slurm", path, "--job-script")
    assert done.exit_code == 0
    assert "#SBATCH -p cpu" in done.output
    assert [p.name for p in tmp_path.iterdir()] == ["slurm.yaml"]
    assert campaign_cluster.SlurmOptions.load(path).cores == 8
