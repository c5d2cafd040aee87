"""What calls out go to, and who they say calls."""

import pytest

from offhook.carriers.call_target import (
    CallTarget,
    call_target,
    caller_id,
    checked_headers,
    keyed_number,
    redirected,
    require_listed,
    written,
)
from offhook.settings.allowed import is_listed
from offhook.settings.config import Config, OutboundConfig
from offhook.settings.trunks import TrunkConfig
from offhook.usererror import UserError

PROVIDER = TrunkConfig(host="sip.example.com", user="bot", allowed_numbers=("+1555*", "100"))
GERMAN = TrunkConfig(host="pbx.example.de", port=5080, number_format="national", country_code="49", user="620")
BARE = TrunkConfig(host="sip.example.net", number_format="e164_without_plus", allowed_numbers=("+1555*",))


def config(**trunks: TrunkConfig) -> Config:
    return Config(trunks=trunks or {"provider": PROVIDER})


@pytest.mark.parametrize(
    ("address", "uri", "name"),
    [
        ("+15551234567", "sip:+15551234567@sip.example.com", "+15551234567"),
        ("tel:+1-555-123-4567;phone-context=x", "sip:+15551234567@sip.example.com", "+15551234567"),
        ("+1 (555) 123-4567", "sip:+15551234567@sip.example.com", "+15551234567"),
        ("100", "sip:100@sip.example.com", "100"),
        ("*72#", "sip:*72%23@sip.example.com", "*72#"),
        ("sip:+15551234567@SIP.example.com;user=phone", "sip:+15551234567@sip.example.com", "+15551234567"),
        ("sip:alice@sip.example.com", "sip:alice@sip.example.com", "alice"),
    ],
)
def test_by_a_trunk(address: str, uri: str, name: str) -> None:
    assert call_target(address, None, config()) == CallTarget(uri, name, "provider")
    assert call_target(address, "provider", config(other=GERMAN, provider=PROVIDER)).uri == uri


def test_an_address_elsewhere_is_called_directly() -> None:
    target = call_target("sip:100@192.0.2.7:5080;transport=tcp", None, config())
    assert target == CallTarget("sip:100@192.0.2.7:5080;transport=tcp", "100@192.0.2.7")
    with pytest.raises(UserError, match="the trunk provider calls at"):
        call_target("sip:100@192.0.2.7", "provider", config())


@pytest.mark.parametrize("rest", [":5080", ";transport=tcp", ".", ".:5080;transport=tls"])
def test_an_address_at_a_trunks_host_goes_by_it_whatever_its_port_and_transport(rest: str) -> None:
    target = call_target(f"sip:100@SIP.example.com{rest}", None, config())
    assert target == CallTarget("sip:100@sip.example.com", "100", "provider")


@pytest.mark.parametrize(
    ("address", "uri", "name"),
    [
        ("sip:+1-555-123-4567@192.0.2.7;user=phone", "sip:+15551234567@192.0.2.7", "+15551234567@192.0.2.7"),
        ("sips:%31%30%30@PBX.example.com;x=y", "sips:100@pbx.example.com", "100@pbx.example.com"),
    ],
)
def test_what_is_called_directly_is_what_lists_are_compared_with(address: str, uri: str, name: str) -> None:
    assert call_target(address, None, config()) == CallTarget(uri, name)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "+",
        "+0123456789",
        "+1555",
        "+15551234567890123",
        "one two",
        "sip:",
        "sip:@sip.example.com",
        "sip:a:b@sip.example.com",
        "sip:a@sip.example.com?Replaces=x",
        "sip:a@sip.example.com;maddr=192.0.2.66",
        "sip:a@192.0.2.7;maddr=192.0.2.66",
        "sip:+15551234567;rn=+19005550199;npdi@192.0.2.7",
        "sip:1%3Brn=+19005550199@192.0.2.7",
        "sip:a@[::1",
        "mailto:a@b",
        "x" * 300,
        "100\r\nVia: x",
        "sip:100\x00@sip.example.com",
        "+15551234567@evil.example",
    ],
)
def test_what_cannot_be_called(address: str) -> None:
    with pytest.raises(UserError):
        call_target(address, None, config())


def test_several_trunks_need_a_name() -> None:
    with pytest.raises(UserError, match="several trunks"):
        call_target("+15551234567", None, config(one=PROVIDER, two=GERMAN))
    with pytest.raises(UserError, match="did you mean"):
        call_target("+15551234567", "provder", config())


@pytest.mark.parametrize(
    ("trunk", "number", "on_the_wire"),
    [
        (PROVIDER, "+4930123456", "+4930123456"),
        (BARE, "+4930123456", "4930123456"),
        (GERMAN, "+4930123456", "030123456"),
        (GERMAN, "+15551234567", "0015551234567"),
        (GERMAN, "620", "620"),
    ],
)
def test_how_numbers_are_written(trunk: TrunkConfig, number: str, on_the_wire: str) -> None:
    assert written(number, trunk) == on_the_wire


@pytest.mark.parametrize(
    ("pattern", "name", "listed"),
    [
        ("+1555*", "+15551234567", True),
        ("+1555*", "+1555", True),
        ("+1555*", "15551234567", False),
        ("+1555*", "001555123456", False),
        ("+1555", "+15551", False),
        ("*", "+9", True),
        ("100", "100", True),
        ("*@pbx.example.com", "100@PBX.example.com", True),
        ("*@pbx.example.com", "100@pbx.example.com.evil.example", False),
        ("1*@pbx.example.com", "200@pbx.example.com", False),
        ("*", "100@pbx.example.com", True),
        ("1*", "100@pbx.example.com", False),
    ],
)
def test_lists(pattern: str, name: str, listed: bool) -> None:
    assert is_listed((pattern,), name) == listed


