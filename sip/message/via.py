"""The Via header field (RFC 3261 §20.42, RFC 3581)."""

import re
from typing import NamedTuple

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import LWS, TOKEN
from offhook.sip.message.params import NO_PARAMS, Params
from offhook.sip.message.uri import parse_host, parse_port

_PROTOCOL = rf"{LWS}({TOKEN}){LWS}/{LWS}({TOKEN}){LWS}/{LWS}({TOKEN})"
_SENT_BY = rf"(\[[^\]]*+\]|[^;:,\[\] \t]++)(?:{LWS}:{LWS}([0-9]++))?"
_VIA = re.compile(rf"{_PROTOCOL}[ \t]++{_SENT_BY}{LWS}(;.*)?", re.DOTALL)


class Via(NamedTuple):
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
        match = _VIA.fullmatch(text)
        if match is None:
            raise ParseError("Via is malformed")
        name, version, transport, host, port, params = match.groups()
        return cls(
            f"{name.upper()}/{version}",
            transport.upper(),
            parse_host(host, "Via"),
            None if port is None else parse_port(port, "Via"),
            Params.parse(params, "Via") if params else NO_PARAMS,
        )

    @property
    def branch(self) -> str | None:
        """The transaction's branch; None from an RFC 2543 peer without it."""
        return self.params.get("branch")

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.protocol}/{self.transport} {self.host}{port}{self.params}"
