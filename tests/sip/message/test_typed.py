from collections.abc import Callable

import pytest

from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.cseq import CSeq
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from tests.sip.message.samples import INVITE, OK, refusal, request, response, with_line


def test_the_values_of_a_message() -> None:
    message = request(INVITE)
    assert typed.top_via(message).branch == "z9hG4bKabc"
    assert typed.from_(message).tag == "a1"
    assert typed.to(message).uri.user == "bot"
    assert typed.call_id(message) == "c1@192.0.2.1"
    assert typed.cseq(message) == CSeq(1, "INVITE")
    assert typed.max_forwards(message) == 70
    assert typed.content_type(message) == "application/sdp"
    first = typed.contact(message)
    assert first is not None
    assert str(first.uri) == "sip:ann@192.0.2.1:5060"


def test_a_changed_header_is_read_anew() -> None:
    message = request(INVITE)
    assert (typed.top_via(message).branch, typed.from_tag(message)) == ("z9hG4bKabc", "a1")
    message.headers.set("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnew")
    message.headers.set("From", "<sip:x@192.0.2.9>;tag=new")
    assert (typed.top_via(message).branch, typed.from_tag(message)) == ("z9hG4bKnew", "new")
    message.headers.remove("From")
    assert typed.from_tag(message) == ""
    with pytest.raises(ParseError, match="From is missing"):
        typed.from_(message)


def test_lists_over_several_fields() -> None:
    message = Request(
        "INVITE",
        "sip:b",
        Headers(
            [
                ("Via", "SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b"),
                ("v", "SIP/2.0/TCP c"),
                ("Record-Route", "<sip:p1;lr>,\t<sip:p2;lr>"),
                ("Route", '"x, y" <sip:p3>'),
                ("Contact", "<sip:one@h>, sip:two@h;q=0.5"),
                ("Require", "100rel,timer"),
                ("k", ""),
                ("k", "replaces"),
            ]
        ),
    )
    assert [via.host for via in typed.vias(message)] == ["a", "b", "c"]
    assert [route.uri.host for route in typed.record_routes(message)] == ["p1", "p2"]
    assert [route.display_name for route in typed.routes(message)] == ["x, y"]
    assert [contact.uri.user for contact in typed.contacts(message)] == ["one", "two"]
    assert typed.require(message) == ["100rel", "timer"]
    assert typed.supported(message) == ["replaces"]


def test_what_may_be_missing() -> None:
    message = Request("A", "sip:b")
    assert typed.contact(message) is None
    assert typed.max_forwards(message) is None
    assert typed.content_type(message) is None
    assert typed.routes(message) == typed.record_routes(message) == typed.contacts(message) == []
    assert typed.require(message) == typed.supported(message) == []


@pytest.mark.parametrize("read", [typed.top_via, typed.from_, typed.to, typed.call_id, typed.cseq])
def test_what_may_not_be_missing(read: Callable[[Request | Response], object]) -> None:
    message = Request("A", "sip:b")
    with pytest.raises(ParseError, match="is missing") as caught:
        read(message)
    assert caught.value.partial is message


def test_the_contact_of_a_registrar_is_nobody() -> None:
    assert typed.contacts(Request("REGISTER", "sip:b", Headers([("Contact", "*")]))) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("application/sdp", "application/sdp"),
        ("Application/SDP ; charset=utf-8", "application/sdp"),
        ('multipart/mixed;boundary="a;b"', "multipart/mixed"),
    ],
)
def test_media_types(text: str, kind: str) -> None:
    assert typed.content_type(Response(200, "", Headers([("c", text)]))) == kind


def test_a_good_request_passes() -> None:
    typed.validate_request(request(INVITE))


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (b"Max-Forwards: 70", b""),
        (b'From: "Ann" <sip:ann@example.com>;tag=a1', b"From: <sip:ann@example.com>"),
        (b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport", b"Via: SIP/2.0/UDP 192.0.2.1"),
        (b"Contact: <sip:ann@192.0.2.1:5060>", b""),
        (b"Content-Type: application/sdp", b""),
        (b"INVITE sip:bot@192.0.2.10 SIP/2.0", b"INVITE nobodyKnowsThisScheme:opaque SIP/2.0"),
        (b"Max-Forwards: 70", b"Max-Forwards: 0"),
        (b"Max-Forwards: 70", b"Max-Forwards: 255\r\nDate: Fri, 01 Jan 2010 16:00:00 EST\r\nUnknown: ;;,,;,;"),
    ],
)
def test_an_odd_request_passes(line: bytes, instead: bytes) -> None:
    typed.validate_request(request(with_line(line, instead)))


@pytest.mark.parametrize(
    "line",
    [
        b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport",
        b'From: "Ann" <sip:ann@example.com>;tag=a1',
        b"To: <sip:bot@192.0.2.10>",
        b"Call-ID: c1@192.0.2.1",
        b"CSeq: 1 INVITE",
    ],
)
def test_a_mandatory_header_is_missing(line: bytes) -> None:
    error = refusal(with_line(line, b""))
    name = line.partition(b":")[0].decode()
    assert (error.status, error.reason) == (400, f"{name} is missing")
    assert isinstance(error.partial, Request)


