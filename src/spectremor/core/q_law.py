"""How quality factors change with frequency: Q = Q0 (f / f0)^g, with one g and one f0 for the whole ground.

g and f0 are stored in the attributes of a geology: its `qs` and `qp` are then Q0, at the frequency f0.
"""

from __future__ import annotations

import dataclasses
import math

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology

#: Attributes of a geology that hold the exponent and the frequency.
EXPONENT, REFERENCE = "q_exponent", "q_reference_hz"


@dataclasses.dataclass(frozen=True)
class QLaw:
    """Growth of the quality factors with frequency.

    Attributes:
        exponent: g, in [0, 0.95]; 0 is a constant Q.
        reference_hz: f0, at which the geology's quality factors hold.
    """

    exponent: float = 0.0
    reference_hz: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.exponent) and 0 <= self.exponent <= 0.95):
            raise InputError(EXPONENT, self.exponent, "a number in [0, 0.95]; 0 is a constant Q")
        if not (math.isfinite(self.reference_hz) and self.reference_hz > 0):
            raise InputError(REFERENCE, self.reference_hz, "a positive frequency in Hz")


def q_law_of(geology: Geology) -> QLaw:
    """The law that a geology's attributes state; a constant Q where they state none.

    Raises:
        InputError: attributes that are no numbers or out of range.
    """
    values = [geology.attrs.get(name, default) for name, default in ((EXPONENT, 0.0), (REFERENCE, 1.0))]
    try:
        exponent, reference_hz = (float(value) for value in values)
    except (TypeError, ValueError):
        raise InputError(f"geology.attrs.{EXPONENT}", values, "two numbers, g and f0 in Hz") from None
    return QLaw(exponent, reference_hz)


def with_q_law(geology: Geology, law: QLaw) -> Geology:
    """The geology with quality factors that grow with frequency.

    Example:
        >>> import numpy as np
        >>> from spectremor.core.geology import make_geology
        >>> ground = make_geology(np.full((4, 4, 4), 2500.0), (3000.0, 3000.0, 3000.0))
        >>> q_law_of(with_q_law(ground, QLaw(0.3, 2.0)))
        QLaw(exponent=0.3, reference_hz=2.0)
    """
    return dataclasses.replace(geology, attrs={**geology.attrs, EXPONENT: law.exponent, REFERENCE: law.reference_hz})
