"""Small files that become large in memory: refused from their headers, whoever reads them."""

from __future__ import annotations

import struct
import subprocess
import sys
import textwrap
import tracemalloc
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import netcdf_file

from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.data import hdf5_limits
from spectremor.data.geology_files import read_geology, write_geology
from spectremor.data.grounds.raw_netcdf import read_raw
from spectremor.data.hdf5 import open_hdf5
from spectremor.data.inflation import GZIP, ZLIB, inflates_beyond
from spectremor.data.wavefield_files import read_wavefield

CRAFTED = Path(__file__).with_name("crafted")
SHAPE = (8, 8, 8)


def filtered(path: Path, filters: list[str], name: str = "a") -> None:
    """One chunk under filters in this order, each as often as it is named."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(SHAPE)
    for filter_ in filters:
        if filter_ == "deflate":
            plist.set_deflate(4)
        elif filter_ == "lzf":
            plist.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL, (4, 261, 4 * 512))
        elif filter_ == "scaleoffset":
            plist.set_scaleoffset(h5py.h5z.SO_FLOAT_DSCALE, 2)
        else:
            getattr(plist, f"set_{filter_}")()
    values = np.random.default_rng(0).uniform(1100, 4400, SHAPE).astype(np.float32)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(SHAPE)
        dataset = h5py.h5d.create(file.id, name.encode(), h5py.h5t.NATIVE_FLOAT, space, dcpl=plist)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


@given(st.lists(st.sampled_from(["deflate", "shuffle", "fletcher32", "lzf", "scaleoffset"]), max_size=5))
def test_each_filter_of_the_list_once(tmp_path_factory, filters):
    path = tmp_path_factory.mktemp("filters") / "g.h5"
    filtered(path, filters)
    packing = [f for f in filters if f in ("deflate", "lzf")]
    if len(set(filters)) == len(filters) and len(packing) < 2 and "scaleoffset" not in filters:
        assert read_geology(path).shape == SHAPE
    else:
        with pytest.raises(InputError, match=r"^geology\.a: got filters .*at most once"):
            read_geology(path)


def test_an_unknown_filter_is_refused_by_its_number(tmp_path):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(SHAPE)
    plist.set_filter(257, h5py.h5z.FLAG_OPTIONAL, ())
    with h5py.File(tmp_path / "g.h5", "w") as file:
        h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple(SHAPE), dcpl=plist)
    with pytest.raises(InputError, match="filters filter 257"):
        read_geology(tmp_path / "g.h5")


def long_chunk(path: Path, megabytes: int, mask: int = 0, shape: tuple[int, ...] = (32, 32, 32)) -> None:
    """A chunk whose deflate stream goes on far beyond the array."""
    with h5py.File(path, "w") as file:
        array = file.create_dataset("a", shape=shape, chunks=shape, dtype="f4", compression="gzip")
        packer = zlib.compressobj(9)
        stream = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(megabytes)), packer.flush()])
        array.id.write_direct_chunk((0, 0, 0), stream, mask)


def shared_texts(path: Path, texts: int, length: int) -> None:
    """An attribute whose texts, many, are all the same one in the file."""
    with h5py.File(path, "w") as file:
        file["a"] = np.full(SHAPE, 2000.0, "f4")
        file["a"].attrs.create("notes", ["x" * length, *["y"] * (texts - 1)], dtype=h5py.string_dtype())
    content = bytearray(path.read_bytes())
    # Each text is a length, the address of its collection and its number there.
    first = content.index(struct.pack("<I", length), content.index(b"notes"))
    content[first : first + 16 * texts] = content[first : first + 16] * texts
    path.write_bytes(content)


def test_the_crafted_texts_are_as_long_as_they_are_told_to_be(tmp_path):
    shared_texts(tmp_path / "g.h5", 5, 5000)
    with h5py.File(tmp_path / "g.h5") as file:
        assert [len(text) for text in file["a"].attrs["notes"]] == [5000] * 5
    assert read_geology(tmp_path / "g.h5").shape == SHAPE


def tiny_chunks(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(128, 128, 128), chunks=(1, 2, 2), dtype="f4", fillvalue=2000.0)


def long_strings(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["a"] = np.full(SHAPE, 2000.0, "f4")
        file.create_dataset("labels", shape=(1000,), chunks=(1000,), dtype="S4000000", compression="gzip")


def never_written(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(1000, 700, 700), chunks=(100, 70, 70), dtype="i1", fillvalue=100)


CRAFTS = {
    "three deflates": (
        lambda path: path.write_bytes((CRAFTED / "bomb_three_deflates.h5").read_bytes()),
        "filters deflate",
    ),
    "long chunk": (lambda path: long_chunk(path, 300), "unpacks to more"),
    "shared texts": (lambda path: shared_texts(path, 3000, 2_000_000), "attributes of up to"),
    "tiny chunks": (tiny_chunks, "524288 chunks"),
    "long strings": (long_strings, "MB in memory"),
    "never written": (never_written, "MB in memory"),
}


@pytest.mark.parametrize("name", CRAFTS)
def test_crafted_files_are_refused(name, tmp_path):
    craft, words = CRAFTS[name]
    craft(tmp_path / "g.h5")
    assert (tmp_path / "g.h5").stat().st_size < 6_000_000
    for read, copy in (
        (read_geology, "g.h5"),
        (read_wavefield, "g.h5"),
        (read_geology, "g.nc"),
        (read_wavefield, "g.nc"),
    ):
        if copy == "g.nc":
            (tmp_path / copy).write_bytes((tmp_path / "g.h5").read_bytes())
        with pytest.raises(InputError, match=words):
            read(tmp_path / copy)


def test_uploads_are_judged_at_the_same_place(tmp_path):
    uploads = pytest.importorskip("spectremor.web.uploads")
    for name, (craft, words) in CRAFTS.items():
        craft(tmp_path / "g.h5")
        with pytest.raises(InputError, match=words) as refused:
            uploads.read_upload(f"{name}.nc", (tmp_path / "g.h5").read_bytes())
        assert refused.value.field.startswith("upload")


def test_no_memory_is_taken_on_the_way(tmp_path):
    """In a process of its own, whose peak is told by the system: 3 to 17 GB where these files are trusted."""
    for name, (craft, _) in CRAFTS.items():
        craft(tmp_path / f"{name}.h5")
    files = [*tmp_path.iterdir(), CRAFTED / "declared_800_cubed.nc", CRAFTED / "declared_32_7_100000.nc"]
    code = """
        import resource, sys
        from spectremor.core.errors import InputError
        from spectremor.data.geology_files import read_geology
        from spectremor.data.wavefield_files import read_wavefield
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for path in sys.argv[1:]:
            for read in (read_geology, read_wavefield):
                try:
                    read(path)
                    print("read", path)
                except InputError:
                    pass
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(run.stdout.splitlines()) == 1, run.stdout
    assert float(run.stdout) < 250


