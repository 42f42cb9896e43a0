"""What a worker's own errors become: never a wait without end, never a scheduler that is gone."""

from __future__ import annotations

import errno
import os
import signal
import time

import pytest

from spectremor.campaign.cluster import local_client
from spectremor.campaign.run import CampaignStoppedError, _lost_scheduler_told, _result
from spectremor.campaign.sample import SampleDone
from spectremor.core.errors import InputError


class Client:
    status = "running"


class Failed:
    """A future whose sample raised on its worker."""

    status = "error"

    def __init__(self, error):
        self.error = error

    def result(self, timeout=None):
        raise self.error

    def exception(self):
        return self.error


class Late:
    """A future whose result is not there in time: its worker died, and the sample is made again."""

    status = "pending"

    def result(self, timeout=None):
        raise TimeoutError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ETIMEDOUT, "Connection timed out"),
            r"sample 3 failed on its worker \(TimeoutError: .*timed out",
        ),
        (TimeoutError("slow"), r"sample 3 failed on its worker \(TimeoutError: slow"),
        (ConnectionResetError(104, "reset"), r"sample 3 failed on its worker \(ConnectionResetError: .*reset"),
        (RuntimeError("odd"), r"sample 3 failed on its worker \(RuntimeError: odd"),
        (OSError(errno.ENOSPC, "No space left"), "sample 3 could not be written: No space left; make room"),
    ],
)
def test_a_failed_sample_is_told_as_one(error, words):
    with pytest.raises(CampaignStoppedError, match=words), _lost_scheduler_told():
        _result(Failed(error), 3, Client())


def test_bad_input_stays_bad_input():
    with pytest.raises(InputError, match=r"source\.z: got 1; allowed: 2"), _lost_scheduler_told():
        _result(Failed(InputError("source.z", 1, "2")), 3, Client())


def test_a_sample_killed_with_its_workers():
    distributed = pytest.importorskip("distributed")
    error = distributed.KilledWorker("task", None, 10)
    with pytest.raises(CampaignStoppedError, match="sample 3 ended every worker"):
        _result(Failed(error), 3, Client())


def test_a_result_that_is_not_there_yet_is_waited_for():
    assert _result(Late(), 3, Client()) is None


def test_a_lost_connection_is_still_the_schedulers():
    class Cut(Late):
        def result(self, timeout=None):
            raise ConnectionResetError(104, "reset")

    with pytest.raises(CampaignStoppedError, match="the scheduler is gone"), _lost_scheduler_told():
        _result(Cut(), 3, Client())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_result_lost_with_its_worker_is_made_again():
    """In a real cluster, whose only worker is killed before the result was fetched."""
    distributed = pytest.importorskip("distributed")
    with local_client(1, 500_000_000) as client:
        future = client.submit(_sample_named_after_its_process, pure=False)
        distributed.wait(future)
        (first,) = client.run(os.getpid).values()
        os.kill(first, signal.SIGKILL)
        _until(lambda: future.status == "lost")
        again = None
        while again is None:
            again = _result(future, 3, client)
        assert again.index != first


def _sample_named_after_its_process():
    return SampleDone(index=os.getpid(), checksum=0, simulating_s=0.0, peak_memory_bytes=0)


def _until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
