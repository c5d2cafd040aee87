"""An RTP session: one audio stream each way with its RTCP. Pure: datagrams and `now` in, events and datagrams out."""

import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from offhook.telephony.errors import LocalError, WireError
from offhook.telephony.rtp.config import Address, RtpConfig, RtpLimits
from offhook.telephony.rtp.control import RtcpControl
from offhook.telephony.rtp.events import PlayoutDrained, RtpEvent
from offhook.telephony.rtp.handover import ReceiveState, SendState
from offhook.telephony.rtp.latch import SourceLatch
from offhook.telephony.rtp.receiver import Receiver
from offhook.telephony.rtp.sender import Sender
from offhook.telephony.rtp.srtp import NativeCall, Srtp
from offhook.telephony.rtp.stats import RtpStats
from offhook.telephony.rtp.summary import OwnCounts, session_stats
from offhook.telephony.rtp.targets import addressed, is_somewhere, rtcp_target
from offhook.telephony.wire import rtcp, rtp, stun

_DEFAULT_LIMITS = RtpLimits()
_AS_IT_IS = NativeCall()


class RtpSession:
    """One call's RTP and RTCP.

    `now` is monotonic seconds. The owner, after every call, takes `next_event` until None, sends `rtp_to_send` and
    `rtcp_to_send`, and calls `handle_timer` at `get_timer`. While `active` it also calls `tick` every packet time;
    the first tick of a talk spurt may come at any moment. A tick sends one packet; when it comes a packet time or
    more late, up to two more; when it comes a packet time early, none. So missed ticks need not be repeated, but may
    be. Between talk spurts `handle_timer` sends the keep-alive. Receive what has arrived before running `handle_timer`:
    after a stall of the owner, packets waiting in the socket would find their time filled.

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
        self._srtp = None if config.srtp is None else Srtp(config.srtp)
        self._events: deque[RtpEvent] = deque()
        self._random = random.Random(ssrc)
        self._sender = Sender(config, now, ssrc=ssrc, sequence=sequence, timestamp=timestamp)
        self._receiver = Receiver(config, limits, self._events)
        self._latch = SourceLatch(config.remote, config.signalling_host, limits)
        self._control = RtcpControl(
            self._sender,
            self._receiver,
            now,
            cname=cname,
            random=rtcp_random or self._random.random,
            limits=limits,
        )
        self._rtcp_source: Address | None = None
        self._rejected_source = 0  # RTP only: counted by the side that receives
        self._rejected_before = 0
        self._rejected_reports = 0
        self._malformed = 0
        self._stun = 0
        self._looped = 0
        self._collided = False
        self._closed = False
        self._receiving_lent = self._sending_lent = False
        # The borrower of the outbound direction gives it back here.
        self.on_ssrc_change: Callable[[], None] | None = None

    def receive_rtp(self, data: bytes, source: Address, now: float, *, opened: bool = False) -> None:
        """A datagram came to the RTP port. Never raises; what is rejected is counted. `opened`: the pump has decrypted
        it."""
        if self._closed:
            return
        latch = self._latch
        if self._config.rtcp_mux and rtcp.is_rtcp(data):
            self._take_rtcp(data, source, now, welcome=source == (latch.locked or latch.remote))
            return
        if source != latch.locked and not latch.may_send(source, now):
            self._rejected_source += 1
            return
        packet = self._opened(data, is_plain=opened or self._srtp is None)
        if packet is None:
            return
        if packet.ssrc == self._sender.ssrc and self._own_ssrc_came(now):
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
        """A datagram came to the RTCP port. Never raises; what is rejected is counted."""
        if not self._closed:
            welcome = source == self._config.remote_rtcp or self._latch.trusts_host(source[0])
            self._take_rtcp(data, source, now, welcome=welcome)

    def next_event(self) -> RtpEvent | None:
        """The next event, None when there is no more."""
        return self._events.popleft() if self._events else None

    def get_timer(self) -> float | None:
        """When `handle_timer` is due; it changes with every call."""
        if self._closed:
            return None
        due = self._control.get_timer()
        received = None if self._receiving_lent else self._receiver.get_timer()
        if received is not None and received < due:
            due = received
        keep_alive = None if self._sending_lent else self._sender.get_timer()
        if keep_alive is not None and keep_alive < due:
            due = keep_alive
        return due

    def handle_timer(self, now: float) -> None:
        """Do what is due: holes, silence, lost key releases, keep-alive, reports."""
        if not self._closed:
            if self._rejected_source != self._rejected_before:
                self._rejected_before = self._rejected_source
                self._latch.await_better_source(now)
            if not self._receiving_lent:
                self._receiver.handle_timer(now)
            if not self._sending_lent:
                self._sender.handle_timer(now)
            self._control.handle_timer(now)

    def play(self, payload: bytes, now: float) -> None:
        """Append payload, or what the encoder takes, in whole ticks of 1/8000 s, to the playout queue."""
        if not self._closed:
            self._sender.play(payload)

    def clear(self, now: float) -> int:
        """Drop what was played and has not been sent; DTMF stays. Returns the ticks dropped."""
        return self._sender.clear()

    def tick(self, now: float) -> bytes | None:
        """A packet time has come. Returns what was taken from the queue, without padding; None for none."""
        if self._closed:
            return None
        sender = self._sender
        sent = sender.tick(now)
        if sender.drained:
            sender.drained = False
            self._events.append(PlayoutDrained(sender.sent_ticks))
        return sent

    @property
    def active(self) -> bool:
        """Whether `tick` is wanted: there is audio or DTMF to send, and the direction allows it."""
        return self._sender.active and not self._closed

    @property
    def ptime_ms(self) -> int:
        """The packet time, at which `tick` is wanted."""
        return self._config.ptime_ms

    @property
    def queued_ticks(self) -> int:
        """Ticks that were played and neither sent nor dropped."""
        return self._sender.queued_ticks

    @property
    def sent_ticks(self) -> int:
        """Ticks of played audio that have been sent, without padding."""
        return self._sender.sent_ticks

    @property
    def position_ticks(self) -> int:
        """The audio time reached by what was received."""
        return self._receiver.buffer.position

    @property
    def one_way_delay_s(self) -> float:
        """Half the last round trip measured by RTCP; 0.0 until then."""
        return self._control.one_way_delay_s

    def send_dtmf(self, digits: str, now: float) -> None:
        """Send DTMF after what is queued. LocalError (a ValueError): unknown key, too many, or not negotiated."""
        if self._config.dtmf_payload_type is None:
            raise LocalError("the other end did not negotiate telephone-event: DTMF cannot be sent")
        if not self._closed:
            self._sender.send_dtmf(digits, self._limits.queued_digits)

    def rtp_to_send(self) -> list[tuple[bytes, Address]]:
        """Datagrams for the RTP port to send, in order."""
        if not self._sender.to_send:
            return []
        packets, self._sender.to_send = self._sender.to_send, []
        if self._srtp is not None:
            packets = self._srtp.protect(packets)
        return addressed(packets, self._latch.target)

    def rtcp_to_send(self) -> list[tuple[bytes, Address]]:
        """Datagrams for the RTCP port to send."""
        if not self._control.to_send:
            return []
        compounds, self._control.to_send = self._control.to_send, []
        if self._srtp is not None:
            compounds = self._srtp.protect_rtcp(compounds)
        return addressed(compounds, self._rtcp_target)

    def reconfigure(self, config: RtpConfig, now: float) -> None:
        """Apply a re-INVITE. Queue, numbers and audio time stay; the source may change again.

        Clear the queue first where `config.encoder` takes another form of audio than the last. Raises LocalError as
        `Srtp`; nothing has changed then.
        """
        srtp = self._srtp
        if config.srtp != self._config.srtp:
            srtp = None if config.srtp is None else Srtp(config.srtp, self._srtp)
        self._srtp = srtp
        if config.units_per_tick(config.payload_type) != self._sender.units_per_tick:
            # RFC 7160 §4.1: one SSRC keeps to one clock.
            self._new_ssrc(now)
        self._config = config
        self._latch.reconfigure(config.remote, config.signalling_host)
        self._sender.reconfigure(config)
        self._receiver.reconfigure(config)

    def hold_sending(self) -> None:
        """Send neither RTP nor RTCP before `release_sending`, or the first packet received."""
        self._latch.hold()

    def release_sending(self) -> None:
        """The far end has confirmed the call."""
        self._latch.release()

    def doubt_remote(self) -> None:
        """Enough was sent to a host from which nothing has come: see `SourceLatch.doubt`."""
        self._latch.doubt()

    # ---- what is lent to the media pump (handover.py)

    @property
    def opening(self) -> NativeCall | None:
        """How the borrower decrypts what it receives; None: nothing can be lent."""
        return _AS_IT_IS if self._srtp is None else self._srtp.opening

    @property
    def sealing(self) -> NativeCall | None:
        """How the borrower encrypts what it sends; None: nothing can be lent."""
        return _AS_IT_IS if self._srtp is None else self._srtp.sealing

    def wants_receiving(self, now: float) -> bool:
        """Whether the inbound direction has to come back: a better source may be among those skipped."""
        return self._receiving_lent and not self._latch.final(now)

    def lend_receiving(self, now: float) -> ReceiveState | None:
        """Lend the inbound direction, if only the next packet from `source` is pending; until it is ended."""
        if (
            self._closed
            or self.opening is None
            or not self._latch.final(now)
            or self._receiver.ssrc == self._sender.ssrc
        ):
            return None
        state = self._receiver.lend(self._rejected_source)
        self._receiving_lent = state is not None
        return state

    def update_receiving(self, state: ReceiveState) -> None:
        """The state of the lent inbound direction, for reports and statistics."""
        self._rejected_source = state.rejected_source
        self._receiver.restore(state)

    def end_receiving(self, state: ReceiveState) -> None:
        """The inbound direction comes back."""
        self.update_receiving(state)
        self._receiving_lent = False

    def lend_sending(self) -> tuple[SendState, bytes] | None:
        """Lend the outbound direction with its queue, if there is no DTMF in it. Until it is ended, `play` and `clear`
        go to the borrower.
        """
        lent = None if self._closed or self.sealing is None else self._sender.lend()
        self._sending_lent = lent is not None
        return lent

    def update_sending(self, state: SendState) -> None:
        """The state of the lent outbound direction, for reports and statistics."""
        self._sender.restore(state, b"")

    def end_sending(self, state: SendState, queued: bytes) -> None:
        """The outbound direction comes back."""
        self._sender.restore(state, queued)
        self._sending_lent = False

    @property
    def source(self) -> Address | None:
        """The accepted source, None before there is one."""
        return self._latch.locked

    @property
    def target(self) -> Address | None:
        """Where RTP goes; None where SDP names no place."""
        return self._latch.target if is_somewhere(self._latch.target) else None

    @property
    def _rtcp_target(self) -> Address:
        return rtcp_target(self._config, self._latch.target, self._rtcp_source)

    def stats(self) -> RtpStats:
        """The session's counters."""
        srtp = self._srtp
        rejected, replayed = (0, 0) if srtp is None else (srtp.rejected, srtp.replayed)
        own = OwnCounts(
            rejected_source=self._rejected_source + self._rejected_reports,
            malformed=self._malformed,
            stun=self._stun,
            looped=self._looped,
            srtp=int(srtp is not None),
            srtp_rejected=rejected,
            srtp_replayed=replayed,
        )
        return session_stats(self._config, self._sender, self._receiver, self._control, own)

    def dump(self) -> dict[str, object]:
        """The live state."""
        return {
            "closed": self._closed,
            "remote": self._latch.remote,
            "source": self._latch.locked,
            "target": self._latch.target,
            "rtcp_target": self._rtcp_target,
            "active": self.active,
            "queued_ticks": self.queued_ticks,
            "sent_ticks": self.sent_ticks,
            "pending_digits": self._sender.pending_digits,
            "ssrc": self._sender.ssrc,
            "remote_ssrc": self._receiver.ssrc,
            "position_ticks": self.position_ticks,
            "waiting_packets": self._receiver.buffer.waiting,
            "gap_wait_ms": self._receiver.buffer.gap_wait_s * 1_000,
            "timer": self.get_timer(),
        }

    def close(self, now: float) -> None:
        """Send RTCP BYE; take `rtcp_to_send` once more. Idempotent."""
        if not self._closed:
            self._control.say_bye(now)
            self._sender.clear()
            self._closed = True

    def _take_rtcp(self, data: bytes, source: Address, now: float, *, welcome: bool) -> None:
        if not welcome:
            self._rejected_reports += 1
        elif len(data) > self._limits.datagram_octets:
            self._malformed += 1
        elif (opened := self._opened_rtcp(data)) is not None and self._control.receive(opened, now):
            if self._control.own_ssrc_came:
                self._control.own_ssrc_came = False
                self._own_ssrc_came(now)
                return
            self._rtcp_source = source
            self._latch.prove(source[0])
            self._receiver.alive(now)

    def _opened(self, data: bytes, *, is_plain: bool) -> rtp.RtpPacket | None:
        if stun.is_stun(data):
            self._stun += 1
            return None
        if len(data) <= self._limits.datagram_octets:
            opened = data if is_plain or self._srtp is None else self._srtp.unprotect(data)
            if opened is None:
                return None
            with suppress(WireError):
                return rtp.parse(opened)
        self._malformed += 1
        return None

    def _opened_rtcp(self, data: bytes) -> bytes | None:
        if stun.is_stun(data):
            self._stun += 1
            return None
        return data if self._srtp is None else self._srtp.unprotect_rtcp(data)

    def _own_ssrc_came(self, now: float) -> bool:
        """A packet carries our own SSRC (RFC 3550 §8.2). Returns whether to drop it.

        The first may be a collision: we take another SSRC, and the packet is the far end's. If that comes back as
        well it is a loop, with our own audio.
        """
        if self._collided:
            self._looped += 1
            self._receiver.last_at = now
            return True
        self._collided = True
        self._new_ssrc(now)
        return False

    def _new_ssrc(self, now: float) -> None:
        """Change to a new one, and send BYE for the old one."""
        if self.on_ssrc_change is not None:
            self.on_ssrc_change()
        self._control.say_bye(now)
        taken = (self._sender.ssrc, self._receiver.ssrc)
        ssrc = self._random.getrandbits(32)
        self._sender.change_ssrc(ssrc if ssrc not in taken else ssrc ^ 1)
