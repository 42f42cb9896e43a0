"""Errors of usage in the words of all others: the option, what was typed, what is allowed."""

from __future__ import annotations

from typing import Any

from spectremor.core.errors import InputError


def usage_line(error: Any) -> str:
    """One line for a usage error of typer (or of the click inside it, whose classes cannot be named)."""
    option = _option(error)
    if option and type(error).__name__ == "MissingParameter":
        return str(InputError(option, "nothing", _allowed(error.param)))
    # typer reads values with pydantic.
    reasons = getattr(error.__cause__, "errors", None)
    if option and callable(reasons):
        first = reasons()[0]
        allowed = first["msg"].removeprefix("Input should be ").partition(", unable to")[0]
        return str(InputError(option, str(first["input"])[:80], allowed))
    return " ".join(error.format_message().split())


def _allowed(parameter: Any) -> str:
    """What an option's help says that it takes: "Geology: .h5 or .npy." -> ".h5 or .npy"."""
    text = (getattr(parameter, "help", None) or "a value").rstrip(".")
    first, _, rest = text.partition(": ")
    return rest if rest and len(first.split()) == 1 else text


def _option(error: Any) -> str:
    names = getattr(getattr(error, "param", None), "opts", None) or [""]
    return str(max(names, key=len))
