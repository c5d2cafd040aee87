"""The status line in a message/sipfrag body (RFC 3420), with which a NOTIFY says how far a transfer is."""

import re
from dataclasses import dataclass

from offhook.sip.message.identities import printable

SIPFRAG = "message/sipfrag"

MAX_REASON = 200
"""Characters of a reason phrase that are kept."""

_STATUS_LINE = re.compile(r"\s*SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([^\r\n]*))?(?:\r?\n|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SipFragment:
    """A status line."""

    status: int
    reason: str = ""

    @classmethod
    def parse(cls, body: bytes) -> "SipFragment | None":
        """The status line that the body begins with; headers after it are ignored. None without one."""
        match = _STATUS_LINE.match(body[:1_000].decode("utf-8", "replace"))
        if match is None:
            return None
        return cls(int(match.group(1)), printable((match.group(2) or "").strip()[:MAX_REASON]))

    def __bytes__(self) -> bytes:
        return f"SIP/2.0 {self.status} {self.reason}\r\n".encode()
