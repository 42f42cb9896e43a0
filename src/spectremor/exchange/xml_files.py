"""Parsing of untrusted XML files: limited in size, without entities, and without comments in the middle of numbers."""

from __future__ import annotations

from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.extras import need

#: Largest number of opening and closing tags; each takes 100 bytes or more in a tree. A catalogue of 64 MB has 1.5
#: million.
MAX_TAGS = 2_000_000


def parse_xml(content: bytes, name: str, *, root: str, field: str, allowed: str) -> Any:
    """The root element of an XML file.

    Comments and processing instructions are left out: `54<!-- -->00` is 5400 to every reader.

    Args:
        content: bytes of the file.
        name: the file, for the error message.
        root: the root element's name, without its namespace.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message.

    Raises:
        InputError: damaged XML, too many elements, an internal document type definition, or XML of another kind.
    """
    etree = need("lxml.etree", "exchange")
    tags = content.count(b"<")
    if tags > MAX_TAGS:
        raise InputError(field, f"{name} ({tags} tags)", f"at most {MAX_TAGS}")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        tree_root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise InputError(field, f"{name} (damaged XML: {reason})", allowed) from None
    if tree_root.getroottree().docinfo.internalDTD is not None:
        raise InputError(field, f"{name} (with a document type of its own, DOCTYPE)", allowed)
    label = etree.QName(tree_root).localname
    if label != root:
        raise InputError(field, f"{name} (XML of another kind: <{label[:40]}>)", allowed)
    return tree_root
