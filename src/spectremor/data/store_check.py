"""The check of a campaign store, with a list of its problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.geology import VS_CEILING_M_S
from spectremor.core.source import Source
from spectremor.data.store import SPLITS, CampaignStore
from spectremor.data.store_writer import SPLIT_RULE, StoreWriter, checksum_of, locked, split_of


def check_store(
    store: CampaignStore, *, report: Callable[[int, int], None] = lambda _done, _total: None
) -> dict[int | None, list[str]]:
    """The problems of a store, by sample; those of the whole store under None.

    Checked for each complete sample: shape, finite values, range of Vs, checksum, stations and source inside the
    domain, source consistent with its angles and moment; for the whole store: units, split, repeated samples,
    statistics.

    Args:
        store: an open store (its layout was checked on opening).
        report: called with the number of checked samples, and the number of all.
    """
    problems: dict[int | None, list[str]] = {}
    store_problems = [*_units(store), *_split(store)]
    sample_of_checksum: dict[int, int] = {}
    ids = store.ids()
    for done, i in enumerate(int(k) for k in ids):
        sample_problems = list(_sample(store, i))
        checksum = int(np.asarray(store.array("checksum")[i]))
        if checksum in sample_of_checksum:
            sample_problems.append(f"the same as sample {sample_of_checksum[checksum]}")
        sample_of_checksum.setdefault(checksum, i)
        if sample_problems:
            problems[i] = sample_problems
        report(done + 1, len(ids))
    if not problems:
        store_problems += _statistics(store)
    if store_problems:
        problems[None] = store_problems
    return problems


def repair_store(path: str | Path, problems: dict[int | None, list[str]]) -> int:
    """Count damaged samples as missing, so that `dataset create` makes them again. Returns their number."""
    damaged = [i for i in problems if i is not None]
    with locked(path):
        writer = StoreWriter(path)
        writer.unfinish()
        for i in damaged:
            writer.discard(i)
    return len(damaged)


def _sample(store: CampaignStore, i: int) -> Iterator[str]:
    arrays: dict[str, np.ndarray] = {}
    for name in store.results():
        try:
            arrays[name] = np.asarray(store.array(name)[i])
        # Whatever the codec raises for a damaged chunk is a problem to report.
        except Exception as error:
            yield f"{name}: unreadable ({type(error).__name__})"
            continue
        if not np.isfinite(arrays[name]).all():
            yield f"{name}: NaN or infinite values"
    vs = arrays.get("vs", np.ones(1))
    if not ((vs > 0) & (vs <= VS_CEILING_M_S)).all():
        yield f"vs: values outside (0, {VS_CEILING_M_S:g}] m/s"
    all_read = len(arrays) == len(store.results())
    if all_read and checksum_of([arrays[n] for n in sorted(arrays)]) != int(np.asarray(store.array("checksum")[i])):
        yield "checksum: the data are not those that were written"
    yield from _stations(store, arrays)
    yield from _source(store, i)


def _stations(store: CampaignStore, arrays: dict[str, np.ndarray]) -> Iterator[str]:
    for name, side_m in zip(("station_x", "station_y"), store.extent_m, strict=False):
        positions_m = arrays.get(name, np.zeros(1))
        if not ((positions_m >= 0) & (positions_m <= side_m)).all():
            yield f"{name}: positions outside [0, {side_m:g}] m"
    band_hz, highest_hz = arrays.get("band_high_hz", np.ones(1)), float(store.attrs["band_high_hz"])
    if not ((band_hz > 0) & (band_hz <= highest_hz)).all() and "band_high_hz" in arrays:
        yield f"band_high_hz: values outside (0, {highest_hz:g}] Hz"


def _source(store: CampaignStore, i: int) -> Iterator[str]:
    try:
        source = store.source(i).check_inside(store.extent_m)
    except InputError as error:
        yield str(error)
        return
    if not np.isclose(source.moment_nm, float(np.asarray(store.array("source_moment_nm")[i])), rtol=1e-9):
        yield "source_moment_nm: not the moment of source_moment_tensor_nm"
    angles = np.asarray(store.array("source_angles_deg")[i])
    # Compared as tensors: the angles of both nodal planes give the same tensor.
    try:
        drawn, stored = (_double_couple(plane) for plane in (source.strike_dip_rake_deg(), angles))
    except InputError as error:
        yield str(error)
        return
    if not np.allclose(drawn, stored, atol=1e-6 * np.abs(drawn).max()):
        yield "source_angles_deg: not the angles of source_moment_tensor_nm"


def _double_couple(angles_deg: Iterable[float]) -> np.ndarray:
    strike, dip, rake = (float(a) for a in angles_deg)
    return Source.from_angles(position_m=(0, 0, -1), strike_deg=strike, dip_deg=dip, rake_deg=rake).tensor_nm


def _units(store: CampaignStore) -> Iterator[str]:
    for name in (name for name in store.results() if name == "vs" or "velocity" in name):
        units = store.array(name).attrs.get("units")
        if units != "m/s":
            yield f"{name}: units {units}, not m/s"


def _split(store: CampaignStore) -> Iterator[str]:
    split = np.asarray(store.array("split")[:])
    if split.max(initial=0) >= len(SPLITS):
        yield f"split: {int(split.max())} is none of {', '.join(SPLITS)}"
    rule = store.attrs.get("split_rule")
    if rule == SPLIT_RULE:
        wrong = [i for i in range(len(split)) if split[i] != split_of(i)]
        if wrong:
            yield f"split: {len(wrong)} samples against the recorded rule, first {wrong[0]}"


def _statistics(store: CampaignStore) -> Iterator[str]:
    recorded = store.recorded_statistics()
    if recorded is None:
        return
    actual = store.compute_statistics()
    for name, values in recorded.items():
        if not np.allclose(values, actual[name], rtol=1e-6, atol=1e-3):
            yield f"{name}: not that of the training split"
