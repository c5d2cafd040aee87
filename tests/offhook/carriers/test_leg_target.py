"""Where calls to other parties go."""

import pytest

from offhook.carriers.call_target import CallTarget
from offhook.carriers.leg_target import leg_redirected, leg_target
from offhook.settings.config import Config
from offhook.usererror import UserError

TRUNKS = {
    "open": {"host": "pbx.example.com"},
    "udp": {"host": "udp.example.com", "port": 5070, "transport": "udp"},
    "tls": {"host": "tls.example.com", "transport": "tls"},
}


def config(*allow: str) -> Config:
    return Config.load(None, {"trunks": TRUNKS, "transfer": {"allow": list(allow)}})


@pytest.mark.parametrize(
    ("address", "uri", "trunk"),
    [
        ("sip:200@pbx.example.com", "sip:200@pbx.example.com", "open"),
        ("sip:200@PBX.example.com.:5060", "sip:200@pbx.example.com:5060", "open"),
        ("sip:200@pbx.example.com;transport=tcp", "sip:200@pbx.example.com", "open"),
        ("sip:200@pbx.example.com:5061;transport=tls", "sip:200@pbx.example.com:5061", "open"),
        ("sip:200@udp.example.com;transport=udp", "sip:200@udp.example.com", "udp"),
        ("sip:200@udp.example.com:5070", "sip:200@udp.example.com:5070", "udp"),
        ("sips:200@tls.example.com", "sips:200@tls.example.com", "tls"),
        ("sips:200@tls.example.com;transport=tcp", "sips:200@tls.example.com", "tls"),
        ("sip:200@192.0.2.7:5090;transport=tcp;user=phone", "sip:200@192.0.2.7:5090;transport=tcp", ""),
    ],
)
def test_an_address_goes_by_the_trunk_at_its_host(address: str, uri: str, trunk: str) -> None:
    target = leg_target(address, "", "", config())
    assert (target.uri, target.trunk, target.counted_by) == (uri, trunk, trunk)


@pytest.mark.parametrize(
    ("address", "trunk"),
    [
        ("sip:200@pbx.example.com:5080", "open"),
        ("sip:200@udp.example.com:5060", "udp"),
        ("sip:200@udp.example.com;transport=tcp", "udp"),
        ("sips:200@udp.example.com", "udp"),
        ("sips:200@pbx.example.com", "open"),
        ("sip:200@tls.example.com;transport=udp", "tls"),
        ("sip:200@tls.example.com:5060", "tls"),
    ],
)
def test_beside_a_trunk_its_limits_count_and_no_more(address: str, trunk: str) -> None:
    target = leg_target(address, "", "", config())
    assert (target.uri, target.trunk, target.counted_by) == (address, "", trunk)


@pytest.mark.parametrize(
    "address",
    [
        "sip:200@udp.example.com;maddr=192.0.2.66",
        "sip:200@192.0.2.7;maddr=192.0.2.66",
        "sip:200:x@pbx.example.com",
        "sip:200@pbx.example.com?Replaces=x",
        "sip:200;rn=+19005550199@192.0.2.7",
        "\x00",
        "200@192.0.2.7",
        "+1",
        "tel:+15551234567",
    ],
)
def test_what_cannot_be_called(address: str) -> None:
    with pytest.raises(UserError, match="cannot be called"):
        leg_target(address, "", "", config())


def test_redirections() -> None:
    settings, before = config("*@192.0.2.7", "*@pbx.example.com"), CallTarget("sip:1@192.0.2.7", "1@192.0.2.7")
    target = leg_redirected("sip:2@192.0.2.7:5070;user=phone", before, settings)
    assert target == CallTarget("sip:2@192.0.2.7:5070", "2@192.0.2.7")
    for contact in ("sip:2@192.0.2.7;maddr=192.0.2.66", "sip:2@pbx.example.com", "sip:2@pbx.example.com:5070", "tel:2"):
        assert leg_redirected(contact, before, settings) is None
    beside = leg_target("sip:1@pbx.example.com:5080", "", "", settings)
    assert leg_redirected("sip:2@pbx.example.com:5090", beside, settings) is not None
    assert leg_redirected("sip:2@pbx.example.com", beside, settings) is None
    assert leg_redirected("sip:2@192.0.2.7", beside, settings) is None
