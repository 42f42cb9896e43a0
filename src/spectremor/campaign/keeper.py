"""Workers that are gone for good are replaced: a process that died while starting, a SLURM job at its time limit."""

from __future__ import annotations

import time
from typing import Any

#: A dead process is first restarted by its own guardian, which takes some seconds on a busy machine.
PATIENCE_S = 30.0
_LOOK_EVERY_S = 2.0


class WorkerKeeper:
    """Keeps a cluster of this command at its size; leaves clusters that someone else started alone.

    A worker (a local process, or the processes of one job) is replaced when it has been there and then none of it for
    `patience_s`. A job that still waits in a queue has never been there, and is left to wait.
    """

    def __init__(self, client: Any, patience_s: float = PATIENCE_S) -> None:
        self._client = client
        self._cluster: Any = getattr(client, "cluster", None)
        self._patience_s = patience_s
        self._looked = -_LOOK_EVERY_S
        self._last_seen: dict[Any, float] = {}
        self._size = 0 if self._cluster is None else len(self._cluster.worker_spec)

    def keep(self) -> int:
        """Replace what is gone; call it often. Returns how many were replaced."""
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
        # First removed, then added: a new one may get the old one's name.
        self._cluster.sync(self._cluster.scale_down, names)
        # The base class counts jobs; that of job queues counts processes.
        SpecCluster.scale(self._cluster, self._size)

    def _processes(self, name: Any) -> set[Any]:
        """Names of a worker's processes: its own, or those of its job."""
        group = self._cluster.worker_spec[name].get("group", ())
        return {f"{name}{suffix}" for suffix in group} or {name}
