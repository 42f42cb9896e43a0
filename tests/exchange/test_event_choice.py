"""Which origin, mechanism and magnitude of a catalogue entry make its source, and sizes that contradict one another."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from spectremor.core.corner import in_ground
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import make_geology
from spectremor.core.source import Source, brune_rise_time_s
from spectremor.exchange.georeference import Georeference
from spectremor.exchange.quakeml import read_source

DATA = Path(__file__).parent / "data"
CORNER = Georeference(longitude_deg=13.26, latitude_deg=42.29)
BASE = (DATA / "base.xml").read_text()
PLANE = (35.0, 50.0, 75.0)


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The entry that is in order, with some of its text exchanged."""
    text = BASE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / "event.xml"
    path.write_text(text)
    return path


def origin(public_id: str, depth_m: float | str, kind: str = "", time: str = "2020-05-01T10:20:33Z") -> str:
    place = "<latitude><value>42.35</value></latitude><longitude><value>13.29</value></longitude>"
    depth = f"<depth><value>{depth_m}</value></depth>"
    extra = f"<type>{kind}</type>" if kind else ""
    when = f"<time><value>{time}</value></time>"
    return f'<origin publicID="smi:t/{public_id}">{when}{place}{depth}{extra}</origin>'


def magnitude(public_id: str, mag: float | str, kind: str) -> str:
    return f'<magnitude publicID="smi:t/{public_id}"><mag><value>{mag}</value></mag><type>{kind}</type></magnitude>'


MAGNITUDE = magnitude("m1", 4.9, "Mw")
SCALAR = "<scalarMoment><value>2.818383e+16</value></scalarMoment>"
TENSOR = BASE[BASE.index("<tensor>") : BASE.index("</tensor>") + len("</tensor>")]
FIRST_ORIGIN = '<origin publicID="smi:t/o1">'
TENSORS_ORIGIN = "<derivedOriginID>smi:t/o1</derivedOriginID>"
MECHANISM = '<focalMechanism publicID="smi:t/fm1">'
MOMENT_TENSOR = BASE[BASE.index("<momentTensor") : BASE.index("</momentTensor>") + len("</momentTensor>")]
PLANES_ONLY = (MOMENT_TENSOR, "")


def depth_of(path: Path) -> float:
    return -read_source(path, CORNER).position_m[2]


def overlap_with_plane(source: Source) -> float:
    """1 where the source is the double couple of the plane that all entries state."""
    strike, dip, rake = PLANE
    plane = Source.from_angles(
        position_m=source.position_m, strike_deg=strike, dip_deg=dip, rake_deg=rake, mw=4.9, rise_time_s=0.1
    )
    return float((source.tensor_nm * plane.tensor_nm).sum() / (2 * source.moment_nm * plane.moment_nm))


@pytest.mark.parametrize(
    ("name", "depth_m"),
    [
        ("base", 5400),
        ("a3_centroid_derived", 3500),
        ("c1_first_motion_then_tensor_only_ML", 5400),
        ("c2_first_motion_first_not_preferred", 5400),
        ("c13_mechanism_by_other_agency_nan", 5400),
        ("e15_lenient_no_declaration_leading_newline", 5400),
    ],
)
def test_entries_that_can_be_used(name, depth_m):
    source = read_source(DATA / f"{name}.xml", CORNER)
    assert source.mw == pytest.approx(4.9, abs=1e-3)
    assert source.position_m[2] == -depth_m
    assert source.stress_drop_pa == 5e6
    assert source.rise_time_s == pytest.approx(brune_rise_time_s(source.moment_nm, 3500.0))
    # Its own tensor: up is r, East is p, North is -t. Around the corner North turns by hundredths of a degree.
    expected = [-2.448215e16, -2.880253e15, 2.736240e16, -8.640758e15, -2.880253e15, -5.760506e15]
    np.testing.assert_allclose(source.moment_tensor_nm, expected, atol=2e-3 * source.moment_nm)


