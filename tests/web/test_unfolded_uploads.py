"""Small files that become large in memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.data.hdf5 import unfolded_bytes
from spectremor.web import uploads
from spectremor.web.uploads import read_upload


def unfolds_to(path: Path, megabytes: int, names: tuple[str, ...], dtype: str = "f4") -> bytes:
    """A few kB of chunks that were never written."""
    with h5py.File(path, "w") as file:
        for name in names:
            shape = (64, 64, megabytes * 2**20 // (64 * 64 * 8 * len(names)) + 1)
            file.create_dataset(name, shape=shape, chunks=(8, 8, 64), dtype=dtype, compression="gzip")
    assert path.stat().st_size < 100_000
    return path.read_bytes()


@pytest.mark.parametrize("name", ["large.h5", "large.nc"])
@pytest.mark.parametrize("dtype", ["i1", "f4", "f8"])
def test_what_unfolds_beyond_the_limit_is_refused_from_its_headers(tmp_path, name, dtype):
    names = ("uE", "uN", "uZ") if name.endswith("h5") else ("velocity",)
    content = unfolds_to(tmp_path / name, uploads.MAX_DECOMPRESSED_MB, names, dtype)
    tracemalloc.start()
    with pytest.raises(InputError, match=rf"^upload: got {name} that decompresses to 51\d MB; allowed: at most 512 MB"):
        read_upload(name, content)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_repeated_texts_count_as_often_as_they_are_there(tmp_path):
    with h5py.File(tmp_path / "texts.h5", "w") as file:
        file.create_dataset("texts", data=["a" * 5000] * 3, dtype=h5py.string_dtype())
    assert unfolded_bytes(tmp_path / "texts.h5", field="upload") > 3 * 5000


def test_a_field_counts_eight_bytes_a_number(field, field_file):
    numbers = field.size + sum(coordinate.size for name, coordinate in field.coords.items() if name != "component")
    # HDF5 keeps texts in collections of 4096 bytes or more, and none is longer than its collection.
    texts = field.sizes["component"] * 4096
    assert unfolded_bytes(field_file, field="upload") == 8 * numbers + texts


def test_links_and_groups_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file["far"] = h5py.ExternalLink("nowhere.h5", "a")
        file["soft"] = h5py.SoftLink("/nowhere")
        file["group/array"] = np.zeros(1000)
        file["empty"] = h5py.Empty("f4")
    assert unfolded_bytes(tmp_path / "links.h5", field="upload") == 0
