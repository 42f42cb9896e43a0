"""Import of deepwave when something is simulated, without the compiler of torch, which nothing here uses.

deepwave decorates one of its functions with `torch.compiler.disable` ("never compile this"). The decorator imports
`torch._dynamo`, a thousand modules that take as long as torch itself. While deepwave is imported, its functions are
therefore left undecorated, and functions of other packages are decorated as always. Nothing else of torch or of
deepwave is changed; a deepwave without the decorator is imported in the same way.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

_lock = threading.Lock()


def load_deepwave() -> ModuleType:
    """The package deepwave.

    Raises:
        ImportError: it is not installed.
    """
    with _lock:
        # Where the compiler has been imported already, the decorator costs nothing.
        if "deepwave" in sys.modules or "torch._dynamo" in sys.modules:
            return importlib.import_module("deepwave")
        mark = torch.compiler.disable
        torch.compiler.disable = _unmarked_in_deepwave(mark)
        try:
            return importlib.import_module("deepwave")
        finally:
            torch.compiler.disable = mark


def _unmarked_in_deepwave(mark: Callable[..., Any]) -> Callable[..., Any]:
    """The decorator `torch.compiler.disable` in both of its forms, which leaves deepwave's functions as they are."""

    def disable(function: Any = None, *arguments: Any, **keywords: Any) -> Any:
        if function is None:
            return lambda later: disable(later, *arguments, **keywords)
        if str(getattr(function, "__module__", "")).partition(".")[0] == "deepwave":
            return function
        return mark(function, *arguments, **keywords)

    return disable
