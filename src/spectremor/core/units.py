"""Units as people and libraries write them, in one list: `metres per second`, `m s**-1` and `M/S` are all m/s."""

from __future__ import annotations

import re
from typing import Any

from spectremor.core.errors import InputError

#: Words for the units that quotients and products are made of.
_WORDS = {
    "m": ("m", "metre", "metres", "meter", "meters"),
    "km": ("km", "kms", "kilometre", "kilometres", "kilometer", "kilometers"),
    "cm": ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
    "ft": ("ft", "foot", "feet"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "millisecond", "milliseconds"),
    "min": ("min", "minute", "minutes"),
    "kg": ("kg", "kilogram", "kilograms", "kilogramme", "kilogrammes"),
    "g": ("g", "gram", "grams", "gramme", "grammes"),
    "n": ("n", "newton", "newtons"),
    "dyn": ("dyn", "dyne", "dynes"),
    "degrees": ("degree", "degrees", "deg", "degs", "°"),
}
_BASE = {spelling: unit for unit, spellings in _WORDS.items() for spelling in spellings}
#: Factors from the first unit to the second, as an error message writes them.
_FACTORS = {
    ("km/s", "m/s"): "1000",
    ("cm/s", "m/s"): "0.01",
    ("ft/s", "m/s"): "0.3048",
    ("km", "m"): "1000",
    ("cm", "m"): "0.01",
    ("ft", "m"): "0.3048",
    ("ms", "s"): "0.001",
    ("min", "s"): "60",
    ("g/cm3", "kg/m3"): "1000",
    ("dyn cm", "N m"): "1e-7",
}
#: Longest text that is parsed as a unit; a file may hold text of any length.
_LONGEST = 100
_PLAIN = ("1", "", "-", "dimensionless")
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def canonical_unit(text: object) -> str:
    """A unit in the one spelling that the project uses; an unknown unit is returned without outer blanks.

    Upper and lower case, blanks, plurals, British and American spelling, `per`, `/`, `^`, `**`, negative powers,
    superscripts and points between factors do not matter.

    Example:
        >>> [canonical_unit(text) for text in ("meters / second", "m s**-1", "Km.s^-1", "seconds", "furlongs")]
        ['m/s', 'm/s', 'km/s', 's', 'furlongs']
    """
    plain = str(text).strip()
    if len(plain) > _LONGEST:
        return plain
    if plain.casefold() in _PLAIN:
        return "1"
    # Newton metres in one word; in small letters they would be nanometres.
    if plain == "Nm":
        return "N m"
    over: list[str] = []
    under: list[str] = []
    expression = re.sub(r"\*\*|\^", "", plain.casefold().translate(_SUPERSCRIPTS))
    expression = re.sub(r"\bper\b", "/", expression)
    for place, part in enumerate(re.split(r"\s*/\s*", expression)):
        for factor in re.split(r"[\s.*·⋅]+", part.strip().strip("()")):
            match = re.fullmatch(r"([^\W\d]+|°)([+-]?[1-9])?", factor)
            if match is None or match[1] not in _BASE:
                return plain
            power = int(match[2] or 1) * (-1 if place else 1)
            (over if power > 0 else under).append(_BASE[match[1]] + (str(abs(power)) if abs(power) > 1 else ""))
    top, bottom = " ".join(over) or "1", " ".join(under)
    return {"n m": "N m"}.get(top, top) + (f"/{bottom}" if bottom else "")


def factor_to(stated: object, unit: str) -> float | None:
    """The factor by which numbers in a stated unit are converted to another; None where it is not known."""
    stated_unit = canonical_unit(stated)
    if stated_unit == unit:
        return 1.0
    factor = _FACTORS.get((stated_unit, unit))
    return None if factor is None else float(factor)


def check_unit(field: str, stated: Any, unit: str, *, say_factor: bool = True) -> None:
    """Refuse a unit other than the wanted one; None, where no unit is stated, passes.

    Args:
        field: name of the input in an error message, to which `.units` is added.
        stated: the unit as text, or whatever a file holds in its place.
        unit: the wanted unit, as `canonical_unit` spells it.
        say_factor: whether the error names the factor to the wanted unit.

    Raises:
        InputError: names the stated unit and, where it is known, the factor to the wanted one.
    """
    # Compared as text: a file may hold an array here, whose comparison gives an array.
    if stated is None or canonical_unit(stated) == unit:
        return
    factor = _FACTORS.get((canonical_unit(stated), unit)) if say_factor else None
    shown = re.sub(r"\s*(/|\*+)\s*", r"\1", str(stated).strip()[:200])[:80]
    raise InputError(f"{field}.units", shown, unit if factor is None else f"{unit}: multiply by {factor}")
