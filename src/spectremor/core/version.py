"""The version of this package, which every result records."""

from __future__ import annotations

VERSION = "0.1.0"
