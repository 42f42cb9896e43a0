"""Dates and times of earthquakes."""

from __future__ import annotations

import re
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.extras import need

#: Date of a wavefield whose origin time is not known.
DEFAULT_ORIGIN_TIME = "2000-01-01T00:00:00Z"
#: First and last year that all formats can write.
YEARS = (1678, 2261)
#: Spellings in catalogues in place of ISO 8601's dashes, its T and its Z.
_SLASHES = re.compile(r"^(\d{4})/(\d{2})/(\d{2})")
_BLANK_FOR_T = re.compile(r"(?<=\d)[ \t]+(?=\d)")
_BLANK_BEFORE_ZONE = re.compile(r"[ \t]+(?=Z$|[+-]\d)")
_UTC = re.compile(r"(UTC|GMT)$")


def parse_time(text: str) -> Any:
    """A date and time as ObsPy's UTCDateTime: ISO 8601, or as catalogues print it, 2016-08-24 01:36:32.

    Raises:
        InputError: not a date, or one that not all formats can write.
    """
    iso = _SLASHES.sub(r"\1-\2-\3", _UTC.sub("Z", text.strip().upper()))
    iso = _BLANK_BEFORE_ZONE.sub("", _BLANK_FOR_T.sub("T", iso, count=1))
    try:
        time = need("obspy", "exchange").UTCDateTime(iso, iso8601=True)
    except (ValueError, TypeError):
        raise InputError("origin_time", text, "a date and time such as 2024-01-31T12:00:00Z") from None
    # ASDF counts nanoseconds in 64 bits, and miniSEED's earlier years are not read back.
    if not YEARS[0] <= time.year <= YEARS[1]:
        raise InputError("origin_time", text, f"a date from {YEARS[0]} to {YEARS[1]}")
    return time
