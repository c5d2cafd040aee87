from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.settings.routes import MAX_NUMBER_CHARS, RouteConfig, covered, dialled_number, matches


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("sip:+15551234567@bot.example.com", "+15551234567"),
        ("sip:+1-555-123-4567;npdi@bot.example.com;user=phone", "+15551234567"),
        ("SIPS:+1(555)123.4567@[::1]:5061;transport=tcp?x=y", "+15551234567"),
        ("tel:+1-555-123-4567;phone-context=example.com", "+15551234567"),
        ("sip:sales@example.com", "sales"),
        ("sip:anna-lena.m@example.com", "anna-lena.m"),
        ("sip:100:secret@example.com", "100"),
        ("sip:%2B1555@example.com", "+1555"),
        ("sip:*97@example.com", "*97"),
        ("sip:example.com", ""),
        ("sip:example.com:5060", ""),
        ("+1 555 1234567", "+1 555 1234567"),
        ("+15551234567", "+15551234567"),
        ("client:anna", "client:anna"),
        ("", ""),
    ],
)
def test_the_number_that_was_dialled(address: str, number: str) -> None:
    assert dialled_number(address) == number


@given(st.text(max_size=200))
def test_any_address_is_read(address: str) -> None:
    for text in (address, f"sip:{address}", f"sip:{address}@host"):
        assert len(dialled_number(text)) <= MAX_NUMBER_CHARS


@pytest.mark.parametrize(
    ("pattern", "number", "fits"),
    [
        ("+15551234567", "+15551234567", True),
        ("+15551234567", "15551234567", True),
        ("+15551234567", "+15551234568", False),
        ("+15551234567", "5551234567", False),
        ("15551234567", "+15551234567", False),
        ("+49*", "+4930123456", True),
        ("+49*", "4930123456", False),
        ("+49*", "+49", True),
        ("*", "", True),
        ("*", "x", True),
        ("**", "", False),
        ("**", "*97", True),
        ("*97", "*97", True),
        ("*97", "197", False),
        ("1??", "123", True),
        ("1??", "1234", False),
        ("1??", "12", False),
        ("100", "100", True),
        ("100", "1000", False),
        ("sales", "sales", True),
        ("sales", "Sales", False),
    ],
)
def test_patterns(pattern: str, number: str, fits: bool) -> None:
    assert matches(pattern, number) is fits


def route(*numbers: str) -> RouteConfig:
    return RouteConfig(number=numbers, flow=Path("x"))


def test_a_route_that_is_never_reached() -> None:
    assert covered([route("+49*"), route("+4930", "+1"), route("+1")]) == [(1, "+4930", 0), (2, "+1", 1)]
    assert covered([route("+4930"), route("+49*")]) == []
    assert covered([route("1??"), route("1*")]) == []


def test_a_route_for_calls_out_has_a_name_and_takes_no_call() -> None:
    flow = RouteConfig(flow=Path("flows/reminder.yaml"), outbound=True)
    assert flow.patterns == ()
    for name in ("flows/reminder.yaml", "reminder.yaml", "reminder"):
        assert flow.is_called("flow", name)
    assert not flow.is_called("flow", "minder.yaml")
    assert not flow.is_called("bot", "reminder")
    assert RouteConfig(bot="shop:sales", outbound=True).is_called("bot", "shop:sales")
    assert RouteConfig(agent_file=Path("a.yaml"), outbound=True).is_called("agent", "a.yaml")
    assert not RouteConfig(agent="receptionist", number=("1",)).is_called("agent", "receptionist")