@pytest.mark.parametrize(
    "line",
    [
        b'From: "Ann" <sip:ann@example.com>;tag=a1',
        b"To: <sip:bot@192.0.2.10>",
        b"Call-ID: c1@192.0.2.1",
        b"CSeq: 1 INVITE",
    ],
)
def test_a_single_header_is_there_twice(line: bytes) -> None:
    error = refusal(with_line(line, line + b"\r\n" + line))
    assert error.reason.endswith("is there twice")


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (b"CSeq: 1 INVITE", b"CSeq: 1 OPTIONS"),
        (b"CSeq: 1 INVITE", b"CSeq: 1 invite"),
        (b"CSeq: 1 INVITE", b"CSeq: 2147483648 INVITE"),
        (b"Call-ID: c1@192.0.2.1", b"Call-ID:"),
        (b"Call-ID: c1@192.0.2.1", b"Call-ID: a b"),
        (b"Call-ID: c1@192.0.2.1", b"Call-ID: a\x00b"),
        (b"To: <sip:bot@192.0.2.10>", b'To: "Bot <sip:bot@192.0.2.10>'),
        (b"To: <sip:bot@192.0.2.10>", b"To: < sip:bot@192.0.2.10 >"),
        (b"To: <sip:bot@192.0.2.10>", b"To: Bot, A <sip:bot@192.0.2.10>"),
        (b"Contact: <sip:ann@192.0.2.1:5060>", b"Contact: sip:ann@192.0.2.1?Route=%3Csip:x%3E"),
        (b"Contact: <sip:ann@192.0.2.1:5060>", b'Contact: "Ann" <sip:ann@192.0.2.1>;;;;'),
        (b"Contact: <sip:ann@192.0.2.1:5060>", b"Contact: *, <sip:ann@192.0.2.1>"),
        (b"Max-Forwards: 70", b"Require: a b"),
        (b"INVITE sip:bot@192.0.2.10 SIP/2.0", b"INVITE sip:bot@192.0.2.10?Route=%3Csip:x%3E SIP/2.0"),
        (b"INVITE sip:bot@192.0.2.10 SIP/2.0", b"INVITE sip:bot@2001:db8::10 SIP/2.0"),
        (b"INVITE sip:bot@192.0.2.10 SIP/2.0", b"INVITE bot SIP/2.0"),
    ],
)
def test_what_cannot_be_read_is_400(line: bytes, instead: bytes) -> None:
    error = refusal(with_line(line, instead))
    assert error.status == 400
    assert isinstance(error.partial, Request)
    assert error.partial.method == "INVITE"


@pytest.mark.parametrize(
    ("line", "ignored"),
    [
        (b"Max-Forwards: 256", ["Max-Forwards"]),
        (b"Max-Forwards: -1", ["Max-Forwards"]),
        (b"Max-Forwards:", ["Max-Forwards"]),
        (b"Max-Forwards: 7\r\nMax-Forwards: 8", ["Max-Forwards"]),
        (b"Supported: a/b", ["Supported"]),
        (b"Supported: ,outbound", []),
        (b"Supported:", []),
        (b"Supported: " + b",".join([b"x"] * 71), ["Supported"]),
        (b"Route: sip:p, <", ["Route"]),
        (b"Via: SIP/2.0/UDP 192.0.2.15;;,;,,", []),
        (b"Record-Route: <sip:p;lr>,", []),
        (b"Contact: <sip:second@192.0.2.1>, <<", []),
        (b"Require: ,", []),
        (b"Accept: ,,", []),
    ],
)
def test_what_nothing_depends_on_is_ignored(line: bytes, ignored: list[str]) -> None:
    message = request(with_line(b"Max-Forwards: 70", line))
    assert typed.validate_request(message) == ignored


def test_the_type_of_no_body_is_ignored() -> None:
    data = with_line(b"Content-Type: application/sdp", b"Content-Type: ;;").replace(b"Length: 5", b"Length: 0")
    assert typed.validate_request(request(data)) == []


@pytest.mark.parametrize("method", ["BYE", "ACK", "CANCEL"])
@pytest.mark.parametrize(
    "line",
    [
        b"Supported: a/b",
        b"Max-Forwards: 300",
        b"Require: a b",
        b"Contact: <<>>",
        b"Record-Route: <",
        b"Route: ;;",
        b"Content-Type: ;",
        b"Content-Type: a/b\r\nContent-Type: c/d",
        b"Content-Length: 9999",
        b"Content-Length: -1",
        b"Content-Length: 1\r\nContent-Length: 2",
        b"this is not a header",
        b"X: " + b"x" * 9_000,
        b"Accept: ,,;;",
        b"Via: ;;",
    ],
)
def test_what_ends_or_confirms_a_call_needs_its_names_only(method: str, line: bytes) -> None:
    data = INVITE.replace(b"INVITE", method.encode()).replace(b"Max-Forwards: 70", line)
    message = request(data.replace(b"To: <sip:bot@192.0.2.10>", b"To: Bot, A < sip:bot@@>>;x=<y>;tag=b1"))
    assert typed.validate_request(message) == []
    assert (typed.from_tag(message), typed.to_tag(message)) == ("a1", "b1")


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [("Record-Route", "<sip:r>", 70), ("Require", "x", 70)],
)
def test_lists_that_are_needed_have_limits(name: str, value: str, limit: int) -> None:
    data = with_line(b"Max-Forwards: 70", f"{name}: {','.join([value] * limit)}".encode())
    typed.validate_request(request(data))
    data = with_line(b"Max-Forwards: 70", f"{name}: {','.join([value] * (limit + 1))}".encode())
    assert refusal(data).reason == f"{name} has too many values"


def test_a_good_response_passes() -> None:
    typed.validate_response(response(OK))


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (b"CSeq: 7 BYE", b""),
        (b"CSeq: 7 BYE", b"CSeq: 9292394834772304023312 BYE"),
        (b"CSeq: 7 BYE", b"CSeq: 7 BYE\r\nCSeq: 8 BYE"),
        (b"To: <sip:ann@example.com>;tag=a", b'To: "'),
        (b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx", b""),
    ],
)
def test_a_bad_response_cannot_be_answered(line: bytes, instead: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        typed.validate_response(response(with_line(line, instead, OK)))
    assert caught.value.partial is None
