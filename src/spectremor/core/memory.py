"""How much memory this machine has."""

from __future__ import annotations

import os


def present_bytes() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
