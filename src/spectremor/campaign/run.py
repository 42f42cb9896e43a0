"""A campaign: thousands of simulations into one store, on many workers, safe against a kill at any moment.

The command that runs a campaign hands out sample numbers; a worker draws, simulates and writes the sample; the command
alone then records it as complete. Sample i depends on the configuration and on i only.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import errno
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from spectremor.campaign.config import CampaignConfig
from spectremor.campaign.keeper import WorkerKeeper
from spectremor.campaign.sample import SampleDone, make_sample
from spectremor.campaign.store import missing_ids, sample_ids
from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore, Split
from spectremor.data.store_writer import StoreWriter, locked

#: Samples handed out per thread at a time, so that no thread waits for the next one.
_AHEAD = 2
_PATIENCE_S = 5.0
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class CampaignStoppedError(RuntimeError):
    """A campaign that cannot go on; complete samples stay, and the same command continues."""


@dataclasses.dataclass
class Progress:
    """Progress of a campaign.

    Attributes:
        total: number of requested samples.
        done: number of complete samples.
        made: number of samples made by this run.
        seconds: time since this run began making samples.
        simulating_s: time that its workers spent in the simulator.
        peak_memory_bytes: the most memory that any worker has held.
        threads: threads that make samples; 0 while the cluster has none yet.
    """

    total: int
    done: int
    made: int = 0
    seconds: float = 0.0
    simulating_s: float = 0.0
    peak_memory_bytes: int = 0
    threads: int = 0

    @property
    def per_hour(self) -> float:
        """Rate in samples per hour."""
        return 3600.0 * self.made / self.seconds if self.seconds else 0.0

    @property
    def left_s(self) -> float | None:
        """Time left in s, once a rate is known."""
        return (self.total - self.done) * self.seconds / self.made if self.made else None

    def count(self, sample: SampleDone, seconds: float) -> None:
        """Add a sample made by this run, `seconds` after its beginning."""
        self.done += 1
        self.made += 1
        self.seconds = seconds
        self.simulating_s += sample.simulating_s
        self.peak_memory_bytes = max(self.peak_memory_bytes, sample.peak_memory_bytes)


def run_campaign(
    path: str | Path,
    config: CampaignConfig,
    count: int,
    client: Any,
    *,
    split: Split = "all",
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[Progress], None] = lambda _progress: None,
) -> Progress:
    """Make the missing ones of a split's first `count` samples, on a client's workers.

    Args:
        path: the store, opened before with `open_campaign`.
        config: the campaign's configuration.
        count: number of requested samples.
        client: a dask client, whose workers must reach `path`; not used where no sample is missing.
        split: split of the samples; "all" are the numbers 0 to `count` - 1.
        device: device of the simulator on every worker, "cpu" or "cuda"; the results differ by rounding.
        stop: once it returns True no more samples are handed out; those at the workers, two per thread, are finished.
        report: called after every sample, and from time to time while none is finished.

    Returns:
        The progress: all `count` samples complete, unless `stop` returned True.

    Raises:
        InputError: another command is filling the store, or a sample that cannot be simulated.
        CampaignStoppedError: the scheduler is gone, the disk is full, or a sample fails or ends every worker that
            tries it.
    """
    path = Path(path).resolve()
    with locked(path), disk_full_told("the store"):
        missing = collections.deque(missing_ids(CampaignStore.open(path), sample_ids(count, split)))
        progress = Progress(total=count, done=count - len(missing))
        writer = StoreWriter(path)
        if missing:
            with _lost_scheduler_told():
                progress.threads = _threads(client)
                report(progress)
                writer.unfinish()
                _fill(writer, (config.model_dump_json(), device), missing, client, progress, stop, report)
        else:
            report(progress)
        writer.finish()
    return progress


@contextlib.contextmanager
def disk_full_told(what: str) -> Iterator[None]:
    """Turn the system's errors about a full disk into a CampaignStoppedError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise CampaignStoppedError(
            f"{what} could not be written: {error.strerror}; make room, and the same command continues"
        ) from None


@contextlib.contextmanager
def _lost_scheduler_told() -> Iterator[None]:
    """Turn errors of a lost connection to the scheduler into a CampaignStoppedError that says what to do."""
    from distributed import CancelledError
    from distributed.client import ClosedClientError

    try:
        yield
    except (OSError, ClosedClientError, CancelledError) as error:
        # Errors of the system have a number; those of dask (a closed channel, no connection in time) have none.
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            raise
        raise CampaignStoppedError(
            f"the scheduler is gone ({type(error).__name__}); the same command continues the campaign"
        ) from None


def _fill(
    writer: StoreWriter,
    recipe: tuple[str, str],
    missing: collections.deque[int],
    client: Any,
    progress: Progress,
    stop: Callable[[], bool],
    report: Callable[[Progress], None],
) -> None:
    start_s = time.perf_counter()
    running: dict[Any, int] = {}
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    keeper = WorkerKeeper(client)
    while running or (missing and not stop()):
        keeper.keep()
        progress.threads = _threads(client)
        while missing and not stop() and len(running) < _AHEAD * max(1, progress.threads):
            index = missing.popleft()
            future = client.submit(make_sample, str(writer.path), *recipe, index, pure=False, priority=-index)
            running[future] = index
            future.add_done_callback(finished.put)
        try:
            future = finished.get(timeout=_PATIENCE_S)
        except queue.Empty:
            _check_alive(client)
            report(progress)
            if stop() and not progress.threads:
                # Without any worker the loop would wait without end.
                client.cancel(list(running))
                return
            continue
        done = _result(future, running[future], client)
        if done is None:
            future.add_done_callback(finished.put)
            continue
        del running[future]
        writer.commit(done.index, done.checksum)
        progress.count(done, time.perf_counter() - start_s)
        report(progress)


def _threads(client: Any) -> int:
    return sum(client.nthreads().values())


def _check_alive(client: Any) -> None:
    if client.status != "running":
        raise CampaignStoppedError(f"the scheduler is gone ({client.status}); the same command continues the campaign")


def _result(future: Any, index: int, client: Any) -> SampleDone | None:
    """A sample's result; None where it was lost with its worker and is made again.

    Raises:
        CampaignStoppedError: the campaign cannot go on.
        InputError: the sample cannot be simulated.
    """
    # A "lost" result was lost with the only worker that had it: the scheduler lets another worker make it again.
    if future.status == "cancelled":
        _check_alive(client)
        raise CampaignStoppedError("the scheduler forgot a sample; the same command continues the campaign")
    try:
        with disk_full_told(f"sample {index}"):
            done: SampleDone = future.result(timeout=_PATIENCE_S)
    except CampaignStoppedError:
        raise
    except Exception as error:
        # `result` also raises errors that occurred on the worker, even timeouts and broken connections.
        if future.status == "error":
            raise _failure(future.exception(), index) from None
        if not isinstance(error, TimeoutError):
            raise
        _check_alive(client)
        return None
    return done


def _failure(error: BaseException, index: int) -> Exception:
    """The error of the campaign for the error of a sample on its worker."""
    from distributed import KilledWorker

    if isinstance(error, InputError):
        return error
    if isinstance(error, KilledWorker):
        return CampaignStoppedError(f"sample {index} ended every worker that tried it (out of memory?)")
    return CampaignStoppedError(f"sample {index} failed on its worker ({type(error).__name__}: {error})")
