"""Parses one datagram into a message (RFC 3261 §7, §18.3)."""

import re

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import LWS, TOKEN
from offhook.sip.message.headers import Headers
from offhook.sip.message.limits import MAX_DIGITS, MAX_HEADER_LINE, MAX_HEADERS, MAX_MESSAGE
from offhook.sip.message.message import ENDS_OR_CONFIRMS, Request, Response

_REQUEST_LINE = re.compile(rf"({TOKEN}) ([^\x00-\x20\x7f<>\"]+) [Ss][Ii][Pp]/([0-9]+\.[0-9]+)")
_STATUS_LINE = re.compile(r"[Ss][Ii][Pp]/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]*))?")
_METHOD = re.compile(rf"[ \t]*+({TOKEN})[ \t]++([^\r\n]*+)")
_FIELD = re.compile(rf"({TOKEN}){LWS}:{LWS}([^\r\n]*+)")
_FOLD = re.compile(rb"\r\n[ \t]++")
_FIELD_START = re.compile(rb"\r\n(?![ \t])")


def parse(data: bytes) -> Request | Response:
    """Parse the message in a datagram. Raises ParseError.

    The body is as long as Content-Length says, and bytes after it are ignored; without one it is the rest of the
    datagram (§18.3). Empty lines before the start line are ignored (§7.5). Lines end in CRLF: a bare CR or LF is an
    error, since elements that disagree about it let headers be smuggled.

    An ACK, BYE or CANCEL with a valid request line is returned whatever is wrong with its headers and length:
    malformed lines are left out.
    """
    if len(data) > MAX_MESSAGE:
        raise ParseError("message is too large", 513)
    start = 0
    while data.startswith(b"\r\n", start):
        start += 2
    end = data.find(b"\r\n\r\n", start)
    head = data[start : end if end >= 0 else len(data)]
    first, *lines = _FIELD_START.split(head, MAX_HEADERS + 1)
    problems: list[str] = [] if end >= 0 else ["message has no empty line behind its headers"]
    headers, length = _headers(lines, problems)
    body = data[end + 4 :] if end >= 0 else b""
    if length is not None and length > len(body):
        problems.append("Content-Length is more than there is")
    elif length is not None:
        body = body[:length]
    return _message(_text(first), headers, body, problems)


def _message(line: str, headers: Headers, body: bytes, problems: list[str]) -> Request | Response:
    if len(line) > MAX_HEADER_LINE:
        raise ParseError("start line is too long")
    if line[:4].lower() == "sip/":
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise ParseError("status line is malformed")
        if problems:
            raise ParseError(problems[0])
        return Response(int(match.group(1)), match.group(2) or "", headers, body)
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        guess = _METHOD.match(line)
        partial = None if guess is None else Request(guess.group(1), guess.group(2), headers)
        raise ParseError("request line is malformed", partial=partial)
    method, uri, version = match.groups()
    request = Request(method, uri, headers, body)
    if version != "2.0":
        raise ParseError("Version Not Supported", 505, request)
    if problems and method not in ENDS_OR_CONFIRMS:
        raise ParseError(problems[0], partial=request)
    return request


def _headers(lines: list[bytes], problems: list[str]) -> tuple[Headers, int | None]:
    """All valid fields, and Content-Length; the others go to `problems`."""
    headers = Headers()
    lengths: set[str] = set()
    if len(lines) > MAX_HEADERS:
        problems.append("too many headers")
    for line in lines[:MAX_HEADERS]:
        if len(line) > MAX_HEADER_LINE:
            problems.append("header is too long")
            continue
        match = _FIELD.fullmatch(_text(_FOLD.sub(b" ", line)))
        if match is None:
            problems.append("header is malformed")
            continue
        name, value = match.groups()
        if name.lower() in {"content-length", "l"}:
            lengths.add(value.rstrip(" \t"))
        else:
            headers.add(name, value)
    return headers, _content_length(lengths, problems)


def _content_length(values: set[str], problems: list[str]) -> int | None:
    if not values:
        return None
    if len(values) > 1:
        problems.append("Content-Length is there twice")
        return None
    value = values.pop()
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
        problems.append("Content-Length is not a number")
        return None
    return int(value)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
