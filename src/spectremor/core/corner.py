"""The corner frequency of a source in a given ground."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np

from spectremor.core.geology import Geology
from spectremor.core.rigidity import rock_at
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source, brune_rise_time_s

Earthquake = TypeVar("Earthquake", Source, Rupture, Source | Rupture)


def in_ground(earthquake: Earthquake, geology: Geology) -> Earthquake:
    """The earthquake with the rise time that follows from its stress drop and from Vs at the source.

    A rupture, and a source without a stress drop, are returned unchanged.

    Args:
        earthquake: a source or a rupture.
        geology: the ground.

    Example:
        >>> import numpy as np
        >>> from spectremor.core.geology import make_geology
        >>> ground = make_geology(np.full((4, 4, 4), 2500.0), (9600.0, 9600.0, 9600.0))
        >>> source = Source.from_angles(position_m=(4800, 4800, -5000), strike_deg=0, dip_deg=45, rake_deg=90, mw=4.9)
        >>> round(source.rise_time_s, 3), round(in_ground(source, ground).rise_time_s, 3)
        (0.165, 0.231)
    """
    if not isinstance(earthquake, Source) or earthquake.stress_drop_pa is None:
        return earthquake
    vs = float(rock_at(geology, np.array([earthquake.position_m])).vs_m_s[0])
    rise_time_s = brune_rise_time_s(earthquake.moment_nm, vs, earthquake.stress_drop_pa)
    event = None if earthquake.event is None else earthquake.event.with_rise_time(rise_time_s)
    return dataclasses.replace(earthquake, rise_time_s=rise_time_s, stress_drop_pa=None, event=event)
