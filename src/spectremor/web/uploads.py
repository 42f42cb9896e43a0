"""Files that come through the browser: limited in size, read by the same readers as any other, never unpickled."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePath

import xarray as xr

from spectremor.core.errors import InputError
from spectremor.data.hdf5 import unfolded_bytes
from spectremor.data.wavefield_files import read_wavefield

MAX_UPLOAD_MB = 64
#: Of what an upload becomes in memory: a few MB of zeros, well compressed, would take all that a machine has.
MAX_UNFOLDED_MB = 512
_SUFFIXES = (".nc", ".nc4", ".h5")


def read_upload(name: str, content: bytes) -> xr.DataArray:
    """The wavefield in an uploaded file.

    Args:
        name: as the browser gave it; only its ending is used.
        content: the file.

    Raises:
        InputError: too large as it is or unfolded, another kind of file, or what `read_wavefield` refuses.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError("upload", name, "a wavefield file: " + " or ".join(_SUFFIXES))
    if not content:
        raise InputError("upload", f"{name} of 0 bytes", "a wavefield file")
    if len(content) > MAX_UPLOAD_MB * 2**20:
        raise InputError("upload", f"{len(content) / 2**20:.0f} MB", f"at most {MAX_UPLOAD_MB} MB")
    with tempfile.TemporaryDirectory(prefix="spectremor-") as folder:
        path = Path(folder) / f"upload{suffix}"
        path.write_bytes(content)
        try:
            unfolded = unfolded_bytes(path, field="upload")
            if unfolded > MAX_UNFOLDED_MB * 2**20:
                found = f"{path} that unfolds to {unfolded / 2**20:.0f} MB"
                raise InputError("upload", found, f"at most {MAX_UNFOLDED_MB} MB in memory")
            return read_wavefield(path).load()
        except InputError as error:
            # The person knows the file by its own name.
            raise InputError(error.field, str(error.value).replace(str(path), name), error.allowed) from None