@pytest.mark.parametrize("name", ["b1_mwmB_before_preferred_Mw", "b2_two_Mw_preferred_second"])
def test_entries_without_a_tensor_are_the_double_couple_of_their_plane(name):
    source = read_source(DATA / f"{name}.xml", CORNER)
    assert source.mw == pytest.approx(4.9, abs=1e-3)
    assert overlap_with_plane(source) == pytest.approx(1, abs=1e-3)


def test_what_was_taken_is_said():
    source = read_source(DATA / "a3_centroid_derived.xml", CORNER)
    assert source.event.event_id == "smi:t/e1"
    for words in ("origin smi:t/o2, centroid", "mechanism smi:t/fm1", "tensor of 2.818e+16 N m (Mw 4.90)"):
        assert words in source.event.choice
    source = read_source(DATA / "b2_two_Mw_preferred_second.xml", CORNER)
    assert "magnitude Mww 4.9 (smi:t/m2)" in source.event.choice


def test_an_agency_is_named_with_what_was_taken(tmp_path):
    maker = "<creationInfo><agencyID>INGV</agencyID></creationInfo></origin>"
    path = changed(tmp_path, ("</origin>", maker))
    assert "origin smi:t/o1 by INGV" in read_source(path, CORNER).event.choice


# -- the origin -------------------------------------------------------------------------------------------------------


def test_the_tensors_origin_comes_before_the_mechanisms_and_the_preferred_one(tmp_path):
    two = origin("o2", 7000) + origin("o3", 9000)
    refer = "<triggeringOriginID>smi:t/o2</triggeringOriginID>"
    prefer = "<preferredOriginID>smi:t/o3</preferredOriginID>"
    all_three = [
        (FIRST_ORIGIN, prefer + two + FIRST_ORIGIN),
        (MECHANISM, MECHANISM + refer),
    ]
    assert depth_of(changed(tmp_path, *all_three)) == 5400
    without_own = [*all_three, (TENSORS_ORIGIN, "")]
    assert depth_of(changed(tmp_path, *without_own)) == 7000
    assert depth_of(changed(tmp_path, *without_own, (refer, ""))) == 9000
    assert depth_of(changed(tmp_path, *without_own, (refer, ""), (prefer, ""))) == 7000


def test_an_origin_that_the_tensor_names_and_the_file_lacks_is_warned_of(tmp_path):
    path = changed(tmp_path, (TENSORS_ORIGIN, "<derivedOriginID>smi:t/else</derivedOriginID>"))
    with pytest.warns(InputWarning, match=r"names origin smi:t/else that is not in the file; took origin smi:t/o1"):
        assert depth_of(path) == 5400


def test_an_origin_of_another_event_of_the_file_is_found(tmp_path):
    other = f'<event publicID="smi:t/e0">{origin("o9", 8000)}</event>'
    first = '<event publicID="smi:t/e1">'
    path = changed(tmp_path, (first, other + first), (TENSORS_ORIGIN, "<derivedOriginID>smi:t/o9</derivedOriginID>"))
    assert read_source(path, CORNER, event_id="smi:t/e1").position_m[2] == -8000


@pytest.mark.parametrize("depth", ["NaN", "nan", "inf", "5,4", "deep", ""])
def test_a_named_origin_without_a_depth_gives_way_to_one_with_a_depth(tmp_path, depth):
    path = changed(tmp_path, (FIRST_ORIGIN, origin("o2", 7000) + FIRST_ORIGIN), ("5400", depth))
    with pytest.warns(InputWarning, match=r"the moment tensor names origin smi:t/o1 with no depth"):
        assert depth_of(path) == 7000


def test_a_depth_that_is_no_number_is_named():
    with pytest.raises(InputError, match=r"quakeml\.origin: got .*smi:t/o1 with no depth \(depth NaN\)"):
        read_source(DATA / "a12_depth_nan.xml", CORNER)


