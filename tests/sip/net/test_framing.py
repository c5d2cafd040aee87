"""A stream of SIP messages, however it is cut into pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message.limits import MAX_MESSAGE
from offhook.sip.net.framing import StreamFramer
from tests.sip.dialog.harness import OFFER, Message, invite

MESSAGES = [bytes(invite()), bytes(Message("OPTIONS")), bytes(invite(body=OFFER + b"\r\n\r\n")), bytes(Message("BYE"))]


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted({each % (len(stream) + 1) for each in at}), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.sampled_from(MESSAGES), max_size=6), st.lists(st.integers(0, 10_000), max_size=30))
def test_messages_come_out_as_they_went_in(messages: list[bytes], at: list[int]) -> None:
    framer = StreamFramer()
    found = [message for piece in cut(b"".join(messages), at) for message in framer.take(piece)]
    assert found == messages
    assert framer.is_between_messages
    assert not framer.pings


@given(st.lists(st.integers(0, 10_000), max_size=10))
def test_keepalives_between_messages_are_counted(at: list[int]) -> None:
    framer = StreamFramer()
    stream = b"\r\n\r\n" + MESSAGES[0] + b"\r\n\r\n" + MESSAGES[1] + b"\r\n\r\n\r\n\r\n"
    found = [message for piece in cut(stream, at) for message in framer.take(piece)]
    assert found == MESSAGES[:2]
    assert framer.pings == 4


def test_an_empty_line_before_a_message_is_no_ping() -> None:
    framer = StreamFramer()
    assert list(framer.take(b"\r\n" + MESSAGES[0])) == [MESSAGES[0]]
    assert framer.pings == 0


def test_a_message_without_a_length_has_no_body() -> None:
    first = b"OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n"
    assert list(StreamFramer().take(first + MESSAGES[0])) == [first, MESSAGES[0]]


@pytest.mark.parametrize("name", ["Content-Length", "l", "L", "CONTENT-LENGTH "])
def test_the_length_has_two_names(name: str) -> None:
    message = f"MESSAGE sip:a SIP/2.0\r\n{name}: 4\r\n\r\nbody".encode()
    assert list(StreamFramer().take(message)) == [message]


@pytest.mark.parametrize(
    "stream",
    [
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\nl: 5\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 9999999999\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nX: " + b"a" * MAX_MESSAGE,
    ],
)
def test_what_cannot_be_cut_ends_the_stream(stream: bytes) -> None:
    with pytest.raises(ParseError):
        list(StreamFramer().take(stream))


def test_a_byte_at_a_time_takes_time_in_proportion() -> None:
    framer, message = StreamFramer(), bytes(invite(extra=tuple(f"X-{n}: {n}" for n in range(500))))
    found = [each for at in range(len(message)) for each in framer.take(message[at : at + 1])]
    assert found == [message]


@given(st.lists(st.integers(0, 10_000), max_size=10))
def test_an_empty_line_that_answers_ours_is_no_question(at: list[int]) -> None:
    framer = StreamFramer(pongs_awaited=2)
    stream = b"\r\n" + MESSAGES[0] + b"\r\n" + b"\r\n\r\n" + MESSAGES[1]
    assert [message for piece in cut(stream, at) for message in framer.take(piece)] == MESSAGES[:2]
    assert (framer.pongs, framer.pings, framer.pongs_awaited) == (2, 1, 0)


@pytest.mark.parametrize("length", [b"-999", b"", b"5, 5", b"five", b"12345678901"])
def test_after_a_length_that_is_no_number_nothing_is_read(length: bytes) -> None:
    """It can be answered; what follows may be its body, or anything."""
    framer = StreamFramer()
    messages = framer.take(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: " + length + b"\r\n\r\nBYE sip:x SIP/2.0\r\n\r\n")
    assert next(messages).startswith(b"OPTIONS")
    with pytest.raises(ParseError):
        next(messages)
