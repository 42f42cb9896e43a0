"""Whether realizations fit into this machine's memory."""

from __future__ import annotations

from spectremor.core.errors import InputError
from spectremor.core.memory import present_bytes


def check_room(realizations: int, numbers: int) -> None:
    """Refuse more realizations than this machine's memory holds twice: a copy or a file is made of them there too.

    Args:
        realizations: how many.
        numbers: of one realization, in single precision.

    Raises:
        InputError: names how many fit.
    """
    fit = present_bytes() // (2 * 4 * numbers)
    if realizations > fit:
        raise InputError("realizations", realizations, f"at most {fit}, in this machine's memory")
