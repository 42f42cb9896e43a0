"""A campaign: thousands of simulations into one store, on many workers, safe against a kill at any moment.

The command that runs it hands out sample numbers; a worker draws, simulates and writes the sample; the command alone
then records it as complete. What sample i is depends on the configuration and on i only.
"""

from __future__ import annotations

import collections
import dataclasses
import errno
import json
import queue
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spectremor.core.errors import InputError, InputWarning
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store, locked
from spectremor.simulation.campaign_config import CampaignConfig
from spectremor.simulation.campaign_sample import ORDER, SampleDone, make_sample, simulator_settings
from spectremor.simulation.grid import cells_across, points_per_wavelength

#: Samples handed out per thread, so that none waits for the next.
_AHEAD = 2
_PATIENCE_S = 5.0
#: A worker's memory: what Python, torch and dask hold, and per grid node the solver's fields and absorbing layers.
_BASE_BYTES = 900 << 20
_BYTES_PER_NODE = 300
_EXTRA_NODES = 40


class CampaignStoppedError(RuntimeError):
    """A campaign that could not go on; what was complete stays, and the same command continues."""


@dataclasses.dataclass
class Progress:
    """Where a campaign stands.

    Attributes:
        total: samples asked for.
        done: samples complete.
        made: samples made by this run.
        seconds: time since this run began making samples.
        simulating_s: time that its workers spent in the simulator.
        peak_memory_bytes: the most memory that any worker has held.
    """

    total: int
    done: int
    made: int = 0
    seconds: float = 0.0
    simulating_s: float = 0.0
    peak_memory_bytes: int = 0

    @property
    def per_hour(self) -> float:
        """Rate in samples per hour."""
        return 3600.0 * self.made / self.seconds if self.seconds else 0.0

    @property
    def left_s(self) -> float | None:
        """Time left in s, once a rate is known."""
        return (self.total - self.done) * self.seconds / self.made if self.made else None


def worker_memory_bytes(config: CampaignConfig) -> int:
    """The memory that one worker is allowed: what a simulation on the finest grid needs, and some."""
    nodes = 1.0
    for extent in config.scenario.geology.extent_m:
        nodes *= extent / config.grid_spacing_m + _EXTRA_NODES
    return int(_BASE_BYTES + _BYTES_PER_NODE * nodes)


def check_campaign(config: CampaignConfig, count: int) -> None:
    """Say what is wrong with a campaign before any work.

    Raises:
        InputError: a spacing that does not divide the domain, a sensor or a source outside it, a wrong `also_m`.
    """
    config.checked()
    extent = config.scenario.geology.extent_m
    for spacing in (config.grid_spacing_m, *config.also_m):
        for side in extent:
            cells_across(side, spacing)
    for name, axis, side in (("x", config.scenario.sensors_x, extent[0]), ("y", config.scenario.sensors_y, extent[1])):
        for position in (axis.first_m, axis.last_m):
            if not 0 <= position <= side:
                raise InputError(f"sensors_{name}", f"{position:g} m", f"[0, {side:g}] m, inside the domain")
    for i in range(count):
        config.source(i).check_inside(extent)
    shallowest = min(-config.source(i).position_m[2] for i in range(count))
    coarsest = max((config.grid_spacing_m, *config.also_m))
    if shallowest < coarsest:
        raise InputError("source.z", f"{-shallowest:g} m", f"at least one cell deep: z <= {-coarsest:g} m")


def warn_of_band(config: CampaignConfig) -> None:
    """Warn, once for a campaign, of grids that do not carry its whole band in the slowest ground it may draw."""
    slowest = config.scenario.geology.vs_range_m_s[0]
    for spacing in (config.grid_spacing_m, *config.also_m):
        carried = slowest / (points_per_wavelength(ORDER) * spacing)
        if carried < config.scenario.lowpass_hz:
            warnings.warn(
                f"grid_spacing_m: {spacing:g} m carries shear waves in the slowest ground ({slowest:.0f} m/s) "
                f"accurately up to {carried:.2g} Hz; the low-pass lets {config.scenario.lowpass_hz:g} Hz through",
                InputWarning,
                stacklevel=2,
            )


def open_campaign(path: str | Path, config: CampaignConfig, count: int) -> CampaignStore:
    """The store of a campaign with room for `count` samples: made, or continued, or lengthened.

    Call with the parent folder writable; holds no lock (see `run_campaign`).

    Raises:
        InputError: a foreign store, one of another configuration, or too little room on the disk.
    """
    path = Path(path)
    if count < 1:
        raise InputError("n", count, "at least 1")
    check_campaign(config, count)
    if not path.exists():
        _check_room(path.resolve().parent, config.layout(), count)
        sources = [config.source(i) for i in range(count)]
        create_store(path, config.layout(), sources, _attrs(config))
    store = CampaignStore.open(path)
    _check_same(store, config)
    with locked(path):
        writer = StoreWriter(path)
        writer.sweep()
        if count > store.count:
            _check_room(path, config.layout(), count - store.count)
            writer.unfinish()
            writer.grow(config.layout(), [config.source(i) for i in range(store.count, count)])
    return CampaignStore.open(path)


