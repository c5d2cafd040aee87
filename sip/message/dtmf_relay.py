"""A key in the body of an INFO: application/dtmf-relay, and application/dtmf, which has nothing but the key.

Neither has an RFC; this is what gateways and PBXs send (RFC 6086 §1 calls it legacy usage: no Info-Package).
"""

import re
from dataclasses import dataclass

from offhook.sip.errors import ParseError

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"

KEYS = "0123456789*#ABCD"
DEFAULT_MS = 100
MAX_MS = 60_000

_FIELD = re.compile(rb"^[ \t]*(signal|duration)[ \t]*[=:][ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(rb"[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class DtmfRelay:
    """A key and how long it was pressed. `digit` is one of `KEYS`; empty for a hook flash."""

    digit: str
    duration_ms: int = DEFAULT_MS

    @classmethod
    def parse(cls, kind: str, body: bytes) -> "DtmfRelay":
        """Read a body of that type. Raises ParseError where it names no key."""
        fields = {name.lower(): value for name, value in reversed(_FIELD.findall(body))}
        # Some write the fields under application/dtmf, too, and some the bare key under application/dtmf-relay.
        digit = _digit(fields.get(b"signal", body if not fields else b""))
        if digit is None:
            raise ParseError(f"{kind} names no key")
        duration = fields.get(b"duration", b"")
        known = _NUMBER.fullmatch(duration) is not None
        return cls(digit, min(int(duration), MAX_MS) if known else DEFAULT_MS)

    def __bytes__(self) -> bytes:
        """The body, as application/dtmf-relay."""
        return f"Signal={self.digit}\r\nDuration={self.duration_ms}\r\n".encode()


def _digit(text: bytes) -> str | None:
    name = text.strip().strip(b'"').decode("ascii", "replace").upper()
    if name in {"16", "!", "FLASH"}:
        return ""
    if len(name) == 2 and name.isdigit() and name.isascii() and int(name) < len(KEYS):
        return KEYS[int(name)]  # the event's number (RFC 4733 §3.2)
    return name if len(name) == 1 and name in KEYS else None
