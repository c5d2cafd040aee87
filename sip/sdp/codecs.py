"""Which formats both ends have in common, and by which numbers they are offered: RFC 3264 §6.1, §8.3.2."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from offhook.sip.sdp import audio
from offhook.sip.sdp.audio import COMFORT_NOISE, OPUS, OPUS_CLOCK_HZ, RATE_HZ, TELEPHONE_EVENT, Format
from offhook.sip.sdp.model import Media

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, OPUS: 111}
"""Codecs by the numbers that they are offered with."""

OFFERED_DTMF_PAYLOAD_TYPE = 101
OFFERED_OPUS_DTMF_PAYLOAD_TYPE = 110

_DYNAMIC = range(96, 128)
"""RFC 3551 §6."""


@dataclass(frozen=True, slots=True)
class AudioCapabilities:
    """What we can do. The order of codecs is our preference in an offer; in an answer the offerer's counts.

    `ptime_ms` (10, 20 … 60) is our wish; the remote's counts for more. Comfort noise is taken where the remote offers
    it and never offered, since that would invite it to leave out what it takes for silence. RTCP shares RTP's port
    where the remote offers that.
    """

    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    dtmf: bool = True
    ptime_ms: int = 20
    comfort_noise: bool = True


def common_formats(media: Media, capabilities: AudioCapabilities) -> list[Format]:
    """What both ends can do, each once, in the remote's order."""
    known = set(capabilities.codecs)
    if capabilities.dtmf:
        known.add(TELEPHONE_EVENT)
    if capabilities.comfort_noise:
        known.add(COMFORT_NOISE)
    found: dict[tuple[str, int], Format] = {}
    meant: dict[int, str] = {}
    for each in audio.formats(media):
        # A number that is mapped to several things means the first of those that both ends can do.
        if (
            each.name in known
            and kind(each) not in found
            and meant.setdefault(each.payload_type, each.name) == each.name
        ):
            found[kind(each)] = each
    return _one_event(list(found.values()))


def _capable(capabilities: AudioCapabilities) -> list[Format]:
    """What an offer has by itself, with the numbers that are usual."""
    chosen = [Format(PAYLOAD_TYPES[codec], codec, _clock_hz(codec)) for codec in capabilities.codecs]
    if capabilities.dtmf:
        # RFC 4733 §2.1: its clock has to be that of the audio beside it.
        if OPUS in capabilities.codecs:
            chosen.append(Format(OFFERED_OPUS_DTMF_PAYLOAD_TYPE, TELEPHONE_EVENT, OPUS_CLOCK_HZ))
        chosen.append(Format(OFFERED_DTMF_PAYLOAD_TYPE, TELEPHONE_EVENT))
    return chosen


def numbered(capabilities: AudioCapabilities, known: list[Format], numbers: Mapping[int, Format]) -> list[Format]:
    """What to offer, in the order of our preference: what is in use keeps its numbers, the rest gets free ones."""
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
    """Of telephone-event the one with the clock of the codec that is sent, else of 8000 Hz (RFC 4733 §2.1)."""
    codecs = voice(common)
    events = {each.clock_hz: each for each in common if each.name == TELEPHONE_EVENT}
    fitting = (events.get(codecs[0].clock_hz) if codecs else None) or events.get(RATE_HZ)
    return [each for each in common if each.name != TELEPHONE_EVENT or each is fitting]


def kind(each: Format) -> tuple[str, int]:
    """What it is, whatever its number."""
    return each.name, each.clock_hz


def _clock_hz(codec: str) -> int:
    return OPUS_CLOCK_HZ if codec == OPUS else RATE_HZ


def voice(chosen: list[Format]) -> list[Format]:
    """The codecs among them."""
    return [each for each in chosen if each.name not in (TELEPHONE_EVENT, COMFORT_NOISE)]


def mistakable(chosen: list[Format]) -> bool:
    """Whether one's payload type, behind a marker, would look like RTCP on a shared port (RFC 5761 §4)."""
    return any(64 <= each.payload_type <= 95 for each in chosen)
