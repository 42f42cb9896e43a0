"""Ids of events: apart in merged catalogues, the same for the same event."""

from __future__ import annotations

import dataclasses

import obspy

from spectremor.exchange.georeference import Georeference
from spectremor.exchange.quakeml import to_catalog, write_source


def ids(source, place, **options) -> set[str]:
    catalog = to_catalog(source, place, **options)
    event = catalog[0]
    mechanism = event.focal_mechanisms[0]
    parts = (catalog, event, event.origins[0], event.magnitudes[0], mechanism, mechanism.moment_tensor)
    return {part.resource_id.id for part in parts}


def test_every_event_has_ids_of_its_own(source, place):
    others = [
        (dataclasses.replace(source, position_m=(2100, 900, -1500.5)), place, {}),
        (dataclasses.replace(source, rise_time_s=0.26), place, {}),
        (dataclasses.replace(source, moment_tensor_nm=tuple(2 * m for m in source.moment_tensor_nm)), place, {}),
        (source, Georeference(longitude_deg=5.7, latitude_deg=43.6), {}),
        (source, Georeference(longitude_deg=5.7, latitude_deg=43.5, crs="EPSG:2154"), {}),
        (source, Georeference(longitude_deg=5.7, latitude_deg=43.5, azimuth_deg=30), {}),
        (source, place, {"origin_time": "2024-03-05T06:07:08Z"}),
    ]
    found = [ids(source, place), *(ids(s, p, **options) for s, p, options in others)]
    assert all(len(one) == 6 for one in found)
    assert len(set.union(*found)) == 6 * len(found)


def test_the_same_event_has_the_same_ids(source, place):
    again = Georeference(longitude_deg=5.7, latitude_deg=43.5)
    when = ("2024-01-31T12:00:00Z", "2024-01-31T13:00:00+01:00")
    assert ids(source, place, origin_time=when[0]) == ids(dataclasses.replace(source), again, origin_time=when[1])


def test_a_merged_catalogue_keeps_each_events_parts(tmp_path, source, place):
    catalog = obspy.core.event.Catalog()
    for k, depth in enumerate((1000.0, 2000.0)):
        write_source(dataclasses.replace(source, position_m=(0, 0, -depth)), tmp_path / f"{k}.xml", place)
        catalog += obspy.read_events(str(tmp_path / f"{k}.xml"), format="QUAKEML")
    catalog.write(str(tmp_path / "both.xml"), format="QUAKEML")
    merged = obspy.read_events(str(tmp_path / "both.xml"), format="QUAKEML")
    assert [event.preferred_origin().depth for event in merged] == [1000.0, 2000.0]
    assert len({event.resource_id.id for event in merged}) == 2
