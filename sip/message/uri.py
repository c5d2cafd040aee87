"""URIs (RFC 3261 §19.1); those of other schemes than sip and sips are kept whole."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import number
from offhook.sip.message.limits import MAX_PORT
from offhook.sip.message.params import NO_PARAMS, Params

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):")
_OPAQUE = re.compile(r"[!#-;=?-~]+")
# The grammar has neither an empty user (gateways send it without a calling number) nor unescaped "#" (phones dial
# "sip:*67#...@" that way), "%", "^" or UTF-8. The user part is only echoed.
_USERINFO = re.compile(r"[^\x00-\x20\x7f\"<>@:]*+(?::[^\x00-\x20\x7f\"<>@:]*+)?")
_HOST_PORT = re.compile(r"(\[[^\]]*+\]|[^:\[\]]*+)(?::(.*))?", re.DOTALL)
# The underscore is not allowed by RFC 1123, but common in private networks.
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]*+)(?:\.[A-Za-z0-9_][A-Za-z0-9_\-]*+)*+\.?")
# RFC 5118 §4.10: RFC 3261's grammar has three colons before the IPv4 address at the end of an IPv6 address.
_COLON_TOO_MANY = re.compile(r":::(?=[0-9.]+\]$)")
_HEADERS = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()\[\]/?:+$=&]|%[0-9A-Fa-f]{2})++")
_MAX_HOST = 255


@dataclass(frozen=True, slots=True)
class Uri:
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
        return _parse(text)

    def __str__(self) -> str:
        if self.opaque is not None:
            return f"{self.scheme}:{self.opaque}"
        user = "" if self.user is None else f"{self.user}@"
        if self.password is not None:
            user = f"{self.user}:{self.password}@"
        port = "" if self.port is None else f":{self.port}"
        headers = "" if self.headers is None else f"?{self.headers}"
        return f"{self.scheme}:{user}{self.host}{port}{self.params.uri_text()}{headers}"


def parse_host_port(text: str, what: str) -> tuple[str, int | None]:
    """Read `host[:port]` without white space; an IPv6 address has brackets. Raises ParseError."""
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        raise ParseError(f"{what} has a malformed host")
    host, port = match.groups()
    host = _COLON_TOO_MANY.sub("::", host) if host.startswith("[") else host
    if not _is_host(host):
        raise ParseError(f"{what} has a malformed host")
    return host, None if port is None else number(port, f"the port in {what}", MAX_PORT)


def _is_host(host: str) -> bool:
    try:
        if host.startswith("["):
            return "%" not in host and IPv6Address(host[1:-1]).version == 6
        if len(host) > _MAX_HOST or _HOST_NAME.fullmatch(host) is None:
            return False
        # A name's last label begins with a letter (§25.1, toplabel); a digit there means a numeric address.
        last = host.rstrip(".").rpartition(".")[2]
        return not last[0].isdigit() or IPv4Address(host).version == 4
    except AddressValueError:
        return False


@lru_cache(maxsize=256)
def _parse(text: str) -> Uri:
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise ParseError("URI has no scheme")
    name = scheme.group(1).lower()
    rest = text[scheme.end() :]
    if name not in {"sip", "sips"}:
        if _OPAQUE.fullmatch(rest) is None:
            raise ParseError("URI has characters that must be escaped")
        return Uri(name, opaque=rest)
    return _parse_sip(name, rest)


def _parse_sip(scheme: str, text: str) -> Uri:
    user = password = headers = None
    # Semicolons and question marks may be in the user part, so that is split off first (§19.1.1).
    userinfo, at, rest = text.rpartition("@")
    if at:
        if _USERINFO.fullmatch(userinfo) is None:
            raise ParseError("URI has a malformed user part")
        user, colon, secret = userinfo.partition(":")
        password = secret if colon else None
    rest, question, tail = rest.partition("?")
    if question:
        if _HEADERS.fullmatch(tail) is None:
            raise ParseError("URI has malformed headers")
        headers = tail
    address, semicolon, params = rest.partition(";")
    host, port = parse_host_port(address, "URI")
    return Uri(scheme, user, password, host, port, Params.parse_uri(semicolon + params), headers)