def test_a_long_chunk_that_is_not_compressed_is_left_to_hdf5(tmp_path):
    """A filter that a chunk leaves out unpacks nothing."""
    with h5py.File(tmp_path / "g.h5", "w") as file:
        array = file.create_dataset("a", shape=SHAPE, chunks=SHAPE, dtype="f4", compression="gzip")
        array.id.write_direct_chunk((0, 0, 0), np.full(SHAPE, 2000, "<f4").tobytes(), 1)
    assert float(read_geology(tmp_path / "g.h5").vs_m_s[0, 0, 0]) == 2000


def test_a_packed_table_of_attributes_is_refused(tmp_path):
    with h5py.File(tmp_path / "g.h5", "w", libver="latest") as file:
        file["a"] = np.full(SHAPE, 2000.0, "f4")
        for k in range(20):
            file["a"].attrs[f"note{k}"] = "x" * 100
    content = bytearray((tmp_path / "g.h5").read_bytes())
    at = content.index(b"FRHP")
    assert content[at + 7 : at + 9] == b"\0\0"
    read_geology(tmp_path / "g.h5")
    content[at + 7] = 12
    (tmp_path / "g.h5").write_bytes(content)
    with pytest.raises(InputError, match="packed by filters"):
        read_geology(tmp_path / "g.h5")


@pytest.mark.parametrize("limit", ["MAX_CHUNKS", "MAX_ATTRIBUTE_BYTES", "MIN_UNPACKED_BYTES"])
def test_limits_hold_for_the_sum(limit, tmp_path, monkeypatch):
    with h5py.File(tmp_path / "g.h5", "w") as file:
        for name in "abc":
            array = file.create_dataset(name, data=np.full(SHAPE, 2000, "f4"), chunks=(4, 8, 8), compression="gzip")
            array.attrs["note"] = np.zeros(100)
    monkeypatch.setattr(hdf5_limits, "MAX_RATIO", 0)
    most = {"MAX_CHUNKS": 6, "MAX_ATTRIBUTE_BYTES": 3 * 800, "MIN_UNPACKED_BYTES": 3 * 8 * 512}[limit]
    monkeypatch.setattr(hdf5_limits, limit, most)
    if limit == "MIN_UNPACKED_BYTES":
        read_geology(tmp_path / "g.h5")
    else:
        monkeypatch.setattr(hdf5_limits, "MAX_RATIO", 64)
        read_geology(tmp_path / "g.h5")
    monkeypatch.setattr(hdf5_limits, limit, most - 1)
    with pytest.raises(InputError, match="at most"):
        read_geology(tmp_path / "g.h5")


