import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.errors import RemoteError, WireError
from offhook.telephony.wire.telephone_event import DIGITS, TelephoneEvent, build, parse

EVENTS = st.builds(TelephoneEvent, st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 0xFFFF))


@given(EVENTS)
def test_parse_undoes_build(event: TelephoneEvent) -> None:
    assert parse(build(event)) == event


def test_layout() -> None:
    assert parse(bytes.fromhex("0b8a0320")) == TelephoneEvent(11, True, 10, 800)
    assert DIGITS[11] == "#"


def test_the_reserved_bit_is_ignored() -> None:
    assert parse(bytes.fromhex("01ff0000")) == TelephoneEvent(1, True, 63, 0)
    assert parse(bytes.fromhex("01400000")) == TelephoneEvent(1, False, 0, 0)


@given(st.binary(max_size=8))
def test_any_bytes_parse_or_raise_a_remote_error(data: bytes) -> None:
    try:
        assert build(parse(data))[0] == data[0]
    except RemoteError:
        assert len(data) < 4


def test_three_octets_are_too_few() -> None:
    with pytest.raises(WireError):
        parse(b"\x01\x0a\x00")


@pytest.mark.parametrize(
    "event",
    [TelephoneEvent(256, False, 0, 0), TelephoneEvent(1, False, 64, 0), TelephoneEvent(1, False, 0, 65536)],
)
def test_what_does_not_fit_is_not_built(event: TelephoneEvent) -> None:
    with pytest.raises(ValueError, match="telephone-event"):
        build(event)
