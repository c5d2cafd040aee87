"""The headers of a message as values. Everything here raises ParseError, with the request as its `partial`."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias, TypeVar, cast

from offhook.sip.errors import ParseError
from offhook.sip.message.address import NameAddr, tag_of
from offhook.sip.message.cseq import CSeq
from offhook.sip.message.grammar import is_token, number, split_first, split_list
from offhook.sip.message.limits import MAX_DIGITS, MAX_FORWARDS, MAX_INTERVAL_S, MAX_LIST, MAX_RSEQ, MAX_VIAS
from offhook.sip.message.message import ENDS_OR_CONFIRMS, Request, Response
from offhook.sip.message.rack import RAck
from offhook.sip.message.session_expires import SessionExpires
from offhook.sip.message.uri import Uri
from offhook.sip.message.via import Via

Message: TypeAlias = Request | Response
_Value = TypeVar("_Value")

_VISIBLE = re.compile(r"[^\x00-\x20\x7f]+")
_MANDATORY = ("Via", "From", "To", "Call-ID", "CSeq")
_ONCE = ("From", "To", "Call-ID", "CSeq")


def top_via(message: Message) -> Via:
    """The topmost Via: the sender of a request, or the addressee of a response."""
    known = message.headers.parsed.get("Via")
    if isinstance(known, Via):
        return known
    value = _first(message, "Via")
    if value is None:
        raise _error(message, "Via is missing")
    via = message.headers.parsed["Via"] = _read(message, Via.parse, value, "Via")
    return via


def vias(message: Message) -> list[Via]:
    """All Via values, topmost first; at least one."""
    values = _list(message, "Via", Via.parse, MAX_VIAS)
    if not values:
        raise _error(message, "Via is missing")
    return values


def from_(message: Message) -> NameAddr:
    """From."""
    return _single(message, "From", NameAddr.parse)


def to(message: Message) -> NameAddr:
    """To."""
    return _single(message, "To", NameAddr.parse)


def from_tag(message: Message) -> str:
    """The tag of From, even if the rest is malformed; empty without one, as from an RFC 2543 peer."""
    return _tag(message, "From")


def to_tag(message: Message) -> str:
    """The tag of To, even if the rest is malformed; empty without one, as outside any dialog."""
    return _tag(message, "To")


def call_id(message: Message) -> str:
    """Call-ID: visible characters without spaces."""
    return _single(message, "Call-ID", _visible)


def cseq(message: Message) -> CSeq:
    """CSeq."""
    return _single(message, "CSeq", CSeq.parse)


def contacts(message: Message) -> list[NameAddr]:
    """All Contact values. `*`, which only concerns registrars, is left out."""
    if message.headers.get("Contact") == "*":
        return []
    return _list(message, "Contact", NameAddr.parse, MAX_LIST)


def contact(message: Message) -> NameAddr | None:
    """The first Contact: a call has one remote target."""
    value = None if message.headers.get("Contact") == "*" else _first(message, "Contact")
    return None if value is None else _read(message, NameAddr.parse, value, "Contact")


def record_routes(message: Message) -> list[NameAddr]:
    """Record-Route, topmost first."""
    return _list(message, "Record-Route", NameAddr.parse_route, MAX_LIST)


def paths(message: Message) -> list[NameAddr]:
    """Path (RFC 3327), topmost first."""
    return _list(message, "Path", NameAddr.parse_route, MAX_LIST)


def routes(message: Message) -> list[NameAddr]:
    """Route, topmost first."""
    return _list(message, "Route", NameAddr.parse_route, MAX_LIST)


def max_forwards(message: Message) -> int | None:
    """Max-Forwards; None from an RFC 2543 peer without it."""
    if "Max-Forwards" not in message.headers:
        return None
    return _single(message, "Max-Forwards", lambda text: number(text, "Max-Forwards", MAX_FORWARDS))


def expires_s(message: Message) -> float | None:
    """Expires of an INVITE, in seconds; None if absent or malformed: it is only a wish."""
    value = message.headers.get("Expires") or ""
    return float(value) if value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS else None


def require(message: Message) -> list[str]:
    """The option tags of Require, as spelled there."""
    return _list(message, "Require", _token, MAX_LIST)


def supported(message: Message) -> list[str]:
    """The option tags of Supported."""
    return _list(message, "Supported", _token, MAX_LIST)


def options(message: Message) -> frozenset[str]:
    """The option tags that the sender supports or requires, in lower case; those that cannot be parsed are left out."""
    found: set[str] = set()
    for read in (require, supported):
        with suppress(ParseError):
            found.update(option.lower() for option in read(message))
    return frozenset(found)


def allow(message: Message) -> frozenset[str] | None:
    """The methods of Allow; None without one."""
    if "Allow" not in message.headers:
        return None
    with suppress(ParseError):
        return frozenset(_list(message, "Allow", _token, MAX_LIST))
    return None


def rseq(response: Response) -> int | None:
    """RSeq: a provisional response has one if it is reliable, and requires 100rel (RFC 3262 §4)."""
    if "RSeq" not in response.headers or "100rel" not in options(response):
        return None
    return _single(response, "RSeq", lambda text: number(text, "RSeq", MAX_RSEQ))


def rack(request: Request) -> RAck:
    """RAck of a PRACK."""
    return _single(request, "RAck", RAck.parse)


def session_expires(message: Message) -> SessionExpires | None:
    """Session-Expires; None if absent."""
    return _single(message, "Session-Expires", SessionExpires.parse) if "Session-Expires" in message.headers else None


def min_se_s(message: Message) -> int | None:
    """Min-SE, in seconds; None if absent. Parameters have no meaning (RFC 4028 §5)."""
    if "Min-SE" not in message.headers:
        return None
    return _single(
        message, "Min-SE", lambda text: number(text.partition(";")[0].strip(" \t"), "Min-SE", MAX_INTERVAL_S)
    )


def retry_after_s(response: Response) -> float | None:
    """Retry-After, without its comment and parameters (RFC 3261 §20.33); None if absent or malformed."""
    value = re.match(r"[0-9]+", (response.headers.get("Retry-After") or "").strip(" \t"))
    return float(value.group()) if value is not None and len(value.group()) <= MAX_DIGITS else None


def content_type(message: Message) -> str | None:
    """The media type of the body in lower case and without parameters; None if absent."""
    if "Content-Type" not in message.headers:
        return None
    if len(set(message.headers.get_all("Content-Type"))) > 1:
        raise _error(message, "Content-Type is there twice")
    return _single(message, "Content-Type", _media_type)


_Reader: TypeAlias = Callable[[Message], object]

_NEEDED: dict[str, tuple[_Reader, ...]] = {
    "INVITE": (contact, record_routes, require),
    "OPTIONS": (require,),
    "REGISTER": (contacts,),
}
"""What is parsed of a request of that method, besides its transaction and dialog identifiers."""

_NEEDED_IN_DIALOG: dict[str, tuple[_Reader, ...]] = {
    "INVITE": (require,),
    "OPTIONS": (require,),
    "UPDATE": (require,),
    "PRACK": (require, lambda message: rack(message) if isinstance(message, Request) else None),
}
"""A re-INVITE changes no route set, and its Contact is a new target only if there is one (§12.2)."""

_OPTIONAL: dict[str, _Reader] = {
    "Max-Forwards": max_forwards,
    "Supported": supported,
    "Route": routes,
    "Allow": lambda message: message.headers.get("Allow") is None or _list(message, "Allow", _token, MAX_LIST),
    "Session-Expires": session_expires,
    "Min-SE": min_se_s,
}
"""Nothing here depends on these: this is not a proxy, and an extension that cannot be read is not used."""

_OPTIONAL_IN_DIALOG: dict[str, _Reader] = {**_OPTIONAL, "Contact": contact, "Record-Route": record_routes}


def validate_request(request: Request) -> list[str]:
    """Check what the method needs before acting on it (§8.2): a request that passes can be answered.

    Always: that each mandatory header is there once, that transaction and dialog identifiers can be parsed, and that
    CSeq names the method (§8.1.1.5). For ACK, BYE and CANCEL that is all. Tags may be missing: RFC 2543 has none. A
    Request-URI of a scheme other than SIP passes; the user agent refuses it (416).

    Returns the names of malformed headers that nothing depends on: ignore them.
    """
    for name in _MANDATORY:
        if name not in request.headers:
            raise _error(request, f"{name} is missing")
    for name in _ONCE:
        if len(request.headers.get_all(name)) > 1:
            raise _error(request, f"{name} is there twice")
    top_via(request)
    call_id(request)
    if cseq(request).method != request.method:
        raise _error(request, "CSeq names another method")
    if request.method in ENDS_OR_CONFIRMS:
        return []
    from_(request)
    to(request)
    if _read(request, Uri.parse, request.uri).headers is not None:
        # §19.1.1: headers are not allowed in a Request-URI.
        raise _error(request, "Request-URI has headers")
    in_dialog = bool(to_tag(request))
    for read in (_NEEDED_IN_DIALOG if in_dialog else _NEEDED).get(request.method, ()):
        read(request)
    optional = _OPTIONAL_IN_DIALOG if in_dialog else _OPTIONAL
    return [name for name, read in optional.items() if not _readable(request, name, read)]


def _readable(request: Request, name: str, read: _Reader) -> bool:
    try:
        read(request)
    except ParseError:
        return False
    return name != "Max-Forwards" or len(request.headers.get_all(name)) <= 1


def validate_response(response: Response) -> None:
    """Check that a response has its transaction and dialog identifiers, once and well-formed."""
    for name in _ONCE:
        if len(response.headers.get_all(name)) > 1:
            raise _error(response, f"{name} is there twice")
    for read in (vias, from_, to, call_id, cseq):
        read(response)


def _single(message: Message, name: str, parse: Callable[[str], _Value]) -> _Value:
    headers = message.headers
    if name in headers.parsed:
        return cast(_Value, headers.parsed[name])
    value = headers.get(name)
    if value is None:
        raise _error(message, f"{name} is missing")
    made = headers.parsed[name] = _read(message, parse, value, name)
    return made


def _tag(message: Message, name: str) -> str:
    try:
        return _single(message, name, NameAddr.parse).tag or ""
    except ParseError:
        return tag_of(message.headers.get(name) or "") or ""


def _first(message: Message, name: str) -> str | None:
    """The first value, unparsed, of a list that may span several fields; None without one."""
    for field in message.headers.get_all(name):
        value, _ = _read(message, lambda text: split_first(text, name), field) if "," in field else (field, "")
        if value:
            return value
    return None


def _list(message: Message, name: str, parse: Callable[[str], _Value], limit: int) -> list[_Value]:
    values: list[_Value] = []
    try:
        for field in message.headers.get_all(name):
            # Without a comma it is one value; whether its quotes and brackets end, `parse` sees.
            for part in split_list(field, name, limit) if "," in field else (field,):
                if part and len(values) == limit:
                    raise ParseError(f"{name} has too many values")
                if part:
                    values.append(parse(part))
    except ParseError as error:
        raise _named(message, name, error) from error
    return values


def _read(message: Message, parse: Callable[[str], _Value], text: str, name: str = "") -> _Value:
    try:
        return parse(text)
    except ParseError as error:
        raise _named(message, name, error) from error


def _named(message: Message, name: str, error: ParseError) -> ParseError:
    return _error(message, error.reason if error.reason.startswith(name) else f"{name}: {error.reason}")


def _error(message: Message, reason: str) -> ParseError:
    return ParseError(reason, partial=message if isinstance(message, Request) else None)


def _visible(text: str) -> str:
    if _VISIBLE.fullmatch(text) is None:
        raise ParseError("has no visible text, or a space in it")
    return text


def _token(text: str) -> str:
    if not is_token(text):
        raise ParseError("is not a token")
    return text


def _media_type(text: str) -> str:
    kind, slash, rest = text.partition("/")
    subtype = rest.partition(";")[0].strip(" \t").lower()
    kind = kind.strip(" \t").lower()
    if not (slash and is_token(kind) and is_token(subtype)):
        raise ParseError("is not a media type")
    return f"{kind}/{subtype}"
