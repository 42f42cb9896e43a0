"""Labels of arrays at the public entrances: honoured or refused, never dropped."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.recording import parse_positions
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield

X, Y, T = np.array([0.0, 300.0]), np.array([0.0, 200.0, 400.0]), np.arange(5) * 0.02
ANGLES = {"strike_deg": 10.0, "dip_deg": 40.0, "rake_deg": 80.0}
TENSOR = (1e15, -1e15, 0.0, 2e15, 0.0, 3e15)


def motion() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, 2, 3, 5)).astype(np.float32)


def labelled(**attrs) -> xr.DataArray:
    return xr.DataArray(motion(), dims=("component", "x", "y", "time"), coords={"x": X, "y": Y, "time": T}, attrs=attrs)


def test_axes_of_a_wavefield_are_put_in_order_by_name():
    made = make_wavefield(labelled(units="m/s").transpose("y", "time", "x", "component"), x_m=X, y_m=Y, time_s=T)
    np.testing.assert_array_equal(made.values, motion())


@pytest.mark.parametrize(
    ("field", "axes", "words"),
    [
        (labelled(units="cm/s"), {}, r"^wavefield\.units: got cm/s; allowed: m/s"),
        (labelled().rename(x="lon"), {}, r"^wavefield: got dims"),
        (labelled().assign_coords(x=X + 10), {}, r"^wavefield\.x: got a coordinate of other values"),
        (np.ma.masked_greater(motion(), 0), {}, r"^wavefield: got \d+ masked values"),
        (motion(), {"x_m": xr.DataArray(X, dims="x", attrs={"units": "km"})}, r"^wavefield\.x\.units: got km"),
        (motion(), {"time_s": xr.DataArray(T, dims="t", attrs={"units": "ms"})}, r"^wavefield\.time\.units: got ms"),
    ],
)
def test_labels_that_contradict_a_wavefield_are_refused(field, axes, words):
    with pytest.raises(InputError, match=words):
        make_wavefield(field, **{"x_m": X, "y_m": Y, "time_s": T, **axes})


def test_positions_of_sensors_say_their_unit():
    found = parse_positions("sensors_m.x", xr.DataArray(X, dims="x", attrs={"units": "m"}))
    np.testing.assert_array_equal(found, X)
    with pytest.raises(InputError, match=r"^sensors_m\.x\.units: got km; allowed: m: multiply by 1000$"):
        parse_positions("sensors_m.x", xr.DataArray(X, dims="x", attrs={"units": "km"}))
    with pytest.raises(InputError, match=r"^sensors_m\.y: got 1 masked"):
        parse_positions("sensors_m.y", np.ma.masked_greater(Y, 300))


@pytest.mark.parametrize(
    "position",
    [
        xr.DataArray([-500.0, 20.0, 10.0], dims="axis", coords={"axis": ["z", "y", "x"]}),
        pd.Series({"z": -500.0, "y": 20.0, "x": 10.0}),
        np.array([10.0, 20.0, -500.0]),
        pd.Series([10.0, 20.0, -500.0]),
    ],
)
def test_a_sources_position_is_read_by_its_labels(position):
    assert Source.from_angles(position_m=position, **ANGLES).position_m == (10.0, 20.0, -500.0)


@pytest.mark.parametrize(
    ("position", "words"),
    [
        (pd.Series({"lon": 1.0, "lat": 2.0, "depth": 3.0}), r"^source\.position_m: got labels lon, lat, depth"),
        (xr.DataArray([1.0, 2.0, -3.0], dims="axis", attrs={"units": "km"}), r"^source\.position_m\.units: got km"),
    ],
)
def test_a_sources_position_of_other_labels_is_refused(position, words):
    with pytest.raises(InputError, match=words):
        Source.from_angles(position_m=position, **ANGLES)


def test_a_moment_tensor_is_read_by_its_labels():
    source = Source(position_m=(1.0, 2.0, -3.0), moment_tensor_nm=TENSOR)
    other = xr.DataArray(source.tensor_nm, dims=("i", "j"), coords={"i": ["N", "E", "D"], "j": ["N", "E", "D"]})
    with pytest.raises(InputError, match=r"^source\.tensor_nm\.i: got N, E, D; allowed: x, y, z"):
        Source.from_tensor(position_m=(1.0, 2.0, -3.0), tensor_nm=other)
    plain = xr.DataArray(source.tensor_nm, dims=("i", "j"), attrs={"units": "dyn cm"})
    with pytest.raises(InputError, match=r"^source\.tensor_nm\.units: got dyn cm; allowed: N m: multiply by 1e-7"):
        Source.from_tensor(position_m=(1.0, 2.0, -3.0), tensor_nm=plain)
