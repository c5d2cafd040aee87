"""The Via header field (RFC 3261 §20.42, RFC 3581)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import LWS, TOKEN
from offhook.sip.message.params import NO_PARAMS, Params
from offhook.sip.message.uri import parse_host_port

_PROTOCOL = rf"{LWS}({TOKEN}){LWS}/{LWS}({TOKEN}){LWS}/{LWS}({TOKEN})"
_SENT_BY = rf"(\[[^\]]*+\]|[^;:,\[\] \t]++)(?:{LWS}:{LWS}([0-9]++))?"
_VIA = re.compile(rf"{_PROTOCOL}[ \t]++{_SENT_BY}{LWS}(;.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value.

    `protocol` is "SIP/2.0", `transport` is in upper case; `host` has its brackets where it is IPv6.
    """

    protocol: str
    transport: str
    host: str
    port: int | None = None
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Read one value. Raises ParseError."""
        return _parse(text)

    @property
    def branch(self) -> str | None:
        """The transaction's branch; None from an RFC 2543 peer without it."""
        return self.params.get("branch")

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.protocol}/{self.transport} {self.host}{port}{self.params}"


@lru_cache(maxsize=256)
def _parse(text: str) -> Via:
    match = _VIA.fullmatch(text)
    if match is None:
        raise ParseError("Via is malformed")
    name, version, transport, host, port, params = match.groups()
    host, value = parse_host_port(host if port is None else f"{host}:{port}", "Via")
    return Via(f"{name.upper()}/{version}", transport.upper(), host, value, Params.parse(params or "", "Via"))
