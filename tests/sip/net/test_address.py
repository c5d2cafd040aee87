import pytest

from offhook.sip.net.address import Address, numeric


def test_ipv6_is_bracketed_in_uris() -> None:
    assert str(Address("192.0.2.1", 5060)) == "192.0.2.1:5060"
    assert str(Address("2001:db8::1", 5060)) == "[2001:db8::1]:5060"
    assert Address("2001:db8::1", 5060).uri_host == "[2001:db8::1]"


@pytest.mark.parametrize(("host", "wildcard"), [("0.0.0.0", True), ("::", True), ("127.0.0.1", False), ("a", False)])
def test_wildcards(host: str, wildcard: bool) -> None:
    assert Address(host, 5060).is_wildcard is wildcard


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_numeric(host: str, text: str) -> None:
    assert str(numeric(host)) == text


@pytest.mark.parametrize("host", ["", "example.com", "192.0.2", "1.2.3.256", "localhost"])
def test_names_are_not_numeric(host: str) -> None:
    assert numeric(host) is None
