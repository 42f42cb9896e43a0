"""The simulations on a coarser grid that a campaign holds, as a stage 1 that simulates anew."""

from __future__ import annotations

from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.validation import validated
from spectremor.data.store import CampaignStore
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig


def simulation_of(store: CampaignStore, spacing_m: float) -> CoarseSimulation | None:
    """What makes the store's simulations at a spacing; None where the store does not say how they were made.

    Raises:
        InputError: a spacing, or another setting of the campaign, that no stage 1 may have.
    """
    recipe = _recipe(store)
    if recipe is None:
        return None
    domain = recipe.pop("sources") | {
        "extent_m": store.extent_m,
        "nodes": store.array("vs").shape[1:],
        "sensors": (len(store.x_m), len(store.y_m)),
        "first_sensor_m": (store.x_m[0], store.y_m[0]),
        "last_sensor_m": (store.x_m[-1], store.y_m[-1]),
        "samples": len(store.time_s),
        "sampling_hz": round(store.sampling_hz, 6),
    }
    values = {"domain": domain, "grid_spacing_m": spacing_m, **recipe}
    return CoarseSimulation(validated(SimulationConfig, values, "simulation"))


def is_stored(stage1: object, store: CampaignStore, spacing_m: float) -> bool:
    """Whether a stage 1 would only simulate again what the store holds at a spacing."""
    if not isinstance(stage1, CoarseSimulation) or stage1.config.grid_spacing_m != spacing_m:
        return False
    try:
        stored = simulation_of(store, spacing_m)
    except InputError:
        return False
    return stored is not None and stored.config == stage1.config


def _recipe(store: CampaignStore) -> dict[str, Any] | None:
    """What the store's attributes say of its simulations; None where they do not say all of it."""
    try:
        scenario, solver = store.attrs["campaign"]["scenario"], store.attrs["simulator"]
        low, high = zip(*(scenario["source"][f"{axis}_m"] for axis in "xyz"), strict=True)
        return {
            "sources": {
                "source_low_m": low,
                "source_high_m": high,
                "rise_time_s": scenario["source"]["rise_time_s"],
            },
            "order": solver["order"],
            "lowpass_hz": scenario["lowpass_hz"],
            "solver_version": solver["solver_version"],
        }
    # Absent, or of another kind than a campaign writes.
    except (KeyError, TypeError, ValueError):
        return None
