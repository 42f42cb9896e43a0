"""Events both ways, against ObsPy's own reading and a catalogue entry written by others."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import obspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy.core import event as ev

from spectremor.core.errors import InputError
from spectremor.core.source import Source, brune_rise_time_s
from spectremor.exchange import quakeml
from spectremor.exchange.georeference import Georeference
from spectremor.exchange.quakeml import read_source, to_catalog, write_source


@given(
    st.tuples(st.floats(0, 9600), st.floats(0, 9600), st.floats(-9000, -1)),
    st.lists(st.floats(-1, 1), min_size=6, max_size=6).filter(lambda m: max(map(abs, m)) > 1e-2),
    st.floats(0.01, 3),
    st.sampled_from([None, "EPSG:32632"]),
    st.sampled_from([0.0, 30.0, -125.0]),
)
def test_any_source_survives(tmp_path_factory, position, six, rise, crs, azimuth):
    place = Georeference(longitude_deg=8.5, latitude_deg=47.0, crs=crs, azimuth_deg=azimuth)
    s = Source(position_m=position, moment_tensor_nm=tuple(3e16 * v for v in six), rise_time_s=rise)
    path = tmp_path_factory.mktemp("quakeml") / "event.xml"
    write_source(s, path, place)
    back = read_source(path, place)
    np.testing.assert_allclose(back.position_m, s.position_m, atol=1e-3)
    np.testing.assert_allclose(back.tensor_nm / 3e16, s.tensor_nm / 3e16, atol=1e-9)
    assert back.rise_time_s == pytest.approx(rise)


def test_what_is_written_is_what_others_read(tmp_path, source, place):
    write_source(source, tmp_path / "event.xml", place, origin_time="2024-03-05T06:07:08Z")
    assert [p.name for p in tmp_path.iterdir()] == ["event.xml"]
    event = obspy.read_events(str(tmp_path / "event.xml"), format="QUAKEML")[0]
    origin, mechanism = event.preferred_origin(), event.preferred_focal_mechanism()
    assert origin.time == obspy.UTCDateTime("2024-03-05T06:07:08")
    assert origin.depth == 1500
    assert event.preferred_magnitude().mag == pytest.approx(4.7)
    assert mechanism.moment_tensor.scalar_moment == pytest.approx(source.moment_nm)
    xx, yy, zz, xy, xz, yz = source.moment_tensor_nm
    tensor = mechanism.moment_tensor.tensor
    # Around the corner the local axes turn by the meridians' convergence, under a tenth of a degree here.
    close = {"rel": 1e-2, "abs": 1e-3 * source.moment_nm}
    for name, value in {"rr": zz, "tt": yy, "pp": xx, "rt": -yz, "rp": xz, "tp": -xy}.items():
        assert getattr(tensor, f"m_{name}") == pytest.approx(value, **close)
    planes = mechanism.nodal_planes
    found = [(p.strike, p.dip, p.rake) for p in (planes.nodal_plane_1, planes.nodal_plane_2)]
    assert any(plane == pytest.approx((20, 30, 40), abs=0.1) for plane in found)
    # Nothing says which of them slipped.
    assert planes.preferred_plane is None


def catalogue_entry() -> ev.Event:
    """Global CMT C200604092050A, near the coast of northern Chile: tensor, moment and plane as published."""
    tensor = ev.Tensor(m_rr=4.18e17, m_tt=-1.7e17, m_pp=-2.48e17, m_rt=-1.05e17, m_rp=-2.41e17, m_tp=-2.28e17)
    plane = ev.NodalPlane(strike=49, dip=30, rake=106)
    return ev.Event(
        origins=[
            ev.Origin(time=obspy.UTCDateTime(2006, 4, 9, 20, 50, 51), longitude=-70.73, latitude=-20.46, depth=39000.0)
        ],
        magnitudes=[ev.Magnitude(mag=5.74, magnitude_type="Mwc")],
        focal_mechanisms=[
            ev.FocalMechanism(
                moment_tensor=ev.MomentTensor(tensor=tensor), nodal_planes=ev.NodalPlanes(nodal_plane_1=plane)
            )
        ],
    )


CORNER = Georeference(longitude_deg=-70.78, latitude_deg=-20.50)


def written(tmp_path, *events: ev.Event):
    path = tmp_path / "catalogue.xml"
    ev.Catalog(list(events)).write(str(path), format="QUAKEML")
    return path


def test_published_tensor_is_read_in_the_right_frame(tmp_path):
    s = read_source(written(tmp_path, catalogue_entry()), CORNER)
    # Tensor and plane were published side by side: the plane is the witness for the frame.
    plane = Source.from_angles(
        position_m=s.position_m, strike_deg=49, dip_deg=30, rake_deg=106, moment_nm=5.035e17, rise_time_s=0.1
    )
    overlap = float((s.tensor_nm * plane.tensor_nm).sum() / (2 * s.moment_nm * plane.moment_nm))
    assert overlap > 0.999
    assert s.moment_nm == pytest.approx(5.035e17, rel=2e-3)
    assert s.rise_time_s == pytest.approx(brune_rise_time_s(s.moment_nm, 3500.0))
    assert s.position_m[2] == -39000
    assert s.position_m[:2] == pytest.approx((5216, 4428), abs=30)


def test_plane_and_magnitude_stand_in_for_a_missing_tensor(tmp_path):
    event = catalogue_entry()
    event.focal_mechanisms[0].moment_tensor = None
    s = read_source(written(tmp_path, event), CORNER, rise_time_s=0.7)
    assert s.mw == pytest.approx(5.74)
    assert s.rise_time_s == 0.7
    expected = Source.from_angles(
        position_m=s.position_m, strike_deg=49, dip_deg=30, rake_deg=106, mw=5.74, rise_time_s=0.1
    )
    np.testing.assert_allclose(s.tensor_nm / s.moment_nm, expected.tensor_nm / s.moment_nm, atol=2e-3)


def without(event: ev.Event, what: str) -> ev.Event:
    if what == "origin":
        event.origins = []
    elif what == "depth":
        event.origins[0].depth = None
    elif what == "mechanism":
        event.focal_mechanisms = []
    else:
        event.magnitudes = []
        event.focal_mechanisms[0].moment_tensor = None
    return event


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("origin", "quakeml.origin"),
        ("depth", "quakeml.origin"),
        ("mechanism", "quakeml.focal_mechanism"),
        ("size", "quakeml.moment"),
    ],
)
def test_nothing_is_invented(tmp_path, what, named):
    with pytest.raises(InputError) as caught:
        read_source(written(tmp_path, without(catalogue_entry(), what)), CORNER)
    assert caught.value.field == named


def test_one_of_several_must_be_chosen(tmp_path):
    second = catalogue_entry()
    second.origins[0].depth = 5000.0
    path = written(tmp_path, catalogue_entry(), second)
    with pytest.raises(InputError, match="event: got none chosen of 2; allowed: 0 to 1"):
        read_source(path, CORNER)
    assert read_source(path, CORNER, event=1).position_m[2] == -5000
    with pytest.raises(InputError, match="event: got 2"):
        read_source(path, CORNER, event=2)


@pytest.mark.parametrize("content", [b"", b"not xml", b"<html></html>", pickle.dumps({"a": 1})])
def test_files_that_are_no_quakeml(tmp_path, content):
    path = tmp_path / "foreign.xml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_source(path, CORNER)
    assert caught.value.field == "quakeml"


def test_missing_and_oversized_files(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="an existing file"):
        read_source(tmp_path / "no.xml", CORNER)
    path = written(tmp_path, catalogue_entry())
    monkeypatch.setattr(quakeml, "MAX_QUAKEML_BYTES", 100)
    with pytest.raises(InputError, match="at most 100 bytes"):
        read_source(path, CORNER)


def test_source_in_the_air_is_refused(tmp_path):
    event = catalogue_entry()
    event.origins[0].depth = -10.0
    with pytest.raises(InputError, match=r"source\.z"):
        read_source(written(tmp_path, event), CORNER)


def test_catalogue_passes_obspys_schema_check(tmp_path, source, place):
    from obspy.io.quakeml.core import _validate

    path = tmp_path / "event.xml"
    write_source(dataclasses.replace(source), path, place)
    assert _validate(str(path))
    assert len(to_catalog(source, place)) == 1


def test_the_preferred_origin_is_taken(tmp_path):
    event = catalogue_entry()
    event.origins.append(ev.Origin(time=event.origins[0].time, longitude=-70.75, latitude=-20.47, depth=12000.0))
    event.preferred_origin_id = event.origins[1].resource_id
    assert read_source(written(tmp_path, event), CORNER).position_m[2] == -12000


def test_a_planes_size_is_the_scalar_moment_or_else_a_moment_magnitude(tmp_path):
    event = catalogue_entry()
    event.magnitudes.insert(0, ev.Magnitude(mag=6.5, magnitude_type="ML"))
    event.focal_mechanisms[0].moment_tensor = ev.MomentTensor(scalar_moment=4e17)
    assert read_source(written(tmp_path, event), CORNER).moment_nm == pytest.approx(4e17)
    event.focal_mechanisms[0].moment_tensor = None
    assert read_source(written(tmp_path, event), CORNER).mw == pytest.approx(5.74)
    for magnitude in event.magnitudes:
        magnitude.mag = 400.0
    with pytest.raises(InputError, match=r"source\.mw: got 400"):
        read_source(written(tmp_path, event), CORNER)


def test_a_mechanism_is_turned_into_the_axes_of_a_turned_domain(tmp_path):
    turned = Georeference(longitude_deg=-70.78, latitude_deg=-20.50, azimuth_deg=30)
    path = written(tmp_path, catalogue_entry())
    straight, s = read_source(path, CORNER), read_source(path, turned)
    # In axes whose North is 30 degrees clockwise from true North, a fault strikes 30 degrees less.
    strike, dip, rake = straight.strike_dip_rake_deg()
    found = s.strike_dip_rake_deg()
    assert (strike - 30 - found[0] + 180) % 360 - 180 == pytest.approx(0, abs=0.2)
    assert found[1:] == pytest.approx((dip, rake), abs=0.1)
    east, north = straight.position_m[:2]
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
    assert s.position_m[:2] == pytest.approx((cos * east - sin * north, sin * east + cos * north), abs=1)


def test_a_source_that_was_read_is_written_with_its_own_time_and_place(tmp_path):
    s = read_source(written(tmp_path, catalogue_entry()), CORNER)
    write_source(s, tmp_path / "again.xml", CORNER)
    back = read_source(tmp_path / "again.xml", CORNER)
    assert back.event.origin_time == s.event.origin_time == "2006-04-09T20:50:51.000000Z"
    with pytest.raises(InputError, match=r"origin_time: got 2010-01-01; allowed: 2006-04-09T20:50:51"):
        write_source(s, tmp_path / "else.xml", CORNER, origin_time="2010-01-01")
    elsewhere = Georeference(longitude_deg=-70.78, latitude_deg=-20.40)
    with pytest.raises(InputError, match=r"origin\.latitude: got -20\.4 degrees; allowed: -20\.5 degrees"):
        write_source(s, tmp_path / "else.xml", elsewhere)
    assert not (tmp_path / "else.xml").exists()


def test_planes_and_tensors_are_turned_to_true_north(source):
    utm = Georeference(longitude_deg=8.5, latitude_deg=47.0, crs="EPSG:32632")
    mechanism = to_catalog(source, utm)[0].focal_mechanisms[0]
    plane, t = mechanism.nodal_planes.nodal_plane_1, mechanism.moment_tensor.tensor
    east, north = (np.array(v) for v in source.position_m[:2])
    azimuth = float(utm.north_azimuth_deg(east, north))
    assert abs(azimuth) > 0.3
    assert plane.strike == pytest.approx(source.strike_dip_rake_deg()[0] + azimuth, abs=1e-6)
    angles = {"strike_deg": plane.strike, "dip_deg": plane.dip, "rake_deg": plane.rake}
    expected = Source.from_angles(position_m=source.position_m, moment_nm=source.moment_nm, rise_time_s=0.1, **angles)
    found = np.array([t.m_pp, t.m_tt, t.m_rr, -t.m_tp, t.m_rp, -t.m_rt])
    np.testing.assert_allclose(found, expected.moment_tensor_nm, atol=1e-6 * source.moment_nm)


def test_longitude_and_latitude_in_each_others_place(tmp_path, source, place):
    """As the catalogue has them they are far from the corner, and near it the other way round."""
    write_source(source, tmp_path / "event.xml", place)
    text = (tmp_path / "event.xml").read_text()
    text = text.replace("latitude>", "L>").replace("longitude>", "latitude>").replace("L>", "longitude>")
    (tmp_path / "event.xml").write_text(text)
    with pytest.raises(InputError, match=r"^quakeml\.origin longitude, latitude: .*; swapped, it would be \d+ km$"):
        read_source(tmp_path / "event.xml", place)
