"""The workers of a campaign: processes on this machine, an existing dask cluster, or SLURM jobs."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from spectremor.campaign.memory import check_job, check_machine, check_workers
from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.validation import validated
from spectremor.core.yaml_files import read_yaml

#: Number of workers that may die with the same sample before the sample counts as the cause.
_DEATHS_PER_SAMPLE = 10
_CONNECT_S = 10


def _quoted_time(value: Any) -> Any:
    """The time, refused unless quoted: YAML reads 12:00:00 without quotes as seconds, and SLURM numbers as minutes."""
    if not (isinstance(value, str) and re.fullmatch(r"(\d+-)?\d+(:\d\d){0,2}", value)):
        raise PydanticCustomError("walltime", 'HH:MM:SS in quotes, such as "12:00:00"')
    return value


class SlurmOptions(BaseModel):
    """Options of the SLURM jobs; one job runs one worker per core.

    Attributes:
        queue: partition.
        account: account to charge.
        walltime: time limit of one job, HH:MM:SS; a campaign may last longer than its jobs.
        cores: cores of one job.
        memory: memory of one job, such as "16GB".
        jobs: number of jobs to submit.
        job_extra_directives: further `#SBATCH` lines.
        job_script_prologue: shell lines before the worker starts (modules, environments).
        interface: network interface, such as "ib0".
        python: interpreter of the workers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: str | None = None
    account: str | None = None
    walltime: Annotated[str, BeforeValidator(_quoted_time)] = "04:00:00"
    cores: Annotated[int, Field(ge=1)] = 8
    memory: str = "16GB"
    jobs: Annotated[int, Field(ge=1)] = 1
    job_extra_directives: tuple[str, ...] = ()
    job_script_prologue: tuple[str, ...] = ()
    interface: str | None = None
    python: str | None = None

    def memory_bytes(self) -> int:
        """Memory of one job in bytes.

        Raises:
            InputError: a text that is no amount of memory.
        """
        from dask.utils import parse_bytes

        try:
            amount = int(parse_bytes(self.memory))
        except ValueError:
            amount = 0
        if amount <= 0:
            raise InputError("slurm.memory", self.memory, "an amount such as 16GB")
        return amount

    @classmethod
    def load(cls, path: str | Path) -> SlurmOptions:
        """Options from a YAML file.

        Raises:
            InputError: no such file, no YAML, an unknown key or a wrong value, which is named.
        """
        values = read_yaml(path, "slurm")
        fields = cls.model_fields
        unknown = [key for key in values if key not in fields] if isinstance(values, dict) else ["no keys"]
        if unknown:
            raise InputError("slurm", f"{path} ({unknown[0]})", f"YAML with keys {', '.join(fields)}")
        return validated(cls, values, "slurm")


@contextlib.contextmanager
def local_client(workers: int, memory_bytes: int) -> Iterator[Any]:
    """A client of an embedded cluster: one process with one thread per worker, on this machine.

    A worker that exceeds its memory is ended, and its sample is made again.

    Raises:
        InputError: more workers than fit into this machine's memory.
    """
    check_machine(workers, memory_bytes)
    import dask

    distributed = need("distributed", "simulate")
    settings = {
        "distributed.scheduler.allowed-failures": _DEATHS_PER_SAMPLE,
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 1.0,
    }
    with (
        dask.config.set(settings),
        _quiet(),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory_bytes,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextlib.contextmanager
def remote_client(address: str, memory_bytes: int = 0) -> Iterator[Any]:
    """A client of the cluster whose scheduler listens at an address such as tcp://host:8786.

    Raises:
        InputError: no scheduler answers, or a worker has less than `memory_bytes` for each of its threads.
    """
    distributed = need("distributed", "simulate")
    with _quiet():
        try:
            client = distributed.Client(address, timeout=_CONNECT_S)
        except (OSError, ValueError, TimeoutError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError("scheduler", f"{address} ({reason})", "the address of a running dask scheduler") from None
        with client:
            check_workers(client, memory_bytes)
            yield client


def slurm_cluster(options: SlurmOptions) -> Any:
    """A dask-jobqueue cluster that submits jobs when it is scaled; its `job_script()` returns the script of a job.

    Raises:
        ImportError: dask-jobqueue is not installed.
        InputError: a memory that is no valid amount.
    """
    jobqueue = need("dask_jobqueue", "slurm")
    # Checked first, since an error of dask-jobqueue would not name the field.
    options.memory_bytes()
    return jobqueue.SLURMCluster(
        queue=options.queue,
        account=options.account,
        walltime=options.walltime,
        cores=options.cores,
        processes=options.cores,
        memory=options.memory,
        job_extra_directives=list(options.job_extra_directives),
        job_script_prologue=["export OMP_NUM_THREADS=1", *options.job_script_prologue],
        interface=options.interface,
        scheduler_options={"dashboard_address": ":0"},
        **({"python": options.python} if options.python else {}),
    )


@contextlib.contextmanager
def slurm_client(options: SlurmOptions, memory_bytes: int = 0) -> Iterator[Any]:
    """A client of workers that SLURM jobs run.

    Raises:
        InputError: a job that has less than `memory_bytes` for each of its cores.
    """
    check_job(options.memory_bytes(), options.cores, memory_bytes)
    import dask

    distributed = need("distributed", "simulate")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS_PER_SAMPLE}),
        slurm_cluster(options) as cluster,
        distributed.Client(cluster) as client,
    ):
        cluster.scale(jobs=options.jobs)
        yield client


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress dask's log lines about dying workers and lost connections, which the campaign reports itself."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
