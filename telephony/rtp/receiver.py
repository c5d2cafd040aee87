"""Inbound RTP: one source's packets sorted into streams, audio and DTMF."""

from collections import deque

from offhook.telephony.errors import WireError
from offhook.telephony.rtp.clock import TickTimeline
from offhook.telephony.rtp.config import RtpConfig, RtpLimits
from offhook.telephony.rtp.dtmf_receiver import Digit, DtmfReceiver
from offhook.telephony.rtp.events import DigitReceived, RtpEvent
from offhook.telephony.rtp.handover import BufferState, ReceiveState
from offhook.telephony.rtp.jitter import JitterBuffer
from offhook.telephony.rtp.stats import JitterEstimator, SequenceTracker
from offhook.telephony.wire import comfort_noise, telephone_event
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.serial import MASK16


class Receiver:
    """Packets of the accepted source to events.

    The first packet begins the stream. Another SSRC, or sequence numbers that leapt (RFC 3550 A.1), replace it after
    two consecutive packets with none of the old stream between; both are replayed, nothing is lost. DTMF is accepted
    under any SSRC. Comfort noise is part of the stream. Packets with a payload type that was not
    negotiated are dropped, but don't count as lost within the stream.
    """

    __slots__ = (
        "_audio_type",
        "_candidates",
        "_config",
        "_dtmf",
        "_events",
        "_expected_before",
        "_key_types",
        "_limits",
        "_received_before",
        "_timeline",
        "_window_end",
        "_window_left",
        "buffer",
        "jitter",
        "last_at",
        "malformed",
        "octets",
        "packets",
        "rate_limited",
        "ssrc",
        "ssrc_changes",
        "tracker",
        "unknown_pt",
    )

    def __init__(self, config: RtpConfig, limits: RtpLimits, events: deque[RtpEvent]) -> None:
        self._config = config
        self._key_types = config.key_types
        self._limits = limits
        self._events = events
        self._candidates: dict[int, tuple[RtpPacket, float]] = {}
        self._timeline = TickTimeline(1, 0)
        self._dtmf = DtmfReceiver(timeout_s=limits.digit_timeout_ms / 1_000, digits_per_s=limits.digits_per_s)
        self._dtmf.units_per_ms = config.dtmf_clock_hz // 1_000
        self._audio_type = -1
        self._expected_before = 0
        self._received_before = 0
        self._window_end = float("-inf")
        self._window_left = 0
        self.jitter = JitterEstimator()
        self.buffer = JitterBuffer(limits, self.jitter, events)
        self.ssrc: int | None = None
        self.tracker = SequenceTracker(0)
        self.last_at: float | None = None
        self.packets = 0
        self.octets = 0
        self.malformed = 0
        self.rate_limited = 0
        self.ssrc_changes = 0
        self.unknown_pt = 0

    def reconfigure(self, config: RtpConfig) -> None:
        """Use the payload types of `config` from now on; the stream continues."""
        self._config = config
        self._key_types = config.key_types
        self._dtmf.units_per_ms = config.dtmf_clock_hz // 1_000

    def negotiated(self, payload_type: int) -> bool:
        """Whether the payload type was negotiated, audio or DTMF."""
        config = self._config
        return payload_type in config.receive_payload_types or payload_type in (
            config.receive_dtmf_payload_type,
            config.receive_comfort_noise_payload_type,
        )

    def alive(self, now: float) -> None:
        """The far end gave a sign of life without media: it counts during an announced silence."""
        if self.buffer.pausing:
            self.last_at = now

    def receive(self, packet: RtpPacket, now: float) -> None:
        """A packet of the accepted source."""
        if now >= self._window_end:
            self._window_end = now + 1
            self._window_left = self._limits.packets_per_s
        if self._window_left <= 0:
            self.rate_limited += 1
            return
        self._window_left -= 1
        self.packets += 1
        self.octets += len(packet.payload)
        if packet.ssrc != self.ssrc:
            self._foreign(packet, now)
            return
        self.last_at = now
        sequence = self.tracker.update(packet.sequence)
        if sequence is None:
            if self._begins(packet.payload_type):
                self._probation(packet, now)
            return
        if self._candidates and sequence == self.tracker.highest:
            self._candidates.clear()
        self._accept(sequence, packet, now)

    def get_timer(self) -> float | None:
        """When the next hole, silence, or key release is due."""
        due, released = self.buffer.get_timer(), self._dtmf.get_timer()
        if due is None or released is None:
            return released if due is None else due
        return min(due, released)

    def handle_timer(self, now: float) -> None:
        """Decide what `get_timer` announced, as far as it is due."""
        self.buffer.handle_timer(now)
        for digit in self._dtmf.handle_timer(now):
            self._report(digit)

    def lend(self, rejected_source: int) -> ReceiveState | None:
        """The stream's state if only the next packet is pending; None otherwise."""
        tracker, jitter = self.tracker, self.jitter.last
        buffer = self.buffer.lend(tracker.highest + 1)
        if (
            buffer is None
            or jitter is None
            or self.ssrc is None
            or self.last_at is None
            or self._candidates
            or self._dtmf.get_timer() is not None
            or not self._config.receive
            or self._audio_type not in self._config.receive_payload_types
        ):
            return None
        return ReceiveState(
            ssrc=self.ssrc,
            payload_type=self._audio_type,
            highest=tracker.highest,
            received=tracker.received,
            packets=self.packets,
            octets=self.octets,
            rejected_source=rejected_source,
            last_at=self.last_at,
            window_end=self._window_end,
            window_left=self._window_left,
            jitter_ticks=self.jitter.ticks,
            jitter_arrival=jitter[0],
            jitter_timestamp=jitter[1],
            **buffer._asdict(),
        )

    def restore(self, state: ReceiveState) -> None:
        """Continue from the plain stream's state."""
        self.tracker.highest, self.tracker.received = state.highest, state.received
        self.packets, self.octets, self.last_at = state.packets, state.octets, state.last_at
        self._window_end, self._window_left = state.window_end, state.window_left
        self.jitter.restore(state.jitter_ticks, state.jitter_arrival, state.jitter_timestamp)
        self.buffer.restore(state.highest + 1, BufferState.of(state))

    @property
    def units_per_tick(self) -> int:
        """Units of the stream's RTP timestamps in a tick."""
        return self._timeline.units_per_tick

    @property
    def expected(self) -> int:
        """Packets expected of all streams so far (RFC 3550 A.3)."""
        return self._expected_before + self.tracker.expected

    @property
    def lost(self) -> int:
        """Expected packets that never came; at least 0 despite duplicates."""
        return max(0, self.expected - self._received_before - self.tracker.received)

    @property
    def digits_rate_limited(self) -> int:
        """DTMF digits beyond the limit."""
        return self._dtmf.rate_limited

    def _accept(self, sequence: int, packet: RtpPacket, now: float) -> None:
        payload_type = packet.payload_type
        config = self._config
        payload: bytes | None = None
        timestamp, ticks = packet.timestamp, None
        if config.clocks or self._timeline.units_per_tick != 1:
            placed = self._place(sequence, packet, now) if self._begins(payload_type) else None
            if placed is None:
                self._accept_place(sequence, packet, now)
                return
            timestamp, ticks = placed
        if payload_type in config.receive_payload_types:
            self.jitter.update(timestamp, now)
            self._audio_type = payload_type
            if config.receive:
                payload = packet.payload
        elif payload_type in self._key_types:
            self._key(packet, now)
        elif payload_type == config.receive_comfort_noise_payload_type:
            if self._pause(sequence, timestamp, packet, now):
                return
        else:
            self.unknown_pt += 1
        self.buffer.push(sequence, timestamp, payload_type, payload, now, ticks)

    def _accept_place(self, sequence: int, packet: RtpPacket, now: float) -> None:
        """A non-audio packet of a stream with its own clock: it counts in the sequence."""
        payload_type = packet.payload_type
        if payload_type in self._key_types:
            self._key(packet, now)
        elif not self.negotiated(payload_type):
            self.unknown_pt += 1
        self.buffer.push(sequence, 0, payload_type, None, now)

    def _place(self, sequence: int, packet: RtpPacket, now: float) -> tuple[int, int | None] | None:
        """The packet's tick, and the ticks it lasts (None: one per byte). None if it is not valid audio.

        When the clock rate changes, audio time goes on: one SSRC should keep to one clock, but some senders change the
        codec in a call (RFC 7160 §4.2).
        """
        clock = self._config.clocks.get(packet.payload_type)
        try:
            ticks = None if clock is None else clock.ticks(packet.payload)
        except WireError:
            self.malformed += 1
            return None
        units = 1 if clock is None else clock.units_per_tick
        if units != self._timeline.units_per_tick:
            if sequence < self.tracker.highest:
                return None
            self._timeline = TickTimeline(units, packet.timestamp)
            self.jitter.restart()
            self.buffer.restart(sequence, self._timeline.ticks(packet.timestamp), now)
        return self._timeline.ticks(packet.timestamp), ticks

    def _foreign(self, packet: RtpPacket, now: float) -> None:
        if not self.negotiated(packet.payload_type) and packet.payload_type not in self._key_types:
            self.unknown_pt += 1
            return
        self.last_at = now
        if not self._begins(packet.payload_type):
            self._key(packet, now)
        elif self.ssrc is None:
            self._begin(packet, now)
            self._accept_first(packet, now)
        else:
            self._probation(packet, now)

    def _begins(self, payload_type: int) -> bool:
        """Whether a stream may begin with it: audio or comfort noise."""
        config = self._config
        return payload_type in config.receive_payload_types or payload_type == config.receive_comfort_noise_payload_type

    def _pause(self, sequence: int, timestamp: int, packet: RtpPacket, now: float) -> bool:
        """Comfort noise; returns whether it was accepted."""
        if not self._config.receive:
            return False
        try:
            noise = comfort_noise.parse(packet.payload)
        except WireError:
            self.malformed += 1
            return False
        self.buffer.push_noise(sequence, timestamp, noise, now)
        return True

    def _probation(self, packet: RtpPacket, now: float) -> None:
        held = self._candidates.pop(packet.ssrc, None)
        if held is None or packet.sequence != (held[0].sequence + 1) & MASK16:
            if len(self._candidates) >= self._limits.ssrcs:
                del self._candidates[next(iter(self._candidates))]
            self._candidates[packet.ssrc] = (packet, now)
            return
        first, arrival = held
        self.ssrc_changes += first.ssrc != self.ssrc
        self._begin(first, now)
        self._accept_first(first, arrival)
        self._accept_first(packet, now)

    def _begin(self, packet: RtpPacket, now: float) -> None:
        self._expected_before += self.tracker.expected
        self._received_before += self.tracker.received
        limits = self._limits
        self.tracker = SequenceTracker(
            packet.sequence, max_dropout=limits.max_dropout, max_misorder=limits.max_misorder
        )
        self._candidates.clear()
        self.jitter.restart()
        self._timeline = TickTimeline(self._config.units_per_tick(packet.payload_type), packet.timestamp)
        self.buffer.restart(self.tracker.highest, self._timeline.ticks(packet.timestamp), now)
        self.ssrc = packet.ssrc

    def _accept_first(self, packet: RtpPacket, now: float) -> None:
        sequence = self.tracker.update(packet.sequence)
        if sequence is not None:
            self._accept(sequence, packet, now)

    def _key(self, packet: RtpPacket, now: float) -> None:
        if not self._config.receive:
            return
        stray = packet.payload_type != self._config.receive_dtmf_payload_type
        if stray and len(packet.payload) != telephone_event.OCTETS:
            self.unknown_pt += 1  # something else, under a number that was not negotiated either
            return
        try:
            event = telephone_event.parse(packet.payload)
        except WireError:
            self.malformed += 1
            return
        for digit in self._dtmf.receive(packet.ssrc, packet.timestamp, event, now, marker=packet.marker):
            self._report(digit)

    def _report(self, digit: Digit) -> None:
        self._events.append(DigitReceived(digit.digit, digit.duration_ms, self.buffer.position))
