"""Checkpoints of torch are read without running anything of theirs."""

from __future__ import annotations

import collections
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch

from spectremor.core.errors import InputError
from spectremor.data import torch_checkpoint
from spectremor.data.torch_checkpoint import read_torch_checkpoint


@pytest.fixture
def weights():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm1d(2))
    return network.state_dict()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "wrap", [dict, lambda w: w, lambda w: {"epoch": 3, "lr": 1e-3, "state_dict": w, "log": [1, 2]}]
)
def test_reads_what_torch_saved(weights, protocol, wrap, tmp_path):
    torch.save(wrap(weights), tmp_path / "w.pt", pickle_protocol=protocol)
    read = read_torch_checkpoint(tmp_path / "w.pt")
    assert list(read) == list(weights)
    for name, tensor in weights.items():
        np.testing.assert_array_equal(read[name], tensor.numpy())


def test_reads_views_transposed_and_shared(tmp_path):
    whole = torch.arange(24.0).view(4, 6)
    kept = {"part": whole[1:3, 2:], "turned": whole.T, "whole": whole, "one": torch.tensor(2.5), "half": whole.half()}
    torch.save(kept, tmp_path / "w.pt")
    read = read_torch_checkpoint(tmp_path / "w.pt")
    for name, tensor in kept.items():
        np.testing.assert_array_equal(read[name], tensor.numpy())


class Attack:
    def __reduce__(self):
        return os.system, ("touch attacked",)


def test_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weights": Attack()}, "w.pt")
    with pytest.raises(InputError, match=r"call of (posix|nt|os) system"):
        read_torch_checkpoint("w.pt")
    assert not (tmp_path / "attacked").exists()


def archive(path, program, storages=None, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("archive/data.pkl", program)
        for key, data in (storages or {}).items():
            file.writestr(f"archive/data/{key}", data)
    return path


def saved(tmp_path):
    torch.save({"w": torch.zeros(8)}, tmp_path / "good.pt")
    with zipfile.ZipFile(tmp_path / "good.pt") as file:
        (name,) = [n for n in file.namelist() if n.endswith("data.pkl")]
        return file.read(name)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p, t: archive(p, t, {"0": b"\0" * 28}),  # a storage that is too short
        lambda p, t: archive(p, t),  # none
        lambda p, t: archive(p, t[:40], {"0": b"\0" * 32}),  # truncated
        lambda p, t: archive(p, t, {"0": b"\0" * 32}, zipfile.ZIP_DEFLATED),  # may unpack to anything
        lambda p, t: archive(p, pickle.dumps({"w": 3})),  # no tensor
        lambda p, t: archive(p, pickle.dumps([1])),
        lambda p, t: archive(p, pickle.dumps(collections.Counter("aab"))),
        lambda p, t: archive(p, t.replace(b"FloatStorage", b"EvilsStorage")),
        lambda p, t: p.write_bytes(t),
        lambda p, t: p.write_bytes(b""),
    ],
)
def test_refuses_in_one_line(spoil, tmp_path):
    spoil(tmp_path / "bad.pt", saved(tmp_path))
    with pytest.raises(InputError) as refused:
        read_torch_checkpoint(tmp_path / "bad.pt")
    assert refused.value.field == "checkpoint"
    assert "\n" not in str(refused.value)


class Repeated:
    """A tensor that repeats the numbers of its storage, as a pickle of torch would describe it."""

    def __init__(self, shape, stride):
        self.shape, self.stride = shape, stride

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, (Storage(), 0, self.shape, self.stride, False, {})


class Storage:
    """One storage, whoever names it."""


def repeated(path, tensors, numbers=8):
    """A checkpoint of tensors that share one storage of so many numbers."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, protocol=2)
    pickler.persistent_id = lambda it: (
        ("storage", torch.FloatStorage, "0", "cpu", numbers) if isinstance(it, Storage) else None
    )
    pickler.dump(tensors)
    return archive(path, stream.getvalue(), {"0": bytes(4 * numbers)})


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"w": Repeated((1 << 26,), (0,))}, "inside its storage"),  # 256 MB of 32 bytes
        ({f"{k}": Repeated((8,), (1,)) for k in range(5)}, "at most 32 numbers"),  # more than all may hold
        ({"w": Repeated((0, 1 << 70), (1 << 70, 1))}, "Error"),
        ({"w": Repeated((8,), (1 << 70,))}, "inside its storage"),
    ],
)
def test_small_files_do_not_become_large(tensors, said, tmp_path, monkeypatch):
    monkeypatch.setattr(torch_checkpoint, "_MAX_NUMBERS", 32)
    repeated(tmp_path / "bomb.pt", tensors)
    with pytest.raises(InputError, match=said):
        read_torch_checkpoint(tmp_path / "bomb.pt")


def test_marks_without_end_and_damaged_archives_are_refused(tmp_path):
    archive(tmp_path / "marks.pt", b"\x80\x02" + b"(t" * 100_000 + b"e.")
    good = repeated(tmp_path / "good.pt", {"w": Repeated((8,), (1,))})
    assert read_torch_checkpoint(good)["w"].shape == (8,)
    encrypted = bytearray(good.read_bytes())
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.find(magic) + place] |= 1
    (tmp_path / "locked.pt").write_bytes(encrypted)
    for name in ("marks.pt", "locked.pt"):
        with pytest.raises(InputError, match=r"torch\.save wrote"):
            read_torch_checkpoint(tmp_path / name)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="checkpoint"):
        read_torch_checkpoint(tmp_path / "none.pt")
