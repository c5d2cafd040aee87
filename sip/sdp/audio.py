"""What an m-line says about audio: its codecs by payload type, its packet time, where its RTCP goes."""

import re
from dataclasses import dataclass

from offhook.sip.sdp.limits import ABSURD_PTIME_MS, MAX_PAYLOAD_TYPE, MAX_PTIME_MS, MIN_PTIME_MS
from offhook.sip.sdp.model import Media

# RFC 3551 §6, table 4: the names of the static audio payload types of 8 kHz and one channel. The others are
# not supported.
_STATIC = {0: "PCMU", 3: "GSM", 4: "G723", 5: "DVI4", 7: "LPC", 8: "PCMA", 9: "G722", 12: "QCELP", 13: "CN"}
_STATIC.update({15: "G728", 18: "G729"})
MAX_PORT = 65_535

RATE_HZ = 8_000
"""The RTP clock of all codecs but Opus."""

OPUS = "OPUS"
OPUS_CLOCK_HZ = 48_000
"""Its RTP clock at whatever rate it is sampled; it is always offered as stereo (RFC 7587 §4.1, §7)."""

MIN_OPUS_BIT_RATE = 6_000
"""Its lowest bit rate."""

OPUS_PTIMES_MS = (10, 20, 40, 60)
"""The packets of one frame among those that we send."""

TELEPHONE_EVENT = "TELEPHONE-EVENT"
"""RFC 4733; codec names are upper case here."""

COMFORT_NOISE = "CN"
"""RFC 3389; payload type 13 at 8 kHz."""

_RTPMAP = re.compile(r"([0-9]{1,3})[ \t]+([^ \t/]+)/([0-9]{1,6})(?:/([0-9]{1,3}))?")
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

    An rtpmap overrides RFC 3551's meaning of the number; a dynamic type without one is ignored, as is a malformed
    rtpmap or number. A number mapped twice appears once for each usable map: some trunks give telephone-event of two
    clocks one number.
    """
    mapped = _rtpmaps(media)
    found: list[Format] = []
    for text in media.formats:
        payload_type = _payload_type(text)
        if payload_type is None:
            continue
        if payload_type in mapped:
            found += mapped[payload_type]
        elif payload_type in _STATIC:
            found.append(Format(payload_type, _STATIC[payload_type]))
    return list(dict.fromkeys(found))


def numbers(media: Media) -> dict[int, Format]:
    """What each mapped number of an audio line means by its first map, supported or not."""
    meant: dict[int, Format] = {}
    for value in media.values("rtpmap") if media.kind == "audio" else ():
        match = _RTPMAP.fullmatch(value.strip())
        payload_type = None if match is None else _payload_type(match.group(1))
        if match is not None and payload_type is not None:
            meant.setdefault(payload_type, Format(payload_type, match.group(2).upper(), int(match.group(3))))
    return meant


def ptime_ms(media: Media, default: int) -> int:
    """The packet time to send with, a supported multiple of 10 ms.

    A ptime between 1 ms and a second is rounded to the nearest supported one, any other is ignored; maxptime is kept.
    """
    wish = _milliseconds(media, "ptime")
    longest = _milliseconds(media, "maxptime")
    value = default if wish is None else wish
    if longest is not None:
        value = min(value, longest)
    return max(MIN_PTIME_MS, min(MAX_PTIME_MS, value)) // 10 * 10


def rtcp_mux(media: Media) -> bool:
    """Whether the m-line has rtcp-mux (RFC 5761 §5.1.1)."""
    return any(each.name == "rtcp-mux" for each in media.attributes)


def rtcp_address(media: Media) -> tuple[str | None, int]:
    """Where RTCP goes when it does not share RTP's port: (host, or None for that of RTP; port).

    The rtcp attribute (RFC 3605), else the next port (RFC 3550 §11), else that of RTP.
    """
    for value in media.values("rtcp"):
        match = _RTCP.fullmatch(value.strip())
        if match is not None and 0 < int(match.group(1)) <= MAX_PORT:
            return match.group(2), int(match.group(1))
    return None, min(media.port + 1, MAX_PORT)


def opus_ptime_ms(media: Media, payload_type: int, ptime: int) -> int:
    """The packet time of Opus: what a frame can last, at most `ptime`, but for a minptime (RFC 7587 §6.1)."""
    least = min(_parameter(media, payload_type, "minptime") or 0, _milliseconds(media, "maxptime") or MAX_PTIME_MS)
    fitting = [each for each in OPUS_PTIMES_MS if each <= max(ptime, least)]
    return fitting[-1]


def opus_bit_rate(media: Media, payload_type: int) -> int | None:
    """The maximum in bit/s (RFC 7587 §6.1); None if absent or out of range."""
    value = _parameter(media, payload_type, "maxaveragebitrate")
    return None if value is None else max(MIN_OPUS_BIT_RATE, value)


def _parameter(media: Media, payload_type: int, name: str) -> int | None:
    """A number among the format parameters; None if absent or not a number of up to six digits."""
    for value in media.values("fmtp"):
        number, _, parameters = value.partition(" ")
        if number == str(payload_type):
            for each in parameters.split(";"):
                key, _, text = each.strip().partition("=")
                if key.lower() == name and text.isascii() and text.isdigit() and len(text) <= 6:
                    return int(text)
    return None


def _rtpmaps(media: Media) -> dict[int, list[Format]]:
    """What each mapped number may mean: empty where none of its maps is supported."""
    mapped: dict[int, list[Format]] = {}
    for value in media.values("rtpmap"):
        match = _RTPMAP.fullmatch(value.strip())
        payload_type = None if match is None else _payload_type(match.group(1))
        if match is None or payload_type is None:
            continue
        _, name, rate, channels = match.groups()
        found = Format(payload_type, name.upper(), int(rate))
        usable = mapped.setdefault(payload_type, [])
        if _usable(found, int(channels or 1)) and found not in usable:
            usable.append(found)
    return mapped


def _usable(found: Format, channels: int) -> bool:
    if found.name == OPUS:
        return (found.clock_hz, channels) == (OPUS_CLOCK_HZ, 2)
    clocks = (RATE_HZ, OPUS_CLOCK_HZ) if found.name == TELEPHONE_EVENT else (RATE_HZ,)
    return found.clock_hz in clocks and channels == 1


def _payload_type(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_PAYLOAD_TYPE:
        return int(text)
    return None


def _milliseconds(media: Media, name: str) -> int | None:
    """The first sensible value (RFC 8866 §6.4: it is a hint), None without one."""
    for value in media.values(name):
        match = _PTIME.fullmatch(value.strip())
        if match is not None and 1 <= int(match.group(1)) <= ABSURD_PTIME_MS:
            return int(match.group(1))
    return None
