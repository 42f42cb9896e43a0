"""Reading of users' YAML files with settings, which must be small and plain."""

from __future__ import annotations

import collections
import re
from pathlib import Path
from typing import Any

import yaml

from spectremor.core.errors import InputError
from spectremor.core.reading import read_small_file, text_of

#: Far above any settings; a few kB is usual.
MAX_BYTES = 1 << 16
#: Largest number of keys, values, lists and mappings, after every alias is replaced by what it repeats.
MAX_NODES = 10_000
#: Deepest nesting of lists and mappings.
MAX_DEPTH = 50
#: Longest number, in characters; a double needs 17 digits.
MAX_NUMBER_CHARACTERS = 64

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def read_yaml(path: str | Path, field: str, *, allowed: str = "a readable YAML file") -> Any:
    """The values of a YAML file; an empty file gives no settings.

    Aliases (`*name`) are allowed while the document with all aliases replaced stays small: a few hundred bytes of
    nested aliases could stand for millions of values.

    Args:
        path: path of the file.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message about a missing or unreadable file.

    Raises:
        InputError: a file that is missing, no regular file, too large, no text, or no YAML; or too many values, too
            deep nesting, a repeated key, or numbers that are too long or not decimal.
    """
    content = read_small_file(path, field=field, allowed=allowed, most_bytes=MAX_BYTES)
    try:
        loader = yaml.SafeLoader(text_of(content, path, field=field, allowed=allowed))
        try:
            root = loader.get_single_node()
            if root is None:
                return {}
            _check_node(root, path, field)
            values = loader.construct_document(root)
        finally:
            loader.dispose()
    except InputError:
        raise
    # ValueError: an invalid date. RecursionError: too many open brackets. TypeError, AttributeError and LookupError:
    # raised by the library for a merge key or a tag whose value is of the wrong kind.
    except (OSError, yaml.YAMLError, ValueError, RecursionError, TypeError, AttributeError, LookupError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(field, f"{path} ({reason[:120]})", allowed) from None
    return {} if values is None else values


def _check_node(root: yaml.Node, path: str | Path, field: str) -> None:
    """Refuse a document that is too large after replacement of its aliases, before any value is built."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, depth: int) -> int:
        """Number of nodes below and including this one; a node that an alias repeats counts again."""
        if depth > MAX_DEPTH:
            raise InputError(field, f"{path} (more than {MAX_DEPTH} levels)", "settings without deep nesting")
        if id(node) not in sizes:
            sizes[id(node)] = 1 + sum(size(child, depth + 1) for child in _children(node))
            _check_number(node, path, field)
            _check_keys(node, path, field)
        if sizes[id(node)] > MAX_NODES:
            raise InputError(field, f"{path} (more than {MAX_NODES} values, aliases replaced)", "a small YAML file")
        return sizes[id(node)]

    size(root, 0)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_keys(node: yaml.Node, path: str | Path, field: str) -> None:
    """Refuse a repeated key: the library would drop all but its last value."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        for key, count in collections.Counter(keys).items():
            if count > 1:
                raise InputError(field, f"{path} (the key {key[:60]} {count} times in one mapping)", "each key once")


def _check_number(node: yaml.Node, path: str | Path, field: str) -> None:
    if node.tag in _NUMBERS and len(node.value) > MAX_NUMBER_CHARACTERS:
        found = f"{path} (a number of {len(node.value)} characters, {node.value[:12]}...)"
        raise InputError(field, found, f"numbers of at most {MAX_NUMBER_CHARACTERS} characters")
    # YAML 1.1 reads 010 as 8 and 1:30 as 90.
    if node.tag in _NUMBERS and isinstance(node.value, str) and re.match(r"[-+]?0[0-9_]|.*:", node.value):
        allowed = 'decimal numbers without zeros in front or colons; text such as "12:00:00" in quotes'
        raise InputError(field, f"{path} (the number {node.value})", allowed)
