"""Where calls may go."""

import pytest

from offhook.settings.config import Config
from offhook.transfer.outcome import TransferError, TransferFailure
from offhook.transfer.targets import target_of
from offhook.usererror import UserError


def config(*allow: str, **targets: str) -> Config:
    return Config.load(None, {"transfer": {"allow": list(allow), "targets": targets}})


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("+15551234567", "sip:+15551234567@pbx"),
        ("tel:+15551234567", "sip:+15551234567@pbx"),
        ("200", "sip:200@pbx"),
        ("#9", "sip:%239@pbx"),
        ("sip:desk@192.0.2.7:5070;transport=tcp", "sip:desk@192.0.2.7:5070;transport=tcp"),
    ],
)
def test_names_have_addresses(address: str, uri: str) -> None:
    assert target_of("desk", config(desk=address)).uri("pbx") == uri


@pytest.mark.parametrize(
    ("given", "allow", "may"),
    [
        ("+15551234567", ("+1555*",), True),
        ("+15551234567", ("+15551234567",), True),
        ("+19005550199", ("+1555*",), False),
        ("+15551234567", (), False),
        ("200", ("2*",), True),
        ("tel:+15551234567", ("+1555*",), True),
        ("sip:desk@pbx.example.com", ("*@pbx.example.com",), True),
        ("sip:desk@PBX.example.com", ("*@pbx.example.com",), True),
        ("sip:desk@evil.example", ("*@pbx.example.com",), False),
        ("sip:pbx.example.com@evil.example", ("*@pbx.example.com",), False),
        ("sip:desk@pbx.example.com@evil.example", ("*@pbx.example.com",), False),
        ("sip:+19005550199@pbx.example.com", ("+1*",), False),
        ("sip:desk:secret@pbx.example.com", ("*@pbx.example.com",), False),
        ("sip:desk@pbx.example.com?Replaces=x", ("*@pbx.example.com",), False),
        ("sip:desk@pbx.example.com;maddr=192.0.2.66", ("*@pbx.example.com",), False),
        ("sip:200;rn=+19005550199@pbx.example.com", ("2*@pbx.example.com",), False),
        ("sip:200%3Brn=+19005550199@pbx.example.com", ("2*@pbx.example.com",), False),
        ("sip:%32%30%30@pbx.example.com", ("200@pbx.example.com",), True),
        ("nobody", ("*@pbx.example.com",), False),
        ("", ("*@pbx.example.com",), False),
        ("sip:a@b\r\nX: y", ("*@b",), False),
    ],
)
def test_only_what_is_listed_is_called(given: str, allow: tuple[str, ...], may: bool) -> None:
    if may:
        assert target_of(given, config(*allow)).name == given
        return
    with pytest.raises(TransferError) as error:
        target_of(given, config(*allow))
    assert error.value.reason is TransferFailure.NOT_ALLOWED


def test_what_is_called_is_what_is_listed() -> None:
    target = target_of("sip:%32%30%30@PBX.example.com:5070;transport=TCP;method=BYE", config("200@pbx.example.com"))
    assert target.address == "sip:200@pbx.example.com:5070;transport=tcp"


@pytest.mark.parametrize("address", ["sip:@@@", "sip:desk@pbx.example.com;maddr=192.0.2.66"])
def test_a_target_that_is_no_address_is_said(address: str) -> None:
    with pytest.raises(TransferError, match="not an address that can be called"):
        target_of("desk", config(desk=address))


@pytest.mark.parametrize(
    "wrong", [{"allow": ["*"]}, {"allow": ["*@*"]}, {"targets": {"desk": "mailto:x"}}, {"mode": "warm"}]
)
def test_settings_that_allow_too_much_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        Config.load(None, {"transfer": wrong})