def run_campaign(
    path: str | Path,
    config: CampaignConfig,
    count: int,
    client: Any,
    *,
    report: Callable[[Progress], None] = lambda _progress: None,
) -> Progress:
    """Make the missing samples below `count`, on a client's workers.

    Args:
        path: the store, opened before with `open_campaign`.
        config: the campaign's configuration.
        count: samples asked for.
        client: a dask client; its workers must reach `path`.
        report: called after every sample.

    Returns:
        Where the campaign stands: all `count` samples complete.

    Raises:
        InputError: another command is filling the store, or a sample that cannot be simulated.
        CampaignStoppedError: the scheduler is gone, the disk is full, or a sample kills every worker it meets.
    """
    path = Path(path).resolve()
    with locked(path):
        store = CampaignStore.open(path)
        complete = store.complete()[:count]
        missing = collections.deque(int(i) for i in range(count) if not complete[i])
        progress = Progress(total=count, done=count - len(missing))
        report(progress)
        writer = StoreWriter(path)
        if missing:
            writer.unfinish()
            _fill(writer, config, missing, client, progress, report)
        writer.finish()
    return progress


def _fill(
    writer: StoreWriter,
    config: CampaignConfig,
    missing: collections.deque[int],
    client: Any,
    progress: Progress,
    report: Callable[[Progress], None],
) -> None:
    text = config.model_dump_json()
    begun = time.perf_counter()
    flight: dict[Any, int] = {}
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    while missing or flight:
        while missing and len(flight) < _AHEAD * _threads(client):
            index = missing.popleft()
            future = client.submit(make_sample, str(writer.path), text, index, pure=False, priority=-index)
            flight[future] = index
            future.add_done_callback(finished.put)
        try:
            future = finished.get(timeout=_PATIENCE_S)
        except queue.Empty:
            _check_alive(client)
            continue
        index = flight.pop(future)
        done = _result(future, index, client)
        writer.commit(done.index, done.checksum)
        progress.done += 1
        progress.made += 1
        progress.simulating_s += done.simulating_s
        progress.peak_memory_bytes = max(progress.peak_memory_bytes, done.peak_memory_bytes)
        progress.seconds = time.perf_counter() - begun
        report(progress)


def _threads(client: Any) -> int:
    return max(1, sum(client.nthreads().values()))


def _check_alive(client: Any) -> None:
    if client.status != "running":
        raise CampaignStoppedError(f"the scheduler is gone ({client.status}); the same command continues the campaign")


def _result(future: Any, index: int, client: Any) -> SampleDone:
    """A sample's result, or why the campaign cannot go on."""
    from distributed import KilledWorker

    if future.status in ("cancelled", "lost"):
        _check_alive(client)
        raise CampaignStoppedError("the scheduler forgot a sample; the same command continues the campaign")
    try:
        done: SampleDone = future.result(timeout=_PATIENCE_S)
    except KilledWorker:
        raise CampaignStoppedError(f"sample {index} ended every worker that tried it (out of memory?)") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise CampaignStoppedError(
                f"sample {index} could not be written: {error.strerror}; make room, and the same command continues"
            ) from None
        raise
    return done


def _attrs(config: CampaignConfig) -> dict[str, Any]:
    return {
        "title": "elastic simulations made by spectremor",
        "campaign": json.loads(config.model_dump_json()),
        "simulator": simulator_settings(),
    }


def _check_same(store: CampaignStore, config: CampaignConfig) -> None:
    """Refuse to mix samples of two configurations, or of two versions of the solver."""
    recorded = store.attrs.get("campaign")
    if recorded is None:
        raise InputError("out", f"{store.path} (imported data)", "a store made by `dataset create`, or a new path")
    try:
        theirs = CampaignConfig.model_validate(recorded)
    except ValidationError:
        raise InputError("out", f"{store.path} (settings of another version)", "a new path") from None
    for key in CampaignConfig.model_fields:
        if getattr(theirs, key) != getattr(config, key):
            have = json.dumps(theirs.model_dump(mode="json")[key])
            raise InputError("out", f"{store.path} (made with another {key})", f"a new path, or its own {key}: {have}")
    solver, ours = store.attrs["simulator"]["solver_version"], simulator_settings()["solver_version"]
    if solver != ours:
        raise InputError("out", f"{store.path} (solver version {solver})", f"a new path: this is solver version {ours}")


def _check_room(folder: Path, layout: StoreLayout, count: int) -> None:
    needed = count * layout.bytes_per_sample()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError("out", f"{free / 1e9:.1f} GB free in {folder}", f"{needed / 1e9:.1f} GB for {count} samples")
