"""What payload types mean, as far as an analysis needs it. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

EVENT = "TELEPHONE-EVENT"
COMFORT_NOISE = "CN"


class Encoding(NamedTuple):
    """An encoding's name of SDP's rtpmap, in upper case, and its RTP clock."""

    name: str
    clock_hz: int = 8_000


Encodings = Mapping[int, Encoding]
"""By payload type."""

STATIC: Encodings = {
    0: Encoding("PCMU"),
    3: Encoding("GSM"),
    4: Encoding("G723"),
    5: Encoding("DVI4"),
    8: Encoding("PCMA"),
    9: Encoding("G722"),
    13: Encoding(COMFORT_NOISE),
    15: Encoding("G728"),
    18: Encoding("G729"),
}
"""RFC 3551 §6, table 4: those of 8 kHz."""
