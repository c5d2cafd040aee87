"""Parses one datagram into a message (RFC 3261 §7, §18.3)."""

import re
from dataclasses import dataclass, field

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import LWS, TOKEN
from offhook.sip.message.headers import Headers, field_key
from offhook.sip.message.limits import MAX_DIGITS, MAX_HEAD, MAX_HEADER_LINE, MAX_HEADERS, MAX_LINES, MAX_MESSAGE
from offhook.sip.message.message import ENDS_OR_CONFIRMS, Request, Response

_REQUEST_LINE = re.compile(rf"({TOKEN}) ([^\x00-\x20\x7f<>\"]+) [Ss][Ii][Pp]/([0-9]+\.[0-9]+)")
_STATUS_LINE = re.compile(r"[Ss][Ii][Pp]/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]*))?")
_METHOD = re.compile(rf"[ \t]*+({TOKEN})[ \t]++([^\r\n]*+)")
_FIELD = re.compile(rf"({TOKEN}){LWS}:{LWS}([^\r\n]*+)")
_NAME = re.compile(rf"({TOKEN}){LWS}:".encode())
_BARE_LINE_END = re.compile(rb"[\r\n]")
_NEEDED = frozenset(
    {"via", "from", "to", "call-id", "cseq", "contact", "record-route", "require", "content-length"}
    | {"content-type", "content-encoding", "content-disposition"}
)
"""The headers that a request may depend on: none of them may be left out."""

_FOLD = re.compile(rb"\r\n[ \t]++")
_FIELD_START = re.compile(rb"\r\n(?![ \t])")


def parse(data: bytes) -> Request | Response:
    """Parse the message in a datagram. Raises ParseError.

    The body is as long as Content-Length says, and bytes after it are ignored; without one it is the rest of the
    datagram (§18.3). Empty lines before the start line are ignored (§7.5). Lines end in CRLF: a bare CR or LF is an
    error, since elements that disagree about it let headers be smuggled. Any other line that is not a header, and
    optional headers beyond the limits, are left out; `ignored_lines` counts them.

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
    first, *lines = _FIELD_START.split(head, MAX_LINES + 1)
    fields = _Fields() if end >= 0 else _Fields(problems=["message has no empty line behind its headers"])
    if len(head) > MAX_HEAD:
        fields.problems.append("headers are too large")
    fields.take(lines)
    length = fields.content_length()
    body = data[end + 4 :] if end >= 0 else b""
    if length is not None and length > len(body):
        fields.problems.append("Content-Length is more than there is")
    elif length is not None:
        body = body[:length]
    return _message(_text(first), fields, body)


def _message(line: str, fields: "_Fields", body: bytes) -> Request | Response:
    headers, problems = fields.headers, fields.problems
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
    request = Request(method, uri, headers, body, ignored_lines=fields.ignored)
    if version != "2.0":
        raise ParseError("Version Not Supported", 505, request)
    if problems and method not in ENDS_OR_CONFIRMS:
        raise ParseError(problems[0], partial=request)
    return request


@dataclass(slots=True)
class _Fields:
    """The header fields of a message."""

    headers: Headers = field(default_factory=Headers)
    lengths: set[str] = field(default_factory=set)
    """The values of Content-Length."""
    problems: list[str] = field(default_factory=list)
    """What must not be ignored."""
    ignored: int = 0

    def take(self, lines: list[bytes]) -> None:
        if len(lines) > MAX_LINES:
            self.problems.append("too many headers")
        for line in lines[:MAX_LINES]:
            match = _FIELD.fullmatch(_text(_FOLD.sub(b" ", line))) if len(line) <= MAX_HEADER_LINE else None
            if match is None:
                self._leave_out(line)
                continue
            name, value = match.groups()
            key = field_key(name)
            if key == "content-length":
                self.lengths.add(value.rstrip(" \t"))
            elif len(self.headers) < MAX_HEADERS or key in _NEEDED:
                self.headers.add(name, value)
            else:
                self.ignored += 1

    def _leave_out(self, line: bytes) -> None:
        name = _NAME.match(line)
        key = None if name is None else field_key(name.group(1).decode("ascii"))
        if _BARE_LINE_END.search(_FOLD.sub(b" ", line)):
            self.problems.append("header is malformed")
        elif key in _NEEDED:
            self.problems.append("header is too long")
        else:
            self.ignored += 1

    def content_length(self) -> int | None:
        if not self.lengths:
            return None
        if len(self.lengths) > 1:
            self.problems.append("Content-Length is there twice")
            return None
        (value,) = self.lengths
        if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
            self.problems.append("Content-Length is not a number")
            return None
        return int(value)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
