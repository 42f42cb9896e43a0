"""An example geology and earthquake, made by the project's own generator (`scripts/make_example.py`)."""

from __future__ import annotations

import json
from importlib.resources import as_file, files

from spectremor.core.geology import Geology
from spectremor.core.source import Source
from spectremor.data.geology_files import read_geology


def example_geology() -> Geology:
    """A random geology of the HEMEW^S-3D recipe: 32 x 32 x 32 nodes."""
    with as_file(files("spectremor.examples") / "geology.nc") as path:
        return read_geology(path)


def example_source() -> Source:
    """A magnitude 4.9 thrust earthquake a few kilometres below the surface."""
    text = (files("spectremor.examples") / "source.json").read_text(encoding="utf-8")
    return Source.from_angles(**json.loads(text))
