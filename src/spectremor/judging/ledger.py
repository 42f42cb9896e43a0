"""Judged events on disk, so that a run that was stopped goes on where it was: one .npz each, nothing pickled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from spectremor.core.files import atomic_file
from spectremor.data.sample_digest import sample_digest
from spectremor.data.store import CampaignStore
from spectremor.judging.tally import JudgedEvent, Traits, Verdict

_KEY = "run.json"


class Ledger:
    """The events of one run.

    Args:
        folder: where they are kept; what another run has left there is removed.
        store: the campaign whose events they are.
        identity: everything that an event's outcome depends on, besides the event.
    """

    def __init__(self, folder: Path, store: CampaignStore, identity: dict[str, Any]) -> None:
        self.folder, self.store = folder, store
        key = hashlib.blake2b(json.dumps(identity, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
        key_file = folder / _KEY
        if folder.is_dir() and not (key_file.is_file() and key_file.read_text() == key):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        key_file.write_text(key)

    def restore(self, sample: int) -> JudgedEvent | None:
        """An event that was judged before; None where there is none (or no whole one)."""
        try:
            # Opened here: numpy leaves a file that is no archive open.
            with self._path(sample).open("rb") as file:
                arrays = dict(np.load(file, allow_pickle=False))
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return _from_arrays(sample, arrays)

    def keep(self, event: JudgedEvent) -> None:
        """Write down an event."""
        with atomic_file(self._path(event.sample)) as aside, aside.open("wb") as file:
            np.savez(file, **_to_arrays(event))

    def _path(self, sample: int) -> Path:
        # Named after its content too: a store may be made anew under the same path.
        return self.folder / f"{sample:06d}-{sample_digest(self.store, sample)}.npz"


def _to_arrays(event: JudgedEvent) -> dict[str, Any]:
    """An event as named arrays."""
    arrays: dict[str, Any] = {"sensors": event.sensors, "peak_velocity": event.peak_velocity}
    arrays |= _flat("truth", event.truth)
    if event.truth_ensemble is not None:
        arrays["truth_ensemble"] = event.truth_ensemble
    arrays["contenders"] = np.array(len(event.verdicts))
    arrays["highest_hz"] = np.array(event.highest_hz)
    arrays |= {f"truth.field.{name}": values for name, values in event.truth_field.items()}
    for k, verdict in enumerate(event.verdicts):
        names, values = list(verdict.row), list(verdict.row.values())
        arrays |= {f"{k}.row.names": np.array(names), f"{k}.row.values": np.array(values, float)}
        arrays |= {f"{k}.sensors.{metric}": scores for metric, scores in verdict.sensors.items()}
        arrays |= _flat(str(k), verdict.traits)
        arrays |= {f"{k}.field.{name}": values for name, values in verdict.field.items()}
        arrays[f"{k}.variogram"] = verdict.variogram
        arrays[f"{k}.stage1_peak_velocity"] = verdict.stage1_peak_velocity
        if verdict.ensemble is not None:
            arrays[f"{k}.ensemble"] = verdict.ensemble
    return arrays


def _from_arrays(sample: int, arrays: dict[str, np.ndarray]) -> JudgedEvent:
    """What `_to_arrays` took apart."""
    return JudgedEvent(
        sample=sample,
        sensors=arrays["sensors"],
        peak_velocity=arrays["peak_velocity"],
        truth=_traits("truth", arrays),
        truth_ensemble=arrays.get("truth_ensemble"),
        highest_hz=float(arrays["highest_hz"]),
        truth_field=_named("truth.field.", arrays),
        verdicts=[_verdict(k, arrays) for k in range(int(arrays["contenders"]))],
    )


def _verdict(k: int, arrays: dict[str, np.ndarray]) -> Verdict:
    names, values = arrays[f"{k}.row.names"], arrays[f"{k}.row.values"]
    return Verdict(
        row=dict(zip(names.tolist(), values.tolist(), strict=True)),
        sensors=_named(f"{k}.sensors.", arrays),
        traits=_traits(str(k), arrays),
        variogram=arrays[f"{k}.variogram"],
        stage1_peak_velocity=arrays[f"{k}.stage1_peak_velocity"],
        field=_named(f"{k}.field.", arrays),
        ensemble=arrays.get(f"{k}.ensemble"),
    )


def _named(start: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): values for name, values in arrays.items() if name.startswith(start)}


def _flat(name: str, traits: Traits) -> dict[str, np.ndarray]:
    fields = {f.name: getattr(traits, f.name) for f in dataclasses.fields(traits)}
    return {f"{name}.traits.{field}": values for field, values in fields.items() if values is not None}


def _traits(name: str, arrays: dict[str, np.ndarray]) -> Traits:
    return Traits(**{f.name: arrays.get(f"{name}.traits.{f.name}") for f in dataclasses.fields(Traits)})  # type: ignore[arg-type]
