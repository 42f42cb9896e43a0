"""Wavefields in files: the published forms with axes put right, the project's NetCDF, and bad files."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.source import HEMEW_MOMENT_NM, Source
from spectremor.core.wavefield import make_wavefield, source_of
from spectremor.data.published import v1_source
from spectremor.data.wavefield_files import read_wavefield, write_wavefield


def _field(nx=5, ny=4, nt=6, lead=()):
    values = np.random.default_rng(1).normal(size=(*lead, 3, nx, ny, nt)).astype(np.float32)
    source = Source.from_angles(position_m=(100, 200, -300), strike_deg=10, dip_deg=20, rake_deg=30)
    return make_wavefield(
        values,
        x_m=np.arange(nx) * 300.0,
        y_m=np.arange(ny) * 300.0,
        time_s=np.arange(nt) * 0.02,
        source=source,
        band_hz=(0.0, 5.0),
        attrs={"seed": 3, "model": None, "parts": {"a": 1}, "quick": True},
    )


def _published(path, traces, **more):
    """Write traces (component, x, y, time) in the published layout (y, x, time)."""
    with h5py.File(path, "w") as file:
        for name, component in zip(("uE", "uN", "uZ"), traces, strict=True):
            file[name] = component.swapaxes(0, 1)
        for name, values in more.items():
            file[name] = values
    return path


def _noise(n=32, nt=320):
    return np.random.default_rng(2).normal(size=(3, n, n, nt)).astype(np.float32)


class TestPublished:
    def test_version_1_has_its_recorded_sensors(self, hemew3d):
        field = read_wavefield(hemew3d / "sample0.h5")
        assert field.sizes == {"component": 3, "x": 16, "y": 16, "time": 320}
        assert field["x"].values[[0, 1, -1]] == pytest.approx([150, 770, 9450])
        assert field["time"].values[[0, 1]] == pytest.approx([0.98, 1.0])
        assert source_of(field) == v1_source()
        with h5py.File(hemew3d / "sample0.h5") as file:
            for (i, ix), (j, iy) in ((((3, 6), (9, 19))), (((15, 31), (0, 0)))):
                np.testing.assert_array_equal(field.values[1, i, j], file["uN"][iy, ix])

    def test_learning_form_of_version_2(self, tmp_path):
        tensor = np.array([0.1, -0.4, 0.3, 0.2, 0.6, -0.5])
        path = _published(tmp_path / "s.h5", _noise(), s=[1500.0, 7000.0, -650.0], moment=tensor, angle=[1.0, 2, 3])
        field = read_wavefield(path)
        np.testing.assert_array_equal(field.values, _noise())
        assert field["time"].values[-1] == pytest.approx(6.38)
        assert field["x"].values == pytest.approx(np.linspace(150, 9450, 32))
        source = source_of(field)
        assert source.position_m == (1500.0, 7000.0, -650.0)
        np.testing.assert_allclose(source.moment_tensor_nm, HEMEW_MOMENT_NM * tensor)

    def test_angles_of_version_2_are_in_its_convention(self, tmp_path):
        path = _published(tmp_path / "s.h5", _noise(), s=[1500.0, 7000.0, -650.0], angle=[48.0, 45.0, 88.0])
        np.testing.assert_allclose(source_of(read_wavefield(path)).moment_tensor_nm, v1_source().moment_tensor_nm)

    def test_raw_form_of_version_2(self, tmp_path):
        field = read_wavefield(_published(tmp_path / "s.h5", _noise(nt=800)))
        assert field["time"].values[-1] == pytest.approx(7.99)
        assert source_of(field) is None
        np.testing.assert_array_equal(field.values, _noise(nt=800))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda f: f.pop("uN"), r"wavefield\.uN"),
            (lambda f: f["uE"].__setitem__((0, 0, 0), np.nan), "NaN"),
            (lambda f: (f.pop("uZ"), f.__setitem__("uZ", np.ones((32, 31, 320)))), r"wavefield\.uZ"),
            (lambda f: f.__setitem__("s", [1.0, 2.0]), r"source\.s"),
            (lambda f: f.__setitem__("s", [1.0, 2.0, 3.0]), "source"),
        ],
    )
    def test_bad_content(self, tmp_path, change, message):
        path = _published(tmp_path / "s.h5", _noise())
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(InputError, match=message):
            read_wavefield(path)

    def test_truncation(self, tmp_path):
        whole = _published(tmp_path / "s.h5", _noise()).read_bytes()
        for length in (0, 50, len(whole) // 2, len(whole) - 1):
            (tmp_path / "t.h5").write_bytes(whole[:length])
            with pytest.raises(InputError):
                read_wavefield(tmp_path / "t.h5")


class TestNetcdf:
    @pytest.mark.parametrize("lead", [(), (2,)])
    def test_round_trip(self, tmp_path, lead):
        field = _field(lead=lead)
        write_wavefield(field, tmp_path / "f.nc")
        again = read_wavefield(tmp_path / "f.nc")
        xr.testing.assert_equal(again, field)
        assert source_of(again) == source_of(field)
        assert again.attrs["units"] == "m/s"
        assert again.attrs["seed"] == 3

    def test_plain_xarray_opens_it(self, tmp_path):
        write_wavefield(_field(lead=(2,)), tmp_path / "f.nc")
        opened = xr.open_dataarray(tmp_path / "f.nc")
        assert opened.isel(realization=0, time=3).sel(component="E").dims == ("x", "y")
        opened.close()

    def test_same_field_same_bytes(self, tmp_path):
        for name in "ab":
            write_wavefield(_field(), tmp_path / f"{name}.nc")
        digests = {hashlib.sha256((tmp_path / f"{n}.nc").read_bytes()).hexdigest() for n in "ab"}
        assert len(digests) == 1

    def test_nothing_is_left_of_a_failed_write(self, tmp_path, monkeypatch):
        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            write_wavefield(_field(), tmp_path / "f.nc")
        assert not list(tmp_path.iterdir())

    def test_a_geology_is_no_wavefield(self, tmp_path):
        xr.DataArray(np.ones((2, 3, 4)), dims=("x", "y", "z"), name="vs").to_netcdf(
            tmp_path / "g.nc", engine="h5netcdf"
        )
        with pytest.raises(InputError, match="one named velocity"):
            read_wavefield(tmp_path / "g.nc")

    @pytest.mark.parametrize("name", ["f.txt", "missing.nc", "f.npy"])
    def test_wrong_type(self, tmp_path, name):
        if "missing" not in name:
            (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InputError, match="a wavefield"):
            read_wavefield(tmp_path / name)

    def test_wrong_units(self, tmp_path):
        field = _field()
        field.attrs = {"units": "cm/s"}
        with pytest.raises(InputError, match="units"):
            write_wavefield(field, tmp_path / "f.nc")
        assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_and_does_not_crash(tmp_path):
    """Files may not exceed 4 kB: one error, an orderly end, no file and no part of one."""
    code = """
        import resource, sys
        import numpy as np
        from spectremor.core.wavefield import make_wavefield
        from spectremor.data.wavefield_files import write_wavefield
        axis = np.arange(8.0)
        motion = np.random.default_rng(0).normal(size=(3, 8, 8, 40)).astype(np.float32)
        field = make_wavefield(motion, x_m=axis, y_m=axis, time_s=0.02 * np.arange(40))
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_wavefield(field, sys.argv[1])
        except OSError as error:
            print(len(str(error).splitlines()), error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "field.nc")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 ")
    assert "File too large" in done.stdout
    assert not list(tmp_path.iterdir())
