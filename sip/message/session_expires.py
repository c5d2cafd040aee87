"""The Session-Expires header field: how long a session lasts without a refresh, and who refreshes (RFC 4028 §4)."""

from dataclasses import dataclass
from enum import StrEnum

from offhook.sip.message.grammar import number
from offhook.sip.message.limits import MAX_INTERVAL_S
from offhook.sip.message.params import Params


class Refresher(StrEnum):
    """Who refreshes: the sender of the request that has the header, or its recipient."""

    UAC = "uac"
    UAS = "uas"


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """`refresher` None: the recipient decides."""

    interval_s: int
    refresher: Refresher | None = None

    @classmethod
    def parse(cls, text: str) -> "SessionExpires":
        """Read the value. Raises ParseError."""
        digits, semicolon, rest = text.strip(" \t").partition(";")
        params = Params.parse(semicolon + rest, "Session-Expires")
        named = (params.get("refresher") or "").lower()
        refresher = next((each for each in Refresher if each.value == named), None)
        return cls(number(digits.rstrip(" \t"), "Session-Expires", MAX_INTERVAL_S), refresher)

    def __str__(self) -> str:
        return str(self.interval_s) if self.refresher is None else f"{self.interval_s};refresher={self.refresher}"