AMERICAN = {"country_code": "1", "national_prefix": "1", "international_prefix": "011", "allowed_numbers": ("+1555*",)}


@pytest.mark.parametrize(
    ("changes", "keyed", "number"),
    [
        ({"allowed_numbers": ("+1555*",)}, "15551234567", "+15551234567"),
        ({"allowed_numbers": ("+1555*",)}, "+15551234567", "+15551234567"),
        ({"allowed_numbers": ("+1555*",)}, "5551234567", "5551234567"),  # of which country?
        ({"allowed_numbers": ("+4930*",)}, "004930123456", "+4930123456"),
        ({"allowed_numbers": ("+4930*",), "country_code": "49"}, "030123456", "+4930123456"),
        ({"allowed_numbers": ("+4930*",), "country_code": "49"}, "004430123456", "004430123456"),
        ({"allowed_numbers": ("2*",)}, "200", "200"),
        ({"allowed_numbers": ("+1900*",)}, "15551234567", "15551234567"),
        (AMERICAN, "5551234567", "+15551234567"),
        (AMERICAN, "15551234567", "+15551234567"),
        (AMERICAN, "01115551234567", "+15551234567"),
    ],
)
def test_a_number_without_a_plus_sign_is_one_that_is_listed(
    changes: dict[str, object], keyed: str, number: str
) -> None:
    trunk = TrunkConfig.model_validate({"host": "sip.example.com", **changes})
    assert keyed_number(keyed, trunk) == number


def test_who_is_held_to_the_list() -> None:
    free, listed = config(free=GERMAN), config()
    target = call_target("+19005550000", None, free)
    require_listed(target, free, by_others=False)
    with pytest.raises(UserError, match="may not be called by the trunk free"):
        require_listed(target, free, by_others=True)
    for by_others in (False, True):
        with pytest.raises(UserError, match="toll fraud"):
            require_listed(call_target("+19005550000", None, listed), listed, by_others=by_others)
        require_listed(call_target("+15550001111", None, listed), listed, by_others=by_others)


def test_direct_calls_by_others_need_their_address_listed() -> None:
    closed = Config()
    opened = Config(outbound=OutboundConfig(allowed_addresses=("*@192.0.2.7",)))
    target = call_target("sip:100@192.0.2.7", None, closed)
    require_listed(target, closed, by_others=False)
    with pytest.raises(UserError, match="allowed_addresses"):
        require_listed(target, closed, by_others=True)
    require_listed(target, opened, by_others=True)


@pytest.mark.parametrize(
    ("trunk", "contact", "uri"),
    [
        (PROVIDER, "sip:+15557654321@192.0.2.9:5080", "sip:+15557654321@sip.example.com"),
        (PROVIDER, "sip:+19005550000@192.0.2.9", None),
        (PROVIDER, "tel:+15557654321", "sip:+15557654321@sip.example.com"),
        (PROVIDER, "mailto:a@b", None),
        (BARE, "sip:15557654321@192.0.2.9", "sip:15557654321@sip.example.net"),
        (GERMAN, "sip:030123456@192.0.2.9", None),
    ],
)
def test_where_a_call_may_be_redirected(trunk: TrunkConfig, contact: str, uri: str | None) -> None:
    settings = config(it=trunk)
    found = redirected(contact, call_target("100", "it", settings), settings)
    assert (found.uri if found is not None else None) == uri


def test_a_direct_call_is_not_redirected_to_a_trunk() -> None:
    settings = config()
    before = call_target("sip:100@192.0.2.7", None, settings)
    assert redirected("sip:+15551234567@sip.example.com", before, settings) is None
    assert redirected("sip:200@192.0.2.7", before, settings) is None  # not listed


@pytest.mark.parametrize(
    ("changes", "uri", "display", "headers"),
    [
        ({}, "sip:bot@sip.example.com", "", ()),
        ({"caller_id": "+15550001111"}, "sip:+15550001111@sip.example.com", "", ()),
        (
            {"caller_id": "+15550001111", "caller_id_header": "p-asserted-identity"},
            "sip:bot@sip.example.com",
            "",
            (("P-Asserted-Identity", "<sip:+15550001111@sip.example.com>"),),
        ),
        (
            {"caller_id": "+15550001111", "hide_caller_id": True},
            "sip:anonymous@anonymous.invalid",
            "Anonymous",
            (("P-Preferred-Identity", "<sip:+15550001111@sip.example.com>"), ("Privacy", "id")),
        ),
    ],
)
def test_who_calls(changes: dict[str, object], uri: str, display: str, headers: tuple[tuple[str, str], ...]) -> None:
    found = caller_id(TrunkConfig(host="sip.example.com", user="bot", **changes), None)  # type: ignore[arg-type]
    assert (found.uri, found.display, found.headers) == (uri, display, headers)


def test_the_callers_number_is_written_as_the_trunk_does() -> None:
    assert caller_id(GERMAN, "+4930123456").uri == "sip:030123456@pbx.example.de"
    with pytest.raises(UserError, match="cannot be the caller"):
        caller_id(GERMAN, "a@b")


@pytest.mark.parametrize("name", ["Via", "From", "Route", "Contact", "Content-Length", "Authorization", "X-", "X-a b"])
def test_headers_that_a_call_depends_on_are_not_given(name: str) -> None:
    with pytest.raises(UserError):
        checked_headers({name: "value"})


def test_headers() -> None:
    assert checked_headers({"X-Order": "4711", "user-to-user": "00"}) == (("X-Order", "4711"), ("user-to-user", "00"))
    for value in ("a\r\nVia: b", "a\x00", "x" * 501):
        with pytest.raises(UserError):
            checked_headers({"X-Order": value})
    with pytest.raises(UserError, match="more than"):
        checked_headers([("X-Order", "1")] * 17)
