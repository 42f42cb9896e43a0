"""The host names that a request may carry; requests with other names are refused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from spectremor.core.errors import InputError

HOST = "127.0.0.1"
_OWN_NAMES = (HOST, "localhost", "[::1]")
#: A name, an IPv4 address, or an IPv6 address in brackets; then perhaps a port.
_NAME = re.compile(r"([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


@dataclasses.dataclass(frozen=True)
class AllowedHosts:
    """The hosts that a request may name.

    Another web page can make its own host name resolve to this machine (DNS rebinding); a browser then takes this
    server for the server of that page. Such a request carries the other name in its Host header.

    Attributes:
        port: port of the server. This machine's own names are allowed with this port only.
        further: other names that are allowed, with one port or, without a port, with any.
    """

    port: int
    further: frozenset[str] = frozenset()

    @classmethod
    def of(cls, port: int, further: Iterable[str] = ()) -> AllowedHosts:
        """This machine's own names, and the names that a user allows.

        Raises:
            InputError: a name is not a host name.
        """
        names = [name.strip().lower() for name in further]
        for name in names:
            if not _NAME.fullmatch(name):
                raise InputError("--allow-host", name, "a host name as in an address, e.g. tunnel.example or name:9000")
        return cls(port, frozenset(names))

    def allows(self, host: str | None) -> bool:
        """Whether a request may name this host.

        Args:
            host: value of the Host header: a name, and a port unless it is 80.
        """
        host = (host or "").lower()
        if not _NAME.fullmatch(host):
            return False
        name, _, port = host.partition(":") if not host.startswith("[") else _split_brackets(host)
        own = name in _OWN_NAMES and (port or "80") == str(self.port)
        return own or host in self.further or name in self.further

    def allows_origin(self, origin: str | None) -> bool:
        """Whether a page of this origin may open a connection; None, without an Origin header, is allowed."""
        if origin is None:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and self.allows(parts.netloc)


def _split_brackets(host: str) -> tuple[str, str, str]:
    name, _, rest = host.partition("]")
    return f"{name}]", ":", rest.removeprefix(":")
