"""Bodies of one part or of several: RFC 3261 §7.4 and §20.11, RFC 2046 §5.1, RFC 5621."""

import binascii
import re
from dataclasses import dataclass

from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.grammar import QUOTED, TOKEN, unquote
from offhook.sip.message.headers import Headers
from offhook.sip.message.limits import MAX_BODY_DEPTH, MAX_BODY_PARTS
from offhook.sip.message.message import Request, Response

SDP = "application/sdp"

ACCEPT = f"{SDP}, multipart/mixed, multipart/alternative"
"""The Accept of a 415 and of the answer to OPTIONS."""

_PARAMETER = re.compile(rf';[ \t]*({TOKEN})[ \t]*=[ \t]*(?:({QUOTED})|([^\s;"]*))')
MAX_BOUNDARY = 70
"""Characters (RFC 2046 §5.1.1)."""

_BLANK_LINE = re.compile(rb"(?:\A|\r?\n)\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rf"({TOKEN})[ \t]*:[ \t]*([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Content:
    """What a body contains: `sdp`, None without a session description; `unknown`, the type of a required part that is
    not understood.
    """

    sdp: bytes | None = None
    unknown: str | None = None


def content_of(message: Request | Response) -> Content:
    """What the body of a message contains. Raises ParseError where the type of a required body cannot be parsed."""
    if not message.body:
        return Content()
    if _is_untyped_sdp(message):
        return Content(message.body)
    try:
        kind = typed.content_type(message)
    except ParseError:
        if _if_required(message.headers, "", default=True) is None:
            return Content()
        raise
    if not is_plain(message.headers):
        return Content(unknown=_if_required(message.headers, kind or "", default=True))
    if kind == SDP:
        return Content(message.body)
    if kind is not None and kind.startswith("multipart/"):
        return _several(kind, message.headers, message.body, 1)
    return Content(unknown=_if_required(message.headers, kind or "", default=True))


def sdp_of(message: Request | Response) -> bytes | None:
    """The session description in the body; else None."""
    try:
        return content_of(message).sdp
    except ParseError:
        return None


def is_plain(headers: Headers) -> bool:
    """Whether the body is not compressed or otherwise encoded (§20.12)."""
    return (headers.get("Content-Encoding") or "").strip().lower() in {"", "identity"}


def _is_untyped_sdp(message: Request | Response) -> bool:
    """A session description without the Content-Type that §20.15 asks for."""
    return not (message.headers.get("Content-Type") or "").strip() and message.body.lstrip().startswith(b"v=0")


def _several(kind: str, headers: Headers, body: bytes, depth: int) -> Content:
    parts = _split(headers, body) if depth <= MAX_BODY_DEPTH else []
    if not parts:
        return Content(unknown=_if_required(headers, kind, default=depth == 1))
    subtype = kind.partition("/")[2]
    if subtype == "alternative":
        # RFC 2046 §5.1.4: the last one understood is the best; how the others are marked does not matter.
        found = next((sdp for part in reversed(parts) if (sdp := _one(*part, depth).sdp) is not None), None)
        return Content(found, None if found is not None else _if_required(headers, kind, default=depth == 1))
    if subtype in {"related", "signed"}:
        # The others belong to the root (RFC 2387 §3.2, RFC 1847 §2.1).
        parts = [_root(headers, parts)]
    # Any other subtype is treated as mixed (RFC 2046 §5.1.7).
    contents = [_one(*part, depth) for part in parts]
    sdp = next((each.sdp for each in contents if each.sdp is not None), None)
    unknown = next((each.unknown for each in contents if each.unknown is not None), None)
    return Content(sdp, unknown if _if_required(headers, kind, default=True) else None)


def _one(headers: Headers, body: bytes, depth: int) -> Content:
    kind = _kind(headers)
    disposition = (headers.get("Content-Disposition") or "session").partition(";")[0].strip().lower()
    if is_plain(headers) and kind.startswith("multipart/"):
        return _several(kind, headers, body, depth + 1)
    if is_plain(headers) and kind == SDP and disposition == "session" and (sdp := _decoded(headers, body)):
        return Content(sdp)
    # By §20.11 a part without Content-Disposition is required. But the location part in the examples of
    # RFC 6442 §5.1 has none, and an emergency call must not fail over that: only explicitly required parts are. Nor
    # must one that only a header refers to (RFC 5621 §9): headers that are not understood are ignored.
    return Content(unknown=_if_required(headers, kind, default=False) if disposition != "by-reference" else None)


def _if_required(headers: Headers, kind: str, *, default: bool) -> str | None:
    """The type of a required part that is not understood (§20.11), else None."""
    value = headers.get("Content-Disposition")
    if value is None:
        return kind if default else None
    return None if _parameters(value).get("handling", "").lower() == "optional" else kind


def _parameters(value: str) -> dict[str, str]:
    """The parameters of a Content-Type or Content-Disposition."""
    return {
        name.lower(): unquote(quoted) if quoted else bare for name, quoted, bare in reversed(_PARAMETER.findall(value))
    }


def _root(headers: Headers, parts: list[tuple[Headers, bytes]]) -> tuple[Headers, bytes]:
    """The part that `start` names, or the first of the stated `type`, or the first (RFC 2387 §3.1, §3.2)."""
    parameters = _parameters(headers.get("Content-Type") or "")
    start, kind = parameters.get("start"), parameters.get("type", "").lower()
    named = [part for part in parts if start and (part[0].get("Content-ID") or "").strip() == start]
    typed_so = [part for part in parts if kind and _kind(part[0]) == kind]
    return [*named, *typed_so, *parts][0]


def _kind(part: Headers) -> str:
    return (part.get("Content-Type") or "text/plain").partition(";")[0].strip().lower()


def _decoded(headers: Headers, body: bytes) -> bytes:
    encoding = (headers.get("Content-Transfer-Encoding") or "binary").strip().lower()
    try:
        if encoding == "base64":
            return binascii.a2b_base64(body)
    except binascii.Error:
        return b""
    return binascii.a2b_qp(body) if encoding == "quoted-printable" else body


def _split(headers: Headers, body: bytes) -> list[tuple[Headers, bytes]]:
    """The parts between the boundaries (RFC 2046 §5.1.1); a missing final boundary is tolerated."""
    value = _parameters(headers.get("Content-Type") or "").get("boundary", "")
    if not 1 <= len(value) <= MAX_BOUNDARY:
        return []
    boundary = re.escape(value.encode("utf-8", "surrogateescape"))
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + boundary + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[tuple[Headers, bytes]] = []
    found = delimiter.search(body)
    while found is not None and not found.group(1) and len(parts) < MAX_BODY_PARTS:
        following = delimiter.search(body, found.end())
        text = body[found.end() : following.start() if following else len(body)]
        parts.append(_part(text.removeprefix(b"\r").removeprefix(b"\n")))
        found = following
    return parts


def _part(text: bytes) -> tuple[Headers, bytes]:
    blank = _BLANK_LINE.search(text)
    head, body = (text, b"") if blank is None else (text[: blank.start()], text[blank.end() :])
    headers = Headers()
    for line in _FOLD.sub(b" ", head).splitlines():
        if field := _FIELD.fullmatch(line.decode("utf-8", "surrogateescape")):
            headers.add(field.group(1), field.group(2))
    return headers, body
