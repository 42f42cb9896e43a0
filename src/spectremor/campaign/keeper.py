"""Replacement of lost workers: of a process that died while it started, or a SLURM job at its time limit."""

from __future__ import annotations

import time
from typing import Any

#: Time in s before a worker counts as lost: dask first restarts a dead process, which takes some seconds.
PATIENCE_S = 30.0
_LOOK_EVERY_S = 2.0


class WorkerKeeper:
    """Keeps a cluster that this command started at its size; other clusters are left alone.

    A worker (a local process, or the processes of one job) is replaced when it was connected once and then has had no
    connected process for `patience_s`. A job that waits in a queue has never been connected and is left to wait.
    """

    def __init__(self, client: Any, patience_s: float = PATIENCE_S) -> None:
        self._client = client
        self._cluster: Any = getattr(client, "cluster", None)
        self._patience_s = patience_s
        self._looked = -_LOOK_EVERY_S
        self._last_seen: dict[Any, float] = {}
        self._size = 0 if self._cluster is None else len(self._cluster.worker_spec)

    def keep(self) -> int:
        """Replace lost workers; to be called often. Returns the number of replaced workers."""
        now = time.monotonic()
        if self._cluster is None or now - self._looked < _LOOK_EVERY_S:
            return 0
        self._looked = now
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        present = {worker["name"] for worker in workers}
        self._last_seen |= {name: now for name in self._cluster.worker_spec if present & self._processes(name)}
        gone = [name for name, seen in self._last_seen.items() if now - seen > self._patience_s]
        if gone:
            self._replace(gone)
        return len(gone)

    def _replace(self, names: list[Any]) -> None:
        from distributed.deploy.spec import SpecCluster

        for name in names:
            del self._last_seen[name]
        # First removed, then added: a new worker may get the name of an old one.
        self._cluster.sync(self._cluster.scale_down, names)
        # `scale` of the base class counts jobs; that of job queues counts processes.
        SpecCluster.scale(self._cluster, self._size)

    def _processes(self, name: Any) -> set[Any]:
        """Names of a worker's processes: the worker's name, or the names of the processes of its job."""
        group = self._cluster.worker_spec[name].get("group", ())
        return {f"{name}{suffix}" for suffix in group} or {name}
