"""deepwave, loaded when something is simulated and without the compiler of torch, which nothing here uses.

deepwave marks one of its functions with `torch.compiler.disable` ("never compile this"). The mark loads
`torch._dynamo`, a thousand modules that take as long as torch itself. While deepwave is loaded, its functions are
therefore left unmarked, and everyone else's are marked as always. Nothing else of torch or of deepwave is touched; a
deepwave without the mark loads the same way.
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
        # A process that compiles has the compiler already: there the mark costs nothing.
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
