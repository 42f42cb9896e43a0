"""Ground velocity as acceleration or displacement, with the units stated."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.wavefield import sampling_step_s
from spectremor.signal.calculus import derivative, integral

Quantity = Literal["velocity", "acceleration", "displacement"]

UNITS: dict[str, str] = {"velocity": "m/s", "acceleration": "m/s2", "displacement": "m"}


def as_quantity(field: xr.DataArray, quantity: Quantity) -> xr.DataArray:
    """The wavefield as velocity (unchanged), acceleration or displacement, through `signal.calculus`.

    Displacement is zero at the first sample, at which the ground is taken to be at rest.

    Args:
        field: wavefield in m/s.
        quantity: velocity (m/s), acceleration (m/s2) or displacement (m).

    Raises:
        InputError: another quantity, or too few samples.
    """
    if quantity == "velocity":
        return field
    step_s = sampling_step_s(field)
    values = field.transpose(..., "time").values
    changed = derivative(values, step_s) if quantity == "acceleration" else integral(values, step_s)
    converted = field.transpose(..., "time").copy(data=changed.astype(np.float32))
    converted.attrs |= {"units": UNITS[quantity], "long_name": f"ground {quantity}"}
    return converted.rename(quantity)


def check_quantity(text: str) -> Quantity:
    """The name of a quantity, after a check of a user's text.

    Raises:
        InputError: not one of the three.
    """
    for name in ("velocity", "acceleration", "displacement"):
        if text == name:
            return name
    raise InputError("--quantity", text, ", ".join(UNITS))
