"""Numbers of a text file, read one after the other, with errors that name the line."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError

#: A range of numbers: lowest, highest, and the words for it.
Range = tuple[float, float, str]
ANY: Range = (-math.inf, math.inf, "a finite number")


class NumberWords:
    """The words of a text, without comment lines, taken in order.

    Args:
        kind: kind of file, with which the input's name in error messages begins.
        text: the whole text.
        comment: character that a comment line begins with.
    """

    def __init__(self, kind: str, text: str, comment: str = "#") -> None:
        lines = enumerate(text.splitlines(), start=1)
        numbered_lines = [(number, line.split()) for number, line in lines if not line.lstrip().startswith(comment)]
        self._words = [word for _, words in numbered_lines for word in words]
        self._lines = [number for number, words in numbered_lines for _ in words]
        self._kind, self._next = kind, 0

    @property
    def line(self) -> int:
        """Line of the next word; the last line at the end."""
        return self._lines[min(self._next, len(self._lines) - 1)] if self._lines else 1

    @property
    def at_end(self) -> bool:
        """Whether no word is left."""
        return self._next >= len(self._words)

    def peek(self) -> str:
        """The next word, or nothing at the end."""
        return "" if self.at_end else self._words[self._next]

    def word(self, name: str) -> str:
        """Take the next word.

        Raises:
            InputError: the file ends.
        """
        if self.at_end:
            raise InputError(self.field(name), "the end of the file", "a whole file: this one is truncated")
        self._next += 1
        return self._words[self._next - 1]

    def number(self, name: str, allowed: Range = ANY) -> float:
        """Take a number.

        Raises:
            InputError: the file ends, or no number in the range.
        """
        field = self.field(name)
        return parsed_number(field, self.word(name), allowed)

    def count(self, name: str, most: int) -> int:
        """Take a whole number from 0 to `most`."""
        field, word = self.field(name), self.word(name)
        return whole_number(field, word, most)

    def numbers(self, name: str, count: int) -> Float[np.ndarray, " n"]:
        """Take `count` finite numbers."""
        words = self._words[self._next : self._next + count]
        try:
            values = np.array(words, dtype=float)
        except ValueError:
            values = np.full(len(words), np.nan)
        if len(values) < count or not np.isfinite(values).all():
            # Parsed word by word, to name the line of the bad one.
            return np.array([self.number(name) for _ in range(count)], dtype=float)
        self._next += count
        return values

    def field(self, name: str) -> str:
        """Name of the input in an error message about the next word."""
        return f"{self._kind} line {self.line}, {name}"


def whole_number(field: str, word: str, most: int) -> int:
    """A whole number from 0 to `most`, in the digits 0 to 9.

    Raises:
        InputError: another word, or a larger number.
    """
    # A word with more digits than `most` is larger; and Python refuses to read thousands of digits.
    if word.isascii() and word.isdigit() and len(word) <= len(str(most)) and int(word) <= most:
        return int(word)
    raise InputError(field, word[:40], f"a whole number from 0 to {most}")


def parsed_number(field: str, word: str, allowed: Range = ANY) -> float:
    """A finite number in a range.

    Raises:
        InputError: another word, a decimal comma, NaN, or a number outside the range.
    """
    low, high, words = allowed
    try:
        value = float(word)
    except ValueError:
        comma = "," in word
        raise InputError(field, word[:40], "a number with a decimal point, not a comma" if comma else words) from None
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(field, word[:40], words)
    return value


def fixed_width_numbers(
    lines: Sequence[str], count: int, columns: int, width: int, field: str, allowed: str
) -> Float[np.ndarray, " n"]:
    """Numbers in columns of fixed width, which may touch each other.

    Args:
        lines: lines of the file, from the first with numbers.
        count: number of the numbers.
        columns: number of columns in a line.
        width: characters in a column.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message.

    Raises:
        InputError: fewer numbers, or an invalid one.
    """
    rows = lines[: -(-count // max(columns, 1))]
    values = np.empty(0)
    # A number has at least one digit: a count that exceeds the text is refused before the cells are made.
    if count <= sum(map(len, rows)):
        cells = [row[k * width : (k + 1) * width] for row in rows for k in range(columns)][:count]
        with contextlib.suppress(ValueError):
            values = np.array([float(cell) for cell in cells])
    if len(values) != count or not np.isfinite(values).all():
        raise InputError(field, f"fewer than the {count} numbers that it names", allowed)
    return values


def columns_of(
    kind: str, rows: Sequence[tuple[int, str]], names: Sequence[str], allowed: Callable[[str], Range]
) -> list[tuple[int, dict[str, float]]]:
    """The numbers of a table by column name, with the line number of each row.

    Args:
        kind: kind of file, for error messages.
        rows: line number and text of each row.
        names: names of the columns.
        allowed: function that gives the allowed range of a column by its name.

    Raises:
        InputError: a row with another number of columns, or a number outside its range.
    """
    result = []
    for line, text in rows:
        words = text.split()
        if len(words) != len(names):
            found = f"{len(words)} columns"
            raise InputError(f"{kind} line {line}", found, f"{len(names)}: {', '.join(names)}")
        values = {
            name: parsed_number(f"{kind} line {line}, {name}", word, allowed(name))
            for name, word in zip(names, words, strict=True)
        }
        result.append((line, values))
    return result
