"""Paced outbound RTP: queued audio and DTMF to packets, one per packet time."""

import math
from collections import deque

from offhook.telephony.rtp.clock import TICK_HZ, TickClock
from offhook.telephony.rtp.config import RtpConfig
from offhook.telephony.rtp.dtmf_sender import DtmfSender
from offhook.telephony.rtp.handover import SendState
from offhook.telephony.wire import comfort_noise
from offhook.telephony.wire.comfort_noise import ComfortNoise
from offhook.telephony.wire.rtp import MARKER, build_plain
from offhook.telephony.wire.serial import MASK16, MASK32

MAX_EXTRA_PACKETS = 2
"""A late tick sends at most this many packets more than the one that is due."""

STALL_S = 0.2
"""Later than this, the talk spurt doesn't catch up: it restarts at real time."""

KEEP_ALIVE_S = 5.0
"""RFC 6263 asks for at least one packet each 15 s; home routers forget sooner."""

LINE_NOISE = comfort_noise.build(ComfortNoise(level=70))
"""The level of our comfort noise: just audible, as on a quiet line."""

LENDABLE_TICKS = 1_440
"""The longest packet that the pump sends: 180 ms."""

# Ticks come at the packet rate of the same clock; a millionth of a packet is rounding, not earliness.
_ROUNDING = 1e-6


