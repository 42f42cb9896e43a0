"""Broadband synthetic earthquake ground motion from a 3D geology and a source, in seconds.

The public names below are loaded on first use, so that importing the package and `spectremor --help` stay quick.

Example:
    >>> import spectremor as sp
    >>> "read_geology" in sp.__all__, sp.__version__.count(".")
    (True, 2)
"""

from __future__ import annotations

import importlib
import os

from spectremor.core.version import VERSION

# What `typing` would say; it takes longer to load than everything else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = VERSION

# Threads that wait for one another sleep instead of spinning. Beside other work on two cores, the main job then takes
# a quarter of the time; alone, the difference is small. Read when torch is loaded; what the user has set stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "InputError": "spectremor.core.errors",
    "InputWarning": "spectremor.core.errors",
    "Geology": "spectremor.core.geology",
    "Source": "spectremor.core.source",
    "Rupture": "spectremor.core.rupture",
    "Georeference": "spectremor.core.georeference",
    "make_geology": "spectremor.core.geology",
    "read_geology": "spectremor.data.geology_files",
    "read_stations": "spectremor.exchange.station_lists",
    "write_geology": "spectremor.data.geology_files",
    "read_wavefield": "spectremor.data.wavefield_files",
    "write_wavefield": "spectremor.data.wavefield_files",
    "read_recordings": "spectremor.exchange.recordings",
    "read_rupture": "spectremor.exchange.ruptures",
    "perturb_geology": "spectremor.campaign.perturbation",
    "random_geology": "spectremor.campaign.random_geology",
    "simulate": "spectremor.simulation.elastic",
    "evaluate": "spectremor.judging",
    "load_model": "spectremor.model.build",
    "gof": "spectremor.signal.gof",
}
_MODULES = (
    "surrogate",
    "diffusion",
    "signal",
    "simulation",
    "exchange",
    "training",
    "judging",
    "report",
    "hazard",
    "lab",
    "model",
    "data",
    "core",
)

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"spectremor.{name}")
    raise AttributeError(f"module 'spectremor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})


if TYPE_CHECKING:
    from spectremor.campaign.perturbation import perturb_geology as perturb_geology
    from spectremor.campaign.random_geology import random_geology as random_geology
    from spectremor.core.errors import InputError as InputError
    from spectremor.core.errors import InputWarning as InputWarning
    from spectremor.core.geology import Geology as Geology
    from spectremor.core.geology import make_geology as make_geology
    from spectremor.core.georeference import Georeference as Georeference
    from spectremor.core.rupture import Rupture as Rupture
    from spectremor.core.source import Source as Source
    from spectremor.data.geology_files import read_geology as read_geology
    from spectremor.data.geology_files import write_geology as write_geology
    from spectremor.data.wavefield_files import read_wavefield as read_wavefield
    from spectremor.data.wavefield_files import write_wavefield as write_wavefield
    from spectremor.exchange.recordings import read_recordings as read_recordings
    from spectremor.exchange.ruptures import read_rupture as read_rupture
    from spectremor.exchange.station_lists import read_stations as read_stations
    from spectremor.judging import evaluate as evaluate
    from spectremor.model.build import load_model as load_model
    from spectremor.signal.gof import gof as gof
    from spectremor.simulation.elastic import simulate as simulate
