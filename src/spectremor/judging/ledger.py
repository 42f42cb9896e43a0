"""Judged events on disk, so that a run that was stopped goes on where it was: one .npz each, nothing pickled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectremor.core.files import atomic_file
from spectremor.data.sample_digest import sample_digest
from spectremor.judging.tally import Traits

if TYPE_CHECKING:
    from spectremor.judging.benchmark import Benchmark

_KEY = "run.json"


class Ledger:
    """The events of one run.

    Args:
        folder: where they are kept; what another run has left there is removed.
        identity: everything that an event's outcome depends on, besides the event.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder = folder
        key = hashlib.blake2b(json.dumps(identity, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
        known = folder / _KEY
        if folder.is_dir() and not (known.is_file() and known.read_text() == key):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        known.write_text(key)

    def restore(self, result: Benchmark, sample: int) -> bool:
        """Append an event that was judged before; False where there is none (or no whole one)."""
        try:
            # Opened here: numpy leaves a file that is no archive open.
            with self._path(result, sample).open("rb") as file:
                arrays = dict(np.load(file, allow_pickle=False))
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return False
        _append(result, arrays)
        return True

    def keep(self, result: Benchmark, sample: int) -> None:
        """Write down the event that was judged last."""
        with atomic_file(self._path(result, sample)) as aside, aside.open("wb") as file:
            np.savez(file, **_last(result))

    def _path(self, result: Benchmark, sample: int) -> Path:
        # Named after its content too: a store may be made anew under the same path.
        return self.folder / f"{sample:06d}-{sample_digest(result.store, sample)}.npz"


def _last(result: Benchmark) -> dict[str, Any]:
    """The last event of a run as named arrays."""
    arrays: dict[str, Any] = {"chosen": result.chosen[-1], "peak_velocity": result.peak_velocity[-1]}
    arrays |= _flat("truth", result.truth[-1])
    if result.truth_ensemble:
        arrays["truth_ensemble"] = result.truth_ensemble[-1]
    for k, tally in enumerate(result.tallies):
        row = tally.rows[-1]
        arrays |= {f"{k}.row.names": np.array(list(row)), f"{k}.row.values": np.array(list(row.values()), float)}
        arrays |= {f"{k}.sensors.{metric}": values for metric, values in tally.sensors[-1].items()}
        arrays |= _flat(str(k), tally.traits[-1])
        arrays[f"{k}.variogram"] = tally.variogram[-1]
        if tally.ensemble:
            arrays[f"{k}.ensemble"] = tally.ensemble[-1]
    return arrays


def _append(result: Benchmark, arrays: dict[str, np.ndarray]) -> None:
    """What `_last` took apart, at the end of the run's lists."""
    result.chosen.append(arrays["chosen"])
    result.peak_velocity.append(arrays["peak_velocity"])
    result.truth.append(_traits("truth", arrays))
    if "truth_ensemble" in arrays:
        result.truth_ensemble.append(arrays["truth_ensemble"])
    for k, tally in enumerate(result.tallies):
        names, values = arrays[f"{k}.row.names"], arrays[f"{k}.row.values"]
        tally.rows.append(dict(zip(names.tolist(), values.tolist(), strict=True)))
        start = f"{k}.sensors."
        tally.sensors.append({n.removeprefix(start): v for n, v in arrays.items() if n.startswith(start)})
        tally.traits.append(_traits(str(k), arrays))
        tally.variogram.append(arrays[f"{k}.variogram"])
        if f"{k}.ensemble" in arrays:
            tally.ensemble.append(arrays[f"{k}.ensemble"])


def _flat(name: str, traits: Traits) -> dict[str, np.ndarray]:
    fields = {f.name: getattr(traits, f.name) for f in dataclasses.fields(traits)}
    return {f"{name}.traits.{field}": values for field, values in fields.items() if values is not None}


def _traits(name: str, arrays: dict[str, np.ndarray]) -> Traits:
    return Traits(**{f.name: arrays.get(f"{name}.traits.{f.name}") for f in dataclasses.fields(Traits)})  # type: ignore[arg-type]
