"""Keys in the bodies of INFO: as they are written, and what others write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message.dtmf_relay import KEYS, PLAIN, RELAY, DtmfRelay


@given(st.sampled_from(KEYS), st.integers(0, 60_000))
def test_what_is_written_is_read(digit: str, duration_ms: int) -> None:
    key = DtmfRelay(digit, duration_ms)
    assert DtmfRelay.parse(RELAY, bytes(key)) == key


@pytest.mark.parametrize(
    ("kind", "body", "digit", "duration_ms"),
    [
        (RELAY, b"Signal=5\r\nDuration=160\r\n", "5", 160),
        (RELAY, b"Signal= 5\r\nDuration= 160", "5", 160),
        (RELAY, b"signal=5\nduration=160\n", "5", 160),
        (RELAY, b"Duration=240\r\nSignal=#\r\n", "#", 240),
        (RELAY, b"Signal=10\r\nDuration=250\r\n", "*", 250),
        (RELAY, b"Signal=11\r\n", "#", 100),
        (RELAY, b"Signal=d\r\n", "D", 100),
        (RELAY, b"Signal=1\r\nDuration=-3\r\n", "1", 100),
        (RELAY, b"Signal=1\r\nDuration=9999999\r\n", "1", 60_000),
        (RELAY, b"Signal=!\r\n", "", 100),
        (RELAY, b"7", "7", 100),
        (PLAIN, b"7", "7", 100),
        (PLAIN, b" * \r\n", "*", 100),
        (PLAIN, b"Signal=7\r\nDuration=90\r\n", "7", 90),
        (PLAIN, b"16", "", 100),
    ],
)
def test_what_others_write(kind: str, body: bytes, digit: str, duration_ms: int) -> None:
    assert DtmfRelay.parse(kind, body) == DtmfRelay(digit, duration_ms)


@pytest.mark.parametrize(
    "body", [b"", b"Duration=5\r\n", b"Signal=\r\n", b"Signal=12345\r\n", b"Signal=E", b"\xff", b"55 5"]
)
def test_no_key(body: bytes) -> None:
    with pytest.raises(ParseError, match="names no key"):
        DtmfRelay.parse(RELAY, body)


@given(st.binary(max_size=200))
def test_any_body(body: bytes) -> None:
    try:
        key = DtmfRelay.parse(PLAIN, body)
    except ParseError:
        return
    assert key.digit == "" or key.digit in KEYS
    assert 0 <= key.duration_ms <= 60_000
