"""Whatever comes in, nothing but ParseError comes out, and soon."""

from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message import build, typed
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from tests.sip.message.samples import INVITE, OK, request, with_line
from tests.sip.message.test_torture import FOLDED, UNUSUAL

PIECES = st.sampled_from(
    [
        *[b"", b"\r\n", b"\r\n ", b"\n", b"\r", b"\x00", b" ", b"\t", b",", b";", b"<", b">", b'"', b"\\", b"@", b":"],
        *[b"?", b"=", b"%", b"[", b"]", b"/", b"*", b"\xff", b"\xc3\xa9", b"SIP/2.0", b"Via: ", b"9" * 30, b"-"],
        b"\r\n\r\n",
    ]
)

READERS: list[Callable[[Request | Response], object]] = [
    *[typed.vias, typed.from_, typed.to, typed.call_id, typed.cseq, typed.contacts, typed.record_routes, typed.routes],
    *[typed.max_forwards, typed.require, typed.supported, typed.content_type],
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sound message with a few spots replaced."""
    data = draw(st.sampled_from([INVITE, OK, FOLDED, UNUSUAL]))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 3))
        data = data[:at] + draw(PIECES | st.binary(max_size=3)) + data[at + cut :]
    return data


def check(data: bytes) -> None:
    """Parse, read, answer and print what can be; anything but ParseError fails the test."""
    message: Request | Response | None = None
    try:
        message = parse(data)
        if isinstance(message, Request):
            typed.validate_request(message)
        else:
            typed.validate_response(message)
    except ParseError as error:
        assert error.partial is None or isinstance(error.partial, Request)
        if error.partial is not None:
            parse(bytes(build.response(error.partial, error.status, to_tag="t")))
    if message is not None:
        assert parse(bytes(message)) == message
        for read in READERS:
            try:
                read(message)
            except ParseError as error:
                assert error.status == 400


@settings(max_examples=400)
@given(mutated())
@example(b"\r\n" * 40)
@example(INVITE[:-6])
def test_a_mutated_message(data: bytes) -> None:
    check(data)


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_random_octets(data: bytes) -> None:
    check(data)
    check(b"INVITE sip:a@b SIP/2.0\r\n" + data + b"\r\n\r\n")


@given(st.integers(0, len(INVITE)))
def test_a_truncated_message(length: int) -> None:
    check(INVITE[:length])


@settings(max_examples=100)
@given(
    name=st.sampled_from(["Subject", "X-Any", "Date"]),
    value=st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30),
    body=st.binary(max_size=50),
)
def test_parse_of_print_is_the_request(name: str, value: str, body: bytes) -> None:
    message = request(INVITE)
    message.headers.add(name, value)
    message.body = body
    assert parse(bytes(message)) == message


@pytest.mark.parametrize(
    "value",
    [
        *[
            b",",
            b'"',
            b"<",
            b";",
            b" ",
            b"\\",
            b'\\"',
            b"(",
            b"a,",
            b"a;",
            b"<>,",
            b'"",',
            b"[",
            b"::",
            b"%",
            b"@",
            b"/ ",
        ],
        *[b"a=", b"=", b"\r\n ", b"\t\r\n\t", b"\xff", b"\x00", b"9", b"SIP/2.0/UDP h,", b"<sip:a>,", b";a=b", b"?"],
    ],
)
@pytest.mark.parametrize(
    "line", ["Via", "To", "Contact", "Route", "CSeq", "Call-ID", "Require", "Content-Length", "Content-Type", "X"]
)
def test_many_of_one_character_take_no_time(line: str, value: bytes) -> None:
    prefixes = {b"": 8_000, b"sip:a@b;x=": 7_000, b"<sip:": 7_000, b'"': 7_000, b"SIP/2.0/UDP h": 7_000}
    began = process_time()
    for prefix, room in prefixes.items():
        field = line.encode() + b": " + prefix + value * (room // len(value))
        check(with_line(b"Max-Forwards: 70", field))
    # Some milliseconds; what is quadratic takes seconds.
    assert process_time() - began < 1.0


def test_60_000_commas_are_refused_at_once() -> None:
    began = process_time()
    with pytest.raises(ParseError):
        parse(with_line(b"Max-Forwards: 70", b"Contact: " + b"," * 60_000))
    with pytest.raises(ParseError):
        parse(with_line(b"Max-Forwards: 70", b"Contact: " + b"\r\n ," * 15_000))
    with pytest.raises(ParseError):
        parse(b"\r\n" * 30_000)
    assert process_time() - began < 0.5
