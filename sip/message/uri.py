"""URIs (RFC 3261 §19.1); those of other schemes than sip and sips are kept whole."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import number
from offhook.sip.message.limits import MAX_PORT
from offhook.sip.message.params import NO_PARAMS, Params

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):")
_OPAQUE = re.compile(r"[!#-;=?-~]+")
# The grammar has neither an empty user (gateways send it without a calling number) nor unescaped "#" (phones dial
# "sip:*67#...@" that way), "%", "^" or UTF-8. The user part is only echoed; it may have semicolons and question marks.
_USER = r"[^\x00-\x20\x7f\"<>@:]*+"
_SIP = re.compile(
    rf"([Ss][Ii][Pp][Ss]?):(?:({_USER})(?::({_USER}))?@)?(\[[^\]]*+\]|[^:;?@\[\]]++)"
    r"(?::([^;?@]*+))?(;[^?@]*+)?(?:\?(.*))?",
    re.DOTALL,
)
# The underscore is not allowed by RFC 1123, but common in private networks.
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]*+)(?:\.[A-Za-z0-9_][A-Za-z0-9_\-]*+)*+\.?")
# RFC 5118 §4.10: RFC 3261's grammar has three colons before the IPv4 address at the end of an IPv6 address.
_COLON_TOO_MANY = re.compile(r":::(?=[0-9.]+\]$)")
_HEADERS = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()\[\]/?:+$=&]|%[0-9A-Fa-f]{2})++")
_MAX_HOST = 255


class Uri(NamedTuple):
    """A URI. Nothing in it is unescaped, so that it prints as it was parsed; only the scheme is lowercased.

    `host` has its brackets where it is IPv6. `headers` is the text after the question mark, None without one.
    With other schemes than sip and sips `opaque` is everything after the colon, and the rest is empty.
    """

    scheme: str
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    params: Params = NO_PARAMS
    headers: str | None = None
    opaque: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Read a URI without angle brackets. Raises ParseError."""
        return _remembered(text)

    def __str__(self) -> str:
        if self.opaque is not None:
            return f"{self.scheme}:{self.opaque}"
        user = "" if self.user is None else f"{self.user}@"
        if self.password is not None:
            user = f"{self.user}:{self.password}@"
        port = "" if self.port is None else f":{self.port}"
        headers = "" if self.headers is None else f"?{self.headers}"
        return f"{self.scheme}:{user}{self.host}{port}{self.params.uri_text()}{headers}"


def parse_host(text: str, what: str) -> str:
    """A host; an IPv6 address has brackets. Raises ParseError."""
    host = _COLON_TOO_MANY.sub("::", text) if text.startswith("[") else text
    if len(host) > _MAX_HOST or not _is_host(host):
        raise ParseError(f"{what} has a malformed host")
    return host


def parse_port(text: str, what: str) -> int:
    """A port. Raises ParseError."""
    return number(text, f"the port in {what}", MAX_PORT)


@lru_cache(maxsize=1024)
def _is_host(host: str) -> bool:
    try:
        if host.startswith("["):
            return "%" not in host and IPv6Address(host[1:-1]).version == 6
        if _HOST_NAME.fullmatch(host) is None:
            return False
        # A name's last label begins with a letter (§25.1, toplabel); a digit there means a numeric address.
        last = host.rstrip(".").rpartition(".")[2]
        return not last[0].isdigit() or IPv4Address(host).version == 4
    except AddressValueError:
        return False


def parse_uri(text: str) -> Uri:
    """As `Uri.parse`, for a text that is part of a value that is remembered as a whole."""
    match = _SIP.fullmatch(text)
    if match is None:
        return _opaque(text)
    scheme, user, password, host, port, params, headers = match.groups()
    if headers is not None and _HEADERS.fullmatch(headers) is None:
        raise ParseError("URI has malformed headers")
    return Uri(
        scheme.lower(),
        user,
        password,
        parse_host(host, "URI"),
        None if port is None else parse_port(port, "URI"),
        NO_PARAMS if params is None else Params.parse_uri(params),
        headers,
    )


def _opaque(text: str) -> Uri:
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise ParseError("URI has no scheme")
    name, rest = scheme.group(1).lower(), text[scheme.end() :]
    if name in {"sip", "sips"}:
        raise ParseError("URI has a malformed user part or host")
    if _OPAQUE.fullmatch(rest) is None:
        raise ParseError("URI has characters that must be escaped")
    return Uri(name, opaque=rest)


_remembered = lru_cache(maxsize=256)(parse_uri)
