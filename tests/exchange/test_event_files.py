"""Files that are no QuakeML: the cause is named."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from spectremor.core.errors import InputError
from spectremor.exchange.georeference import Georeference
from spectremor.exchange.quakeml import read_source

DATA = Path(__file__).parent / "data"
BASE = (DATA / "base.xml").read_bytes()
CORNER = Georeference(longitude_deg=13.26, latitude_deg=42.29)
CMTSOLUTION = b""" PDE 2020  5  1 10 20 30.00  42.3413   13.3037   5.4 4.9 4.9 CENTRAL ITALY
event name:     202005011020A
time shift:      0.0000
half duration:   1.0000
latitude:       42.3413
"""
NDK = b"""PDE  2005/01/01 01:20:05.4  13.78  -88.78 193.1 5.0 0.0 EL SALVADOR
C200501010120A   B:  4    4  40 S: 27   33  50 M:  0    0   0 CMT: 1 TRIHD:  0.6
CENTROID:     -0.3 0.9  13.76 0.06  -89.08 0.09 162.8 12.5 FREE S-20050322125201
"""


def read(tmp_path: Path, content: bytes):
    path = tmp_path / "event.xml"
    path.write_bytes(content)
    return read_source(path, CORNER)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "an empty file"),
        (b" \n\n ", "an empty file"),
        (gzip.compress(BASE), "compressed with gzip"),
        (bz2.compress(BASE), "compressed with bzip2"),
        (lzma.compress(BASE), "compressed with xz"),
        (b"PK\x03\x04" + bytes(100), "compressed with zip"),
        (CMTSOLUTION, "a CMTSOLUTION file"),
        (NDK, "the NDK format"),
        (b'{"type": "FeatureCollection"}', "JSON"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (b"\x80\x04\x95" + bytes(100), "a binary file"),
        (b"#EventID | Time | Latitude", "text that begins with '#EventID"),
        (b"<html><body>404</body></html>", "XML of another kind: <html>"),
        (BASE[:700], "damaged XML"),
        (BASE.replace(b"</mag>", b"</gam>"), "damaged XML"),
        (BASE.replace(b"?><q:", b'?><!DOCTYPE q [<!ENTITY z "00">]><q:').replace(b"5400", b"54&z;"), "DOCTYPE"),
        (BASE.replace(b"/quakeml/1.2", b"/quakeml-rt/1.2"), "QuakeML of the real-time kind"),
        (BASE.replace(b"<origin ", b"<a/>" * 2_000_001 + b"<origin "), "2000086 tags"),
    ],
)
def test_the_cause_is_named(tmp_path, content, cause):
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert caught.value.field == "quakeml"
    assert cause in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("before", [b"\n", b"  \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_blanks_and_a_byte_order_mark_before_the_first_line_are_forgiven(tmp_path, before):
    assert read(tmp_path, before + BASE).mw == pytest.approx(4.9, abs=1e-3)


def test_another_encoding_is_read(tmp_path):
    content = BASE.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert read(tmp_path, content).mw == pytest.approx(4.9, abs=1e-3)


def test_entities_are_not_followed(tmp_path):
    declared = b'<!DOCTYPE q [<!ENTITY depth SYSTEM "file:///etc/hostname">]>'
    content = BASE.replace(b"?><q:", b"?>" + declared + b"<q:").replace(b"5400", b"&depth;")
    with pytest.raises(InputError, match="quakeml"):
        read(tmp_path, content)


def test_values_that_nothing_needs_may_be_anything(tmp_path):
    odd = b"<standardError>NaN</standardError><usedPhaseCount>many</usedPhaseCount>"
    quality = b"<quality>" + odd + b"</quality></origin>"
    assert read(tmp_path, BASE.replace(b"</origin>", quality)).mw == pytest.approx(4.9, abs=1e-3)


def test_control_characters_of_a_file_are_not_printed(tmp_path):
    content = BASE.replace(b"smi:t/o1", "smi:t/o1\u009b2J".encode())
    assert "\u009b" not in read(tmp_path, content).event.choice


@pytest.mark.parametrize("inside", [b"54<!-- checked -->00", b"54<?editor was here?>00", b"<![CDATA[5400]]>"])
def test_comments_within_a_number_do_not_cut_it(tmp_path, inside):
    assert read(tmp_path, BASE.replace(b"5400", inside)).position_m[2] == -5400
