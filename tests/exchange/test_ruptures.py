"""Files of ruptures: what is read from them, and what is refused in one line."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError, InputWarning
from spectremor.exchange import read_rupture

DATA = Path(__file__).parent / "data" / "ruptures"
CORNER = sp.Georeference(longitude_deg=13.26, latitude_deg=42.29)
TURNED = sp.Georeference(longitude_deg=13.26, latitude_deg=42.29, azimuth_deg=30)
LOS_ANGELES = sp.Georeference(longitude_deg=-118.2, latitude_deg=33.9)


def point(
    lon="13.30", lat="42.30", depth="5.0", angles="40 60", start="0.5", rock=" 3.0e5 2.7", slips="90 100 2 0 0 0 0"
) -> str:
    """A point of version 2 (of version 1 with `rock=""`) of 1 km2 and step 0.1 s, whose rates are 0, 10 per 100 cm."""
    words = slips.split()
    rates = [f"0.0 {float(words[i]) * 10}" for i in (1, 3, 5) if words[i + 1] == "2"]
    return f"{lon} {lat} {depth} {angles} 1.0e10 {start} 0.1{rock}\n{slips}\n" + "\n".join([*rates, ""])


def srf(*points: str, version="2.0", head="") -> str:
    return f"{version}\n{head}POINTS {len(points)}\n" + "".join(points)


PARAM = """#Total number of fault_segments=     1
#Fault_segment =   1 nx(Along-strike)=   2 Dx=  2.00km ny(downdip)=   1 Dy=  1.50km
#Boundary of Fault_segment     1. EQ in cell 1,1. Lon:  13.3000   Lat:  42.3000
#Lon.  Lat.  Depth
       13.3 42.3 5.0
#Lat. Lon. depth slip rake strike dip t_rup t_ris t_fal mo
 42.30 13.30 5.0 100.0 90.0 40.0 60.0 0.0 0.4 0.8 9.0e+23
 42.31 13.31 5.0  50.0 90.0 40.0 60.0 1.5 0.4 0.8 4.5e+23