@given(
    texts=st.lists(st.text(max_size=300), min_size=1, max_size=5),
    numbers=st.lists(st.integers(0, 10), min_size=1, max_size=50),
    count=st.integers(1, 20),
)
def test_attributes_of_any_kind_are_counted_from_above(tmp_path_factory, texts, numbers, count):
    path = tmp_path_factory.mktemp("attributes") / "g.h5"
    texts = [text.replace("\0", "").encode("utf-8", "ignore").decode() for text in texts]
    with h5py.File(path, "w") as file:
        file["a"] = np.full(SHAPE, 2000.0, "f4")
        attrs = file["a"].attrs
        attrs.create("texts", texts, dtype=h5py.string_dtype())
        attrs["numbers"] = numbers
        records = np.zeros(count, [("x", "f8", (3,)), ("name", "S5"), ("free", h5py.string_dtype())])
        records["free"] = "free"
        attrs["records"] = records
        ragged = np.empty(2, object)
        ragged[:] = [np.arange(3), np.arange(5)]
        attrs.create("ragged", ragged, dtype=h5py.vlen_dtype("i4"))
        attrs["link"] = file["a"].ref
    with open_hdf5(path, field="geology") as file:
        longest = hdf5_limits.longest_text(file, field="geology")
        counted = hdf5_limits._attribute_bytes(file["a"], longest)
    least = sum(len(text.encode()) for text in texts) + 8 * len(numbers) + 29 * count + 4 * 8
    assert least <= counted < 100_000 + 4096 * (len(texts) + count)
    assert read_geology(path).shape == SHAPE


@pytest.mark.parametrize("compression", ["gzip", "lzf", None])
def test_sound_files_of_any_size_are_read(tmp_path, compression):
    constant = np.full((200, 200, 100), 2500.0, "f4")
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file.create_dataset("a", data=constant, compression=compression, shuffle=compression is not None)
    assert read_geology(tmp_path / "g.h5").shape == constant.shape


def test_a_large_constant_geology_of_the_project_is_read(tmp_path):
    write_geology(make_geology(np.full((256, 256, 128), 2500.0, np.float32)), tmp_path / "g.nc")
    assert (tmp_path / "g.nc").stat().st_size < 500_000
    assert read_geology(tmp_path / "g.nc").shape == (256, 256, 128)


def test_a_large_chunk_that_is_sound_is_read(tmp_path):
    """Beyond the size from which chunks are tried out."""
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "g.h5", "w") as file:
        values = rng.uniform(1100, 4400, (64, 64, 64)).astype("f4")
        file.create_dataset("a", data=values, chunks=values.shape, compression="gzip", shuffle=True, fletcher32=True)
    np.testing.assert_array_equal(read_geology(tmp_path / "g.h5").vs_m_s, values)


@given(
    content=st.binary(max_size=2000), repeat=st.integers(1, 5000), slack=st.integers(-3, 3), members=st.integers(1, 3)
)
def test_inflation_is_exact(content, repeat, slack, members):
    data = content * repeat
    one = zlib.compress(data)
    assert inflates_beyond(one, len(data) + slack, ZLIB) == (slack < 0)
    packer = zlib.compressobj(wbits=GZIP)
    row = (packer.compress(data) + packer.flush()) * members
    assert inflates_beyond(row, members * len(data) + slack, GZIP) == (slack < 0)
    # Cut short, it becomes no more than it would have.
    assert not inflates_beyond(one[: len(one) // 2], len(data), ZLIB)


def same_bytes_again_and_again(path: Path, variables: int, length: int) -> None:
    """A classic NetCDF file whose variables, many, are all the same bytes of it."""
    with netcdf_file(path, "w") as file:
        file.createDimension("depth", 7)
        for k in range(variables):
            file.createVariable(f"v{k}", "f4", ("depth",))[:] = 0
    content = bytearray(path.read_bytes())
    at = content.index(b"depth") + 8
    assert content[at : at + 4] == (7).to_bytes(4, "big")
    content[at : at + 4] = length.to_bytes(4, "big")
    path.write_bytes(bytes(content) + bytes(4 * length))


def test_variables_that_are_the_same_bytes_are_not_copied(tmp_path):
    """A file of 4 MB, of which scipy makes 2 GB where it reads all of it."""
    same_bytes_again_and_again(tmp_path / "g.nc", 500, 1_000_000)
    tracemalloc.start()
    found, names = read_raw(tmp_path / "g.nc", lambda name: name == "v3")
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    assert (list(found), len(names), found["v3"].values.shape) == (["v3"], 500, (1_000_000,))
