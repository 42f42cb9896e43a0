"""Collection of cyclic garbage, put off while a command starts: imports make many objects and hardly any garbage."""

from __future__ import annotations

import gc

#: Verbs that load much for a second or two of work, and are over before their garbage matters.
SHORT_VERBS = frozenset({"generate"})
_USUAL = gc.get_threshold()
#: New objects before the youngest are looked through, and how many times that until older ones are.
_PUT_OFF = (100_000, 50, 50)


def put_off_collection() -> None:
    """Collect rarely from now on: half a second less for a cold `generate`."""
    gc.set_threshold(*_PUT_OFF)


def collect_as_usual() -> None:
    """Collect as Python does by itself."""
    gc.set_threshold(*_USUAL)
