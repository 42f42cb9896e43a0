"""Which hosts and origins may ask for the page."""

from __future__ import annotations

import pytest

from spectremor.core.errors import InputError
from spectremor.web.hosts import AllowedHosts


@pytest.mark.parametrize("host", ["127.0.0.1:8750", "localhost:8750", "LOCALHOST:8750", "[::1]:8750"])
def test_this_machines_own_names_are_allowed_with_the_port(host):
    assert AllowedHosts.of(8750).allows(host)
    assert AllowedHosts.of(8750).allows_origin(f"http://{host}")


@pytest.mark.parametrize(
    "host",
    [
        *(
            None,
            "",
            "localhost",
            "localhost:8751",
            "evil.example:8750",
            "127.0.0.1.evil.example:8750",
            "localhost.:8750",
        ),
        *("127.0.0.1:8750,evil.example", "evil.example@127.0.0.1:8750", "127.0.0.1:8750/x", "[::1", "2130706433:8750"),
        *("localhost.:8750", "localhost:8750\n", "localhost:", "localhost:8750:8750", "*", "*:8750"),
    ],
)
def test_others_are_not(host):
    assert not AllowedHosts.of(8750).allows(host)


def test_on_port_80_the_port_is_not_written():
    assert AllowedHosts.of(80).allows("localhost")
    assert not AllowedHosts.of(8750).allows("localhost")


def test_further_names_with_a_port_and_for_all_ports():
    hosts = AllowedHosts.of(8750, ["Tunnel.example", "localhost:9000"])
    for host in ("tunnel.example", "tunnel.example:8750", "tunnel.example:443", "localhost:9000", "localhost:8750"):
        assert hosts.allows(host)
    for host in ("localhost:9001", "a.tunnel.example", "tunnel.example.evil"):
        assert not hosts.allows(host)


@pytest.mark.parametrize("name", ["", "*", "a b", "http://tunnel.example", "a/b", "name:port", "name:123456"])
def test_what_is_no_host_name_is_refused(name):
    with pytest.raises(InputError, match="--allow-host"):
        AllowedHosts.of(8750, [name])


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example:8750", "file://", "http://[", "ftp://localhost:8750", ""]
)
def test_foreign_origins(origin):
    assert not AllowedHosts.of(8750).allows_origin(origin)


def test_what_is_no_browser_says_no_origin():
    assert AllowedHosts.of(8750).allows_origin(None)
