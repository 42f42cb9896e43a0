"""Import of published simulations into a campaign store, one at a time."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spectremor.core.axes import HEMEW_EXTENT_M
from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.data.published_folder import PublishedFolder
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store, locked, split_of


def import_published(
    folder: PublishedFolder, out: str | Path, *, report: Callable[[int, int], None] = lambda _done, _total: None
) -> CampaignStore:
    """Copy a folder's simulations into a store, with aligned axes; after a kill, the same call continues.

    When a file is refused, a store that this call made is removed; one that an earlier call began stays.

    Args:
        folder: the folder, from `PublishedFolder.scan`.
        out: store to make or to continue.
        report: called with the number of copied simulations, and the number of all.

    Returns:
        The store.

    Raises:
        InputError: a damaged or inconsistent file (named), or another store at `out`.
    """
    out = Path(out)
    attrs = {"title": "published simulations", "origin": "HEMEW-3D", "published_numbers": _ranges(folder.numbers)}
    created = False
    if not out.exists():
        sources = [folder.source(i) for i in range(len(folder.entries))]
        with contextlib.suppress(FileExistsError):
            create_store(out, _layout(folder), sources, attrs, [split_of(n) for n in folder.numbers])
            created = True
    store = CampaignStore.open(out)
    if store.attrs.get("published_numbers") != attrs["published_numbers"]:
        raise InputError("out", f"{out} (another dataset)", "a new path, or the store of this very import")
    with locked(out):
        _check_same_sources(folder, store)
        try:
            _copy(folder, store, report)
        except InputError:
            if created:
                shutil.rmtree(out)
            raise
    return CampaignStore.open(out)


def _check_same_sources(folder: PublishedFolder, store: CampaignStore) -> None:
    """Refuse another dataset with the same numbers: sources of samples still to be copied must equal the store's."""
    for i in np.flatnonzero(~store.complete()):
        ours, theirs = store.source(int(i)), folder.source(int(i))
        pairs = ((ours.position_m, theirs.position_m), (ours.tensor_nm, theirs.tensor_nm))
        if not all(np.allclose(a, b, rtol=1e-6, atol=1e-6 * np.abs(b).max()) for a, b in pairs):
            found = f"{store.path} (another dataset: its sample {i} has another source)"
            raise InputError("out", found, "a new path, or the store of this very import")


def _copy(folder: PublishedFolder, store: CampaignStore, report: Callable[[int, int], None]) -> None:
    writer = StoreWriter(store.path)
    writer.mend()
    complete = store.complete()
    for i, entry in enumerate(folder.entries):
        if not complete[i]:
            try:
                event = folder.read(i)
                make_geology(event.vs_m_s)
                checksum = writer.write(i, event.vs_m_s, {None: event.wavefield.values})
            except InputError as error:
                where = f"{entry.path}{f'/{entry.member}' if entry.member else ''}"
                raise InputError(f"{where}: {error.field}", error.value, error.allowed) from None
            writer.commit(i, checksum)
        report(i + 1, len(folder.entries))
    writer.finish()


def _layout(folder: PublishedFolder) -> StoreLayout:
    first = folder.read(0)
    field: Any = first.wavefield
    return StoreLayout(
        geology_shape=first.vs_m_s.shape,
        extent_m=(HEMEW_EXTENT_M, HEMEW_EXTENT_M, HEMEW_EXTENT_M),
        x_m=field["x"].values,
        y_m=field["y"].values,
        time_s=field["time"].values,
        band_high_hz=float(field.attrs["band_high_hz"]),
    )


def _ranges(numbers: list[int]) -> list[list[int]]:
    """Increasing numbers as [first, last] pairs of unbroken runs."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges
