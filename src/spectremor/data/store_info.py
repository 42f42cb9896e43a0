"""The content of a campaign store, described in a few lines."""

from __future__ import annotations

import numpy as np

from spectremor.core.text import printable
from spectremor.data.store import SPLITS, CampaignStore


def describe(store: CampaignStore) -> str:
    """A short text: samples and splits, grids, sensors, times, size on the disk, origin; control characters escaped."""
    parts = ", ".join(f"{len(store.ids(name))} {name}" for name in SPLITS)
    nodes = store.array("vs").shape[1:]
    extent = " x ".join(f"{e / 1000:g}" for e in store.extent_m)
    size = sum(f.stat().st_size for f in store.path.rglob("*") if f.is_file() and not f.is_symlink())
    lines = [
        f"{store.path}: {len(store.ids())} of {store.count} samples complete ({parts})",
        f"geology    {' x '.join(map(str, nodes))} nodes over {extent} km",
        f"sensors    {_axis(store.x_m)} along x, {_axis(store.y_m)} along y",
        f"stations   {_stations(store)}",
        f"motion     {store.motion}",
        f"time       {len(store.time_s)} samples at {store.sampling_hz:g} Hz from {store.time_s[0]:g} s; "
        f"up to {store.attrs['band_high_hz']:g} Hz",
        f"grids      {_grids(store)}",
        f"made by    {_origin(store)}",
        f"on disk    {size / 1e9:.2f} GB",
    ]
    return "\n".join(map(printable, lines))


def _stations(store: CampaignStore) -> str:
    plan = store.stations
    if plan is None:
        return "none"
    patch = f"{plan.patch} x {plan.patch} in a patch, {plan.patch_spacing_m:g} m apart"
    return f"{plan.random} at random places and {patch}, in each sample"


def _axis(positions: np.ndarray) -> str:
    return f"{len(positions)} from {positions[0]:g} to {positions[-1]:g} m"


def _grids(store: CampaignStore) -> str:
    if store.grid_spacing_m is None:
        return "imported"
    return ", ".join(f"{s:g} m" for s in (store.grid_spacing_m, *store.also_m))


def _origin(store: CampaignStore) -> str:
    campaign = store.attrs.get("campaign")
    if campaign is None:
        return f"import of {store.attrs.get('origin', 'published data')}"
    simulator = store.attrs.get("simulator")
    seed = campaign.get("seed", "unknown") if isinstance(campaign, dict) else "unknown"
    how = ", ".join(f"{k} {v}" for k, v in simulator.items()) if isinstance(simulator, dict) else "unknown simulator"
    return f"spectremor {store.attrs.get('spectremor_version', 'of unknown version')}, seed {seed}, {how}"
