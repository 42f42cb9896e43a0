"""Geologies in files: every form, every way a file can be bad."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import make_geology
from spectremor.data.geology_files import read_geology, write_geology


def _vs(shape=(6, 5, 4)):
    return np.random.default_rng(0).uniform(1100, 4400, shape).astype(np.float32)


def _h5(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def test_published_sample(hemew3d):
    geology = read_geology(hemew3d / "sample0.h5")
    assert geology.shape == (32, 32, 32)
    assert (geology.vs.isel(z=0) == 4500).all()
    assert float(geology.vs.isel(z=31).mean()) == pytest.approx(1881, abs=1)
    assert geology.z_m[0] == -9600
    assert geology.z_m[-1] == 0


def test_round_trip_through_netcdf_and_plain_xarray(tmp_path):
    geology = make_geology(_vs(), (5000.0, 4000.0, 3000.0))
    write_geology(geology, tmp_path / "g.nc")
    xr.testing.assert_identical(read_geology(tmp_path / "g.nc").dataset, geology.dataset)
    assert xr.open_dataarray(tmp_path / "g.nc").dims == ("x", "y", "z")


def test_netcdf_dims_in_another_order_are_put_right(tmp_path):
    geology = make_geology(_vs())
    geology.vs.transpose("z", "y", "x").to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_geology(tmp_path / "g.nc").vs_m_s, geology.vs_m_s)


def test_npy_and_h5_are_in_published_order(tmp_path):
    np.save(tmp_path / "g.npy", _vs())
    _h5(tmp_path / "g.h5", a=_vs())
    np.testing.assert_array_equal(read_geology(tmp_path / "g.npy").vs_m_s, _vs())
    np.testing.assert_array_equal(read_geology(tmp_path / "g.h5").vs_m_s, _vs())


def test_stack_needs_an_index(tmp_path):
    stack = _vs((3, 6, 5, 4))
    np.save(tmp_path / "stack.npy", stack)
    np.testing.assert_array_equal(read_geology(tmp_path / "stack.npy", index=2).vs_m_s, stack[2])
    for index in (None, 3, -1):
        with pytest.raises(InputError, match="0 to 2"):
            read_geology(tmp_path / "stack.npy", index=index)


def test_index_of_a_single_geology_is_refused(tmp_path):
    np.save(tmp_path / "g.npy", _vs())
    _h5(tmp_path / "g.h5", a=_vs())
    write_geology(make_geology(_vs()), tmp_path / "g.nc")
    for name in ("g.npy", "g.h5", "g.nc"):
        with pytest.raises(InputError, match="holds one geology"):
            read_geology(tmp_path / name, index=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((4, 4), np.float32), "3D"),
        (np.ones((2, 2, 4, 4, 4), np.float32), "3D"),
        (np.full((4, 4, 4), np.nan), "NaN"),
        (np.zeros((4, 4, 4)), "0 < Vs"),
        (np.full((4, 4, 4), -5.0), "0 < Vs"),
        (np.full((4, 4, 4), 10_001.0), "10000"),
        (np.full((4, 4, 4), "rock"), "numbers"),
        (np.full((4, 4, 4), 1 + 1j), "numbers"),
    ],
)
def test_bad_values(tmp_path, values, message):
    np.save(tmp_path / "g.npy", values)
    with pytest.raises(InputError, match=message) as caught:
        read_geology(tmp_path / "g.npy")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [np.ones((4, 4)), np.full((4, 4, 4), np.nan), np.zeros((4, 4, 4))])
def test_bad_values_in_hdf5(tmp_path, values):
    with pytest.raises(InputError):
        read_geology(_h5(tmp_path / "g.h5", a=values))


def test_values_outside_the_trained_range_only_warn(tmp_path):
    np.save(tmp_path / "g.npy", np.full((4, 4, 4), 600.0))
    with pytest.warns(InputWarning, match="outside"):
        read_geology(tmp_path / "g.npy")


def test_objects_are_never_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    bomb = np.empty((1, 1, 1), object)
    bomb[0, 0, 0] = Bomb()
    np.save(tmp_path / "g.npy", bomb, allow_pickle=True)
    with pytest.raises(InputError, match="numbers"):
        read_geology(tmp_path / "g.npy")


@pytest.mark.parametrize("name", ["g.txt", "g", "g.npz", "missing.h5", "missing.nc"])
def test_wrong_type_or_missing(tmp_path, name):
    if not name.startswith("missing"):
        (tmp_path / name).write_bytes(b"hello")
    with pytest.raises(InputError, match="a geology"):
        read_geology(tmp_path / name)


@pytest.mark.parametrize("name", ["g.npy", "g.h5", "g.nc"])
def test_any_truncation_is_refused(tmp_path, name):
    write_geology(make_geology(_vs()), tmp_path / "whole.nc")
    np.save(tmp_path / "whole.npy", _vs())
    _h5(tmp_path / "whole.h5", a=_vs())
    whole = (tmp_path / f"whole{name[1:]}").read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_geology(tmp_path / name)


@pytest.mark.parametrize("name", ["g.npy", "g.h5", "g.nc", "g.zarr"])
def test_foreign_bytes(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\x03\x04 not what the name says" * 10)
    with pytest.raises(InputError):
        read_geology(tmp_path / name)


def test_missing_dataset(tmp_path):
    with pytest.raises(InputError, match=r"geology\.a"):
        read_geology(_h5(tmp_path / "g.h5", b=_vs()))
    make_geology(_vs()).vs.rename("vp").to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="one named vs"):
        read_geology(tmp_path / "g.nc")


def test_links_out_of_the_file_are_not_followed(tmp_path):
    _h5(tmp_path / "other.h5", a=_vs())
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["a"] = h5py.ExternalLink("other.h5", "a")
    with pytest.raises(InputError, match=r"geology\.a"):
        read_geology(tmp_path / "g.h5")
    layout = h5py.VirtualLayout(shape=(6, 5, 4), dtype="f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "a", shape=(6, 5, 4))
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_virtual_dataset("a", layout)
    with pytest.raises(InputError, match="outside the file"):
        read_geology(tmp_path / "v.h5")


def test_size_is_checked_before_reading(tmp_path):
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file.create_dataset("a", shape=(100_000, 100_000, 100), dtype="f4", chunks=(10, 10, 10))
    assert (tmp_path / "g.h5").stat().st_size < 100_000
    with pytest.raises(InputError, match="at most"):
        read_geology(tmp_path / "g.h5")
    header = np.lib.format.header_data_from_array_1_0(np.zeros(1, np.float32)) | {"shape": (4000, 4000, 4000)}
    with (tmp_path / "g.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
    with pytest.raises(InputError):
        read_geology(tmp_path / "g.npy")


def test_uneven_axis_is_refused(tmp_path):
    geology = make_geology(_vs()).vs.assign_coords(x=[0, 1, 2, 3, 4, 50.0])
    geology.to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    with pytest.raises(InputError, match=r"geology\.x"):
        read_geology(tmp_path / "g.nc")


@pytest.mark.parametrize("name", ["vs", "x", "z"])
def test_stated_units_are_believed(tmp_path, name):
    geology = make_geology(_vs()).vs
    geology = geology.copy(data=geology.values / 1000) if name == "vs" else geology
    (geology if name == "vs" else geology[name]).attrs["units"] = "km/s" if name == "vs" else "km"
    geology.to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    where = "geology" if name == "vs" else f"geology.{name}"
    with pytest.raises(InputError, match=rf"^{where}\.units: got km(/s)?; allowed: m(/s)?: multiply by 1000$"):
        read_geology(tmp_path / "g.nc")


def test_km_per_second_without_a_word_are_seen(tmp_path):
    np.save(tmp_path / "g.npy", _vs() / 1000)
    with pytest.raises(InputError, match=r"allowed: Vs in m/s \(not km/s\)"):
        read_geology(tmp_path / "g.npy")


@pytest.mark.parametrize("units", ["m s-1", None])
def test_other_spellings_and_none_are_taken(tmp_path, units):
    geology = make_geology(_vs()).vs
    geology.attrs = {} if units is None else {"units": units}
    geology.to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_geology(tmp_path / "g.nc").vs_m_s, _vs())


def test_depth_downwards_is_named(tmp_path):
    geology = make_geology(_vs()).vs.isel(z=slice(None, None, -1))
    geology.to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    with pytest.raises(InputError, match=r"^geology\.z: got 4 positions that do not all increase"):
        read_geology(tmp_path / "g.nc")


def test_old_netcdf_is_named(tmp_path):
    make_geology(_vs()).vs.to_netcdf(tmp_path / "g.nc", engine="scipy")
    with pytest.raises(InputError, match="NetCDF-3 is not read"):
        read_geology(tmp_path / "g.nc")


def test_an_upside_down_npy_gets_a_warning(tmp_path):
    downward = np.broadcast_to(np.linspace(1500, 3500, 16, dtype=np.float32), (5, 4, 16))
    np.save(tmp_path / "down.npy", downward)
    np.save(tmp_path / "stack.npy", downward[None])
    np.save(tmp_path / "up.npy", downward[..., ::-1])
    for name in ("down.npy", "stack.npy"):
        with pytest.warns(InputWarning, match=r"mean Vs falls .*turn it over \(numpy: array\[\.\.\., ::-1\]\)"):
            read_geology(tmp_path / name)
    # Warnings are errors here: the right way up there is none, nor on even ground.
    read_geology(tmp_path / "up.npy")
    np.save(tmp_path / "even.npy", np.full((4, 4, 3), 2000.0))
    read_geology(tmp_path / "even.npy")


@pytest.mark.parametrize("version", [1, 2])
def test_an_npy_header_longer_than_any_is_not_read(tmp_path, version):
    size = {1: 2, 2: 4}[version]
    length = 256**size - 1
    content = b"\x93NUMPY" + bytes([version, 0]) + length.to_bytes(size, "little") + b" " * 20_000
    (tmp_path / "g.npy").write_bytes(content)
    with pytest.raises(InputError, match=f"a header of {length} bytes"):
        read_geology(tmp_path / "g.npy")


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"units": "ft/s"}, r"^geology\.a\.units: got ft/s; allowed: m/s: multiply by 0\.3048$"),
        ({"units": b"km s-1"}, r"^geology\.a\.units: got km s-1; allowed: m/s: multiply by 1000$"),
        ({"scale_factor": 2.0}, r"^geology\.a\.scale_factor: got 2"),
        ({"_FillValue": 2500.0}, r"^geology\.a: got 64 values that its attributes call missing"),
    ],
)
def test_what_a_published_form_says_of_its_numbers(tmp_path, attrs, message):
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["a"] = np.full((4, 4, 4), 2500.0, np.float32)
        file["a"].attrs.update(attrs)
    with pytest.raises(InputError, match=message):
        read_geology(tmp_path / "g.h5")
    with h5py.File(tmp_path / "g.h5", "a") as file:
        for name in attrs:
            del file["a"].attrs[name]
        # As xarray writes them.
        file["a"].attrs.update({"units": "meters / second", "_FillValue": np.nan, "scale_factor": 1.0})
    assert (read_geology(tmp_path / "g.h5").vs_m_s == 2500).all()
