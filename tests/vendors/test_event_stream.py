"""Amazon's event stream encoding: there and back, as Amazon's own decoder has it, and what is no message."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as some

from offhook.vendors.event_stream import Event, Value, decode, encode, length_of

HEADERS: dict[str, Value] = {
    ":message-type": "event",
    ":date": datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    ":chunk-signature": bytes(range(32)),
    "yes": True,
    "no": False,
    "number": -(2**40),
    "id": UUID(int=2**100 + 7),
    "größe": "mit Umlaut",
}
MESSAGE = encode(Event(HEADERS, b"some audio"))

values = some.one_of(
    some.booleans(),
    some.integers(-(2**63), 2**63 - 1),
    some.text(max_size=40),
    some.binary(max_size=40),
    some.uuids(),
    some.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=some.just(UTC)).map(
        lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
    ),
)


@given(some.dictionaries(some.text(min_size=1, max_size=40), values, max_size=5), some.binary(max_size=200))
def test_there_and_back(headers: dict[str, Value], payload: bytes) -> None:
    assert decode(encode(Event(headers, payload))) == Event(headers, payload)


def test_amazons_decoder_reads_it() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(MESSAGE + encode(Event({}, b"")))
    first, second = list(buffer)
    headers = {**HEADERS, ":date": 1_767_323_045_678, "id": UUID(int=2**100 + 7).bytes}
    assert (first.headers, first.payload) == (headers, b"some audio")
    assert (second.headers, second.payload) == ({}, b"")


@pytest.mark.parametrize("at", range(len(MESSAGE)))
def test_damage_is_noticed(at: int) -> None:
    damaged = bytearray(MESSAGE)
    damaged[at] ^= 1
    with pytest.raises(ValueError):
        decode(bytes(damaged))
    with pytest.raises(ValueError):
        decode(MESSAGE[:at])


@given(some.binary(max_size=100))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


def test_length() -> None:
    assert length_of(MESSAGE[:11]) is None
    assert length_of(MESSAGE[:12]) == len(MESSAGE)
    with pytest.raises(ValueError):
        length_of(b"HTTP/1.1 200 OK")
