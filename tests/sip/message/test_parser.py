import pytest

from offhook.sip.errors import ParseError
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from tests.sip.message.samples import INVITE, OK, refusal, request, response, with_line


def test_a_request() -> None:
    message = request(INVITE)
    assert (message.method, message.uri, message.body) == ("INVITE", "sip:bot@192.0.2.10", b"v=0\r\n")
    assert message.headers.get("From") == '"Ann" <sip:ann@example.com>;tag=a1'
    assert "Content-Length" not in message.headers


def test_a_response() -> None:
    message = response(OK)
    assert (message.status, message.reason, message.body) == (200, "OK", b"")


@pytest.mark.parametrize("data", [INVITE, OK])
def test_parse_of_print_is_the_message(data: bytes) -> None:
    message = parse(data)
    assert parse(bytes(message)) == message


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"SIP/2.0 100 ", 100, ""),
        (b"SIP/2.0 100", 100, ""),
        (b"sip/2.0 603 No way", 603, "No way"),
        (b"SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe", 200, "= 2**3 * 5**2 но"),
    ],
)
def test_status_lines(line: bytes, status: int, reason: str) -> None:
    message = response(with_line(b"SIP/2.0 200 OK", line, OK))
    assert (message.status, message.reason) == (status, reason)


@pytest.mark.parametrize(
    "line",
    [
        *[b"SIP/2.0 4294967301 better not", b"SIP/2.0 99 x", b"SIP/2.0 700 x", b"SIP/2.0 20 x", b"SIP/2.0 2000 x"],
        *[b"SIP/3.0 200 OK", b"SIP/2.0  200 OK", b"SIP/2.0 200OK", b"SIP/2.0 -20 OK", b"SIP/2.0 200 a\rb", b"SIP/"],
    ],
)
def test_bad_status_lines_cannot_be_answered(line: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse(with_line(b"SIP/2.0 200 OK", line, OK))
    assert caught.value.partial is None


@pytest.mark.parametrize(
    "line",
    [
        b"INVITE  sip:a@b SIP/2.0",
        b"INVITE sip:a@b  SIP/2.0",
        b"INVITE sip:a@b SIP/2.0 ",
        b" INVITE sip:a@b SIP/2.0",
        b"INVITE\tsip:a@b SIP/2.0",
        b"INVITE <sip:a@b> SIP/2.0",
        b"INVITE sip:a@b; lr SIP/2.0",
        b"INVITE sip:a@b",
        b"INVITE sip:a@b SIP/2",
        b"INVITE sip:a@b HTTP/1.1",
        b"INVITE sip:a@b\x00 SIP/2.0",
    ],
)
def test_bad_request_lines_can_be_answered(line: bytes) -> None:
    with pytest.raises(ParseError, match="request line") as caught:
        parse(with_line(b"INVITE sip:bot@192.0.2.10 SIP/2.0", line))
    assert caught.value.status == 400
    assert isinstance(caught.value.partial, Request)
    assert caught.value.partial.method == "INVITE"
    assert caught.value.partial.headers.get("Call-ID") == "c1@192.0.2.1"


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"\r\n\r\n", b"\x00" * 40, b"INVITE", b"INVITE\r\n\r\n", b"\xff\xfe x y"]
)
def test_what_is_no_message_at_all_cannot_be_answered(data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse(data)
    assert caught.value.partial is None


def test_another_version_is_505() -> None:
    error = refusal(INVITE.replace(b" SIP/2.0\r\n", b" SIP/7.0\r\n", 1))
    assert error.status == 505
    assert isinstance(error.partial, Request)
    assert error.partial.headers.get("CSeq") == "1 INVITE"


def test_the_protocols_name_may_have_any_case() -> None:
    assert request(INVITE.replace(b" SIP/2.0\r\n", b" sip/2.0\r\n", 1)) == request(INVITE)


def test_empty_lines_before_the_message_are_ignored() -> None:
    assert parse(b"\r\n\r\n\r\n" + INVITE) == parse(INVITE)


def test_folded_lines_and_white_space_round_the_colon() -> None:
    message = request(b"A sip:b SIP/2.0\r\nSubject \t:\r\n \tone\r\n  two \r\n\tthree  \r\nt:x\r\n\r\n")
    assert (message.headers.get("Subject") or "").split() == ["one", "two", "three"]
    assert message.headers.get("To") == "x"


@pytest.mark.parametrize(
    "line",
    [
        b"To\x00: <sip:a@b>",
        b"\x01To: <sip:a@b>",
        b"T\xc3\xb6: x",
        b"T o: x",
        b": x",
        b"no colon",
        b"X[1]: " + b"y" * 9_000,
    ],
)
def test_a_line_that_is_not_a_header_is_left_out(line: bytes) -> None:
    message = request(with_line(b"Max-Forwards: 70", line))
    assert message == request(with_line(b"Max-Forwards: 70", b""))
    assert message.ignored_lines == 1


@pytest.mark.parametrize("line", [b"Subject: a\rb", b"Subject: a\nTo: <sip:c@d>", b"no colon\nTo: <sip:c@d>"])
def test_a_bare_line_end_spoils_the_message_but_not_the_answer(line: bytes) -> None:
    with pytest.raises(ParseError, match="header is malformed") as caught:
        parse(with_line(b"Max-Forwards: 70", line))
    assert isinstance(caught.value.partial, Request)
    assert caught.value.partial.headers.get_all("To") == ["<sip:bot@192.0.2.10>"]


def test_a_fold_before_the_first_header_is_part_of_the_start_line() -> None:
    with pytest.raises(ParseError, match="request line"):
        parse(b"A sip:b SIP/2.0\r\n To: x\r\n\r\n")


def test_bare_line_feeds_end_no_line() -> None:
    with pytest.raises(ParseError):
        parse(INVITE.replace(b"\r\n", b"\n"))


def test_octets_behind_the_body_are_dropped() -> None:
    assert parse(INVITE + b"INVITE sip:second@call SIP/2.0\r\n\r\n") == parse(INVITE)
    assert parse(with_line(b"Content-Length: 5", b"Content-Length: 0")).body == b""


@pytest.mark.parametrize("line", [b"l:5", b"content-length  :  005 ", b"CONTENT-LENGTH:\r\n 5"])
def test_spellings_of_content_length(line: bytes) -> None:
    assert parse(with_line(b"Content-Length: 5", line) + b"tail") == parse(INVITE)


def test_without_content_length_the_body_is_the_rest() -> None:
    assert parse(with_line(b"Content-Length: 5", b"") + b"tail").body == b"v=0\r\ntail"


def test_content_length_twice_but_the_same() -> None:
    assert parse(with_line(b"Content-Length: 5", b"Content-Length: 5\r\nl: 5")) == parse(INVITE)


@pytest.mark.parametrize(
    "line",
    [
        *[b"Content-Length: 6", b"Content-Length: 9999", b"Content-Length: -5", b"Content-Length: +5", b"l: 5, 5"],
        *[b"Content-Length:", b"Content-Length: 5x", b"Content-Length: 5\r\nl: 0", b"Content-Length: " + b"9" * 5_000],
    ],
)
def test_bad_content_lengths(line: bytes) -> None:
    error = refusal(with_line(b"Content-Length: 5", line))
    assert error.status == 400
    assert error.reason.startswith("Content-Length")
    assert isinstance(error.partial, Request)


def test_headers_that_do_not_end() -> None:
    with pytest.raises(ParseError, match="no empty line") as caught:
        parse(INVITE[: INVITE.index(b"Contact")])
    assert isinstance(caught.value.partial, Request)
    assert caught.value.partial.headers.get("CSeq") == "1 INVITE"


def test_too_many_headers() -> None:
    line = b"Max-Forwards: 70"
    message = request(with_line(line, b"X: y\r\n" * 299 + b"X: y"))
    assert len(message.headers) == 128 + 6  # those behind the limit that are needed
    assert message.headers.get("CSeq") == "1 INVITE"
    assert message.body == b"v=0\r\n"
    assert message.ignored_lines == 300 - 127
    error = refusal(with_line(line, b"X: y\r\n" * 5_000 + b"X: y"))
    assert error.reason == "too many headers"
    assert isinstance(error.partial, Request)
    assert len(error.partial.headers) <= 128


def test_too_long_a_header() -> None:
    line = b"Max-Forwards: 70"
    assert request(with_line(line, b"X: " + b"y" * 8_000)).headers.get("X") == "y" * 8_000
    for much in (b"y" * 9_000, b"y" + b"\r\n z" * 3_000):
        message = request(with_line(line, b"X: " + much))
        assert (message.headers.get("X"), message.ignored_lines) == (None, 1)
        for needed in (b"m: ", b"Require: ", b"Record-Route: "):
            assert refusal(with_line(line, needed + much)).reason == "header is too long"


def test_headers_that_are_too_large_together() -> None:
    lines = b"\r\n".join(b"X-%d: " % n + b"y" * 8_000 for n in range(5))
    assert refusal(with_line(b"Max-Forwards: 70", lines)).reason == "headers are too large"
    assert refusal(with_line(b"Max-Forwards: 70", b"X: " + b"y" * 60_000)).reason == "headers are too large"


def test_too_long_a_start_line_or_message() -> None:
    with pytest.raises(ParseError, match="start line is too long"):
        parse(b"A sip:" + b"b" * 9_000 + b" SIP/2.0\r\n\r\n")
    with pytest.raises(ParseError, match="too large") as caught:
        parse(INVITE + b"x" * 65_536)
    assert caught.value.status == 513
