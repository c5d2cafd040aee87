"""An RTP session: one audio stream each way with its RTCP. Pure: datagrams and `now` in, events and datagrams out."""

import random
from collections import deque
from collections.abc import Callable

from telephony.errors import LocalError, WireError
from telephony.rtp.config import Address, RtpConfig, RtpLimits
from telephony.rtp.control import RtcpControl
from telephony.rtp.events import PlayoutDrained, RtpEvent
from telephony.rtp.latch import SourceLatch
from telephony.rtp.receiver import Receiver
from telephony.rtp.sender import Sender
from telephony.rtp.stats import RtpStats
from telephony.wire import rtp

_DEFAULT_LIMITS = RtpLimits()
_NOWHERE = frozenset(("0.0.0.0", "::"))


class RtpSession:
    """One call's RTP and RTCP.

    `now` is monotonic seconds. The owner, after every call, takes `next_event` until None, sends `rtp_to_send` and
    `rtcp_to_send`, and calls `handle_timer` at `get_timer`. While `active` it also calls `tick` every packet time;
    the first tick of a talk spurt may come at any moment. A tick sends one packet; when it comes a packet time or
    more late, up to two more; when it comes a packet time early, none. So ticks need not be, but may be, made up for.
    Between talk spurts `handle_timer` sends the keep-alive. What has arrived is to be received before `handle_timer`
    runs: after a stall of the owner's, packets that wait in the socket would find their time made up.

    `ssrc`, `sequence` and `timestamp` are the random initial values of what is sent (RFC 3550 §5.1); `rtcp_random`
    gives numbers in [0, 1) that spread the reports. Received audio time is described at `JitterBuffer`, pacing at
    `Sender`, who may send at `SourceLatch`. After `close` every call does nothing.
    """

    def __init__(
        self,
        config: RtpConfig,
        now: float,
        *,
        ssrc: int,
        sequence: int,
        timestamp: int,
        cname: str,
        limits: RtpLimits = _DEFAULT_LIMITS,
        rtcp_random: Callable[[], float] | None = None,
    ) -> None:
        self._config = config
        self._limits = limits
        self._events: deque[RtpEvent] = deque()
        self._sender = Sender(config, now, ssrc=ssrc, sequence=sequence, timestamp=timestamp)
        self._receiver = Receiver(config, limits, self._events)
        self._latch = SourceLatch(config.remote, config.signalling_host, limits)
        self._control = RtcpControl(
            self._sender,
            self._receiver,
            now,
            cname=cname,
            random=rtcp_random or random.Random(ssrc).random,
            limits=limits,
        )
        self._rtcp_source: Address | None = None
        self._rejected_source = 0
        self._malformed = 0
        self._closed = False

    def receive_rtp(self, data: bytes, source: Address, now: float) -> None:
        """A datagram came to the RTP port. Nothing is raised; what is not taken is counted."""
        if self._closed:
            return
        latch = self._latch
        if source != latch.locked and not latch.may_send(source, now):
            self._rejected_source += 1
            return
        try:
            if len(data) > self._limits.datagram_octets:
                raise WireError(f"RTP: a datagram of {len(data)} octets")
            packet = rtp.parse(data)
        except WireError:
            self._malformed += 1
            return
        if source == latch.locked:
            self._receiver.receive(packet, now)
            return
        if not self._receiver.negotiated(packet.payload_type):
            self._receiver.unknown_pt += 1
            return
        for accepted, arrival in latch.offer(packet, source, now):
            self._receiver.receive(accepted, arrival)

    def receive_rtcp(self, data: bytes, source: Address, now: float) -> None:
        """A datagram came to the RTCP port. Nothing is raised; what is not taken is counted."""
        if self._closed:
            return
        if source != self._config.remote_rtcp and not self._latch.trusts_host(source[0]):
            self._rejected_source += 1
        elif len(data) > self._limits.datagram_octets:
            self._malformed += 1
        elif self._control.receive(data, now):
            self._rtcp_source = source

    def next_event(self) -> RtpEvent | None:
        """The next event, None when there is no more."""
        return self._events.popleft() if self._events else None

    def get_timer(self) -> float | None:
        """When `handle_timer` is due; it changes with every call."""
        if self._closed:
            return None
        due = self._control.get_timer()
        received = self._receiver.get_timer()
        if received is not None and received < due:
            due = received
        keep_alive = self._sender.get_timer()
        if keep_alive is not None and keep_alive < due:
            due = keep_alive
        return due

    def handle_timer(self, now: float) -> None:
        """Do what is due: holes, silence, lost key releases, keep-alive, reports."""
        if not self._closed:
            self._receiver.handle_timer(now)
            self._sender.handle_timer(now)
            self._control.handle_timer(now)

    def play(self, payload: bytes, now: float) -> None:
        """Append G.711 octets, any number, to what is said."""
        if not self._closed:
            self._sender.play(payload)

    def clear(self, now: float) -> int:
        """Drop what was played and has not left; key presses stay. Returns the samples dropped."""
        return self._sender.clear()

    def tick(self, now: float) -> bytes | None:
        """A packet time has come. Returns the octets taken from the queue, without padding; None for none."""
        if self._closed:
            return None
        sender = self._sender
        sent = sender.tick(now)
        if sender.drained:
            sender.drained = False
            self._events.append(PlayoutDrained(sender.sent_samples))
        return sent

    @property
    def active(self) -> bool:
        """Whether `tick` is wanted: there is audio or a key press to send, and the direction allows it."""
        return self._sender.active and not self._closed

    @property
    def queued_samples(self) -> int:
        """Samples that were played and neither left nor were dropped."""
        return self._sender.queued_samples

    @property
    def sent_samples(self) -> int:
        """Samples of played audio that have left, padding apart."""
        return self._sender.sent_samples

    @property
    def one_way_delay_s(self) -> float:
        """Half the last round trip the other end's reports told; 0.0 until then."""
        return (self._control.rtt_s or 0.0) / 2

    def send_dtmf(self, digits: str, now: float) -> None:
        """Press keys after what is queued. LocalError (a ValueError): unknown key, too many, or not negotiated."""
        if self._config.dtmf_payload_type is None:
            raise LocalError("the other end did not negotiate telephone-event: there is no way to send keys")
        if not self._closed:
            self._sender.send_dtmf(digits, self._limits.queued_digits)

    def rtp_to_send(self) -> list[tuple[bytes, Address]]:
        """Datagrams for the RTP port to send, in order."""
        if not self._sender.to_send:
            return []
        packets, self._sender.to_send = self._sender.to_send, []
        return _addressed(packets, self._latch.target)

    def rtcp_to_send(self) -> list[tuple[bytes, Address]]:
        """Datagrams for the RTCP port to send."""
        if not self._control.to_send:
            return []
        compounds, self._control.to_send = self._control.to_send, []
        return _addressed(compounds, self._rtcp_target())

    def reconfigure(self, config: RtpConfig, now: float) -> None:
        """Go on with what a re-INVITE settled. Queue, numbers and audio time stay; the source may change once more."""
        self._config = config
        self._latch.reconfigure(config.remote, config.signalling_host)
        self._sender.reconfigure(config)
        self._receiver.reconfigure(config)

    def stats(self) -> RtpStats:
        """The session's counters."""
        sender, receiver, control, buffer = self._sender, self._receiver, self._control, self._receiver.buffer
        return RtpStats(
            packets_sent=sender.packets,
            octets_sent=sender.octets,
            packets_received=receiver.packets,
            octets_received=receiver.octets,
            lost=receiver.lost,
            fraction_lost=receiver.lost / max(1, receiver.expected),
            late=buffer.late,
            duplicate=buffer.duplicate,
            reordered=buffer.reordered,
            jitter_ms=receiver.jitter.samples / 8,
            gaps=buffer.gaps,
            concealed_samples=buffer.concealed_samples,
            rtt_ms=None if control.rtt_s is None else control.rtt_s * 1_000,
            unknown_pt=receiver.unknown_pt,
            rejected_source=self._rejected_source,
            rate_limited=receiver.rate_limited
            + receiver.digits_rate_limited
            + buffer.rate_limited
            + control.rate_limited,
            malformed=self._malformed + receiver.malformed + control.malformed,
            ssrc_changes=receiver.ssrc_changes,
            last_received_at=receiver.last_at,
        )

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "closed": self._closed,
            "remote": self._latch.remote,
            "source": self._latch.locked,
            "target": self._latch.target,
            "rtcp_target": self._rtcp_target(),
            "active": self.active,
            "queued_samples": self.queued_samples,
            "sent_samples": self.sent_samples,
            "pending_digits": self._sender.pending_digits,
            "ssrc": self._sender.ssrc,
            "remote_ssrc": self._receiver.ssrc,
            "audio_samples": self._receiver.buffer.position,
            "waiting_packets": self._receiver.buffer.waiting,
            "gap_wait_ms": self._receiver.buffer.gap_wait_s * 1_000,
            "timer": self.get_timer(),
        }

    def close(self, now: float) -> None:
        """Say BYE by RTCP; take `rtcp_to_send` once more. Idempotent."""
        if not self._closed:
            self._control.close(now)
            self._sender.clear()
            self._closed = True

    def _rtcp_target(self) -> Address:
        target = self._latch.target
        if target == self._config.remote:
            return self._config.remote_rtcp
        # Behind a NAT only what came tells where the port is; until then it is the next one, as RFC 3550 §11 has it.
        if self._rtcp_source is not None and self._rtcp_source[0] == target[0]:
            return self._rtcp_source
        return target[0], target[1] + 1


def _addressed(datagrams: list[bytes], target: Address) -> list[tuple[bytes, Address]]:
    """`datagrams` for `target`; none where SDP names no place (RFC 2543's hold, a port of 0)."""
    host, port = target
    if port == 0 or host in _NOWHERE:
        return []
    return [(datagram, target) for datagram in datagrams]
