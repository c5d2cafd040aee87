"""What comes from the far end: packets with their times, the audio in its place, keys, and counts. Pure.

Packets are decoded as they come. Their audio stands where their RTP timestamps say; a new SSRC goes on where the last
one ended.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from offhook.qa.caller.turns import loud_blocks
from offhook.qa.verdict.speech_quality import Arrival
from offhook.telephony.codec.base import codec_named, codec_of_payload_type
from offhook.telephony.errors import LocalError, WireError
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.wire import rtp, telephone_event

MAX_LEAP_TICKS = 60 * RATE_HZ
"""A timestamp further away is that of a sender who has begun anew."""

Decode = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Piece:
    """Audio that has come: PCM, and its place in ticks."""

    pcm: bytes
    at_tick: int


@dataclass(slots=True)
class _Source:
    ssrc: int
    first_number: int
    highest: int
    timestamp: int
    at_tick: int
    seen: set[int] = field(default_factory=set)


class ReceivedAudio:
    """The far end's packets. `codecs` is what was agreed on for each payload type, `dtmf` the type of its keys."""

    def __init__(self, codecs: Mapping[int, str], dtmf: int | None) -> None:
        self.codecs = dict(codecs)
        self._decoders: dict[int, Decode | None] = {}
        self._dtmf = dtmf
        self._key_at: tuple[int, int] | None = None  # SSRC and timestamp of the last key
        self._source: _Source | None = None
        self._expected = self._unique = 0
        self._transit: float | None = None
        self.pcm = bytearray()
        self.arrivals: list[Arrival] = []
        self.keys: list[tuple[float, str]] = []
        self.payload_types: Counter[int] = Counter()
        self.duplicates = self.malformed = 0
        self.jitter_ticks = 0.0

    def agree(self, codecs: Mapping[int, str], dtmf: int | None) -> None:
        """Another description is valid from now on; what was agreed on before may still come."""
        self.codecs |= codecs
        self._dtmf = dtmf

    def receive(self, data: bytes, at_s: float) -> Piece | None:
        """A datagram, deciphered. None if it is no audio, or has come before."""
        try:
            packet = rtp.parse(data)
        except WireError:
            self.malformed += 1
            return None
        source = self._source_of(packet, at_s)
        number = source.highest + _signed(packet.sequence - source.highest, 16)
        if number in source.seen:
            self.duplicates += 1
            return None
        source.seen.add(number)
        source.highest = max(source.highest, number)
        self.payload_types[packet.payload_type] += 1
        if packet.payload_type == self._dtmf:
            self._key(packet, at_s)
            return None
        decode = self._decoder(packet.payload_type)
        if decode is None:
            return None
        return self._place(packet, source, number, decode(packet.payload), at_s)

    @property
    def lost(self) -> int:
        """Packets that have not come, of all sources."""
        return self._counts()[0] - self._counts()[1]

    @property
    def loss_percent(self) -> float:
        """Their share."""
        expected, unique = self._counts()
        return 100 * (expected - unique) / max(1, expected)

    def codec_names(self) -> dict[str, int]:
        """How many packets came in which codec; of a type that was not agreed on, by RFC 3551."""
        found: Counter[str] = Counter()
        for payload_type, count in self.payload_types.items():
            if payload_type != self._dtmf:
                found[self._name(payload_type)] += count
        return dict(found)

    def between(self, began_tick: int, ended_tick: int) -> bytes:
        """The audio there."""
        return bytes(self.pcm[2 * max(0, began_tick) : 2 * max(0, ended_tick)])

    def _counts(self) -> tuple[int, int]:
        source = self._source
        if source is None:
            return self._expected, self._unique
        expected = source.highest - source.first_number + 1
        return self._expected + expected, self._unique + len(source.seen)

    def _source_of(self, packet: rtp.RtpPacket, at_s: float) -> _Source:
        source = self._source
        if source is not None and source.ssrc == packet.ssrc:
            return source
        self._expected, self._unique = self._counts()
        at_tick = 0
        if source is not None and self.arrivals:
            # It goes on in real time.
            last = self.arrivals[-1]
            at_tick = last.at_tick + last.ticks + max(0, round((at_s - last.at_s) * RATE_HZ) - last.ticks)
        self._source = _Source(packet.ssrc, packet.sequence, packet.sequence, packet.timestamp, at_tick)
        self._transit = None
        return self._source

    def _place(self, packet: rtp.RtpPacket, source: _Source, number: int, pcm: bytes, at_s: float) -> Piece:
        leap = _signed(packet.timestamp - source.timestamp, 32)
        if abs(leap) > MAX_LEAP_TICKS:
            leap = len(self.pcm) // 2 - source.at_tick
        at_tick = max(0, source.at_tick + leap)
        if leap > 0:
            source.timestamp, source.at_tick = packet.timestamp, at_tick
        return self.place(pcm, at_tick, at_s, number, marker=packet.marker)

    def place(self, pcm: bytes, at_tick: int, at_s: float, number: int, *, marker: bool = False) -> Piece:
        """Audio whose place is known already."""
        end = 2 * at_tick + len(pcm)
        if end > len(self.pcm):
            self.pcm.extend(bytes(end - len(self.pcm)))
        self.pcm[2 * at_tick : end] = pcm
        loud = loud_blocks(pcm) or [False]
        self.arrivals.append(Arrival(at_s, number, at_tick, len(pcm) // 2, marker, loud[0], loud[-1]))
        self._measure_jitter(at_s, at_tick, marker)
        return Piece(pcm, at_tick)

    def _measure_jitter(self, at_s: float, at_tick: int, marker: bool) -> None:
        """RFC 3550 §6.4.1. A spurt's first packet begins anew: a sender may pause its timestamps."""
        transit = at_s * RATE_HZ - at_tick
        if self._transit is not None and not marker:
            self.jitter_ticks += (abs(transit - self._transit) - self.jitter_ticks) / 16
        self._transit = transit

    def _key(self, packet: rtp.RtpPacket, at_s: float) -> None:
        place = packet.ssrc, packet.timestamp
        if place == self._key_at:
            return
        try:
            event = telephone_event.parse(packet.payload)
        except WireError:
            self.malformed += 1
            return
        self._key_at = place
        if event.event < len(telephone_event.DIGITS):
            self.keys.append((at_s, telephone_event.DIGITS[event.event]))

    def _name(self, payload_type: int) -> str:
        if payload_type in self.codecs:
            return self.codecs[payload_type]
        codec = codec_of_payload_type(payload_type)
        return f"payload type {payload_type}" if codec is None else codec.name

    def _decoder(self, payload_type: int) -> Decode | None:
        if payload_type not in self._decoders:
            try:
                codec = codec_named(self._name(payload_type))
                # Only what has 8000 samples a second is placed by its timestamps.
                self._decoders[payload_type] = codec.decoder() if codec.rate_hz == RATE_HZ else None
            except LocalError:
                self._decoders[payload_type] = None
        return self._decoders[payload_type]


def _signed(difference: int, bits: int) -> int:
    """A difference of numbers that wrap around."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
