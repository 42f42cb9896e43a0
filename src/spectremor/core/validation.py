"""From a config's plain values to the config, or to one line that says what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from spectremor.core.errors import InputError

Model = TypeVar("Model", bound=pydantic.BaseModel)


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
        where = ".".join([*filter(None, [field]), *(str(part) for part in first["loc"])]) or "config"
        found = "missing" if first["type"] == "missing" else str(first["input"])[:80]
        raise InputError(where, found, first["msg"]) from None
