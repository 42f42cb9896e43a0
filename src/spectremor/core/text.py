"""Text from files and from users, made safe to print."""

from __future__ import annotations

#: Characters after which text is cut; names and values in files may be longer.
LONGEST = 1000


def printable(value: object, longest: int = LONGEST) -> str:
    r"""A value as one line of text that has no side effect on a terminal.

    Line breaks, control characters (also those that begin a terminal's commands), marks that reverse the direction of
    writing, and half characters are shown by their escapes, as Python writes them; text that is too long is cut.

    Args:
        value: anything; most often a name, a path or an attribute from a file.
        longest: number of characters after which the text is cut.

    Example:
        >>> printable("red \x1b[31m text")
        'red \\x1b[31m text'
    """
    try:
        text = str(value)
    # Python refuses to write out an integer of more than 4,300 digits.
    except ValueError:
        text = f"a number of {value.bit_length()} bits" if isinstance(value, int) else type(value).__name__
    cut = text if len(text) <= longest else text[:longest] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