class Sender:
    """One outgoing RTP stream.

    Pacing. Within a talk spurt packet n belongs to the spurt's start + n packet times, and timestamps advance by one
    packet each, whenever the packet is really sent. `tick` sends one packet; it sends up to MAX_EXTRA_PACKETS more
    while it is a whole packet time or more behind, and none while it is a whole packet ahead, so that a clock which
    repeats missed ticks does no harm. More than STALL_S behind, or when the queue had run dry and the next packet's
    time has passed, a new spurt starts: marker bit, and the timestamp moved on to real time. Between spurts only a
    keep-alive packet of silence is sent, or, where comfort noise was negotiated, that: the first in the packet time
    after the spurt's last, so that the far end need not guess the silence.

    A packet at the end of the queue, or before DTMF, is padded with silence that is not counted.

    With an encoder what is played is not payload yet: each packet is coded when it is sent, in order, so that a
    codec with memory codes what the far end gets and nothing else. Timestamps are in ticks of 1/8000 s until they
    leave.
    """

    __slots__ = (
        "_bytes_per_tick",
        "_clock",
        "_config",
        "_dropped",
        "_dry_at",
        "_dtmf",
        "_encoder",
        "_head",
        "_keep_alive_at",
        "_marker",
        "_packet_s",
        "_packet_ticks",
        "_queue",
        "_ran_dry",
        "_sequence",
        "_spurt_at",
        "_spurt_slots",
        "_timestamp",
        "drained",
        "octets",
        "octets_before",
        "packets",
        "packets_before",
        "queued_ticks",
        "sent_ticks",
        "ssrc",
        "stalls",
        "to_send",
        "underruns",
        "units_per_tick",
    )

    def __init__(
        self,
        config: RtpConfig,
        now: float,
        *,
        ssrc: int,
        sequence: int,
        timestamp: int,
    ) -> None:
        self.ssrc = ssrc
        self.packets = self.packets_before = 0
        self.octets = self.octets_before = 0
        self.queued_ticks = 0
        self.sent_ticks = 0
        self.drained = False
        self.underruns = 0
        self.stalls = 0
        self.to_send: list[bytes] = []
        self._sequence = sequence
        self._timestamp = timestamp
        self._clock = TickClock(now, timestamp)
        self._queue: deque[bytes] = deque()
        self._head = 0
        self._dropped = 0
        self._dtmf = DtmfSender(config.packet_ticks)
        self._packet_ticks = config.packet_ticks
        self._packet_s = config.ptime_ms / 1_000
        self._ran_dry = False
        self._dry_at = -math.inf
        self._marker = True
        self._spurt_at = -math.inf
        self._spurt_slots = 0
        self._keep_alive_at = now + KEEP_ALIVE_S
        self.reconfigure(config)

    def reconfigure(self, config: RtpConfig) -> None:
        """Send by `config` from the next packet on; queue, sequence numbers and timestamps go on.

        A new form of played audio needs an empty queue.
        """
        self._config = config
        self._encoder = config.encoder
        self._bytes_per_tick = 1 if config.encoder is None else config.encoder.bytes_per_tick
        self.units_per_tick = config.units_per_tick(config.payload_type)
        self._dtmf.units_per_tick = config.dtmf_clock_hz // TICK_HZ
        if config.packet_ticks != self._packet_ticks:
            # The spurt's packets are counted in packet times: count afresh.
            self._spurt_at = -math.inf
            self._packet_ticks = config.packet_ticks
            self._packet_s = config.ptime_ms / 1_000
            self._dtmf.resize(config.packet_ticks)
        if config.dtmf_payload_type is None:
            self._dtmf.clear()

    def change_ssrc(self, ssrc: int) -> None:
        """Continue with a new SSRC; the report counters restart (RFC 3550 §6.4.1)."""
        self.ssrc = ssrc
        self.packets_before = self.packets
        self.octets_before = self.octets
        self._marker = True

    @property
    def active(self) -> bool:
        """Whether ticks are needed: there is audio or DTMF, and the direction allows sending."""
        return (self.queued_ticks > 0 or self._dtmf.busy) and self._config.send

    @property
    def pending_digits(self) -> int:
        """DTMF digits that have not begun."""
        return self._dtmf.pending

    def timestamp_at(self, now: float) -> int:
        """What a packet sampled at `now` would carry: an SR's RTP timestamp."""
        return self._clock.at(now) * self.units_per_tick & MASK32

    def play(self, payload: bytes) -> None:
        """Append audio, any length."""
        if payload:
            self._queue.append(payload)
            self.queued_ticks += len(payload) // self._bytes_per_tick

    def clear(self) -> int:
        """Drop the unsent audio; DTMF stays. Returns the ticks dropped."""
        dropped = self.queued_ticks
        self._queue.clear()
        self._head = 0
        self.queued_ticks = 0
        self._dropped += dropped
        self._ran_dry = not self._dtmf.busy
        self._dry_at = -math.inf
        return dropped

    def send_dtmf(self, digits: str, limit: int) -> None:
        """Append DTMF after the audio queued so far."""
        self._dtmf.queue(digits, self._dropped + self.sent_ticks + self.queued_ticks, limit)

    def lend(self) -> tuple[SendState, bytes] | None:
        """The state and the queue, if it is payload and there is no DTMF; None otherwise."""
        if self._encoder or self._dtmf.busy or self.to_send or self._packet_ticks > LENDABLE_TICKS:
            return None
        config = self._config
        noise = config.comfort_noise_payload_type
        clock_now, clock_timestamp = self._clock.origin
        state = SendState(
            ssrc=self.ssrc,
            payload_type=config.payload_type,
            silence=config.silence[0],
            noise_payload_type=-1 if noise is None else noise,
            noise_level=LINE_NOISE[0],
            send=config.send,
            marker=self._marker,
            ran_dry=self._ran_dry,
            sequence=self._sequence,
            timestamp=self._timestamp,
            clock_now=clock_now,
            clock_timestamp=clock_timestamp,
            packets=self.packets,
            octets=self.octets,
            sent_ticks=self.sent_ticks,
            dropped=self._dropped,
            spurt_at=self._spurt_at,
            spurt_slots=self._spurt_slots,
            packet_ticks=self._packet_ticks,
            packet_s=self._packet_s,
            keep_alive_at=self._keep_alive_at,
            dry_at=self._dry_at,
            underruns=self.underruns,
            stalls=self.stalls,
        )
        queued = b"".join(self._queue)[self._head :]
        self._queue.clear()
        self._head = self.queued_ticks = 0
        return state, queued

    def restore(self, state: SendState, queued: bytes) -> None:
        """Continue from the lent stream's state, with what is left in its queue."""
        self._marker, self._ran_dry = state.marker, state.ran_dry
        self._sequence, self._timestamp = state.sequence, state.timestamp
        self.packets, self.octets = state.packets, state.octets
        self.sent_ticks, self._dropped = state.sent_ticks, state.dropped
        self._spurt_at, self._spurt_slots = state.spurt_at, state.spurt_slots
        self._keep_alive_at, self._dry_at = state.keep_alive_at, state.dry_at
        self.underruns, self.stalls = state.underruns, state.stalls
        self.play(queued)

    def get_timer(self) -> float | None:
        """When the next keep-alive is due; None while ticks do the sending."""
        return None if self.active or not self._config.send else self._keep_alive_at

    def handle_timer(self, now: float) -> None:
        """Send the keep-alive if it is due."""
        if now >= self._keep_alive_at and self._config.send and not self.active:
            self._new_spurt(now)
            noise = self._config.comfort_noise_payload_type
            if noise is None:
                silence = self._payload(b"")
                self._send(self._config.payload_type | MARKER, self._timestamp, silence, now)
            else:
                self._send(noise, self._timestamp, LINE_NOISE, now)
            self._keep_alive_at = now + KEEP_ALIVE_S
            self._end_slot()

    def tick(self, now: float) -> bytes | None:
        """Send what is due. Returns the bytes taken from the queue, without padding, or None."""
        if not self.active:
            self.handle_timer(now)
            return None
        slots = self._due_slots(now)
        if slots == 1:
            return self._fill_slot(now)
        parts = []
        while slots > 0 and self.active:
            parts.append(self._fill_slot(now) or b"")
            slots -= 1
        return b"".join(parts) or None

    def _due_slots(self, now: float) -> int:
        ahead = self._spurt_slots - (now - self._spurt_at) / self._packet_s
        if -1 < ahead < 1 - _ROUNDING:
            return 1
        if ahead >= 1 - _ROUNDING:
            return 0
        stalled = -ahead * self._packet_s > STALL_S
        if self._ran_dry or stalled:
            self.stalls += stalled and not self._ran_dry and self._spurt_at > -math.inf
            self.underruns += now - self._dry_at < STALL_S
            self._new_spurt(now)
            return 1
        return min(1 + int(-ahead + _ROUNDING), 1 + MAX_EXTRA_PACKETS)

    def _new_spurt(self, now: float) -> None:
        self._spurt_at = now
        self._spurt_slots = 0
        self._marker = True
        # Never back: packets sent early have used the timestamps up to here.
        self._timestamp = max(self._timestamp, self._clock.at(now))

    def _fill_slot(self, now: float) -> bytes | None:
        if self._dtmf.due(self._dropped + self.sent_ticks):
            self._send_event(now)
            chunk = None
        else:
            chunk = self._send_audio(now)
        self._end_slot()
        return chunk

    def _end_slot(self) -> None:
        self._timestamp += self._packet_ticks
        self._spurt_slots += 1
        self._ran_dry = not self.active

    def _send_event(self, now: float) -> None:
        slot = self._dtmf.next_slot(self._timestamp)
        # Audio after DTMF starts a new spurt, as the gap before it was silent.
        self._marker = True
        if slot is not None and self._config.dtmf_payload_type is not None:
            kind = self._config.dtmf_payload_type | (MARKER if slot.marker else 0)
            self._send(kind, slot.timestamp, slot.payload, now)

    def _send_audio(self, now: float) -> bytes:
        config = self._config
        ticks = self._packet_ticks
        before_digit = self._dtmf.audio_before(self._dropped + self.sent_ticks)
        wanted = ticks if before_digit is None else min(ticks, before_digit)
        chunk = self._take(wanted * self._bytes_per_tick)
        kind = config.payload_type
        if self._marker:
            kind |= MARKER
            self._marker = False
        self._send(kind, self._timestamp, self._payload(chunk), now)
        taken = len(chunk) // self._bytes_per_tick
        self.queued_ticks -= taken
        self.sent_ticks += taken
        if not self.queued_ticks:
            self.drained = True
            self._dry_at = now
        return chunk

    def _payload(self, chunk: bytes) -> bytes:
        """A whole packet, `chunk` padded with silence."""
        encoder = self._encoder
        padding = self._packet_ticks - len(chunk) // self._bytes_per_tick
        if padding:
            chunk += (self._config.silence if encoder is None else encoder.silence) * padding
        return chunk if encoder is None else encoder.encode(chunk)

    def _take(self, octets: int) -> bytes:
        """Up to `octets` bytes from the front of the queue."""
        queue, head = self._queue, self._head
        chunk = queue[0][head : head + octets]
        head += len(chunk)
        if head < len(queue[0]):
            self._head = head
            return chunk
        queue.popleft()
        self._head = 0
        if len(chunk) == octets or not queue:
            return chunk
        return chunk + self._take(octets - len(chunk))

    def _send(self, kind: int, timestamp: int, payload: bytes, now: float) -> None:
        wire_timestamp = timestamp * self.units_per_tick & MASK32
        self.to_send.append(build_plain(kind, self._sequence, wire_timestamp, self.ssrc, payload))
        self._sequence = (self._sequence + 1) & MASK16
        self.packets += 1
        self.octets += len(payload)
        announce = self._config.comfort_noise_payload_type is not None
        self._keep_alive_at = now + (self._packet_s if announce else KEEP_ALIVE_S)
