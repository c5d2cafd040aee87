"""Parses one datagram into a message (RFC 3261 §7, §18.3)."""

import re

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import TOKEN
from offhook.sip.message.headers import Field, Headers, field_name
from offhook.sip.message.limits import MAX_DIGITS, MAX_HEAD, MAX_HEADER_LINE, MAX_HEADERS, MAX_LINES, MAX_MESSAGE
from offhook.sip.message.message import ENDS_OR_CONFIRMS, Request, Response

_REQUEST_LINE = re.compile(rf"({TOKEN}) ([^\x00-\x20\x7f<>\"]+) [Ss][Ii][Pp]/([0-9]+\.[0-9]+)")
_STATUS_LINE = re.compile(r"[Ss][Ii][Pp]/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]*))?")
_METHOD = re.compile(rf"[ \t]*+({TOKEN})[ \t]++([^\r\n]*+)")
_NEEDED = frozenset(
    {"via", "from", "to", "call-id", "cseq", "contact", "record-route", "require", "content-length"}
    | {"content-type", "content-encoding", "content-disposition"}
)
"""The headers that a request may depend on: none of them may be left out."""

_FOLD = re.compile(r"\r\n[ \t]++")
_FIELD_START = re.compile(r"\r\n(?![ \t])")


def parse(data: bytes) -> Request | Response:
    """Parse the message in a datagram. Raises ParseError.

    The body is as long as Content-Length says, and bytes after it are ignored; without one it is the rest of the
    datagram (§18.3). Empty lines before the start line are ignored (§7.5). Lines end in CRLF: a bare CR or LF is an
    error, since elements that disagree about it let headers be smuggled. Any other line that is not a header, and
    optional headers beyond the limits, are left out; `ignored_lines` counts them. A request with more than `MAX_HEAD`
    is refused; of a response, to which nothing can be answered, what is needed is read all the same.

    An ACK, BYE or CANCEL with a valid request line is returned whatever is wrong with its headers and length:
    malformed lines are left out.
    """
    if len(data) > MAX_MESSAGE:
        raise ParseError("message is too large", 513)
    start = 0
    while data.startswith(b"\r\n", start):
        start += 2
    problems: list[str] = []  # that must not be ignored
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        problems.append("message has no empty line behind its headers")
        end = len(data)
    if end - start > MAX_HEAD and not _is_response(data[start : start + 4]):
        problems.append("headers are too large")
    head = data[start:end].decode("utf-8", "surrogateescape")
    first, line_end, rest = head.partition("\r\n")
    if rest[:1] in (" ", "\t"):
        first = head  # a start line cannot be folded
    fields, lengths, ignored = _fields(rest, problems) if line_end else ([], [], 0)
    body = data[end + 4 :]
    length = _content_length(lengths, problems)
    if length is not None and length > len(body):
        problems.append("Content-Length is more than there is")
    elif length is not None:
        body = body[:length]
    return _message(first, Headers.of(fields), body, ignored, problems)


def _is_response(begin: bytes) -> bool:
    return begin.lower() == b"sip/"


def _fields(text: str, problems: list[str]) -> tuple[list[Field], list[str], int]:
    """The header fields, the values of Content-Length, and how many lines were left out.

    Adds what must not be ignored to `problems`.
    """
    folded = "\r\n " in text or "\r\n\t" in text
    lines = _FIELD_START.split(text, MAX_LINES) if folded else text.split("\r\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        problems.append("too many headers")
    line_ends = text.count("\r\n")
    has_bare_line_end = text.count("\r") != line_ends or text.count("\n") != line_ends
    fields: list[Field] = []
    lengths: list[str] = []
    ignored = 0
    for line in lines[:MAX_LINES]:
        is_long = len(line) > MAX_HEADER_LINE
        name, colon, value = (_FOLD.sub(" ", line) if folded else line).partition(":")
        known = field_name(name) if colon else None
        if has_bare_line_end and ("\r" in name + value or "\n" in name + value):
            problems.append("header is malformed")
        elif known is None or (is_long and known[0] not in _NEEDED):
            ignored += 1
        elif is_long:
            problems.append("header is too long")
        elif known[0] == "content-length":
            lengths.append(value.strip(" \t"))
        elif len(fields) < MAX_HEADERS or known[0] in _NEEDED:
            fields.append((known[0], known[1], value.strip(" \t")))
        else:
            ignored += 1
    return fields, lengths, ignored


def _content_length(values: list[str], problems: list[str]) -> int | None:
    if not values:
        return None
    value = values[0]
    if len(set(values)) > 1:
        problems.append("Content-Length is there twice")
    elif not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
        problems.append("Content-Length is not a number")
    else:
        return int(value)
    return None


def _message(line: str, headers: Headers, body: bytes, ignored: int, problems: list[str]) -> Request | Response:
    if len(line) > MAX_HEADER_LINE:
        raise ParseError("start line is too long")
    if _is_response(line[:4].encode("utf-8", "surrogateescape")):
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
    request = Request(method, uri, headers, body, ignored_lines=ignored)
    if version != "2.0":
        raise ParseError("Version Not Supported", 505, request)
    if problems and method not in ENDS_OR_CONFIRMS:
        raise ParseError(problems[0], partial=request)
    return request
