"""Bodies of several parts: what is taken of them, and what has to be understood."""

from base64 import encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message.body import Content, content_of, sdp_of
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000 RTP/AVP 0\r\n"
ISUP = b"\x01\x00\x49\x00\r\n--not the boundary\x00\xff"

PLAIN = ("Content-Type: application/sdp",)
SESSION = ("Content-Type: application/sdp", "Content-Disposition: session; handling=required")
OPTIONAL = (
    "Content-Type: application/isup; version=itu-t92+; base=itu-t92+",
    "Content-Disposition: signal;handling=optional",
)
REQUIRED = ("Content-Type: application/isup", "Content-Disposition: signal; handling=required")
LOCATION = ("Content-Type: application/pidf+xml", "Content-ID: <target123@atlanta.example.com>")


def part(headers: tuple[str, ...], body: bytes, eol: bytes = b"\r\n") -> bytes:
    return eol.join([*(line.encode() for line in headers), b"", body])


def joined(*parts: bytes, boundary: str = "uniq-1", eol: bytes = b"\r\n") -> bytes:
    lines = [line for each in parts for line in (f"--{boundary}".encode(), each)]
    return eol.join([*lines, f"--{boundary}--".encode(), b""])


def message(body: bytes, kind: str = "multipart/mixed;boundary=uniq-1", *extra: tuple[str, str]) -> Request:
    return Request("INVITE", "sip:b@h", Headers([("Content-Type", kind), *extra]), body)


TAKEN = {
    "session and signal": joined(part(SESSION, SDP), part(OPTIONAL, ISUP)),
    "signal first": joined(part(OPTIONAL, ISUP), part(PLAIN, SDP)),
    "location that says nothing of itself": joined(part(PLAIN, SDP), part(LOCATION, b"<presence/>")),
    "one part": joined(part(PLAIN, SDP)),
    "text in front and behind": b"This is MIME.\r\n" + joined(part(PLAIN, SDP)) + b"The end\r\n--uniq-1\r\n\r\nx",
    "no last boundary": b"--uniq-1\r\n" + part(PLAIN, SDP),
    "white space behind the boundary": b"--uniq-1 \t\r\n" + part(PLAIN, SDP) + b"\r\n--uniq-1-- \r\n",
    "folded and odd headers": joined(
        part(("content-TYPE :\tApplication/SDP;\r\n charset=x", "no header", "X: y"), SDP)
    ),
    "other session behind": joined(part(PLAIN, SDP), part(PLAIN, b"v=0\r\nother")),
    "early session beside": joined(
        part(("Content-Type: application/sdp", "Content-Disposition: early-session; handling=optional"), b"v=0\r\nx"),
        part(PLAIN, SDP),
    ),
    "base64": joined(part((*PLAIN, "Content-Transfer-Encoding: base64"), encodebytes(SDP).strip())),
    "nested": joined(
        part(
            ("Content-Type: multipart/alternative; boundary=in",),
            joined(part(("Content-Type: text/plain",), b"hello"), part(PLAIN, SDP), boundary="in"),
        ),
        part(OPTIONAL, ISUP),
    ),
    "required inside what is optional": joined(
        part(PLAIN, SDP),
        part(
            ("Content-Type: multipart/mixed; boundary=in", "Content-Disposition: render; handling=optional"),
            joined(part(REQUIRED, ISUP), boundary="in"),
        ),
    ),
}


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN.keys())
def test_the_session_is_taken(body: bytes) -> None:
    assert content_of(message(body)) == Content(SDP)


def test_lines_may_end_in_lf() -> None:
    body = joined(part(PLAIN, SDP, b"\n"), part(OPTIONAL, ISUP, b"\n"), eol=b"\n")
    assert content_of(message(body)) == Content(SDP)


@pytest.mark.parametrize(
    "kind",
    [
        'multipart/mixed; boundary="a b:c"',
        'Multipart/Related; type="application/sdp"; BOUNDARY = "a b:c"; start="<x>"',
        'multipart/x-unheard-of;charset=utf-8 ;boundary="a b:c"',
        'multipart/signed;micalg=sha-256;boundary="a b:c"',
        'multipart/mixed;x="boundary=no;boundary=neither";boundary="a b\\:c"',
    ],
)
def test_kinds_and_boundaries(kind: str) -> None:
    assert content_of(message(joined(part(PLAIN, SDP), boundary="a b:c"), kind)) == Content(SDP)


