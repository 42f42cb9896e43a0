"""Configs from plain values, with one line that says what is wrong where they are not allowed."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from spectremor.core.errors import InputError

Model = TypeVar("Model", bound=pydantic.BaseModel)

#: Tags of the members of a tagged union begin with this; an error's place does not name them.
TAG = "kind:"


def validated(kind: type[Model], values: Mapping[str, Any], field: str = "") -> Model:
    """A config from plain values.

    Args:
        kind: class of the config.
        values: plain values, from a file.
        field: start of the input's name in an error message.

    Raises:
        InputError: the first key that is unknown or missing, or whose value is not allowed.
    """
    try:
        return kind.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join([*filter(None, [field]), *(str(part) for part in first["loc"] if not _is_tag(part))])
        refused = first.get("ctx", {}).get("error")
        if isinstance(refused, InputError):
            # A validator that names the field and the value itself.
            raise InputError(".".join(filter(None, [where, refused.field])), refused.value, refused.allowed) from None
        raise InputError(where or "config", _value_in_words(first), _allowed(kind, first)) from None


def validated_options(kind: type[Model], values: Mapping[str, Any], names: Mapping[str, str]) -> Model:
    """A config from options of the command line: as `validated`, but the error names the option.

    Args:
        kind: class of the config.
        values: values of the options.
        names: option names by field of the config, where the two differ.

    Raises:
        InputError: the first option that is unknown, or whose value is not allowed.
    """
    try:
        return kind.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise InputError(f"--{names.get(name, name).replace('_', '-')}", first.get("input"), first["msg"]) from None


def without_former_switches(values: Any, switches: Mapping[str, Any]) -> Any:
    """Plain values of a config without switches that earlier versions wrote and that no longer exist.

    Args:
        values: plain values of a config; anything but a mapping is returned unchanged, for pydantic to refuse.
        switches: the former switches, each with its only value that is still allowed.

    Raises:
        ValueError: a switch has another value.
    """
    if not isinstance(values, Mapping):
        return values
    for name, understood in switches.items():
        if name in values and values[name] != understood:
            raise ValueError(f"{name} must be {understood}, or left out: its other values are gone")
    return {name: value for name, value in values.items() if name not in switches}


def _value_in_words(error: Mapping[str, Any]) -> str:
    if error["type"] == "missing":
        return "missing"
    # The message explains values that do not fit together; a print of the whole section would not.
    together = error["type"] == "value_error" and isinstance(error["input"], Mapping)
    return "this combination" if together else str(error["input"])[:80]


def _allowed(kind: type[pydantic.BaseModel], error: Mapping[str, Any]) -> str:
    """The message of pydantic; for an unknown key, the list of allowed keys."""
    if error["type"] != "extra_forbidden":
        return str(error["msg"]).removeprefix("Value error, ")
    section: Any = kind
    for part in error["loc"][:-1]:
        if _is_tag(part):
            section = _tagged(section, part)
            continue
        fields = getattr(section, "model_fields", {})
        section = _model_in(fields[part].annotation) if part in fields else None
    keys = list(getattr(section, "model_fields", {}))
    return f"no such key: {', '.join(keys)}" if keys else "no such key"


def _is_tag(part: Any) -> bool:
    return isinstance(part, str) and part.startswith(TAG)


def _tagged(annotation: Any, tag: str) -> Any:
    """The member of a tagged union with the given tag; None where there is none."""
    for member in typing.get_args(annotation):
        if any(isinstance(extra, pydantic.Tag) and extra.tag == tag for extra in typing.get_args(member)[1:]):
            return typing.get_args(member)[0]
        found = _tagged(member, tag)
        if found is not None:
            return found
    return None


def _model_in(annotation: Any) -> Any:
    """The model of a field that may also be None."""
    members = [member for member in typing.get_args(annotation) if isinstance(member, type)]
    models = [member for member in members if issubclass(member, pydantic.BaseModel)]
    return models[0] if models else annotation
