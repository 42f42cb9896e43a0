"""YAML files of settings, read from a person's disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from spectremor.core.errors import InputError

#: Far above any settings.
MAX_BYTES = 1 << 20


def read_yaml(path: str | Path, field: str) -> Any:
    """What a YAML file holds; an empty one holds no settings.

    Args:
        path: of the file.
        field: the name that an error carries.

    Raises:
        InputError: a file that is missing, too large, no text, or no YAML.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise InputError(field, f"{path} of {path.stat().st_size} bytes", f"at most {MAX_BYTES} bytes")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    # ValueError: bytes that are no text, or a date that is none. RecursionError: brackets without end.
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(field, f"{path} ({reason[:120]})", "a readable YAML file") from None
    return {} if values is None else values
