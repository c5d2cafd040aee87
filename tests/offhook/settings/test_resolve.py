import socket
from typing import Any

import pytest

from offhook.settings.config import Config, SipConfig
from offhook.settings.resolve import with_addresses
from offhook.usererror import UserError
from tests.sip.net.test_stun import server

NAMES = {"bot.example.com": ("203.0.113.7", "2001:db8::7"), "four.example.com": ("203.0.113.8", "")}


@pytest.fixture(autouse=True)
def name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NAMES`, and nothing else but addresses."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: object, family: int = 0, *rest: Any, **named: Any) -> Any:
        known = NAMES.get(host)
        if known is None:
            # Numbers alone: a test asks no server.
            return real(host, None, family, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        address = known[1 if family == socket.AF_INET6 else 0]
        if not address:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(address, None, family, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def advertised(host: str | None, bound: str = "0.0.0.0") -> str | None:
    return with_addresses(Config(sip=SipConfig(host=bound, advertised_host=host))).sip.advertised_host


@pytest.mark.parametrize(
    ("host", "bound", "address"),
    [
        (None, "0.0.0.0", None),
        ("203.0.113.7", "10.0.0.1", "203.0.113.7"),
        ("bot.example.com", "10.0.0.1", "203.0.113.7"),
        ("bot.example.com", "::", "2001:db8::7"),
        ("2001:db8::7", "fd00::1", "2001:db8::7"),
    ],
)
def test_what_is_advertised_is_an_address(host: str | None, bound: str, address: str | None) -> None:
    assert advertised(host, bound) == address


@pytest.mark.parametrize(
    ("host", "bound", "why", "todo"),
    [
        (
            "nowhere.example.com",
            "0.0.0.0",
            "it cannot be resolved to an IPv4 address",
            'advertised_host = "203.0.113.7"',
        ),
        ("four.example.com", "::", "it cannot be resolved to an IPv6 address", "the address itself"),
        ("2001:db8::7", "0.0.0.0", "media and signalling are IPv4", '`host = "::"`'),
        ("203.0.113.7", "fd00::1", "media and signalling are IPv6", '`host = "0.0.0.0"`'),
    ],
)
def test_what_cannot_be_advertised_is_refused(host: str, bound: str, why: str, todo: str) -> None:
    with pytest.raises(UserError) as caught:
        advertised(host, bound)
    (problem,) = caught.value.problems
    assert problem.where == "sip.advertised_host"
    assert why in problem.why
    assert todo in problem.todo


def test_a_stun_server_says_the_address() -> None:
    with server() as port:
        config = with_addresses(Config(sip=SipConfig(host="0.0.0.0", stun_server=f"127.0.0.1:{port}")))
    assert config.sip.advertised_host == "127.0.0.1"
    # What is set counts more, and nobody is asked.
    sip = SipConfig(host="0.0.0.0", stun_server="127.0.0.1:9", advertised_host="203.0.113.7")
    assert with_addresses(Config(sip=sip)).sip.advertised_host == "203.0.113.7"


def test_a_stun_server_that_is_not_there() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with pytest.raises(UserError) as raised:
        with_addresses(Config(sip=SipConfig(stun_server=f"127.0.0.1:{port}")))
    assert raised.value.problems[0].todo == "another server, or `advertised_host = …` below `[sip]` in its place"


@pytest.mark.parametrize(("server", "fits"), [("192.0.2.53", True), ("[2001:db8::1]:5353", True), ("dns.test", False)])
def test_name_servers_are_addresses(server: str, fits: bool) -> None:
    if fits:
        assert SipConfig(dns_servers=(server,)).dns_servers == (server,)
    else:
        with pytest.raises(ValueError, match="it must be an IP address"):
            SipConfig(dns_servers=(server,))
