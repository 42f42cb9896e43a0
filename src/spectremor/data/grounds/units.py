"""Units of foreign models: those that are stated are applied, and numbers that contradict them are refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.units import canonical_unit

#: Factor to SI of each unit, by quantity; units are spelled as in `core.units`.
LENGTHS = {"m": 1.0, "km": 1000.0}
SPEEDS = {"m/s": 1.0, "km/s": 1000.0}
DENSITIES = {"kg/m3": 1.0, "g/cm3": 1000.0}
PLAIN = {"1": 1.0}
#: Units of each property, and the range in which its largest value must lie, in SI units.
OF_PROPERTY = {"vs": SPEEDS, "vp": SPEEDS, "density": DENSITIES, "qs": PLAIN, "qp": PLAIN}
_LARGEST = {"vs": (50.0, 10_000.0), "vp": (100.0, 20_000.0), "density": (500.0, 10_000.0)}
#: Depth beyond which no model of the ground reaches: the Earth's radius.
DEEPEST_M = 6.4e6
#: Common marks for missing values.
_MARKS = (99999.0, 9999.0, 999999.0, -999.0, -9999.0, -99999.0)
#: Units that models state for a number without unit, beside the usual spellings.
_NO_UNIT = ("1", "count", "none", "unitless")

#: Function of an attribute (`units`, ...) and its correct value, which gives the line that corrects the model.
Mend = Callable[[str, str], str]


def factor_of(field: str, stated: object, units: dict[str, float], hint: str) -> float:
    """Factor from a stated unit to SI.

    Args:
        field: name of the input in an error message.
        stated: the unit in the file; None where it has none.
        units: units that the quantity may have.
        hint: the line that would add a missing unit.

    Raises:
        InputError: no unit, or another one.
    """
    names = " or ".join(units)
    if stated is None:
        raise InputError(f"{field}.units", "nothing", f"{names}: {hint}")
    factor = units.get(canonical_unit(stated))
    if factor is None:
        raise InputError(f"{field}.units", str(stated)[:80], names)
    return factor


def likely_unit(name: str, raw: np.ndarray) -> str:
    """The likely unit of a property's values, by their size; the SI unit where none fits."""
    largest = float(np.nanmax(raw)) if np.isfinite(raw).any() else 0.0
    units = OF_PROPERTY[name]
    low, high = _LARGEST.get(name, (0.0, np.inf))
    return next((unit for unit, factor in units.items() if low <= largest * factor <= high), next(iter(units)))


def in_si(name: str, raw: np.ndarray, stated: object, mend: Mend) -> np.ndarray:
    """The values of a property in SI units.

    Args:
        name: name of the property.
        raw: its values, NaN where they are missing.
        stated: the unit in the file; None where it has none.
        mend: gives the line that corrects an attribute.

    Raises:
        InputError: no unit, one that the property cannot have or that the values contradict, or an undeclared mark for
            missing values.
    """
    field, units = f"geology.{name}", OF_PROPERTY[name]
    if units is PLAIN:
        if stated is not None and canonical_unit(stated).lower() not in _NO_UNIT:
            raise InputError(f"{field}.units", str(stated)[:80], "none: a quality factor is a plain number")
        return np.asarray(raw)
    likely = likely_unit(name, raw)
    values = raw * factor_of(field, stated, units, mend("units", likely))
    finite = values[np.isfinite(values)]
    low, high = _LARGEST[name]
    if not finite.size or low <= finite.max() <= high:
        return np.asarray(values)
    mark = next((m for m in _MARKS if (raw == m).any()), None)
    if mark is not None:
        allowed = f"marked ones: {mend('missing_value', f'{mark:g}')}"
        raise InputError(field, f"values of {mark:g}, as if missing", allowed)
    raise InputError(field, f"up to {np.nanmax(raw):g} {canonical_unit(stated)}", f"{likely}: {mend('units', likely)}")


def check_marks(name: str, values: np.ndarray, raw: np.ndarray, mend: Mend) -> None:
    """Refuse negative values that are an undeclared mark for missing ones.

    Raises:
        InputError: names the mark and the line that declares it.
    """
    mark = next((m for m in _MARKS if m < 0 and (raw == m).any()), None)
    if mark is not None and (values < 0).any():
        allowed = f"marked ones: {mend('missing_value', f'{mark:g}')}"
        raise InputError(f"geology.{name}", f"values of {mark:g}, as if missing", allowed)
