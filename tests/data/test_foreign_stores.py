"""Campaign stores that are damaged or a stranger's: refused in one line, before anything large is read."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.data import store as stores
from spectremor.data.geology_files import read_geology
from spectremor.data.store import CampaignStore
from spectremor.data.store_info import describe
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store
from spectremor.data.wavefield_files import read_wavefield

LAYOUT = StoreLayout(
    geology_shape=(5, 4, 6),
    extent_m=(4000.0, 3000.0, 5000.0),
    x_m=np.linspace(500.0, 3500.0, 3),
    y_m=np.linspace(500.0, 2500.0, 2),
    time_s=np.arange(7) * 0.04,
    band_high_hz=5.0,
    grid_spacing_m=150.0,
    also_m=(300.0,),
)


def make(path: Path, samples: int) -> Path:
    source = Source.from_angles(position_m=(1000.0, 2000.0, -1500.0), strike_deg=10, dip_deg=40, rake_deg=20)
    create_store(path, LAYOUT, [source] * samples, {})
    writer, rng = StoreWriter(path), np.random.default_rng(0)
    for i in range(samples):
        vs = rng.uniform(1100, 4400, (5, 4, 6)).astype(np.float32)
        fine, coarse = rng.normal(size=(2, 3, 3, 2, 7)).astype(np.float32)
        writer.commit(i, writer.write(i, vs, {None: fine, 300.0: coarse}))
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("sound") / "d.zarr", 2)


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "d.zarr"))


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / "zarr.json").read_text())
    change(content)
    (folder / "zarr.json").write_text(json.dumps(content))


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        CampaignStore.open(path)
    assert caught.value.field.startswith("store")
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", ["also_m", "extent_m", "band_high_hz"])
def test_a_missing_attribute(name: str, path: Path) -> None:
    edit(path, lambda content: content["attributes"].pop(name))
    refused(path, f"{name}: missing")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("also_m", "ab"),
        ("also_m", None),
        ("also_m", ["300"]),
        ("also_m", [-300.0]),
        ("also_m", [300.0] * 1000),
        ("extent_m", [1.0, 2.0]),
        ("extent_m", [4000.0, 3000.0, 0.0]),
        ("extent_m", {"x": 1}),
        ("band_high_hz", "5"),
        ("band_high_hz", float("nan")),
        ("grid_spacing_m", [150.0]),
        ("grid_spacing_m", True),
    ],
)
def test_an_attribute_of_another_kind(name: str, value: Any, path: Path) -> None:
    edit(path, lambda content: content["attributes"].update({name: value}))
    refused(path, name)


@pytest.mark.parametrize("attributes", [[1], "x", 3])
def test_attributes_that_are_no_object(attributes: Any, path: Path) -> None:
    edit(path, lambda content: content.update(attributes=attributes))
    refused(path, "store")


def test_the_group_of_an_older_zarr(path: Path) -> None:
    attributes = dict(CampaignStore.open(path).attrs)
    shutil.rmtree(path)
    group = zarr.create_group(path, zarr_format=2, attributes=attributes)
    group.create_array("status", shape=(2,), dtype="uint8")
    refused(path, r"zarr format 2.*zarr format 3")


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("status", (10**13,), "10000000000000 samples"),
        ("source_rise_time_s", (10**13,), "10000000000000 samples"),
        ("source_position_m", (2, 10**9), "at most"),
        ("source_position_m", (2, 4), "4 along axis"),
        ("vs", (2, 10**5, 10**5, 10), "at most"),
        ("velocity", (2, 3, 10**5, 10**5, 7), "at most"),
        ("vs_mean", (10**5, 10**5, 10), "at most"),
        ("x", (10**9,), "at most"),
        ("time", (8,), "8 along time"),
    ],
)
def test_sizes_that_no_memory_holds(name: str, shape: tuple[int, ...], words: str, path: Path) -> None:
    def swell(content: dict[str, Any]) -> None:
        content["shape"] = list(shape)

    edit(path / name, swell)
    refused(path, words)


def test_axes_of_another_type_or_without_numbers(path: Path) -> None:
    shutil.rmtree(path / "time")
    zarr.create_array(path / "time", shape=(7,), dtype="int64", dimension_names=("time",))
    refused(path, "time: int64")
    shutil.rmtree(path / "time")
    zarr.create_array(path / "time", shape=(7,), dtype="float64", dimension_names=("time",))[:] = np.zeros(7)
    refused(path, "time: damaged")
    shutil.rmtree(path / "x" / "c")
    edit(path / "x", lambda content: content.update(fill_value="NaN"))
    refused(path, "x: damaged")


def test_no_sensors(tmp_path: Path, path: Path) -> None:
    for name in ("velocity", "velocity_300m"):
        edit(path / name, lambda content: content.update(shape=[2, 3, 0, 2, 7]))
    edit(path / "x", lambda content: content.update(shape=[0]))
    refused(path, r"x: 0.*1 or more")


def test_damaged_chunks_name_the_sample(path: Path) -> None:
    (path / "velocity" / "c.1.0.0.0.0").write_bytes(b"no compressed data")
    store = CampaignStore.open(path)
    assert store.velocity(0).shape == (3, 3, 2, 7)
    with pytest.raises(InputError, match="velocity of sample 1"):
        store.wavefield(1)
    (chunk,) = [p for p in (path / "status").iterdir() if p.name != "zarr.json"]
    chunk.write_bytes(b"no compressed data")
    with pytest.raises(InputError, match="status"):
        CampaignStore.open(path).ids()


def test_the_only_sample_needs_no_index(tmp_path: Path, path: Path) -> None:
    one = make(tmp_path / "one.zarr", 1)
    assert read_wavefield(one).attrs["sample"] == 0
    assert read_geology(one).shape == (5, 4, 6)
    for read in (read_wavefield, read_geology):
        with pytest.raises(InputError, match=r"index: got none; allowed: 0 to 1"):
            read(path)


@pytest.mark.parametrize(("name", "axis"), [("x", 0), ("vs", 1), ("velocity", 4), ("status", 0)])
def test_chunks_longer_than_their_array(name: str, axis: int, path: Path) -> None:
    def stretch(content: dict[str, Any]) -> None:
        content["chunk_grid"]["configuration"]["chunk_shape"][axis] = 2**27

    edit(path / name, stretch)
    refused(path, f"{name}: chunks of 134217728 along")


def test_a_lost_axis_is_no_row_of_zeros(path: Path) -> None:
    shutil.rmtree(path / "x" / "c")
    refused(path, "x: damaged")


def test_a_lost_wavefield_names_its_sample(path: Path) -> None:
    (path / "velocity" / "c.1.0.0.0.0").unlink()
    with pytest.raises(InputError, match=r"velocity of sample 1 is lost.*dataset check --repair"):
        CampaignStore.open(path).velocity(1)


# -- what unpacks large ------------------------------------------------------------------------------------------------

CHUNK = "c.0.0.0.0.0"
#: Bytes of a chunk of `velocity`.
DECLARED = 4 * 3 * 3 * 2 * 7


def with_codecs(folder: Path, *names: str) -> None:
    settings = {"bytes": {"endian": "little"}, "gzip": {"level": 5}, "zstd": {"level": 3, "checksum": False}}
    settings["blosc"] = {"cname": "zstd", "clevel": 3, "shuffle": "noshuffle", "typesize": 4, "blocksize": 0}
    codecs = [{"name": n, **({"configuration": settings[n]} if n in settings else {})} for n in names]
    edit(folder, lambda content: content.update(codecs=codecs))


@given(st.lists(st.sampled_from(["blosc", "gzip", "zstd", "crc32c", "sharding_indexed", "vlen-bytes"]), max_size=4))
def test_each_codec_of_the_list_once(sound: Path, tmp_path_factory: pytest.TempPathFactory, codecs: list[str]) -> None:
    path = Path(shutil.copytree(sound, tmp_path_factory.mktemp("codecs") / "d.zarr"))
    with_codecs(path / "velocity", "bytes", *codecs)
    packing = [codec for codec in codecs if codec != "crc32c"]
    if len(set(codecs)) == len(codecs) and len(packing) < 2 and set(packing) <= {"blosc", "gzip", "zstd"}:
        assert CampaignStore.open(path).count == 2
    else:
        refused(path, "with codecs bytes, .*at most once")


@pytest.mark.parametrize("kind", ["r32", "no such type"])
def test_codecs_of_a_type_that_numpy_does_not_know(kind: str, path: Path) -> None:
    """A type of raw bits: its chunks cannot be judged, and three times gzip makes 4 GB of a few hundred bytes."""
    with_codecs(path / "vs", "bytes", "gzip", "gzip", "gzip")
    edit(path / "vs", lambda content: content.update(data_type=kind, fill_value=[0, 0, 0, 0]))
    refused(path, "with codecs bytes, gzip, gzip, gzip")
    with_codecs(path / "vs", "bytes", "gzip")
    refused(path, "vs")


def packed(codec: str, size: int) -> bytes:
    zeros = bytes(size)
    if codec == "gzip":
        return gzip.compress(zeros)
    return bytes((numcodecs.Zstd(3) if codec == "zstd" else numcodecs.Blosc("zstd", 9)).encode(zeros))


@pytest.mark.parametrize("codec", ["gzip", "zstd", "blosc"])
def test_a_chunk_that_unpacks_to_more_than_its_array(codec: str, path: Path) -> None:
    with_codecs(path / "velocity", "bytes", codec)
    (path / "velocity" / CHUNK).write_bytes(packed(codec, DECLARED))
    assert (CampaignStore.open(path).velocity(0) == 0).all()
    for size in (DECLARED + 8, 1_000_000):
        (path / "velocity" / CHUNK).write_bytes(packed(codec, size))
        with pytest.raises(InputError, match=r"velocity of sample 0: .* unpacks to more than its array says"):
            CampaignStore.open(path).velocity(0)


def test_streams_in_a_row_count_together(path: Path) -> None:
    with_codecs(path / "velocity", "bytes", "gzip")
    (path / "velocity" / CHUNK).write_bytes(gzip.compress(bytes(DECLARED - 4)) + gzip.compress(bytes(100_000)))
    with pytest.raises(InputError, match="unpacks to more"):
        CampaignStore.open(path).velocity(0)


def test_a_frame_that_does_not_say_what_it_becomes(path: Path) -> None:
    with_codecs(path / "velocity", "bytes", "zstd")
    frame = bytearray(packed("zstd", DECLARED))
    # Neither a single segment nor a size.
    frame[4] &= 0b00011111
    (path / "velocity" / CHUNK).write_bytes(frame)
    with pytest.raises(InputError, match="unpacks to more"):
        CampaignStore.open(path).velocity(0)


def test_a_chunk_larger_than_its_array_is_not_read(path: Path) -> None:
    (path / "velocity" / CHUNK).write_bytes(bytes(100_000))
    with pytest.raises(InputError, match=r"of 100000 bytes\); allowed: at most"):
        CampaignStore.open(path).velocity(0)


@pytest.mark.parametrize("name", ["zarr.json", "vs/zarr.json", "time/c/0", f"velocity/{CHUNK}"])
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_devices_and_pipes_are_never_opened(name: str, kind: str, path: Path) -> None:
    (path / name).unlink()
    if kind == "pipe":
        os.mkfifo(path / name)
    else:
        (path / name).symlink_to("/dev/zero")
    with pytest.raises(InputError, match="a device, pipe or socket"):
        CampaignStore.open(path).velocity(0)


def test_links_to_regular_files_are_followed(path: Path, tmp_path: Path) -> None:
    shutil.move(path / "velocity", tmp_path / "elsewhere")
    (path / "velocity").symlink_to(tmp_path / "elsewhere")
    assert CampaignStore.open(path).velocity(0).shape == (3, 3, 2, 7)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"a":' * 100_000, " " * (9 << 20), '{"shape": [' + "9" * 9000 + "]}"]
)
@pytest.mark.parametrize("name", ["zarr.json", "vs/zarr.json"])
def test_metadata_that_no_store_has(name: str, content: str, path: Path) -> None:
    (path / name).write_text(content)
    refused(path, "store")


def test_what_was_never_written_is_bounded_by_what_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MIN_UNPACKED_BYTES", 10_000)
    assert CampaignStore.open(path).count == 2
    for name in ("status", "split"):
        edit(path / name, lambda content: content.update(shape=[900_000]))
    refused(path, r"MB in memory, \d+ bytes on the disk")


def test_millions_of_chunks_are_not_asked_for(path: Path) -> None:
    def cut(content: dict[str, Any]) -> None:
        content["shape"] = [900_000]
        content["chunk_grid"]["configuration"]["chunk_shape"] = [1]

    edit(path / "status", cut)
    refused(path, "status: 900000 chunks")


def test_what_a_store_says_of_itself_is_printed_escaped(path: Path) -> None:
    edit(path, lambda content: content["attributes"].update(origin="evil\n\x1b[2Jname \u202e"))
    text = describe(CampaignStore.open(path))
    assert all(line.isprintable() for line in text.split("\n"))
    assert r"evil\n\x1b[2Jname \u202e" in text
