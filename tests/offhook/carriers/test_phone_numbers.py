import pytest

from offhook.carriers.phone_numbers import require_allowed, require_number
from offhook.settings.config import Config
from offhook.usererror import UserError


@pytest.mark.parametrize("number", ["+15551234567", "+442071838750", "+123456789012345"])
def test_numbers_in_international_form_may_be_dialled(number: str) -> None:
    require_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "15551234567",
        "00155512345",
        "011442071838750",
        "+0155512345",
        "+1",
        "+123456",
        "+1234567890123456",
        "+1 555 123 4567",
        "+1-555-123-4567",
        "+1 (900) 555-1234",
        "+1555123456x",
        "+15551234567,,1",
        "+15551234567;ext=1",
        "+15551234567;phone-context=evil",
        "tel:+15551234567",
        "sip:+15551234567@evil.example",
        "+15551234567@evil.example",
        "+１５５５１２３４５６７",
        "+١٥٥٥١٢٣٤٥٦٧",
        "+15551234567\n",
        "\n+15551234567",
        "+15551234567\x00",
        "911",
        "*67+15551234567",
        "client:bob",
        "<Number>+15551234567</Number>",
    ],
)
def test_nothing_else_may(number: str) -> None:
    with pytest.raises(UserError):
        require_number(number)
    with pytest.raises(UserError):
        require_allowed(number, (number, "+*", "*"))


@pytest.mark.parametrize(
    ("number", "allowed", "may"),
    [
        ("+15551234567", ("+15551234567",), True),
        ("+15551234567", ("+1555*",), True),
        ("+15551234567", ("+4420*", "+15551234567"), True),
        ("+15551234567", (), False),
        ("+15551234567", ("+1555",), False),
        ("+15551234567", ("+155512345678",), False),
        ("+15551234568", ("+15551234567",), False),
        ("+19005551234", ("+1555*", "+44*"), False),
    ],
)
def test_transfers_go_to_listed_numbers_only(number: str, allowed: tuple[str, ...], may: bool) -> None:
    if may:
        require_allowed(number, allowed)
    else:
        with pytest.raises(UserError, match="transfer_allow"):
            require_allowed(number, allowed)


@pytest.mark.parametrize("pattern", ["*", "+*", "1555*", "+1*5", "", "+", "+1555**"])
def test_what_lists_everything_or_nothing_is_no_pattern(pattern: str) -> None:
    with pytest.raises(UserError):
        Config.load(None, {"twilio": {"transfer_allow": [pattern]}})


def test_the_list_is_read_and_shown() -> None:
    config = Config.load(None, {"twilio": {"transfer_allow": ["+1555*", "+442071838750"]}})
    assert config.twilio.transfer_allow == ("+1555*", "+442071838750")
    assert config.redacted()["twilio"]["transfer_allow"] == ["+1555*", "+442071838750"]
