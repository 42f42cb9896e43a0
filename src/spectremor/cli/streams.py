"""Standard output and error as a command's work can rely on: a reader that goes away does not end the work."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, cast


class LastingStream:
    """A text stream that takes everything.

    Also when nobody reads it any more, when its disk is full, and characters that its encoding does not have.

    Attributes:
        error: what the stream said when it failed; nothing is written to it from then on.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            # A Japanese path on a Latin terminal is shown in escapes.
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write, or drop what cannot be written."""
        if self.error is None:
            with self._failing():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or drop what cannot be written."""
        if self.error is None:
            with self._failing():
                self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        if name in ("buffer", "detach"):
            # Whoever wrote to the bytes below would not be kept from failing.
            raise AttributeError(name)
        return getattr(self._stream, name)

    @property
    def reader_left(self) -> bool:
        """Whether it was a pipe whose reader had seen enough (`| head`)."""
        return self.error is not None and self.error.errno == errno.EPIPE

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = error
            self._point_nowhere()

    def _point_nowhere(self) -> None:
        """What is still in the buffer is written when the process ends: it must find an open end."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def lasting_streams() -> Iterator[LastingStream | None]:
    """Standard output and error that outlast their readers; yields standard output, None where it is closed."""
    before = sys.stdout, sys.stderr
    output, error = (None if stream is None else LastingStream(stream) for stream in before)
    sys.stdout, sys.stderr = cast(Any, output), cast(Any, error)
    try:
        yield output
    finally:
        for stream in (output, error):
            if stream is not None:
                stream.flush()
        sys.stdout, sys.stderr = before
