"""Requests and responses."""

import re
from dataclasses import dataclass, field

from offhook.sip.errors import LocalError
from offhook.sip.message.grammar import is_token
from offhook.sip.message.headers import Headers
from offhook.sip.message.serializer import serialize
from offhook.sip.net.flow import Flow

ENDS_OR_CONFIRMS = frozenset({"ACK", "BYE", "CANCEL"})
"""Only their transaction and dialog identifiers are needed: a malformed BYE still ends the call, and an acknowledged
answer must not be repeated until the call is given up."""

_URI_BREAKER = re.compile(r"[\x00-\x20\x7f]")
_REASON_BREAKER = re.compile(r"[\r\n]")


@dataclass(slots=True)
class Request:
    """A request. `uri` is the Request-URI as in the message.

    `headers` has no Content-Length after parsing: it frames the message, and `body` has that length.
    `source` is where it came from, None where that is unknown or the request is ours. `ignored_lines` counts the
    header lines that were left out: malformed, or optional and beyond a limit.
    """

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    source: Flow | None = field(default=None, compare=False)
    ignored_lines: int = field(default=0, compare=False)

    def __bytes__(self) -> bytes:
        if not is_token(self.method) or not self.uri or _URI_BREAKER.search(self.uri):
            raise LocalError(f"{self.method!r} {self.uri!r} makes no request line")
        return serialize(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(slots=True)
class Response:
    """A response. See `Request` for `headers`."""

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def __bytes__(self) -> bytes:
        if not 100 <= self.status <= 699 or _REASON_BREAKER.search(self.reason):
            raise LocalError(f"{self.status} {self.reason!r} makes no status line")
        return serialize(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)
