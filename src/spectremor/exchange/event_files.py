"""QuakeML bytes as an ObsPy catalogue, and clear errors for files of other kinds."""

from __future__ import annotations

import dataclasses
import io
import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.reading import UTF_16_MARKS
from spectremor.exchange.xml_files import parse_xml

if TYPE_CHECKING:
    from obspy.core.event import Catalog

#: First bytes of compressed files.
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_SPACE = b" \t\r\n"
_UTF8_MARK = b"\xef\xbb\xbf"
#: Elements whose text, or the text of their <value>, is a number that a source may need.
_NUMBERS = frozenset(
    (
        *("latitude", "longitude", "depth", "mag", "strike", "dip", "rake", "duration", "riseTime", "decayTime"),
        *("scalarMoment", "Mrr", "Mtt", "Mpp", "Mrt", "Mrp", "Mtp"),
    )
)
_SHAPES = {"boxcar": "box car", "rectangle": "box car", "triangular": "triangle", "trapezoidal": "trapezoid"}


@dataclasses.dataclass(frozen=True)
class EventFile:
    """A QuakeML file that was read.

    Attributes:
        catalog: events of the file, without the numbers that are invalid.
        not_numbers: the invalid numbers, such as "depth NaN", by the public id of the object that they belong to.
    """

    catalog: Catalog
    not_numbers: dict[str, list[str]]


def parse_quakeml(content: bytes, name: str) -> EventFile:
    """The events in the bytes of a QuakeML file; blanks before its first line are allowed.

    Args:
        content: bytes of the file.
        name: the file, for the error message.

    Raises:
        InputError: not QuakeML; the message names the kind of file where it is recognised.
    """
    root = _root(content, name)
    not_numbers: dict[str, list[str]] = {}
    missing = []
    for label, element in _leaves(root):
        text = (element.text or "").strip()
        if label in _NUMBERS or text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            if not _finite(text):
                not_numbers.setdefault(_owner(element), []).append(f"{label} {text or 'empty'}")
                missing.append(element)
        elif label == "type":
            shape = " ".join(text.lower().replace("-", " ").split())
            element.text = _SHAPES.get(shape.replace(" ", ""), shape) if _of_function(element) else text
    for element in missing:
        element.getparent().remove(element)
    obspy, etree = need("obspy", "exchange"), need("lxml.etree", "exchange")
    try:
        with warnings.catch_warnings():
            # ObsPy warns of values that it cannot read and leaves them out; missing ones are reported later if needed.
            warnings.simplefilter("ignore")
            # The format is fixed: without it ObsPy would try all formats, pickles included.
            catalog = obspy.read_events(io.BytesIO(etree.tostring(root)), format="QUAKEML")
    except Exception as error:
        # ObsPy raises many types of errors for XML that is no QuakeML.
        raise InputError("quakeml", f"{name} ({_first_line(error)})", "a QuakeML file") from None
    return EventFile(catalog, not_numbers)


def _root(content: bytes, name: str) -> Any:
    """The root element of QuakeML.

    Raises:
        InputError: not XML, damaged XML, or XML of another kind.
    """
    text = content.removeprefix(_UTF8_MARK).lstrip(_SPACE)
    if not text.startswith((b"<", *UTF_16_MARKS)):
        raise InputError("quakeml", f"{name} ({_foreign(content)})", "a QuakeML file, which is XML text")
    root = parse_xml(text, name, root="quakeml", field="quakeml", allowed="a whole QuakeML file")
    namespace = root.tag.rpartition("}")[0].lstrip("{")
    if "/quakeml-rt/" in namespace:
        found = f"{name} (QuakeML of the real-time kind, {namespace[:60]})"
        raise InputError("quakeml", found, "QuakeML of the basic event description (namespace .../xmlns/quakeml/1.2)")
    return root


def _foreign(content: bytes) -> str:
    """The kind of a file that is not XML, recognised by its first bytes, in words."""
    if not content.strip(_SPACE):
        return "an empty file"
    for mark, kind in _COMPRESSED.items():
        if content.startswith(mark):
            return f"compressed with {kind}: unpack it first"
    head = content[:2000]
    if head.startswith(b"\x89HDF"):
        return "an HDF5 file"
    if b"event name:" in head.lower():
        return "a CMTSOLUTION file: convert it, e.g. with obspy.read_events(...).write(..., format='QUAKEML')"
    if b"CENTROID:" in head:
        return "a file of the NDK format: convert it, e.g. with obspy.read_events(...).write(..., format='QUAKEML')"
    if head.lstrip(_SPACE)[:1] in (b"{", b"["):
        return "JSON"
    if b"\x00" in head or not _printable(head):
        return "a binary file"
    return f"text that begins with {head.lstrip(_SPACE)[:30].decode('ascii', 'replace')!r}"


def _printable(head: bytes) -> bool:
    control = sum(byte < 32 and byte not in _SPACE for byte in head)
    return control == 0


def _leaves(root: Any) -> Iterator[tuple[str, Any]]:
    """Every element without children, with its name; a `value` has the name of its parent."""
    for element in root.iter():
        if len(element) == 0:
            name_bearer = element.getparent() if _label(element) == "value" else element
            yield "" if name_bearer is None else _label(name_bearer), element


def _label(element: Any) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _owner(element: Any) -> str:
    """The public id of the object that an element belongs to."""
    return next((p.get("publicID") for p in element.iterancestors() if p.get("publicID")), "")


def _of_function(element: Any) -> bool:
    parent = element.getparent()
    return parent is not None and _label(parent) == "sourceTimeFunction"


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
