"""Damaged and crafted files: a result or one line, never a traceback, never gigabytes."""

from __future__ import annotations

import struct
import tracemalloc
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology, make_geology
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.data import hdf5
from spectremor.data.geology_files import read_geology, write_geology
from spectremor.data.hdf5 import open_hdf5, read_array
from spectremor.data.safetensors_files import check_safetensors
from spectremor.data.wavefield_files import read_wavefield, write_wavefield

FLIPS = 40


def vs() -> np.ndarray:
    return np.random.default_rng(0).uniform(1100, 4400, (4, 4, 4)).astype(np.float32)


def write_h5_geology(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["a"] = vs()


def write_h5_wavefield(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for name in ("uE", "uN", "uZ"):
            file.create_dataset(name, data=np.random.default_rng(1).normal(size=(4, 4, 9)), compression="gzip")
        file["s"], file["moment"] = [1500.0, 7000.0, -650.0], [0.1, -0.4, 0.3, 0.2, 0.6, -0.5]


def write_nc_wavefield(path: Path) -> None:
    traces = np.random.default_rng(1).normal(size=(3, 4, 4, 9)).astype(np.float32)
    source = Source.from_angles(position_m=(100, 200, -300), strike_deg=10, dip_deg=20, rake_deg=30)
    axis = np.arange(4) * 300.0
    write_wavefield(make_wavefield(traces, x_m=axis, y_m=axis, time_s=np.arange(9) * 0.02, source=source), path)


FILES = {
    "geology.nc": (lambda path: write_geology(make_geology(vs()), path), read_geology),
    "geology.h5": (write_h5_geology, read_geology),
    "wavefield.h5": (write_h5_wavefield, read_wavefield),
    "wavefield.nc": (write_nc_wavefield, read_wavefield),
}


@pytest.mark.parametrize("name", FILES)
def test_flipped_bytes_give_a_result_or_one_line(name: str, tmp_path: Path) -> None:
    write, read = FILES[name]
    path = tmp_path / name
    write(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(sum(name.encode()))
    # The structure of an HDF5 file lies at places without numbers: where the bytes are not all the same.
    busy = np.flatnonzero(np.frombuffer(whole, np.uint8))
    lines = []
    for flip in range(FLIPS):
        damaged = bytearray(whole)
        for place in rng.choice(busy, size=1 + flip % 4, replace=False):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert isinstance(read(path), (Geology, xr.DataArray))
            except InputError as error:
                lines.append(str(error))
    assert len(lines) > FLIPS // 10
    assert not any("\n" in line for line in lines)


def test_a_mistake_of_the_reader_is_not_put_down_to_the_file(tmp_path: Path) -> None:
    write_h5_geology(tmp_path / "g.h5")
    for mistake in (KeyError("mine"), ValueError("mine"), TypeError("mine"), RuntimeError("mine"), OSError("mine")):
        with pytest.raises(type(mistake), match="mine") as caught, open_hdf5(tmp_path / "g.h5", field="geology"):
            raise mistake
        assert not isinstance(caught.value, InputError)


def test_what_h5py_raises_while_reading_is_one_line(tmp_path: Path) -> None:
    write_h5_geology(tmp_path / "g.h5")
    for read in (lambda file: file["nothing"], lambda file: file["a"].asstr()):
        with (
            pytest.raises(InputError, match="a whole HDF5 file"),
            open_hdf5(tmp_path / "g.h5", field="geology") as file,
        ):
            read(file)


@pytest.mark.parametrize("link", [h5py.ExternalLink("nowhere.h5", "a"), h5py.SoftLink("/nowhere")])
def test_dangling_links_are_refused(link: h5py.ExternalLink, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["a"] = link
    with pytest.raises(InputError, match=r"geology\.a.*no dataset"):
        read_geology(tmp_path / "g.h5")
    write_h5_wavefield(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "a") as file:
        del file["s"]
        file["s"] = link
    with pytest.raises(InputError, match=r"source\.s.*no dataset"):
        read_wavefield(tmp_path / "w.h5")


def test_a_dataset_without_data_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["a"] = h5py.Empty("f4")
    with pytest.raises(InputError, match="without data"):
        read_geology(tmp_path / "g.h5")
    with pytest.raises(InputError), open_hdf5(tmp_path / "g.h5", field="geology") as file:
        read_array(file, "a", field="geology")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4, 4",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -4, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 0, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': '4', }",
        "{'descr': ['x', 3], 'fortran_order': False, 'shape': (4, 4, 4), }",
        "{'descr': '<f4', 1: False, 'shape': (4, 4, 4), }",
        "{'descr': (), 'fortran_order': False, 'shape': (4, 4, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4, 4), }",
        "{[]: 1}",
        "  {'descr'\n  :: '''",
        "-" * 5000 + "1",
        "(" * 5000,
    ],
)
def test_broken_npy_headers(header: str, tmp_path: Path) -> None:
    text = header.encode("latin1") + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(4 * 64)
    (tmp_path / "g.npy").write_bytes(content)
    with pytest.raises(InputError, match="geology"):
        read_geology(tmp_path / "g.npy")


def with_axis(path: Path, size: int) -> None:
    """Beside the geology, an axis of its own that takes no room in the file."""
    write_geology(make_geology(vs()), path)
    with h5py.File(path, "a") as file:
        file.create_dataset("far", shape=(size,), dtype="f8", chunks=(1000,)).make_scale("far")


def test_an_axis_that_nothing_uses_is_not_loaded(tmp_path: Path) -> None:
    for size in (700_000_000, hdf5.MAX_AXES + 1):
        with_axis(tmp_path / "g.nc", size)
        assert (tmp_path / "g.nc").stat().st_size < 50_000
        tracemalloc.start()
        with pytest.raises(InputError, match="at most"):
            read_geology(tmp_path / "g.nc")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
        tracemalloc.stop()
    with_axis(tmp_path / "g.nc", 1000)
    assert read_geology(tmp_path / "g.nc").shape == (4, 4, 4)


def test_coordinates_count_with_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rough = {f"c{i}": (("x", "y", "z"), vs()) for i in range(4)}
    make_geology(vs()).vs.assign_coords(rough).to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    assert read_geology(tmp_path / "g.nc").shape == (4, 4, 4)
    monkeypatch.setattr(hdf5, "MAX_NUMBERS", 200)
    with pytest.raises(InputError, match="at most 200"):
        read_geology(tmp_path / "g.nc")


def with_a_long_chunk(path: Path, numbers: int) -> None:
    """Hardly anything in the file, and little in the array: but a whole chunk is unpacked to read it."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "a", shape=(4, 4, 4), maxshape=(4, 4, None), chunks=(4, 4, numbers // 16), dtype="f4"
        )
        assert data.size == 64


def test_chunks_count_as_they_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_a_long_chunk(tmp_path / "g.h5", 1 << 20)
    assert hdf5.unfolded_bytes(tmp_path / "g.h5", field="upload") == 8 << 20
    assert read_geology_shape(tmp_path / "g.h5") == (4, 4, 4)
    monkeypatch.setattr(hdf5, "MAX_NUMBERS", 1 << 19)
    with pytest.raises(InputError, match=r"chunks of shape \(4, 4, 65536\)"):
        read_geology(tmp_path / "g.h5")
    with pytest.raises(InputError, match="chunks of shape"):
        hdf5.check_self_contained(tmp_path / "g.h5", field="geology")


def read_geology_shape(path: Path) -> tuple[int, ...]:
    with open_hdf5(path, field="geology") as file:
        return read_array(file, "a", field="geology").shape


def test_one_geology_of_a_stack_is_as_large_as_one_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "g.npy", vs())
    np.save(tmp_path / "stack.npy", vs()[None])
    monkeypatch.setattr("spectremor.data.hdf5.MAX_NUMBERS", 63)
    for name in ("g.npy", "stack.npy"):
        with pytest.raises(InputError, match="at most 63 numbers"):
            read_geology(tmp_path / name)


def _packed(header: bytes, body: bytes = bytes(16)) -> bytes:
    return struct.pack("<Q", len(header)) + header + body


def _entry(name: str, begin: object, end: object) -> str:
    return f'"{name}": {{"dtype": "F32", "shape": [2], "data_offsets": [{begin}, {end}]}}'


@pytest.mark.parametrize(
    "entries",
    [
        [_entry("a", 0, 8), _entry("b", 0, 8), _entry("c", 8, 16)],
        [_entry("a", 8, 16)],
        [_entry("a", 0, 8), _entry("a", 8, 16)],
        [_entry("a", "0.0", "8.0"), _entry("b", 8, 16)],
        [_entry("a", 0, 8), _entry("b", 8, 17)],
        [_entry("a", "false", 8), _entry("b", 8, 16)],
    ],
)
def test_tensors_that_overlap_or_leave_gaps(tmp_path, entries):
    path = tmp_path / "model.safetensors"
    path.write_bytes(_packed(f"{{{', '.join(entries)}}}".encode()))
    with pytest.raises(InputError, match="a whole safetensors file"):
        check_safetensors(path)
    path.write_bytes(_packed(f"{{{_entry('b', 8, 16)}, {_entry('a', 0, 8)}}}".encode()))
    assert check_safetensors(path) == ["b", "a"]
