"""The errors a user can cause, worded so that one line is enough to mend them."""

from __future__ import annotations

from spectremor.core.text import printable


class InputError(ValueError):
    """Bad input: names the field, the value found and what is allowed.

    The command line turns it into one line on stderr and exit code 2.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(f"{printable(field)}: got {printable(value)}; allowed: {printable(allowed)}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, object, str]]:
        """Survive the pickling that worker processes do to exceptions."""
        return (type(self), (self.field, self.value, self.allowed))


class InputWarning(UserWarning):
    """Usable input outside the range that a model or a grid was made for, said in one line."""

    def __init__(self, message: object) -> None:
        super().__init__(printable(message))
