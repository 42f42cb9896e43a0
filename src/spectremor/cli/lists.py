"""Values that people type with blanks on the command line: lists of numbers, a date and a time."""

from __future__ import annotations

import math
import re

#: Options that take a list of numbers.
_OPTIONS = ("--source", "--periods", "--window", "--extent", "--sensors")
_DATES = ("--origin-time",)
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_SEPARATOR = re.compile(r"\s*,\s*|\s+")


def numbers_in(text: str) -> list[float]:
    """The numbers of a list such as "1,2", "1 2" or "1, 2".

    Raises:
        ValueError: something in it is no number.
    """
    return [float(part) for part in _SEPARATOR.split(text.strip())]


def join_lists(arguments: list[str]) -> list[str]:
    """Arguments in which a list of numbers, or a date and a time, typed with blanks, unquoted, is one argument again.

    Example:
        >>> join_lists(["--source", "3600", "5700", "-5400", "35", "50", "75", "--mw", "4.9"])
        ['--source', '3600,5700,-5400,35,50,75', '--mw', '4.9']
    """
    joined: list[str] = []
    for argument in arguments:
        # The list that this argument may carry on: the one typed last, whose option is next to it.
        if len(joined) >= 2 and joined[-2] in _OPTIONS and _numeric(joined[-1]) and _numeric(argument):
            joined[-1] = f"{joined[-1].strip(',')},{argument.strip(',')}"
        elif len(joined) >= 2 and joined[-2] in _DATES and _CLOCK.match(argument):
            joined[-1] = f"{joined[-1]} {argument}"
        else:
            joined.append(argument)
    return joined


def _numeric(argument: str) -> bool:
    try:
        return all(not math.isnan(number) for number in numbers_in(argument.strip(", ")))
    except ValueError:
        return False
