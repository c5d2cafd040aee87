"""The telephone-event payload (RFC 4733 §2.3) and the names of the keys (§3.2, table 3)."""

from struct import Struct
from typing import NamedTuple

from offhook.telephony.errors import WireError

DIGITS = "0123456789*#ABCD"
"""Key names by event code, 0 to 15."""

MAX_DURATION = 0xFFFF
MAX_VOLUME = 63

_END = 0x80
# event | E R volume | duration
_PAYLOAD = Struct("!BBH")
OCTETS = _PAYLOAD.size


class TelephoneEvent(NamedTuple):
    """`volume` in -dBm0 (0 to 63); `duration` in timestamp units since the event's, or the segment's, beginning."""

    event: int
    end: bool
    volume: int
    duration: int


def parse(payload: bytes) -> TelephoneEvent:
    """Read a payload. What follows the first four octets is left alone. Raises WireError when there are fewer."""
    if len(payload) < _PAYLOAD.size:
        raise WireError(f"telephone-event: {len(payload)} octets instead of {_PAYLOAD.size}")
    event, flags, duration = _PAYLOAD.unpack_from(payload)
    # The R bit between E and the volume is ignored by receivers (§2.3.3).
    return TelephoneEvent(event, flags >= _END, flags & MAX_VOLUME, duration)


def build(event: TelephoneEvent) -> bytes:
    """Write a payload. Raises ValueError for a number that does not fit."""
    if not (0 <= event.event <= 0xFF and 0 <= event.volume <= MAX_VOLUME and 0 <= event.duration <= MAX_DURATION):
        raise ValueError(f"telephone-event: out of range: {event}")
    return _PAYLOAD.pack(event.event, event.volume | (_END if event.end else 0), event.duration)