@pytest.mark.parametrize(("what", "value"), [("latitude", "142.3413"), ("longitude", "NaN")])
def test_a_place_that_is_none_is_named(tmp_path, what, value):
    path = changed(tmp_path, ("42.3413" if what == "latitude" else "13.3037", value))
    with pytest.raises(InputError, match=rf"quakeml\.origin: got .*{what}.*{value[:3]}"):
        read_source(path, CORNER)


def test_an_uncertainty_that_is_no_number_says_nothing_of_the_depth(tmp_path):
    path = changed(tmp_path, ("<value>5400</value>", "<value>5400</value><uncertainty>NaN</uncertainty>"))
    assert depth_of(path) == 5400


# -- the magnitude ----------------------------------------------------------------------------------------------------


def size_of_planes(tmp_path: Path, magnitudes: str, preferred: str | None = None, tensor: str = "") -> float:
    prefer = f"<preferredMagnitudeID>smi:t/{preferred}</preferredMagnitudeID>" if preferred else ""
    path = changed(tmp_path, (MAGNITUDE, magnitudes), (FIRST_ORIGIN, prefer + FIRST_ORIGIN), (MOMENT_TENSOR, tensor))
    return read_source(path, CORNER).mw


def test_the_preferred_moment_magnitude_is_taken_else_the_first(tmp_path):
    three = magnitude("m0", 5.8, "Mw(mB)") + magnitude("m2", 5.2, "Mwr") + magnitude("m3", 4.8, "MWW")
    assert size_of_planes(tmp_path, three) == pytest.approx(5.2)
    assert size_of_planes(tmp_path, three, "m3") == pytest.approx(4.8)
    # What is preferred is no moment magnitude.
    assert size_of_planes(tmp_path, three, "m0") == pytest.approx(5.2)


@pytest.mark.parametrize("kind", ["Mw", "Mww", "Mwc", "Mwb", "Mwr", "mw", "MWC"])
def test_moment_magnitudes(tmp_path, kind):
    assert size_of_planes(tmp_path, magnitude("m1", 4.4, kind)) == pytest.approx(4.4)


@pytest.mark.parametrize("kind", ["Mw(mB)", "Mwp", "Mw(Mwp)", "mb", "ML", "Ms_20", "M", "Mwpd"])
def test_no_moment_magnitudes(tmp_path, kind):
    with pytest.raises(InputError, match=r"quakeml\.moment: got no scalar moment and no moment magnitude \(only") as e:
        size_of_planes(tmp_path, magnitude("m1", 4.4, kind), "m1")
    assert kind in str(e.value)


def test_the_magnitude_that_a_tensor_names_comes_first(tmp_path):
    two = magnitude("m1", 5.2, "Mww") + magnitude("m2", 4.8, "Mwc")
    named = '<momentTensor publicID="smi:t/mt1"><momentMagnitudeID>smi:t/m2</momentMagnitudeID></momentTensor>'
    assert size_of_planes(tmp_path, two, "m1", named) == pytest.approx(4.8)


def test_a_magnitude_that_is_no_number_is_passed_over(tmp_path):
    two = magnitude("m1", "NaN", "Mww") + magnitude("m2", 4.8, "Mwc")
    assert size_of_planes(tmp_path, two, "m1") == pytest.approx(4.8)


@pytest.mark.parametrize("mag", [-3.5, 9.6, 49.0, 4000.0])
def test_a_magnitude_has_the_bounds_of_every_other_size(tmp_path, mag):
    with pytest.raises(InputError, match=r"source\.mw: got"):
        size_of_planes(tmp_path, magnitude("m1", mag, "Mw"))


