"""A griffe extension: what docstrings call "Example:" is shown as code, as "Examples:" is."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Writes the title that griffe knows."""

    def on_object(self, *, obj: griffe.Object, **_others: Any) -> None:
        """Every module, class, function and attribute comes by here."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"^(\s*)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
