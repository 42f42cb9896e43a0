"""The store of a campaign: created, continued or lengthened, and refused where it holds other data."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spectremor.campaign.checks import check_campaign
from spectremor.campaign.config import CampaignConfig
from spectremor.campaign.sample import simulator_settings
from spectremor.core.errors import InputError
from spectremor.data.store import MAX_SAMPLES, SPLITS, CampaignStore, Split
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store, locked, split_of


def sample_ids(count: int, split: Split = "all") -> list[int]:
    """Numbers of a split's first `count` samples, increasing.

    Raises:
        InputError: fewer than one sample, or no such split.
    """
    if not 1 <= count <= MAX_SAMPLES:
        raise InputError("n", count, f"at least 1, at most {MAX_SAMPLES}")
    if split != "all" and split not in SPLITS:
        raise InputError("split", split, "train, val, test or all")
    ids: list[int] = []
    i = 0
    while len(ids) < count:
        if split == "all" or SPLITS[split_of(i)] == split:
            ids.append(i)
        i += 1
    return ids


def missing_ids(store: CampaignStore, ids: list[int]) -> list[int]:
    """The samples among `ids` that are not complete."""
    complete = store.complete()
    return [i for i in ids if i >= len(complete) or not complete[i]]


def check_place(path: str | Path, config: CampaignConfig, count: int, split: Split = "all") -> CampaignStore | None:
    """Refuse, before anything is started or written, a campaign that cannot be simulated or stored at `path`.

    Returns:
        The store at `path`; None where it is still to be made.

    Raises:
        InputError: an invalid campaign, a foreign store, one of another configuration, or too little room on the disk.
    """
    path = Path(path)
    ids = sample_ids(count, split)
    check_campaign(config, ids[-1] + 1)
    if not path.exists():
        _check_room(path.resolve().parent, config.layout(), len(ids))
        return None
    store = CampaignStore.open(path)
    _check_same(store, config)
    _check_room(path, config.layout(), len(missing_ids(store, ids)))
    return store


def open_campaign(path: str | Path, config: CampaignConfig, count: int, *, split: Split = "all") -> CampaignStore:
    """The store of a campaign with room for a split's first `count` samples: created, continued or lengthened.

    The parent folder must be writable. No lock is held afterwards (see `run_campaign`).

    Raises:
        InputError: as `check_place`, or another command is filling the store.
    """
    path = Path(path)
    store = check_place(path, config, count, split)
    length = sample_ids(count, split)[-1] + 1
    if store is None:
        sources = [config.source(i) for i in range(length)]
        # Another command may make the store at the same moment; the lock below decides which of the two goes on.
        with contextlib.suppress(FileExistsError):
            create_store(path, config.layout(), sources, _attrs(config))
    with locked(path):
        store = CampaignStore.open(path)
        _check_same(store, config)
        writer = StoreWriter(path)
        writer.mend()
        if length > store.count:
            writer.unfinish()
            writer.grow(config.layout(), [config.source(i) for i in range(store.count, length)])
    return CampaignStore.open(path)


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
        recorded_config = CampaignConfig.model_validate(recorded)
    except ValidationError:
        raise InputError("out", f"{store.path} (settings of another version)", "a new path") from None
    for key in CampaignConfig.model_fields:
        if getattr(recorded_config, key) != getattr(config, key):
            have = json.dumps(recorded_config.model_dump(mode="json")[key])
            raise InputError("out", f"{store.path} (made with another {key})", f"a new path, or its own {key}: {have}")
    simulator, ours = store.attrs.get("simulator"), simulator_settings()["solver_version"]
    solver = simulator.get("solver_version", "unknown") if isinstance(simulator, dict) else "unknown"
    if solver != ours:
        raise InputError("out", f"{store.path} (solver version {solver})", f"a new path: this is solver version {ours}")


def _check_room(folder: Path, layout: StoreLayout, count: int) -> None:
    needed = count * layout.bytes_per_sample()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError("out", f"{free / 1e9:.1f} GB free in {folder}", f"{needed / 1e9:.1f} GB for {count} samples")
