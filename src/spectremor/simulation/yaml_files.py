"""YAML files of a campaign's settings, read from a person's disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from spectremor.core.errors import InputError


def read_yaml(path: str | Path, field: str) -> Any:
    """What a YAML file holds; an empty one holds no settings.

    Args:
        path: of the file.
        field: the name that an error carries.

    Raises:
        InputError: a file that is missing, no text, or no YAML.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    # ValueError: bytes that are no text, or a date that is none. RecursionError: brackets without end.
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(field, f"{path} ({reason[:120]})", "a readable YAML file") from None
    return {} if values is None else values