# -- units of moment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "one", "other", "hint"),
    [
        ("b4_dyn_cm_tensor", "tensor of 2.818e+23 N m (Mw 9.57)", "scalar moment of 2.818e+16 N m", "dyn cm"),
        ("b5_dyn_cm_both_Mw_says_else", "tensor of 2.818e+23 N m", "magnitude Mwc 4.9 (smi:t/m1)", "dyn cm"),
        ("b6_unit_tensor_with_scalar", "tensor of 1 N m (Mw -6.07)", "scalar moment of 2.818e+16 N m", "normalised"),
        ("b11_scalar_dyn_cm_planes", "scalar moment of 2.818e+23 N m", "magnitude Mw 4.9", "dyn cm"),
    ],
)
def test_sizes_of_different_units_are_refused(name, one, other, hint):
    with pytest.raises(InputError) as caught:
        read_source(DATA / f"{name}.xml", CORNER)
    assert caught.value.field == "quakeml.moment"
    assert all(words in str(caught.value) for words in (one, other, hint))


def test_a_magnitude_beside_a_tensor_may_differ_by_no_more_than_three_tenths(tmp_path):
    near = changed(tmp_path, (MAGNITUDE, magnitude("m1", 5.19, "Mw")))
    assert read_source(near, CORNER).mw == pytest.approx(4.9, abs=1e-3)
    far = changed(tmp_path, (MAGNITUDE, magnitude("m1", 5.21, "Mw")))
    with pytest.raises(
        InputError, match=r"tensor of 2\.818e\+16 N m \(Mw 4\.90\) and a magnitude Mw 5\.21 \(smi:t/m1\)"
    ):
        read_source(far, CORNER)


def test_another_kind_of_magnitude_contradicts_nothing(tmp_path):
    path = changed(tmp_path, (MAGNITUDE, magnitude("m1", 5.6, "Mwp") + magnitude("m2", 4.2, "ML")))
    assert read_source(path, CORNER).mw == pytest.approx(4.9, abs=1e-3)


def test_of_magnitudes_that_nothing_chooses_from_the_nearest_speaks(tmp_path):
    path = changed(tmp_path, (MAGNITUDE, magnitude("m1", 5.6, "Mwr") + magnitude("m2", 4.8, "Mwc")))
    assert read_source(path, CORNER).mw == pytest.approx(4.9, abs=1e-3)
    prefer = "<preferredMagnitudeID>smi:t/m1</preferredMagnitudeID>"
    path = changed(
        tmp_path,
        (FIRST_ORIGIN, prefer + FIRST_ORIGIN),
        (MAGNITUDE, magnitude("m1", 5.6, "Mwr") + magnitude("m2", 4.8, "Mwc")),
    )
    with pytest.raises(InputError, match=r"magnitude Mwr 5\.6"):
        read_source(path, CORNER)


@pytest.mark.parametrize(("exponent", "mw"), [("23", "9.57"), ("00", "-6.07")])
def test_a_tensor_of_other_units_that_stands_alone_is_out_of_bounds(tmp_path, exponent, mw):
    components = [part for part in TENSOR.replace("<", ">").split(">") if "e+" in part]
    scale = 10.0 ** (int(exponent) - 16)
    changes = [(c, f"{float(c) * scale if exponent == '23' else float(c) / 2.818383e16:e}") for c in set(components)]
    path = changed(tmp_path, (MAGNITUDE, ""), (SCALAR, ""), *changes)
    with pytest.raises(InputError, match=r"source\.moment: got .* N m; allowed: .*dyn cm.*normalised"):
        read_source(path, CORNER)


# -- the mechanism ----------------------------------------------------------------------------------------------------


def test_the_preferred_plane_is_taken(tmp_path):
    second = (
        "<nodalPlane2><strike><value>120</value></strike><dip><value>80</value></dip><rake><value>10</value></rake>"
        "</nodalPlane2>"
    )
    both = (("</nodalPlane1>", "</nodalPlane1>" + second), PLANES_ONLY)
    assert overlap_with_plane(read_source(changed(tmp_path, *both), CORNER)) > 0.99
    prefer = ("<nodalPlanes>", '<nodalPlanes preferredPlane="2">')
    assert overlap_with_plane(read_source(changed(tmp_path, *both, prefer), CORNER)) < 0.9


