"""Files that come through the browser: limited in size, read by the same readers as any other, never unpickled."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath

import xarray as xr

from spectremor.core.errors import InputError
from spectremor.data.geology_files import read_geology
from spectremor.data.hdf5 import unfolded_bytes
from spectremor.data.wavefield_files import read_wavefield
from spectremor.web.ground import Ground

MAX_UPLOAD_MB = 64
#: Of what an upload becomes in memory: a few MB of zeros, well compressed, would take all that a machine has.
MAX_UNFOLDED_MB = 512
WAVEFIELD_SUFFIXES = (".nc", ".nc4", ".h5")
GROUND_SUFFIXES = (".nc", ".nc4", ".h5", ".npy")
#: Formats that can unfold.
_FOLDED = (".nc", ".nc4", ".h5")


def read_upload(name: str, content: bytes) -> xr.DataArray:
    """The wavefield in an uploaded file.

    Args:
        name: as the browser gave it; only its ending is used.
        content: the file.

    Raises:
        InputError: too large as it is or unfolded, another kind of file, or what `read_wavefield` refuses.
    """
    with _as_file(name, content, WAVEFIELD_SUFFIXES, "a wavefield file") as path:
        return read_wavefield(path).load()


def read_ground(name: str, content: bytes) -> Ground:
    """The geology in an uploaded file.

    Args:
        name: as for `read_upload`.
        content: the file.

    Raises:
        InputError: too large as it is or unfolded, another kind of file, or what `read_geology` refuses.
    """
    with _as_file(name, content, GROUND_SUFFIXES, "a file with a geology") as path:
        own = PurePath(name).name
        # A person who types it must not have it taken for an option.
        return Ground(read_geology(path), own, f"./{own}" if own.startswith("-") else own)


@contextlib.contextmanager
def _as_file(name: str, content: bytes, suffixes: tuple[str, ...], what: str) -> Iterator[Path]:
    """The content as a file of its own, gone afterwards; what is said about it names it as the person does."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in suffixes:
        raise InputError("upload", name, f"{what}: {' or '.join(suffixes)}")
    if not content:
        raise InputError("upload", f"{name} of 0 bytes", what)
    if len(content) > MAX_UPLOAD_MB * 2**20:
        raise InputError("upload", f"{len(content) / 2**20:.0f} MB", f"at most {MAX_UPLOAD_MB} MB")
    with tempfile.TemporaryDirectory(prefix="spectremor-") as folder:
        path = Path(folder) / f"upload{suffix}"
        path.write_bytes(content)
        try:
            if suffix in _FOLDED:
                _check_unfolded(path)
            yield path
        except InputError as error:
            # The person knows the file by its own name.
            value, allowed = (str(text).replace(str(path), name) for text in (error.value, error.allowed))
            raise InputError(error.field, value, allowed) from None


def _check_unfolded(path: Path) -> None:
    unfolded = unfolded_bytes(path, field="upload")
    if unfolded > MAX_UNFOLDED_MB * 2**20:
        found = f"{path} that unfolds to {unfolded / 2**20:.0f} MB"
        raise InputError("upload", found, f"at most {MAX_UNFOLDED_MB} MB in memory")
