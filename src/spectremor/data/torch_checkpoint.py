"""Tensors from a torch checkpoint (a zip archive with a pickle inside), without unpickling anything.

A pickle is a program for a stack machine. Here it is followed step by step: lists, dictionaries, numbers and strings
are made; an import gives a name and nothing more; the only calls that are understood make a tensor from a storage or an
empty dictionary. Any other step or call is refused, so nothing of the file ever runs.
"""

from __future__ import annotations

import dataclasses
import math
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.reading import existing_file

#: Types of storages that hold weights.
_STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
#: Limits far above any network of this project: bytes of the pickle, and numbers in all tensors together. A small file
#: could ask for any number of them, since many tensors may share one storage.
_MAX_PICKLE = 1 << 24
_MAX_NUMBERS = 1 << 28
_ALLOWED = "a state dict that torch.save wrote (1.6 or later, uncompressed)"


#: Errors of this module and of zipfile for a damaged file; RuntimeError: encrypted, or of another version of zip.
_DAMAGED = (
    zipfile.BadZipFile,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


@dataclasses.dataclass(frozen=True)
class _Name:
    """Name of an object that the pickle would import."""

    name: str


@dataclasses.dataclass(frozen=True)
class _Storage:
    """Numbers in a file of the archive."""

    dtype: str
    key: str


class _Mark:
    """Where the items of a list, tuple or dictionary begin on the stack."""


def read_torch_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint by name; where it holds more, those in its `state_dict` or `model`.

    Args:
        path: path of the file.

    Raises:
        InputError: no such file, no zip archive of torch, or an archive with anything but plain values and tensors.
    """
    path = Path(path)
    existing_file(path, field="checkpoint", allowed=_ALLOWED)
    try:
        with zipfile.ZipFile(path) as archive:
            values = _Reader(archive).value()
    except InputError as error:
        raise InputError("checkpoint", f"{path}: {error.value}", error.allowed) from None
    except _DAMAGED as error:
        raise InputError("checkpoint", f"{path}: {type(error).__name__}", _ALLOWED) from None
    for key_of_tensors in ("state_dict", "model_state_dict", "model"):
        if isinstance(values, dict) and isinstance(values.get(key_of_tensors), dict):
            values = values[key_of_tensors]
    if not isinstance(values, dict) or not values:
        raise InputError("checkpoint", f"{path}: no dictionary of tensors", _ALLOWED)
    foreign = [key for key, value in values.items() if not (isinstance(key, str) and isinstance(value, np.ndarray))]
    if foreign:
        raise InputError("checkpoint", f"{path}: {str(foreign[0])[:80]!r} is no tensor", _ALLOWED)
    return values


class _Reader:
    """The stack machine that reads the pickle.

    Args:
        archive: the checkpoint.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        pickles = [info for info in archive.infolist() if info.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise InputError("checkpoint", "another archive", _ALLOWED)
        self.folder = pickles[0].filename.removesuffix("data.pkl")
        if pickles[0].file_size > _MAX_PICKLE:
            raise InputError("checkpoint", f"a pickle of {pickles[0].file_size} bytes", f"at most {_MAX_PICKLE}")
        self.program = archive.read(pickles[0])
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, bytes] = {}
        self.numbers_left = _MAX_NUMBERS

    def value(self) -> Any:
        """The object that the pickle describes."""
        for opcode, argument, _ in pickletools.genops(self.program):
            name = opcode.name
            if name in ("PROTO", "FRAME"):
                continue
            if name == "STOP":
                return self.stack.pop()
            if name in _PUSHED:
                self.stack.append(_PUSHED[name](argument))
            elif name in _STEPS:
                _STEPS[name](self, argument)
            else:
                raise InputError("checkpoint", f"a step {name}", "plain values and tensors alone")
        raise InputError("checkpoint", "a truncated pickle", _ALLOWED)

    def items(self) -> list[Any]:
        """The objects that were pushed since the last mark, which are removed from the stack together with it."""
        start = len(self.stack) - 1
        while not isinstance(self.stack[start], _Mark):
            start -= 1
            if start < 0:
                raise ValueError("no mark")
        pushed = self.stack[start + 1 :]
        del self.stack[start:]
        return pushed

    def set_items(self, _argument: Any) -> None:
        """Fill a dictionary."""
        flat = self.items()
        self.stack[-1].update(zip(flat[::2], flat[1::2], strict=True))

    def set_item(self, _argument: Any) -> None:
        """Set one entry of a dictionary."""
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1][key] = value

    def storage(self, _argument: Any) -> None:
        """Push a storage, from ("storage", type, key, device, count)."""
        _, kind, key, _, _ = self.stack.pop()
        dtype = _STORAGES.get(kind.name.rpartition(" ")[2])
        if dtype is None:
            raise InputError("checkpoint", f"numbers of type {kind.name}", ", ".join(_STORAGES))
        self.stack.append(_Storage(dtype, str(key)))

    def call(self, _argument: Any) -> None:
        """Run a call that is understood: an empty ordered dictionary, or a tensor."""
        arguments, called = self.stack.pop(), self.stack.pop()
        called_name = called.name if isinstance(called, _Name) else ""
        if called_name == "collections OrderedDict" and not arguments:
            self.stack.append({})
        elif called_name == "torch._utils _rebuild_tensor_v2":
            self.stack.append(self.tensor(*arguments[:4]))
        elif called_name == "torch._utils _rebuild_parameter":
            self.stack.append(arguments[0])
        else:
            raise InputError("checkpoint", f"a call of {called_name or 'a value'}", "plain values and tensors alone")

    def tensor(self, storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> np.ndarray:
        """A copy of the tensor with the given shape and strides in a storage."""
        if storage.key not in self.storages:
            self.storages[storage.key] = self.archive.read(f"{self.folder}data/{storage.key}")
        data, count = np.frombuffer(self.storages[storage.key], storage.dtype), math.prod(shape)
        if min((offset, *shape, *stride), default=0) < 0 or count > len(data):
            raise InputError("checkpoint", f"a tensor of shape {shape}"[:120], "one that lies inside its storage")
        self.numbers_left -= count
        if self.numbers_left < 0:
            raise InputError("checkpoint", "more numbers in all tensors", f"at most {_MAX_NUMBERS} numbers")
        last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
        if not count:
            return np.zeros(shape, storage.dtype)
        if last >= len(data):
            raise InputError("checkpoint", f"a tensor of shape {shape}"[:120], "one that lies inside its storage")
        steps = tuple(step * data.itemsize for step in stride)
        return np.lib.stride_tricks.as_strided(data[offset:], shape, steps, writeable=False).copy()


def _pushing(change: Callable[[list[Any]], Any]) -> Callable[[_Reader, Any], None]:
    return lambda reader, _argument: reader.stack.append(change(reader.stack))


def _memoize(reader: _Reader, argument: Any) -> None:
    reader.memo[len(reader.memo) if argument is None else argument] = reader.stack[-1]


def _popped(count: int) -> Callable[[list[Any]], tuple[Any, ...]]:
    return lambda stack: tuple(reversed([stack.pop() for _ in range(count)]))


#: Steps that push a value.
_PUSHED: dict[str, Callable[[Any], Any]] = {
    "MARK": lambda _: _Mark(),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    "EMPTY_LIST": lambda _: [],
    "GLOBAL": _Name,
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"), lambda number: number),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE"), lambda text: text),
}
#: Steps that change the stack.
_STEPS: dict[str, Callable[[_Reader, Any], None]] = {
    "TUPLE1": _pushing(_popped(1)),
    "TUPLE2": _pushing(_popped(2)),
    "TUPLE3": _pushing(_popped(3)),
    "TUPLE": lambda reader, _: reader.stack.append(tuple(reader.items())),
    "BINPUT": _memoize,
    "LONG_BINPUT": _memoize,
    "MEMOIZE": _memoize,
    "BINGET": lambda reader, argument: reader.stack.append(reader.memo[argument]),
    "LONG_BINGET": lambda reader, argument: reader.stack.append(reader.memo[argument]),
    "STACK_GLOBAL": _pushing(lambda stack: _Name(" ".join(map(str, _popped(2)(stack))))),
    "BINPERSID": _Reader.storage,
    "REDUCE": _Reader.call,
    "SETITEM": _Reader.set_item,
    "SETITEMS": _Reader.set_items,
    # Drops an object's state beside its items: torch's version of each module.
    "BUILD": lambda reader, _: reader.stack.pop() and None,
    "APPENDS": lambda reader, _: (lambda items: reader.stack[-1].extend(items))(reader.items()),
    "APPEND": lambda reader, _: (lambda item: reader.stack[-1].append(item))(reader.stack.pop()),
}