@pytest.mark.parametrize("bad", ["NaN", "95", "-5"])
def test_a_plane_that_is_none_gives_way_to_the_other(tmp_path, bad):
    second = (
        "<nodalPlane2><strike><value>35</value></strike><dip><value>50</value></dip><rake><value>75</value></rake>"
        "</nodalPlane2>"
    )
    path = changed(
        tmp_path, ("<dip><value>50", f"<dip><value>{bad}"), ("</nodalPlane1>", "</nodalPlane1>" + second), PLANES_ONLY
    )
    assert overlap_with_plane(read_source(path, CORNER)) > 0.99


def test_a_tensor_with_a_component_that_is_no_number_gives_way_to_its_plane(tmp_path):
    path = changed(tmp_path, ("<Mrr><value>2.736240e+16", "<Mrr><value>NaN"))
    source = read_source(path, CORNER)
    assert "scalar moment of 2.818e+16 N m" in source.event.choice
    assert overlap_with_plane(source) == pytest.approx(1, abs=1e-3)


def test_why_no_mechanism_can_be_used_is_said(tmp_path):
    path = changed(tmp_path, ("<dip><value>50", "<dip><value>NaN"), PLANES_ONLY)
    with pytest.raises(InputError, match=r"quakeml\.focal_mechanism: got smi:t/fm1 has no .* \(dip NaN\)"):
        read_source(path, CORNER)


# -- the event --------------------------------------------------------------------------------------------------------


def test_one_of_several_events_is_chosen_by_its_id():
    path = DATA / "e1_two_events.xml"
    with pytest.raises(InputError, match=r"event: got none chosen of 2; .*smi:t/e1, smi:t/e2"):
        read_source(path, CORNER)
    for chosen in ({"event_id": "smi:t/e1"}, {"event_id": "e1"}, {"event_id": "0"}, {"event": 0}):
        assert read_source(path, CORNER, **chosen).event.event_id == "smi:t/e1"
    for wrong in ("smi:t/e3", "", "2", "1e", "t/e1x"):
        with pytest.raises(InputError, match=r"event_id: got .*smi:t/e1, smi:t/e2"):
            read_source(path, CORNER, event_id=wrong)
    with pytest.raises(InputError, match="event: got both"):
        read_source(path, CORNER, event=0, event_id="smi:t/e1")


def test_the_id_of_the_only_event_may_be_given_and_no_other(tmp_path):
    assert read_source(DATA / "base.xml", CORNER, event_id="smi:t/e1").mw == pytest.approx(4.9, abs=1e-3)
    with pytest.raises(InputError, match="event_id: got smi:t/e2"):
        read_source(DATA / "base.xml", CORNER, event_id="smi:t/e2")


def test_files_with_the_same_ids_do_not_see_each_other(tmp_path):
    """ObsPy's own references span every file that was ever read."""
    first = read_source(DATA / "base.xml", CORNER)
    second = read_source(changed(tmp_path, ("5400", "6400")), CORNER)
    assert (first.position_m[2], second.position_m[2]) == (-5400, -6400)


# -- time -------------------------------------------------------------------------------------------------------------


def test_the_origin_time_of_a_hypocentre_is_where_the_motion_begins():
    assert read_source(DATA / "base.xml", CORNER).event.origin_time == "2020-05-01T10:20:30.000000Z"


def test_a_centroid_time_is_two_tau_after_the_motion_begins():
    source = read_source(DATA / "a3_centroid_derived.xml", CORNER, rise_time_s=0.5)
    assert source.event.origin_time == "2020-05-01T10:20:29.000000Z"
    assert "centroid time 2020-05-01T10:20:30" in source.event.choice