"""
FSP = """% ---- FINITE-SOURCE RUPTURE MODEL ----
% Event : Somewhere   01/01/2020  [Nobody (2021)]
% Loc  : LAT = 42.30   LON = 13.30   DEP = 5.0
% Size : LEN = 4.00 km    WID = 1.50 km     Mw = 5.60     Mo = 3.0e+017 Nm
% Mech : STRK = 40   DIP = 60   RAKE = 90   Htop = 4.0 km
% Rupt : HypX = 1.0 km   HypZ = 0.7 km    avTr = 1.0 s    avVr = 2.0 km/s
% Invs : Nx = 2   Nz = 1   Fmin = 999 Hz   Fmax = 999 Hz
% Invs : Dx = 2.00 km     Dz = 1.50 km
% VELOCITY-DENSITY STRUCTURE
% No. of layers = 2
% DEPTH  P-VEL  S-VEL  DENS  QP  QS
% [km]  [km/s] [km/s] [g/cm^3]
%  0.00   3.4   2.0   2.0  100 50
%  4.00   5.1   3.0   2.7  600 300
% Nsbfs = 2 subfaults
% Coordinates are given for center of each subfault or segment: |'|
% LAT LON X==EW Y==NS Z SLIP RAKE TRUP RISE
42.30 13.30 0.0 0.0 5.0 1.0 90 0.0 1.2
42.31 13.31 0.8 1.1 5.0 0.5 90 1.5 1.2
"""


def read(tmp_path: Path, text: str, place=CORNER, **options):
    file = tmp_path / "rupture.txt"
    file.write_text(text)
    return read_rupture(file, place, **options)


def test_a_point_is_what_its_numbers_say(tmp_path):
    """Against the double couple of a source at the same place."""
    rupture = read(tmp_path, srf(point()))
    moment = 2700 * 3000.0**2 * 1e6 * 1.0
    x, y = CORNER.to_local(np.array(13.30), np.array(42.30))
    turn = float(CORNER.north_azimuth_deg(x, y))
    same = sp.Source.from_angles(
        position_m=(float(x), float(y), -5000), strike_deg=40 - turn, dip_deg=60, rake_deg=90, moment_nm=moment
    )
    assert rupture.moment_tensor_nm[0] == pytest.approx(same.moment_tensor_nm, abs=1e-9 * moment)
    assert rupture.position_m[0] == pytest.approx(same.position_m)
    assert rupture.start_s.tolist() == [0.5]
    assert rupture.rates.centroid_s == pytest.approx([0.1])
    assert rupture.event.place == CORNER


def test_both_directions_of_slip_and_opening(tmp_path):
    rupture = read(tmp_path, srf(point(slips="0 30 2 40 2 10 2")))
    assert len(rupture) == 3
    along, up, opening = (rupture.take([i]) for i in range(3))
    mu = 2700 * 3000.0**2
    assert along.moment_nm == pytest.approx(mu * 1e6 * 0.3)
    assert up.moment_nm == pytest.approx(mu * 1e6 * 0.4)
    # The first along strike, the second up dip: at rake + 90 degrees.
    x, y, _ = rupture.position_m[0]
    turn = float(CORNER.north_azimuth_deg(np.array(x), np.array(y)))
    for part, rake in ((along, 0), (up, 90)):
        same = sp.Source.from_angles(
            position_m=(1, 1, -1), strike_deg=40 - turn, dip_deg=60, rake_deg=rake, moment_nm=part.moment_nm
        )
        assert part.moment_tensor_nm[0] == pytest.approx(same.moment_tensor_nm, abs=1e-6 * part.moment_nm)
    # Opening along the normal: the trace is (3 lambda + 2 mu) area slip, with Vp = 1.7 Vs.
    lam = mu * (1.7**2 - 2)
    assert np.trace(opening.tensor_nm) == pytest.approx((3 * lam + 2 * mu) * 1e6 * 0.1)
    assert read(tmp_path, srf(point(slips="0 30 2 40 2 0 0"))).moment_nm == pytest.approx(mu * 1e6 * 0.5)


def test_slip_backwards_is_slip_the_other_way(tmp_path):
    back, forth = (read(tmp_path, srf(point(slips=s))) for s in ("90 -100 2 0 0 0 0", "270 100 2 0 0 0 0"))
    assert back.moment_tensor_nm == pytest.approx(forth.moment_tensor_nm, abs=1e-9 * forth.moment_nm)


def test_several_segments_and_subfaults_without_slip(tmp_path):
    head = "PLANE 2\n13.3 42.3 2 1 2 1\n40 60 4 0 1\n13.3 42.3 1 1 1 1\n40 60 4 0 1\n"
    still = point(slips="90 0 0 0 0 0 0")
    text = srf(point(), still, head=head) + f"POINTS 1\n{point(lon='13.31', start='2')}"
    rupture = read(tmp_path, text)
    assert len(rupture) == 2
    assert rupture.start_s.tolist() == [0.5, 2.0]
    assert rupture.subfault.tolist() == [0, 1]


def test_the_mechanism_turns_with_the_axes(tmp_path):
    plain, turned = (read(tmp_path, srf(point()), place) for place in (CORNER, TURNED))
    assert plain.moment_nm == pytest.approx(turned.moment_nm)
    difference = np.subtract(plain.strike_dip_rake_deg(), turned.strike_dip_rake_deg())
    assert difference == pytest.approx([30, 0, 0], abs=1e-3)


def test_rigidity_that_the_file_does_not_tell(tmp_path):
    text = srf(point(rock=""), version="1.0")
    rupture = read(tmp_path, text)
    assert rupture.needs_rigidity
    with pytest.raises(InputError, match=r"^rupture\.rigidity: got none in the file"):
        rupture.mw
    assert read(tmp_path, text, rigidity_pa=3e10).moment_nm == pytest.approx(3e10 * 1e6)
    ground = sp.make_geology(np.full((4, 4, 4), 2000.0), (12e3, 12e3, 12e3), density_kg_m3=np.full((4, 4, 4), 2500.0))
    assert rupture.with_rigidity(ground).moment_nm == pytest.approx(2500 * 2000.0**2 * 1e6, rel=1e-5)
    assert read(tmp_path, srf(point(rock=" -1 -1"))).needs_rigidity
    assert read(tmp_path, srf(point()), rigidity_pa=3e10).moment_nm == pytest.approx(3e10 * 1e6)


def test_param_files(tmp_path):
    rupture = read(tmp_path, PARAM)
    assert rupture.moment_nm == pytest.approx(1.35e17)
    assert rupture.start_s.tolist() == [0.0, 1.5]
    # A cosine up in 0.4 s and another down in 0.8 s: mean time of the rate.
    t = np.linspace(0, 1.2, 12001)
    rate = np.where(t < 0.4, 1 - np.cos(np.pi * t / 0.4), 1 + np.cos(np.pi * (t - 0.4) / 0.8))
    assert rupture.rates.centroid_s == pytest.approx(np.trapezoid(rate * t, t) / np.trapezoid(rate, t), rel=1e-3)
    assert read(tmp_path, PARAM, rigidity_pa=3e10).moment_nm == pytest.approx(3e10 * 3e6 * 1.5)
    double = PARAM + PARAM.split("\n", 1)[1]
    assert read(tmp_path, double).moment_nm == pytest.approx(2.7e17)


def test_fsp_files(tmp_path):
    rupture = read(tmp_path, FSP)
    assert rupture.moment_nm == pytest.approx(2700 * 3000.0**2 * 3e6 * 1.5)
    assert rupture.position_m[:, 2].tolist() == [-5000, -5000]
    assert rupture.rates.centroid_s == pytest.approx([0.6, 0.6])
    stated = FSP.replace("TRUP RISE", "TRUP RISE SF_MOMENT").replace(" 1.2\n", " 1.2 2e17\n")
    assert read(tmp_path, stated).moment_nm == pytest.approx(4e17)
    bare = FSP.replace(" TRUP RISE", "").replace(" 0.0 1.2", "").replace(" 1.5 1.2", "")
    assert read(tmp_path, bare).start_s == pytest.approx([0, math.hypot(0.8, 1.1) / 2])
    ground = FSP[: FSP.index("% VELOCITY")] + FSP[FSP.index("% Nsbfs") :]
    assert read(tmp_path, ground).needs_rigidity


def test_fsp_positions_of_the_upper_edge_are_moved_to_the_centre(tmp_path):
    centre, top = (read(tmp_path, text) for text in (FSP, FSP.replace("for center of", "for center-top of")))
    moved = top.position_m - centre.position_m
    s, d, half = math.radians(40), math.radians(60), 750.0
    expected = [half * math.cos(d) * math.cos(s), -half * math.cos(d) * math.sin(s), -half * math.sin(d)]
    assert moved == pytest.approx(np.array([expected] * 2), abs=3)


def test_fsp_segments_have_their_own_angles(tmp_path):
    rows = FSP.strip().splitlines()
    head, names, data = rows[:-5], rows[-3], rows[-2:]
    text = "\n".join(head)
    for number, dip in ((1, 60), (2, 80)):
        text += f"\n% SEGMENT # {number}: STRIKE = 40 deg DIP = {dip} deg\n% Nsbfs = 1 subfaults\n{names}\n"
        text += data[number - 1]
    rupture = read(tmp_path, text)
    # Either of the two planes of a tensor.
    assert round(rupture.take([0]).strike_dip_rake_deg()[1]) in (60, 30)
    assert round(rupture.take([1]).strike_dip_rake_deg()[1]) in (80, 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (srf(point()).replace("2.0\n", "3.0\n", 1), r"^srf line 1, version: got 3\.0; allowed: 1\.0 or 2\.0$"),
        (srf(), r"^srf line 2, POINTS: got 0 points; allowed: a segment with at least one point$"),
        (srf(point()) + "POINTS 0\n", r"^srf line 6, POINTS: got 0 points; allowed: a segment"),
        (srf(point(slips="90 nan 2 0 0 0 0")), r"^srf line 4, slip 1: got nan; allowed: a finite number$"),
        (srf(point(), point())[:-12], r"^srf line \d+, .*: got the end of the file; allowed: a whole file"),
        (srf(point(lon="13,30")), r"^srf line 3, longitude: got 13,30; allowed: a number with a decimal point, not"),
        (srf(point(depth="-5.0")), r"^srf line 3, depth: got -5\.0; allowed: km below the surface, above 0"),
        (srf(point(lon="42.30", lat="13.30")), r"^srf longitude, latitude: .* swapped, it would be \d km$"),
        (srf(point(lon="-118", lat="34")), r"^srf longitude, latitude: got .* km from the corner"),
        (srf(point(lon="34", lat="-118")), r"^srf line 3, latitude: got -118; allowed: degrees in \[-90, 90\]"),
        (srf(point(start="-1")), r"^srf line 3, start time: got -1; allowed: seconds, 0 or more"),
        (srf(point(rock=" 3.0 2.7")), r"^srf line 3, Vs, density: got 3 and 2\.7; allowed: Vs in cm/s"),
        (srf(point(slips="90 0 0 0 0 0 0")), r"^srf: got no slip on any subfault; allowed: some slip$"),
        (srf(point(slips="90 5 0 0 0 0 0")), r"^srf line 4, slip: got 5 cm with a rate whose samples sum to 0 cm/s"),
        (srf(point(), head="PLANE 1\n13.3 42.3 2 2 2 1\n40 60 4 0 1\n"), r"^srf POINTS: got 1 points; allowed: 4,"),
        (srf(point(), head="PLANE 1\n13.3 42.3 0 2 2 1\n40 60 4 0 1\n"), r"^srf line 3, plane 1: got 0 x 2 subfaults"),
        (PARAM.rsplit("\n", 2)[0], r"^param line 2: got 1 rows; allowed: 2 rows"),
        (PARAM.replace("  50.0", " nan "), r"^param line 8, slip: got nan; allowed: a finite number$"),
        (PARAM.replace("42.30 13.30", "42,30 13,30"), r"^param line 7, lat: got 42,30; allowed: a number with a dec"),
        (PARAM.replace("Dx=  2.00km", ""), r"^param: got no line Fault_segment"),
        (PARAM.replace("slip rake", "slip"), r"^param line 6, columns: got .*; allowed: also rake$"),
        (PARAM.replace("13.30 5.0", "13.30 -5.0"), r"^param line 7, depth: got -5\.0; allowed: km below"),
        (FSP.rsplit("\n", 2)[0], r"^fsp line 17, segment: got 1 rows; allowed: 2 rows"),
        (FSP.replace("1.0 90", "nan 90"), r"^fsp line 18, SLIP: got nan; allowed: a finite number$"),
        (FSP.replace("5.0 1.0 90", "0.0 1.0 90"), r"^fsp line 18, Z: got 0 km; allowed: km below the surface"),
        (FSP.replace(" RAKE TRUP", " TRUP"), r"^fsp line 18: got 9 columns; allowed: 8: LAT, LON"),
        (FSP.replace("DIP = 60", "DIP = 999"), r"^fsp line 18, DIP: got nothing; allowed: a value"),
        (
            srf(point()).replace("POINTS 1", "POINTS \u00b2"),
            r"^srf line 2, POINTS: got \u00b2; allowed: a whole number",
        ),
        (
            srf(point()).replace("POINTS 1", "POINTS " + "9" * 5000),
            r"^srf line 2, POINTS: got 9+; allowed: a whole numb",
        ),
        (
            PARAM.replace("nx(Along-strike)=   2", "nx(Along-strike)= 2.5"),
            r"^param line 2, nx: got 2\.5; allowed: a whole",
        ),
        (PARAM.replace("2.00km", "2.0.0km"), r"^param line 2, dx: got 2\.0\.0; allowed: km, above 0"),
        (
            PARAM.replace("e+23", "e+16"),
            r"^param moment: .*a rigidity of 3e\+03 Pa; allowed: 1e7 to 1e12 Pa: .* dyn cm",
        ),
        (
            FSP.replace("RISE\n", "RISE SF_MOMENT\n").replace(" 1.2\n", " 1.2 2e24\n"),
            r"^fsp moment: got Mw = 5\.6 in the header and Mw 10\.\d+ by the rows; .*1 dyn cm is 1e-7 N m",
        ),
        (
            FSP.replace("Mw = 5.60", "").replace("RISE\n", "RISE SF_MOMENT\n").replace(" 1.2\n", " 1.2 2e24\n"),
            r"^fsp moment: got 4e\+24 N m in all, .*; allowed: 1e7 to 1e12 Pa: moments in N m",
        ),
        (
            FSP.replace("5.0 1.0 90", "5.0 100.0 90").replace("5.0 0.5", "5.0 50.0"),
            r"^fsp moment: got Mw = 5\.6 .*SLIP in m",
        ),
        (FSP.replace(" Z SLIP", " DEPTH SLIP"), r"^fsp line 17, columns: got LAT, .*; allowed: LAT, LON, Z, SLIP"),
        (FSP.replace("TRUP RISE", "SLIP RISE"), r"^fsp line 17, columns: got column SLIP twice"),
        ("x,y,z\n1,2,3\n", r"^rupture: got .* which begins with 'x,y,z.*; allowed: SRF"),
        ("", r"^rupture: got .*; allowed: SRF"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        PARAM + "#Fault_segment nx" + "nx = 1 Dx = 1 km ny = 1 " * 20_000 + "\n",
        "%" + "A" * 300_000 + "\n" + FSP,
        FSP + "% " + "A1" * 200_000 + " = x\n",
        "%" + " ".join(["LAT LON SLIP"] * 20_000) + "\n",
    ],
)
def test_long_lines_take_no_longer_than_they_are(tmp_path, text):
    """A search that begins anew at every character would take hours; the clock of the whole test run is the limit."""
    with contextlib.suppress(InputError):
        read(tmp_path, text)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_encodings(tmp_path, encoding):
    file = tmp_path / "rupture.fsp"
    file.write_bytes(FSP.replace("Somewhere", "L'Aquilà").encode(encoding))
    if encoding == "latin-1":
        assert len(read_rupture(file, CORNER)) == 2
    else:
        with pytest.raises(InputError, match="UTF-16 text: save it as UTF-8"):
            read_rupture(file, CORNER)


def test_a_file_that_takes_more_memory_than_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr("spectremor.exchange.ruptures.present_bytes", lambda: 1000)
    with pytest.raises(
        InputError, match=r"^rupture: got .* GiB of memory while it is read; allowed: half of this mach"
    ):
        read(tmp_path, srf(point()))


def test_rates_that_are_not_the_slips_are_said(tmp_path):
    text = srf(point()).replace("0.0 1000.0", "0.0 500.0")
    with pytest.warns(InputWarning, match=r"^srf: the slip rates integrate to 0\.5 times the slip"):
        assert read(tmp_path, text).slip_m.tolist() == [1.0]


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"^rupture: got .*nowhere.srf \(no such file\); allowed: an existing file$"):
        read_rupture(tmp_path / "nowhere.srf", CORNER)


def test_an_excerpt_of_a_real_file():
    rupture = read_rupture(DATA / "whittier_excerpt.srf", LOS_ANGELES)
    assert len(rupture) == 9
    slips = np.array([7.7015, 25.1967, 34.5548, 36.7189, 46.3323, 48.4585, 36.9512, 21.1565, 7.0414])
    assert rupture.slip_m == pytest.approx(slips / 100)
    assert rupture.moment_nm == pytest.approx((2750 * 3600.0**2 * 4e4 * slips / 100).sum())
    assert rupture.hypocentre_m[2] == pytest.approx(-12014.4)


def test_a_whole_real_file():
    file = Path(os.environ.get("SPECTREMOR_SHARED", Path(__file__).parents[3] / "shared")) / "formats"
    if not (file / "whittier_m5.89.srf").is_file():
        pytest.skip(f"published data not found: {file} (set SPECTREMOR_SHARED)")
    rupture = read_rupture(file / "whittier_m5.89.srf", LOS_ANGELES)
    assert rupture.mw == pytest.approx(5.89, abs=0.005)
    assert rupture.spacing_m == pytest.approx(200)
    strike, dip, _ = rupture.strike_dip_rake_deg()
    x, y, z = rupture.centroid_m
    lon, lat = rupture.event.place.to_lonlat(np.array(x), np.array(y))
    assert (float(lon), float(lat), z) == pytest.approx((-118.09, 34.05, -14500), rel=5e-2)
    assert dip < 90
    assert 0 <= strike < 360
