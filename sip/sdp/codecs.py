"""The formats both ends share, and the payload types they are offered with: RFC 3264 §6.1, §8.3.2."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from offhook.sip.sdp import audio
from offhook.sip.sdp.audio import COMFORT_NOISE, OPUS, OPUS_CLOCK_HZ, RATE_HZ, TELEPHONE_EVENT, Format
from offhook.sip.sdp.crypto import SrtpCapabilities
from offhook.sip.sdp.model import Media

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, OPUS: 111}
"""Codecs by the payload type they are offered with."""

OFFERED_DTMF_PAYLOAD_TYPE = 101
OFFERED_OPUS_DTMF_PAYLOAD_TYPE = 110

_DYNAMIC = range(96, 128)
"""RFC 3551 §6."""


@dataclass(frozen=True, slots=True)
class AudioCapabilities:
    """What we support. The order of codecs is our preference in an offer; an answer follows the offerer's.

    `ptime_ms` (10, 20 … 60) is our wish; the remote's comes first. Comfort noise is accepted where the remote offers
    it and never offered, since that would invite it to suppress what it takes for silence. RTCP shares RTP's port
    where the remote offers that.
    """

    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    dtmf: bool = True
    ptime_ms: int = 20
    comfort_noise: bool = True
    srtp: SrtpCapabilities = field(default_factory=SrtpCapabilities)


def common_formats(media: Media, capabilities: AudioCapabilities) -> list[Format]:
    """What both ends support, each once, in the remote's order."""
    known = set(capabilities.codecs)
    if capabilities.dtmf:
        known.add(TELEPHONE_EVENT)
    if capabilities.comfort_noise:
        known.add(COMFORT_NOISE)
    found: dict[tuple[str, int], Format] = {}
    meant: dict[int, str] = {}
    for each in audio.formats(media):
        # A number with several maps means the first one both ends support.
        if (
            each.name in known
            and kind(each) not in found
            and meant.setdefault(each.payload_type, each.name) == each.name
        ):
            found[kind(each)] = each
    return _one_event(list(found.values()))


def _capable(capabilities: AudioCapabilities) -> list[Format]:
    """The formats of a first offer, with the usual numbers."""
    chosen = [Format(PAYLOAD_TYPES[codec], codec, _clock_hz(codec)) for codec in capabilities.codecs]
    if capabilities.dtmf:
        # RFC 4733 §2.1: its clock has to be that of the audio beside it.
        if OPUS in capabilities.codecs:
            chosen.append(Format(OFFERED_OPUS_DTMF_PAYLOAD_TYPE, TELEPHONE_EVENT, OPUS_CLOCK_HZ))
        chosen.append(Format(OFFERED_DTMF_PAYLOAD_TYPE, TELEPHONE_EVENT))
    return chosen


def numbered(capabilities: AudioCapabilities, known: list[Format], numbers: Mapping[int, Format]) -> list[Format]:
    """What to offer, in our order of preference: formats in use keep their numbers, the others get free ones."""
    by_kind = {kind(each): each for each in known}
    taken = {**numbers, **{each.payload_type: each for each in known}}
    chosen: list[Format] = []
    for each in _capable(capabilities):
        usual = by_kind.get(kind(each), each).payload_type
        fitting = (n for n in (usual, *_DYNAMIC) if n not in taken or kind(taken[n]) == kind(each))
        if (number := next(fitting, None)) is not None:
            chosen.append(replace(each, payload_type=number))
            taken[number] = each
    return chosen


def _one_event(common: list[Format]) -> list[Format]:
    """The telephone-event with the clock of the sent codec, else of 8000 Hz (RFC 4733 §2.1)."""
    codecs = voice(common)
    events = {each.clock_hz: each for each in common if each.name == TELEPHONE_EVENT}
    fitting = (events.get(codecs[0].clock_hz) if codecs else None) or events.get(RATE_HZ)
    return [each for each in common if each.name != TELEPHONE_EVENT or each is fitting]


def kind(each: Format) -> tuple[str, int]:
    """The format without its number."""
    return each.name, each.clock_hz


def _clock_hz(codec: str) -> int:
    return OPUS_CLOCK_HZ if codec == OPUS else RATE_HZ


def voice(chosen: list[Format]) -> list[Format]:
    """The codecs among them."""
    return [each for each in chosen if each.name not in (TELEPHONE_EVENT, COMFORT_NOISE)]


def mistakable(chosen: list[Format]) -> bool:
    """Whether one's payload type, behind a marker, would look like RTCP on a shared port (RFC 5761 §4)."""
    return any(64 <= each.payload_type <= 95 for each in chosen)
