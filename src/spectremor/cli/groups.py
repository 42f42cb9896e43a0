"""Groups of options: what several verbs take is written down once, and handed on as one object."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, get_type_hints

from spectremor.core.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """A group of options: each field of a subclass is one, annotated as a parameter of a typer command is."""

    def given(self) -> dict[str, object]:
        """The options that differ from their defaults, by the names that a person types."""
        return {
            f"--{field.name.replace('_', '-')}": value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) not in (field.default, [])
        }


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command as typer reads it: the fields of a group stand where the command has a parameter for the group.

    Args:
        command: whose parameters are options, arguments, or groups (subclasses of `Options`).
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, type[Options]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, Options):
            groups[name] = kind
            parameters += _parameters(kind)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{field.name: values.pop(field.name) for field in dataclasses.fields(kind)})
        command(**values)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def _parameters(kind: type[Options]) -> list[inspect.Parameter]:
    annotations = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=annotations[field.name],
        )
        for field in dataclasses.fields(kind)
    ]


def refuse(given: Mapping[str, object], allowed: str, names: Collection[str] | None = None) -> None:
    """Refuse options that say nothing here, where a person may think that they do.

    Args:
        given: options with their values; None of one that was not given.
        allowed: what may be typed instead.
        names: of the options to refuse; None: all.

    Raises:
        InputError: names the first one.
    """
    for option, value in given.items():
        if value is not None and (names is None or option in names):
            raise InputError(option, value, allowed)
