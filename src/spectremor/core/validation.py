"""From a config's plain values to the config, or to one line that says what is wrong with them."""

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
        kind: of config.
        values: what it is made of, from a file.
        field: what the error's field starts with.

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
    """A config from what a person typed: as `validated`, but the error names the option.

    Args:
        kind: of config.
        values: what was typed.
        names: of the options that are not called as the config's fields are.

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
    """Plain values of a config without the switches that earlier versions wrote and that are gone since.

    Args:
        values: what a config is made of; anything but a mapping is left for others to refuse.
        switches: each with the only value that is still understood.

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
    # What does not fit together is said by the message; the whole section would not be.
    together = error["type"] == "value_error" and isinstance(error["input"], Mapping)
    return "this combination" if together else str(error["input"])[:80]


def _allowed(kind: type[pydantic.BaseModel], error: Mapping[str, Any]) -> str:
    """What pydantic says; of an unknown key, the known ones."""
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
    """The member of a tagged union with that tag."""
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
