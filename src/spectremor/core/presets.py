"""Presets: settings that ship with the package under a name, or a user's settings in a YAML file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from spectremor.core.errors import InputError
from spectremor.core.yaml_files import read_yaml


def preset_names(folder: str, prefix: str = "") -> list[str]:
    """Names of the presets that ship, in order.

    Args:
        folder: inside the package's `presets`.
        prefix: start of the presets' file names, which is no part of a preset's name.
    """
    files = (resources.files("spectremor") / "presets" / folder).iterdir()
    names = (file.name for file in files if file.name.startswith(prefix) and file.name.endswith(".yaml"))
    return sorted(name.removeprefix(prefix).removesuffix(".yaml") for name in names)


def read_preset(name_or_path: str | Path, folder: str, *, field: str, prefix: str = "") -> dict[str, Any]:
    """The plain values of a preset that ships, or of a YAML file.

    Args:
        name_or_path: name of a preset, or path of a YAML file.
        folder: inside the package's `presets`.
        field: name of the input in an error message.
        prefix: start of the presets' file names.

    Raises:
        InputError: no such preset or file, or a file that is no YAML mapping.
    """
    names = preset_names(folder, prefix)
    if str(name_or_path) in names:
        shipped = resources.files("spectremor") / "presets" / folder / f"{prefix}{name_or_path}.yaml"
        values = yaml.safe_load(shipped.read_text(encoding="utf-8")) or {}
    else:
        values = read_yaml(name_or_path, field, allowed=f"{', '.join(names)}, or a YAML file")
    if not isinstance(values, dict):
        raise InputError(field, f"{name_or_path} (a {type(values).__name__})", "a YAML mapping of names to values")
    return values
