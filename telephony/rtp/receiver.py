"""The way in: one source's packets sorted into streams, audio and key presses."""

from collections import deque

from telephony.errors import WireError
from telephony.rtp.config import RtpConfig, RtpLimits
from telephony.rtp.dtmf_receiver import Digit, DtmfReceiver
from telephony.rtp.events import DigitReceived, RtpEvent
from telephony.rtp.jitter import JitterBuffer
from telephony.rtp.stats import JitterEstimator, SequenceTracker
from telephony.wire import telephone_event
from telephony.wire.rtp import RtpPacket
from telephony.wire.serial import MASK16


class Receiver:
    """Packets of the accepted source to events.

    The first packet begins the stream. Another SSRC, or sequence numbers that leapt (RFC 3550 A.1), replace it after
    two consecutive packets with none of the old stream between; both are replayed, nothing is lost. Key presses count
    under whatever SSRC they come. Packets with a payload type that was not negotiated are dropped, but where they
    belong to the stream (comfort noise, say) they are not taken for loss either.
    """

    __slots__ = (
        "_candidates",
        "_config",
        "_dtmf",
        "_events",
        "_expected_before",
        "_limits",
        "_received_before",
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
        self._limits = limits
        self._events = events
        self._candidates: dict[int, tuple[RtpPacket, float]] = {}
        self._dtmf = DtmfReceiver(timeout_s=limits.digit_timeout_ms / 1_000, digits_per_s=limits.digits_per_s)
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
        """Take the payload types of `config` from now on; the stream goes on."""
        self._config = config

    def negotiated(self, payload_type: int) -> bool:
        """Whether we agreed to receive it, audio or key presses."""
        config = self._config
        return payload_type in config.receive_payload_types or payload_type == config.receive_dtmf_payload_type

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
        self.last_at = now
        if packet.ssrc != self.ssrc:
            self._foreign(packet, now)
            return
        sequence = self.tracker.update(packet.sequence)
        if sequence is None:
            if packet.payload_type in self._config.receive_payload_types:
                self._probation(packet, now)
            return
        if self._candidates and sequence == self.tracker.highest:
            self._candidates.clear()
        self._accept(sequence, packet, now)

    def get_timer(self) -> float | None:
        """The next hole, silence, or key release to be decided."""
        due, released = self.buffer.get_timer(), self._dtmf.get_timer()
        if due is None or released is None:
            return released if due is None else due
        return min(due, released)

    def handle_timer(self, now: float) -> None:
        """Decide what `get_timer` announced, as far as it is due."""
        self.buffer.handle_timer(now)
        for digit in self._dtmf.handle_timer(now):
            self._report(digit)

    @property
    def expected(self) -> int:
        """Packets expected of all streams so far (RFC 3550 A.3)."""
        return self._expected_before + self.tracker.expected

    @property
    def lost(self) -> int:
        """Of them, those that never came; duplicates do not make up for loss below zero."""
        return max(0, self.expected - self._received_before - self.tracker.received)

    @property
    def digits_rate_limited(self) -> int:
        """Key presses beyond the limit."""
        return self._dtmf.rate_limited

    def _accept(self, sequence: int, packet: RtpPacket, now: float) -> None:
        payload_type = packet.payload_type
        config = self._config
        payload: bytes | None = None
        if payload_type in config.receive_payload_types:
            self.jitter.update(packet.timestamp, now)
            if config.receive:
                payload = packet.payload
        elif payload_type == config.receive_dtmf_payload_type:
            self._key(packet, now)
        else:
            self.unknown_pt += 1
        self.buffer.push(sequence, packet.timestamp, payload_type, payload, now)

    def _foreign(self, packet: RtpPacket, now: float) -> None:
        config = self._config
        if packet.payload_type in config.receive_payload_types:
            if self.ssrc is None:
                self._begin(packet, now)
                self._accept_first(packet, now)
            else:
                self._probation(packet, now)
        elif packet.payload_type == config.receive_dtmf_payload_type:
            self._key(packet, now)
        else:
            self.unknown_pt += 1

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
        self.buffer.restart(self.tracker.highest, packet.timestamp, now)
        self.ssrc = packet.ssrc

    def _accept_first(self, packet: RtpPacket, now: float) -> None:
        sequence = self.tracker.update(packet.sequence)
        if sequence is not None:
            self._accept(sequence, packet, now)

    def _key(self, packet: RtpPacket, now: float) -> None:
        if not self._config.receive:
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
