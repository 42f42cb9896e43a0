"""Optional dependencies: one clear line when one is missing."""

from __future__ import annotations

import importlib
from typing import Any


class MissingExtraError(ImportError):
    """A package that only one part of the project needs is not installed."""


def need(module: str, extra: str) -> Any:
    """Import an optional package.

    Args:
        module: dotted name, as in an import statement.
        extra: the extra of this project that installs it.

    Raises:
        MissingExtraError: the package is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        name = module.split(".")[0]
        raise MissingExtraError(
            f"{name} is not installed; install it with: pip install 'spectremor[{extra}]'"
        ) from None
