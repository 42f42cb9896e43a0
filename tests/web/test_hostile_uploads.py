"""Uploads made to reach other files of this machine."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.web.uploads import read_upload


def stored_elsewhere(file: h5py.File, shape: tuple[int, ...], secret: Path) -> None:
    file.create_dataset("velocity", shape=shape, dtype="f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def linked(file: h5py.File, shape: tuple[int, ...], secret: Path) -> None:
    with h5py.File(secret.with_suffix(".h5"), "w") as other:
        other["velocity"] = np.zeros(shape, "f4")
    file["velocity"] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "/velocity")


def virtual(file: h5py.File, shape: tuple[int, ...], secret: Path) -> None:
    layout = h5py.VirtualLayout(shape=shape, dtype="f4")
    layout[...] = h5py.VirtualSource(str(secret.with_suffix(".h5")), "velocity", shape=shape)
    file.create_virtual_dataset("velocity", layout)


@pytest.mark.parametrize("trick", [stored_elsewhere, linked, virtual])
def test_data_outside_the_file_is_never_read(tmp_path, field_file, field, trick):
    secret = tmp_path / "secret.bin"
    np.zeros(field.size, "f4").tofile(secret)
    crafted = tmp_path / "crafted.nc"
    crafted.write_bytes(field_file.read_bytes())
    with h5py.File(crafted, "a") as file:
        del file["velocity"]
        trick(file, field.shape, secret)
    with pytest.raises(InputError, match=r"wavefield\.velocity: got (a link|data stored outside the file)"):
        read_upload("crafted.nc", crafted.read_bytes())


def test_a_bomb_is_refused_before_it_unfolds(tmp_path):
    bomb = tmp_path / "bomb.nc"
    with h5py.File(bomb, "w") as file:
        file.create_dataset("velocity", shape=(3, 4000, 4000, 400), chunks=(1, 100, 100, 400), dtype="f4")
    assert bomb.stat().st_size < 100_000
    with pytest.raises(InputError, match="at most"):
        read_upload("bomb.nc", bomb.read_bytes())
