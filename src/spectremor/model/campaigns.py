"""What a campaign's store and a model have to do with each other: the same events, and the same simulations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spectremor.core.domain_config import DomainConfig
from spectremor.core.errors import InputError
from spectremor.core.recording import Recording
from spectremor.core.trained_range import TrainedRange
from spectremor.core.validation import validated
from spectremor.data.store import CampaignStore
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig


def check_campaign(store: CampaignStore, recording: Recording, trained: TrainedRange) -> None:
    """Refuse a campaign whose sensors, times, low-pass, ground or rise times are not a stage's.

    Args:
        store: the campaign.
        recording: where and when the stage records.
        trained: what it was, or is to be, trained on.

    Raises:
        InputError: names what differs.
    """
    ground = TrainedRange(nodes=store.nodes, extent_m=store.extent_m, rise_time_s=trained.rise_time_s)
    differences = [*recording.differences(store.recording), *trained.differences(ground)]
    if differences:
        raise InputError("store", f"{store.path} ({'; '.join(differences)})", "a campaign like the model's own")
    check_rise_times(store, trained)


def check_rise_times(store: CampaignStore, trained: TrainedRange, samples: Sequence[int] | None = None) -> None:
    """Refuse a campaign whose sources (of some samples, or all) have another rise time than a model's.

    Raises:
        InputError: names both.
    """
    chosen = store.ids() if samples is None else np.asarray(samples, dtype=np.int64)
    rise_times_s = np.unique(np.asarray(store.array("source_rise_time_s"))[chosen])
    if len(rise_times_s) and not np.allclose(rise_times_s, trained.rise_time_s, rtol=1e-3):
        found = " to ".join(f"{v:g} s" for v in np.unique([rise_times_s[0], rise_times_s[-1]]))
        raise InputError("store (rise times)", found, f"{trained.rise_time_s:g} s, the model's (domain.rise_time_s)")


def simulation_of(store: CampaignStore, spacing_m: float) -> CoarseSimulation | None:
    """What makes a store's simulations at a spacing; None where the store does not say how they were made.

    Raises:
        InputError: a spacing, or another setting of the campaign, that no stage 1 may have.
    """
    settings = _recorded_settings(store)
    if settings is None:
        return None
    return CoarseSimulation(validated(SimulationConfig, {**settings, "grid_spacing_m": spacing_m}, "simulation"))


def is_stored(stage1: object, store: CampaignStore, spacing_m: float) -> bool:
    """Whether a stage 1 would only simulate again what the store holds at a spacing."""
    if not isinstance(stage1, CoarseSimulation) or stage1.config.grid_spacing_m != spacing_m:
        return False
    try:
        stored = simulation_of(store, spacing_m)
    except InputError:
        return False
    return stored is not None and stored.config == stage1.config


def _recorded_settings(store: CampaignStore) -> dict[str, Any] | None:
    """The settings of a store's simulations, as far as a `SimulationConfig` has them; None where one is not told."""
    try:
        scenario, solver = store.attrs["campaign"]["scenario"], store.attrs["simulator"]
        low, high = zip(*(scenario["source"][f"{axis}_m"] for axis in "xyz"), strict=True)
        domain = DomainConfig.values_of(store.recording, TrainedRange(nodes=store.nodes, extent_m=store.extent_m))
        return {
            "domain": domain
            | {"source_low_m": low, "source_high_m": high, "rise_time_s": scenario["source"]["rise_time_s"]},
            "order": solver["order"],
            "lowpass_hz": scenario["lowpass_hz"],
            "solver_version": solver["solver_version"],
        }
    # Absent, or of another kind than a campaign writes.
    except (KeyError, TypeError, ValueError):
        return None
