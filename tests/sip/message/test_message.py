import pytest

from offhook.sip.errors import LocalError
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse


def test_a_request() -> None:
    request = Request("OPTIONS", "sip:a@b", Headers([("To", "<sip:a@b>")]), b"hi")
    assert bytes(request) == b"OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\nContent-Length: 2\r\n\r\nhi"


def test_a_response() -> None:
    assert bytes(Response(200, "Так точно")) == "SIP/2.0 200 Так точно\r\nContent-Length: 0\r\n\r\n".encode()


def test_content_length_is_that_of_the_body_whatever_was_set() -> None:
    assert bytes(Request("A", "sip:b", Headers([("l", "9")]), b"x")).endswith(b"\r\nContent-Length: 1\r\n\r\nx")


def test_octets_that_are_not_utf_8_survive() -> None:
    request = parse(b"A sip:b SIP/2.0\r\nSubject: caf\xe9 \xd1\x80\r\n\r\n\xff\x00")
    assert b"Subject: caf\xe9 \xd1\x80\r\n" in bytes(request)
    assert request.body == b"\xff\x00"


@pytest.mark.parametrize(
    "message",
    [
        Request("IN VITE", "sip:a"),
        Request("", "sip:a"),
        Request("A", ""),
        Request("A", "sip:a b"),
        Request("A", "sip:a\r\nX:y"),
        Response(99, "x"),
        Response(700, "x"),
        Response(200, "OK\r\nX: y"),
        Response(200, "\ud800"),
    ],
)
def test_what_would_not_be_a_message_is_not_written(message: Request | Response) -> None:
    with pytest.raises(LocalError):
        bytes(message)
