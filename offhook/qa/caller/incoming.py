"""What comes from the far end: packets with their times, the audio in its place, keys, and counts. Pure.

Packets are decoded as they come. Their audio stands where their RTP timestamps say; a new SSRC goes on where the last
one ended, and so does a sender whose timestamps leap: there is never much more audio than time has passed, and came.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from offhook.qa.caller.turns import loud_blocks
from offhook.qa.rtp.arrival import ClockDrift, Drift, Sequence, marker_may_be_lost
from offhook.qa.verdict.speech_quality import Arrival, Arrivals
from offhook.telephony.codec.base import codec_named, codec_of_payload_type
from offhook.telephony.errors import LocalError, WireError
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.rtp.stats import JitterEstimator
from offhook.telephony.wire import rtp, telephone_event
from offhook.telephony.wire.serial import MASK32, delta32

MAX_LEAP_TICKS = 5 * RATE_HZ
"""Audio further ahead of the time, or further behind the last packet, is that of a sender who has begun anew."""

MAX_AHEAD_S = 60.0
"""So much more audio than time has passed is kept, of all senders together; what is beyond that is counted."""

LEAST_TICKS = 80
"""What the shortest packet counts for, so that empty ones and keys are limited, too."""

Decode = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Piece:
    """Audio that has come: PCM, and its place in ticks."""

    pcm: bytes
    at_tick: int


@dataclass(slots=True)
class _Source:
    ssrc: int
    timestamp: int
    at_tick: int
    sequence: Sequence


class ReceivedAudio:
    """The far end's packets. `codecs` is what was agreed on for each payload type, `dtmf` the type of its keys."""

    def __init__(self, codecs: Mapping[int, str], dtmf: int | None) -> None:
        self.codecs = dict(codecs)
        self._decoders: dict[int, Decode | None] = {}
        self._dtmf = dtmf
        self._key_at: tuple[int, int] | None = None  # SSRC and timestamp of the last key
        self._source: _Source | None = None
        self._expected = self._lost = 0  # of the sources before
        self._first_s: float | None = None  # of any packet
        self._began_s: float | None = None  # of the audio
        self._jitter = JitterEstimator()
        self._clock = ClockDrift()
        self._drift: Drift | None = None  # of the clocks before
        self.pcm = bytearray()
        self.arrivals = Arrivals()
        self.keys: list[tuple[float, str]] = []
        self.payload_types: Counter[int] = Counter()
        self.duplicates = self.malformed = self.left_out = 0
        self._kept_ticks = 0

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
        if not self._has_room(len(packet.payload), at_s):
            self.left_out += 1
            return None
        source = self._source_of(packet, at_s)
        duplicates = source.sequence.duplicate
        ahead = source.sequence.update(packet.sequence)
        if source.sequence.duplicate > duplicates:
            self.duplicates += 1
            return None
        self.payload_types[packet.payload_type] += 1
        if packet.payload_type == self._dtmf:
            self._key(packet, at_s)
            return None
        decode = self._decoder(packet.payload_type)
        if decode is None:
            return None
        return self._place(packet, source, decode(packet.payload), at_s, ahead)

    @property
    def lost(self) -> int:
        """Packets that have not come, of all sources."""
        return self._counts()[1]

    @property
    def loss_percent(self) -> float:
        """Their share."""
        expected, lost = self._counts()
        return 100 * lost / max(1, expected)

    @property
    def jitter_ticks(self) -> float:
        """The interarrival jitter (RFC 3550 §6.4.1)."""
        return self._jitter.ticks

    @property
    def drift(self) -> Drift | None:
        """Of the clock that was observed for longest; None below some six seconds."""
        found = [each for each in (self._drift, self._clock.result()) if each is not None]
        return max(found, key=lambda each: each.over_s, default=None)

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

    def _has_room(self, octets: int, at_s: float) -> bool:
        """Whether a packet is within what a call may send; a tick is an octet of what has 8000 samples a second."""
        if self._first_s is None:
            self._first_s = at_s
        self._kept_ticks += (ticks := max(LEAST_TICKS, octets))
        if self._kept_ticks <= (max(0.0, at_s - self._first_s) + MAX_AHEAD_S) * RATE_HZ:
            return True
        self._kept_ticks -= ticks
        return False

    def _counts(self) -> tuple[int, int]:
        if self._source is None:
            return self._expected, self._lost
        counts = self._source.sequence.counts()
        return self._expected + counts.expected, self._lost + counts.lost

    def _source_of(self, packet: rtp.RtpPacket, at_s: float) -> _Source:
        source = self._source
        if source is not None and source.ssrc == packet.ssrc:
            return source
        self._expected, self._lost = self._counts()
        self._source = _Source(packet.ssrc, packet.timestamp, self._next_tick(at_s), Sequence())
        self._begin_anew()
        return self._source

    def _next_tick(self, at_s: float) -> int:
        """Where a sender goes on who begins anew: in real time, behind what has come."""
        end_tick = len(self.pcm) // 2
        if not self.arrivals:
            return end_tick
        last = self.arrivals[-1]
        return max(end_tick, last.at_tick + round((at_s - last.at_s) * RATE_HZ))

    def _place(self, packet: rtp.RtpPacket, source: _Source, pcm: bytes, at_s: float, ahead: int | None) -> Piece:
        if self._began_s is None:
            self._began_s = at_s
        leap = delta32(packet.timestamp, source.timestamp)
        begins_spurt = packet.marker or marker_may_be_lost(ahead, leap, len(pcm) // 2)
        at_tick = source.at_tick + leap
        latest_tick = round((at_s - self._began_s) * RATE_HZ) + MAX_LEAP_TICKS
        if leap < -MAX_LEAP_TICKS or at_tick > latest_tick:
            source.timestamp, source.at_tick = packet.timestamp, self._next_tick(at_s)
            at_tick = source.at_tick
            self._begin_anew()
        elif leap > 0:
            source.timestamp, source.at_tick = packet.timestamp, at_tick
        self._clock.update(at_s, at_tick / RATE_HZ)
        return self.place(pcm, max(0, at_tick), at_s, begins_spurt=begins_spurt)

    def _begin_anew(self) -> None:
        """Timestamps are those of another clock from now on."""
        self._jitter.restart()
        self._drift, self._clock = self.drift, ClockDrift()

    def place(self, pcm: bytes, at_tick: int, at_s: float, *, begins_spurt: bool = False) -> Piece:
        """Audio whose place is known already."""
        end = 2 * at_tick + len(pcm)
        if end > len(self.pcm):
            self.pcm.extend(bytes(end - len(self.pcm)))
        self.pcm[2 * at_tick : end] = pcm
        loud = loud_blocks(pcm) or [False]
        self.arrivals.append(Arrival(at_s, at_tick, len(pcm) // 2, begins_spurt, loud[0], loud[-1]))
        self._jitter.update(at_tick & MASK32, at_s)
        return Piece(pcm, at_tick)

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
