import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.settings.config import (
    parse_address,
    parse_port_range,
)
from offhook.usererror import UserError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:5060", ("127.0.0.1", 5060)),
        ("[::1]:5060", ("::1", 5060)),
        ("sip.example.com:0", ("sip.example.com", 0)),
        ("localhost", ("localhost", 9)),
        ("[fe80::1%eth0]", ("fe80::1%eth0", 9)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, default_port=9) == address


@pytest.mark.parametrize(
    ("text", "why", "todo"),
    [
        ("", "it is not HOST:PORT", "127.0.0.1:5060"),
        (":5060", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("a b:1", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("host:", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("host:x", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("host:٣", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("sip:host@x:1", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("host:65536", "ports go up to 65535", "127.0.0.1:5060"),
        ("host", "it has no port", "host:5060"),
        ("::1", "an IPv6 address needs brackets", "[::1]:5060"),
        ("[::1", "it is not HOST:PORT", "[::1]:5060"),
    ],
)
def test_what_is_no_address(text: str, why: str, todo: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_address(text)
    problem = caught.value.problems[0]
    assert problem.why == why
    assert todo in problem.todo


@given(st.text(max_size=20))
def test_an_address_is_read_or_refused(text: str) -> None:
    try:
        host, port = parse_address(text)
    except UserError:
        return
    assert host
    assert 0 <= port <= 65_535


def test_port_ranges() -> None:
    assert parse_port_range("10000-10999") == (10_000, 10_999)
    assert parse_port_range(" 10000-10001 ") == (10_000, 10_001)


@pytest.mark.parametrize(
    ("text", "why", "todo"),
    [
        ("10000", "not two numbers", "10000-10999"),
        ("10000:10999", "not two numbers", "10000-10999"),
        ("80-90", "1024 to 65535", "10000-10999"),
        ("10000-70000", "1024 to 65535", "10000-10999"),
        ("10001-10999", "RTP ports are even", "10002-10999"),
        ("10000-10000", "two ports", "10000-10999"),
        ("20000-10000", "two ports", "20000-20999"),
    ],
)
def test_what_is_no_port_range(text: str, why: str, todo: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_port_range(text)
    problem = caught.value.problems[0]
    assert why in problem.why
    assert todo in problem.todo
