"""What an m-line says about audio: its codecs by payload type, its packet time, where its RTCP goes."""

import re
from dataclasses import dataclass

from offhook.sip.errors import RemoteError
from offhook.sip.sdp.limits import ABSURD_PTIME_MS, MAX_PAYLOAD_TYPE, MAX_PTIME_MS, MIN_PTIME_MS
from offhook.sip.sdp.model import Media

# RFC 3551 §6, table 4: the names of the static audio payload types of 8 kHz and one channel. The others need no
# name here, as nobody negotiates them.
_STATIC = {0: "PCMU", 3: "GSM", 4: "G723", 5: "DVI4", 7: "LPC", 8: "PCMA", 9: "G722", 12: "QCELP", 13: "CN"}
_STATIC.update({15: "G728", 18: "G729"})
RATE_HZ = 8_000
"""The RTP clock of all codecs but Opus."""

OPUS = "OPUS"
OPUS_CLOCK_HZ = 48_000
"""Its RTP clock at whatever rate it is sampled; it is always offered as stereo (RFC 7587 §4.1, §7)."""

MIN_OPUS_BIT_RATE = 6_000
"""The least that it can be coded with."""

OPUS_PTIMES_MS = (10, 20, 40, 60)
"""The packets of one frame among those that we send."""

TELEPHONE_EVENT = "TELEPHONE-EVENT"
"""RFC 4733, in the spelling that names have here."""

COMFORT_NOISE = "CN"
"""RFC 3389; payload type 13 at 8 kHz."""

_RTPMAP = re.compile(r"([0-9]{1,3}) +([^ /]+)/([0-9]{1,6})(?:/([0-9]{1,3}))?")
_PTIME = re.compile(r"([0-9]{1,6})(?:\.[0-9]{1,6})?")
_RTCP = re.compile(r"([0-9]{1,5})(?: IN IP[46] (\S+))?")


@dataclass(frozen=True, slots=True)
class Format:
    """A payload type, the codec's name in upper case, and its RTP clock."""

    payload_type: int
    name: str
    clock_hz: int = RATE_HZ


def formats(media: Media) -> list[Format]:
    """The formats of an RTP m-line in its order of preference: mono of 8 kHz, Opus, and telephone-event of both clocks.

    Raises RemoteError 400.
    A rtpmap counts for more than what RFC 3551 says of the number; a dynamic type without one means nothing.
    """
    mapped = _rtpmaps(media)
    found: list[Format] = []
    for text in dict.fromkeys(media.formats):
        payload_type = _payload_type(text)
        if payload_type in mapped:
            known = mapped[payload_type]
        else:
            static = _STATIC.get(payload_type)
            known = None if static is None else Format(payload_type, static)
        if known is not None:
            found.append(known)
    return found


def ptime_ms(media: Media, default: int) -> int:
    """The packet time to send with, a multiple of 10 ms that we can do. Raises RemoteError 400.

    A wish between 1 ms and a second is brought to the nearest that we can do; maxptime is kept to.
    """
    wish = _milliseconds(media, "ptime")
    longest = _milliseconds(media, "maxptime")
    value = default if wish is None else wish
    if longest is not None:
        value = min(value, longest)
    return max(MIN_PTIME_MS, min(MAX_PTIME_MS, value)) // 10 * 10


def rtcp_mux(media: Media) -> bool:
    """Whether the m-line says that RTCP may come to the port of RTP (RFC 5761 §5.1.1)."""
    return any(each.name == "rtcp-mux" for each in media.attributes)


def rtcp_address(media: Media) -> tuple[str | None, int]:
    """Where RTCP goes when it does not share RTP's port: (host, or None for that of RTP; port).

    The rtcp attribute (RFC 3605), else the next port (RFC 3550 §11). Raises RemoteError 400.
    """
    host = None
    values = media.values("rtcp")
    if not values:
        port = media.port + 1
    else:
        match = _RTCP.fullmatch(values[0])
        if match is None:
            raise RemoteError(400, "SDP has a malformed rtcp attribute")
        port, host = int(match.group(1)), match.group(2)
    if not 0 < port <= 65_535:
        raise RemoteError(400, "SDP leaves no port for RTCP")
    return host, port


def opus_ptime_ms(media: Media, payload_type: int, ptime: int) -> int:
    """The packet time of Opus: what a frame can last, at most `ptime`, but for a minptime (RFC 7587 §6.1)."""
    least = min(_parameter(media, payload_type, "minptime") or 0, _milliseconds(media, "maxptime") or MAX_PTIME_MS)
    fitting = [each for each in OPUS_PTIMES_MS if each <= max(ptime, least)]
    return fitting[-1]


def opus_bit_rate(media: Media, payload_type: int) -> int | None:
    """What must not be exceeded, bit/s (RFC 7587 §6.1); None where nothing that makes sense is said."""
    value = _parameter(media, payload_type, "maxaveragebitrate")
    return None if value is None else max(MIN_OPUS_BIT_RATE, value)


def _parameter(media: Media, payload_type: int, name: str) -> int | None:
    """A number among the format parameters, None if it is not there or no number of up to six digits."""
    for value in media.values("fmtp"):
        number, _, parameters = value.partition(" ")
        if number == str(payload_type):
            for each in parameters.split(";"):
                key, _, text = each.strip().partition("=")
                if key.lower() == name and text.isascii() and text.isdigit() and len(text) <= 6:
                    return int(text)
    return None


def _rtpmaps(media: Media) -> dict[int, Format | None]:
    mapped: dict[int, Format | None] = {}
    for value in media.values("rtpmap"):
        match = _RTPMAP.fullmatch(value)
        if match is None:
            raise RemoteError(400, "SDP has a malformed rtpmap")
        number, name, rate, channels = match.groups()
        payload_type = _payload_type(number)
        found = Format(payload_type, name.upper(), int(rate))
        mapped.setdefault(payload_type, found if _usable(found, int(channels or 1)) else None)
    return mapped


def _usable(found: Format, channels: int) -> bool:
    if found.name == OPUS:
        return (found.clock_hz, channels) == (OPUS_CLOCK_HZ, 2)
    clocks = (RATE_HZ, OPUS_CLOCK_HZ) if found.name == TELEPHONE_EVENT else (RATE_HZ,)
    return found.clock_hz in clocks and channels == 1


def _payload_type(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_PAYLOAD_TYPE):
        raise RemoteError(400, "SDP has a payload type beyond 0-127")
    return int(text)


def _milliseconds(media: Media, name: str) -> int | None:
    values = media.values(name)
    if not values:
        return None
    match = _PTIME.fullmatch(values[0])
    if match is None or not 1 <= int(match.group(1)) <= ABSURD_PTIME_MS:
        raise RemoteError(400, f"SDP has an absurd {name}")
    return int(match.group(1))
