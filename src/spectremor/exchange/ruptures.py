"""Reading of rupture files: Standard Rupture Format, `.param` of the USGS, and `.fsp` of SRCMOD."""

from __future__ import annotations

from pathlib import Path

from spectremor.core.errors import InputError
from spectremor.core.georeference import Georeference
from spectremor.core.memory import present_bytes
from spectremor.core.reading import UTF_16_MARKS, read_small_file, text_of
from spectremor.core.rupture import Rupture
from spectremor.exchange.srcmod import read_fsp
from spectremor.exchange.srf import VERSIONS, read_srf
from spectremor.exchange.subfaults import rupture_of
from spectremor.exchange.usgs_param import read_param

#: Largest file that is read.
MAX_RUPTURE_BYTES = 1 << 30
#: Bytes of memory for each word of a file while it is read.
_WORD_BYTES = 120
_READERS = {"srf": read_srf, "param": read_param, "fsp": read_fsp}


def read_rupture(path: str | Path, corner: Georeference, *, rigidity_pa: float | None = None) -> Rupture:
    r"""A rupture from a file, in local axes.

    The format is recognised by the content. A subfault that slips in two directions becomes two points at one place;
    one that does not slip is left out. Where the file has neither moments nor rigidity, the rupture still needs a
    rigidity (`Rupture.with_rigidity`; `simulate` uses that of its geology).

    Args:
        path: SRF 1.0 or 2.0, USGS `.param`, or SRCMOD `.fsp`.
        corner: where the local axes lie on Earth.
        rigidity_pa: rigidity of all subfaults, instead of the file's; moment is rigidity times area times slip.

    Raises:
        InputError: another file, a value that is not allowed, a truncated file, or a rupture far from the corner.

    Warns:
        InputWarning: slip rates of an SRF file that do not integrate to its slip.

    Example:
        >>> import pathlib, tempfile
        >>> import spectremor as sp
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "event.srf"
        >>> point = [
        ...     "2.0",
        ...     "POINTS 1",
        ...     "-118.0 34.0 12.0 281 34 4e8 2.6 0.1 360000 2.75",  # place, strike, dip, area, start, step, Vs, density
        ...     "79 44.2 3 0 0 0 0",  # rake, slip in cm, number of samples
        ...     "0 442 0",  # cm/s
        ... ]
        >>> _ = path.write_text("\n".join(point) + "\n")
        >>> rupture = sp.read_rupture(path, sp.Georeference(longitude_deg=-118.2, latitude_deg=33.9))
        >>> len(rupture), round(rupture.mw, 2)
        (1, 3.8)
    """
    text = _text(Path(path))
    kind = _kind(text)
    if kind is None:
        allowed = f"SRF (first line {' or '.join(VERSIONS)}), a .param of the USGS, or an .fsp of SRCMOD"
        raise InputError("rupture", f"{path}, which begins with {text.strip()[:30]!r}", allowed)
    return rupture_of(kind, _READERS[kind](text), corner, rigidity_pa)


def _text(path: Path) -> str:
    allowed = "a text file of a rupture"
    content = read_small_file(path, field="rupture", allowed="an existing file", most_bytes=MAX_RUPTURE_BYTES)
    words = content.count(b" ") + content.count(b"\n") + content.count(b"\t")
    needed, present = _WORD_BYTES * words + 4 * len(content), present_bytes()
    if needed > present // 2:
        found = f"{path} of {len(content)} bytes, {needed / 2**30:.3g} GiB of memory while it is read"
        raise InputError("rupture", found, f"half of this machine's {present / 2**30:.3g} GiB")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        if not content.startswith(UTF_16_MARKS):
            # Headers of older files name authors in Latin-1; numbers are the same.
            return content.decode("latin-1")
    return text_of(content, path, field="rupture", allowed=allowed)


def _kind(text: str) -> str | None:
    """The format of a text, by its first line that is not empty; None for an unknown one."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.startswith("%"):
        return "fsp"
    if "fault_segment" in first.lower():
        return "param"
    return "srf" if first.replace(".", "").isdecimal() else None
