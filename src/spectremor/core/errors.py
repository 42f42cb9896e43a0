"""Errors and warnings about a user's input, each in one line that says what is allowed."""

from __future__ import annotations

from spectremor.core.text import printable


class InputError(ValueError):
    """Bad input: names the field, the value found and what is allowed.

    The command line turns it into one line on stderr and exit code 2.

    Attributes:
        field: name of the input: an argument, a variable of a file, an option.
        value: the value found.
        allowed: what is allowed, in words.

    Example:
        >>> import spectremor as sp
        >>> try:
        ...     sp.Source.from_angles(position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=95, rake_deg=88)
        ... except sp.InputError as error:
        ...     print(error)
        source.dip: got 95 degrees; allowed: [0, 90] degrees
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(f"{printable(field)}: got {printable(value)}; allowed: {printable(allowed)}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, object, str]]:
        """Allow pickling, by which worker processes pass exceptions on."""
        return (type(self), (self.field, self.value, self.allowed))


class InputWarning(UserWarning):
    """Usable input outside the range that a model or a grid was made for, reported in one line.

    Example:
        >>> import warnings
        >>> import numpy as np
        >>> import spectremor as sp
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always", sp.InputWarning)
        ...     ground = sp.make_geology(np.full((8, 8, 8), 800.0))
        >>> caught[0].category.__name__
        'InputWarning'
    """

    def __init__(self, message: object) -> None:
        super().__init__(printable(message))
