"""Messages that several tests start from."""

from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse

INVITE = (
    b"INVITE sip:bot@192.0.2.10 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Ann" <sip:ann@example.com>;tag=a1\r\n'
    b"To: <sip:bot@192.0.2.10>\r\n"
    b"Call-ID: c1@192.0.2.1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:ann@192.0.2.1:5060>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 5\r\n"
    b"\r\n"
    b"v=0\r\n"
)

OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx\r\n"
    b"From: <sip:bot@192.0.2.10>;tag=b\r\n"
    b"To: <sip:ann@example.com>;tag=a\r\n"
    b"Call-ID: c2@192.0.2.10\r\n"
    b"CSeq: 7 BYE\r\n"
    b"Content-Length: 0\r\n"
    b"\r\n"
)


def request(data: bytes) -> Request:
    """The request in the datagram."""
    message = parse(data)
    assert isinstance(message, Request)
    return message


def response(data: bytes) -> Response:
    """The response in the datagram."""
    message = parse(data)
    assert isinstance(message, Response)
    return message


def refusal(data: bytes) -> ParseError:
    """The error that the request in the datagram meets, in parsing or in validation."""
    try:
        typed.validate_request(request(data))
    except ParseError as error:
        return error
    raise AssertionError("was accepted")


def with_line(old: bytes, new: bytes, data: bytes = INVITE) -> bytes:
    """The datagram with one line replaced, or dropped where `new` is empty."""
    assert data.count(old + b"\r\n") == 1
    return data.replace(old + b"\r\n", new + b"\r\n" if new else b"")
