"""Whether a campaign's events are on a model's own domain."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spectremor.core.domain import Domain
from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore


def check_axes(store: CampaignStore, domain: Domain) -> None:
    """Refuse a campaign whose extent, nodes, sensors or times are not the domain's.

    Raises:
        InputError: names what differs.
    """
    check_same_axes(store, domain.x_m, domain.y_m, domain.time_s)
    _check("nodes", np.array(store.array("vs").shape[1:]), np.array(domain.nodes))
    _check("extent", np.array(store.extent_m), np.array(domain.extent_m))


def check_same_axes(store: CampaignStore, x_m: np.ndarray, y_m: np.ndarray, time_s: np.ndarray) -> None:
    """Refuse a campaign whose sensors or times are not those of a model's wavefields.

    Raises:
        InputError: names what differs.
    """
    _check("sensors along x", store.x_m, x_m)
    _check("sensors along y", store.y_m, y_m)
    _check("times", store.time_s, time_s)


def check_rise_times(store: CampaignStore, trained_s: float, samples: Sequence[int] | None = None) -> None:
    """Refuse a campaign whose sources (of some samples, or all) have another rise time than a model's.

    Raises:
        InputError: names both.
    """
    rise_times_s = np.unique(store.array("source_rise_time_s")[store.ids() if samples is None else samples])
    if len(rise_times_s) and not np.allclose(rise_times_s, trained_s, rtol=1e-3):
        found = " to ".join(f"{v:g} s" for v in np.unique([rise_times_s[0], rise_times_s[-1]]))
        raise InputError("store (rise times)", found, f"{trained_s:g} s, the model's (domain.rise_time_s)")


def check_motion(store: CampaignStore, domain: Domain, lowpass_hz: float) -> None:
    """Refuse a campaign on other axes, of another rise time or with another low-pass than a model's.

    Raises:
        InputError: names what differs.
    """
    check_axes(store, domain)
    check_rise_times(store, domain.rise_time_s)
    band_hz = float(store.attrs["band_high_hz"])
    if not math.isclose(band_hz, lowpass_hz, rel_tol=1e-3):
        raise InputError("store (low-pass)", f"{band_hz:g} Hz", f"{lowpass_hz:g} Hz, the model's (lowpass_hz)")


def _check(name: str, found: np.ndarray, wanted: np.ndarray) -> None:
    if found.shape != wanted.shape or not np.allclose(found, wanted, rtol=1e-4, atol=1e-6):
        raise InputError(f"store ({name})", _range(found), f"{_range(wanted)}, the model's")


def _range(values: np.ndarray) -> str:
    if len(values) == 3:
        return " x ".join(f"{v:g}" for v in values)
    return f"{len(values)} from {values[0]:g} to {values[-1]:g}"
