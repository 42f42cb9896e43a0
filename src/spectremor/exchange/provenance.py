"""The origin of a wavefield in one sentence, which exported files contain."""

from __future__ import annotations

import xarray as xr

from spectremor.core.text import printable
from spectremor.core.wavefield import band_of

_LONGEST = 200
#: Attributes of a wavefield and their names in the sentence, in this order.
_NAMES = {
    "solver": "solver",
    "grid_spacing_m": "grid spacing in m",
    "model": "model",
    "stage1": "stage 1",
    "stage": "stage",
    "sampler": "sampler",
    "sampling_steps": "sampling steps",
    "seed": "seed",
    "event_id": "event",
    "version": "spectremor",
}


def provenance(field: xr.DataArray) -> str:
    """The origin of a wavefield, e.g. "synthetic ground motion; model: 1a2b, seed: 0; usable band 0 to 5 Hz".

    Raises:
        InputError: an invalid band.
    """
    facts = [f"{name}: {printable(field.attrs[key], _LONGEST)}" for key, name in _NAMES.items() if key in field.attrs]
    band = band_of(field)
    usable = [] if band is None else [f"usable band {band[0]:g} to {band[1]:g} Hz"]
    return "; ".join(["synthetic ground motion", *([", ".join(facts)] if facts else []), *usable])