@pytest.mark.parametrize(
    ("parameters", "parts"),
    [
        ('start="<two@h>"', (part(REQUIRED, ISUP), part((*PLAIN, "Content-ID: <two@h>"), SDP))),
        ('type="application/SDP"', (part(LOCATION, b"<presence/>"), part(PLAIN, SDP))),
        ('start="<nowhere>"', (part(PLAIN, SDP), part(REQUIRED, ISUP))),
        ("", (part(PLAIN, SDP), part(REQUIRED, ISUP))),
    ],
)
def test_the_root_of_what_is_related(parameters: str, parts: tuple[bytes, ...]) -> None:
    kind = f"multipart/related;boundary=uniq-1;{parameters}"
    assert content_of(message(joined(*parts), kind)) == Content(SDP)


@pytest.mark.parametrize(
    "disposition", ['signal; handling="optional"', "signal;HANDLING = Optional", "by-reference", "by-reference;x=y"]
)
def test_a_part_that_need_not_be_understood(disposition: str) -> None:
    other = part(("Content-Type: application/isup", f"Content-Disposition: {disposition}"), ISUP)
    assert content_of(message(joined(part(PLAIN, SDP), other))) == Content(SDP)


def test_of_alternatives_the_last_that_is_understood() -> None:
    other = b"v=0\r\nolder"
    body = joined(part(PLAIN, other), part(PLAIN, SDP), part(REQUIRED, ISUP))
    assert content_of(message(body, "multipart/alternative;boundary=uniq-1")) == Content(SDP)


def test_a_signature_is_not_what_is_signed() -> None:
    body = joined(part(PLAIN, SDP), part(("Content-Type: application/pkcs7-signature", REQUIRED[1]), b"x"))
    assert content_of(message(body, "multipart/signed;boundary=uniq-1")) == Content(SDP)


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        (joined(part(PLAIN, SDP), part(REQUIRED, ISUP)), "application/isup"),
        (joined(part(REQUIRED, ISUP), part(PLAIN, SDP)), "application/isup"),
        (joined(part(PLAIN, SDP), part(("Content-Type: a/b", "Content-Disposition: render"), b"")), "a/b"),
        (
            joined(
                part(PLAIN, SDP),
                part(("Content-Type: multipart/mixed;boundary=in",), joined(part(REQUIRED, ISUP), boundary="in")),
            ),
            "application/isup",
        ),
    ],
)
def test_what_must_be_understood_and_is_not(body: bytes, unknown: str) -> None:
    assert content_of(message(body)) == Content(SDP, unknown)


def test_no_alternative_is_understood() -> None:
    body = joined(part(OPTIONAL, ISUP), part(("Content-Type: text/plain",), b"hello"))
    assert content_of(message(body, "multipart/alternative;boundary=uniq-1")).unknown == "multipart/alternative"


@pytest.mark.parametrize("kind", ["multipart/mixed", "multipart/mixed;boundary=", "multipart/mixed;boundary=other"])
def test_a_boundary_that_is_not_there(kind: str) -> None:
    assert content_of(message(joined(part(PLAIN, SDP)), kind)) == Content(None, "multipart/mixed")
    optional = ("Content-Disposition", "render;handling=optional")
    assert content_of(message(joined(part(PLAIN, SDP)), kind, optional)) == Content()


def test_parts_inside_parts_have_an_end() -> None:
    body = part(PLAIN, SDP)
    for _ in range(200):
        body = part(("Content-Type: multipart/mixed;boundary=uniq-1",), joined(body))
    assert content_of(message(joined(body))).sdp is None


@pytest.mark.parametrize("fields", [[], [("Content-Type", " ")]])
def test_a_session_without_a_type(fields: list[tuple[str, str]]) -> None:
    assert content_of(Request("INVITE", "sip:b@h", Headers(fields), SDP)) == Content(SDP)
    assert sdp_of(Request("ACK", "sip:b@h", Headers(fields), SDP)) == SDP
    assert sdp_of(Request("ACK", "sip:b@h", Headers(fields), b"hello")) is None


def test_a_type_that_is_none() -> None:
    assert sdp_of(message(SDP, "nonsense")) is None
    with pytest.raises(ParseError):
        content_of(message(SDP, "nonsense"))


@given(
    st.binary(max_size=200), st.lists(st.sampled_from([b"--b", b"\r\n", b"\n", b"--", b"Content-Type: "]), max_size=20)
)
def test_any_bytes_can_be_read(noise: bytes, pieces: list[bytes]) -> None:
    content_of(message(noise.join(pieces) + noise, "multipart/mixed;boundary=b"))