def test_a_centroid_time_is_two_tau_after_the_begin_in_the_ground_too():
    """Brune's rise time follows Vs at the source, and with it the time at which the motion begins."""
    ground = make_geology(np.full((4, 4, 4), 2000.0), (9600.0, 9600.0, 9600.0))
    source = in_ground(read_source(DATA / "a3_centroid_derived.xml", CORNER), ground)
    assert source.rise_time_s == pytest.approx(brune_rise_time_s(source.moment_nm, 2000.0))
    begin, centroid = (datetime.fromisoformat(t) for t in (source.event.origin_time, "2020-05-01T10:20:30Z"))
    assert (centroid - begin).total_seconds() == pytest.approx(2 * source.rise_time_s, abs=2e-6)


def test_an_origin_without_a_time_borrows_anothers_or_has_none(tmp_path):
    time = "<time><value>2020-05-01T10:20:30Z</value></time>"
    alone = read_source(changed(tmp_path, (time, "")), CORNER)
    assert alone.event.origin_time is None
    assert "no origin time" in alone.event.choice
    two = read_source(changed(tmp_path, (time, ""), (FIRST_ORIGIN, origin("o2", 7000) + FIRST_ORIGIN)), CORNER)
    assert two.event.origin_time == "2020-05-01T10:20:33.000000Z"
    np.testing.assert_array_equal(two.position_m[2], -5400)


@pytest.mark.parametrize("kind", ["ML", "mb", "Mwp", ""])
@pytest.mark.parametrize("scalar", [True, False])
def test_moments_in_dyn_cm_that_only_another_magnitude_contradicts(tmp_path, kind, scalar):
    """A magnitude 3.9: in dyn cm its moment looks like an 8.6."""
    numbers = re.compile(r"<(M..|scalarMoment)><value>([-\d.e+]+)</value>")
    text = numbers.sub(lambda m: f"<{m[1]}><value>{float(m[2]) * 1e7 / 30:.6e}</value>", BASE)
    if not scalar:
        text = re.sub(r"<scalarMoment>.*?</scalarMoment>", "", text)
    path = tmp_path / "event.xml"
    path.write_text(text.replace(MAGNITUDE, magnitude("m1", 3.9, kind)))
    with pytest.raises(InputError, match="dyn cm"):
        read_source(path, CORNER)
    path.write_text(text.replace(MAGNITUDE, magnitude("m1", 3.9, kind) + magnitude("m2", 7.1, kind)))
    assert read_source(path, CORNER).mw == pytest.approx(8.58, abs=0.01)


@pytest.mark.parametrize("scalar", [True, False])
def test_what_is_taken_of_moments_that_no_magnitude_confirms_is_said(tmp_path, scalar):
    """Nothing tells a magnitude 3.9 in dyn cm from an 8.6 in N m: both readings are named."""
    numbers = re.compile(r"<(M..|scalarMoment)><value>([-\d.e+]+)</value>")
    text = BASE.replace(MAGNITUDE, "")
    if not scalar:
        text = re.sub(r"<scalarMoment>.*?</scalarMoment>", "", text)
    path = tmp_path / "event.xml"
    path.write_text(numbers.sub(lambda m: f"<{m[1]}><value>{float(m[2]) * 1e7 / 30:.6e}</value>", text))
    with pytest.warns(
        InputWarning, match=r"tensor of .* \(Mw 8\.58\); if it is in dyn cm, the earthquake has Mw 3\.92"
    ):
        source = read_source(path, CORNER)
    assert source.mw == pytest.approx(8.58, abs=0.01)
    path.write_text(text)
    source = read_source(path, CORNER)
    assert source.mw == pytest.approx(4.9, abs=1e-3)
    assert "(Mw 4.90), in N m as QuakeML has it, without a magnitude to compare" in source.event.choice


def test_a_depth_as_if_in_km_is_said(tmp_path):
    with pytest.warns(InputWarning, match="5.4 m deep"):
        assert depth_of(changed(tmp_path, ("5400", "5.4"))) == 5.4
