"""RTP I/O in pure Python: the event loop reads the socket, the media clock paces what is sent."""

import asyncio
import socket
import time
from collections.abc import Callable

from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.rtp_io import NO_OWNER, RtpIoOwner
from offhook.telephony.rtp import RtpLimits, RtpSession

DATAGRAMS_PER_WAKEUP = 32
"""Datagrams read from one socket before the other lines have their turn."""


class PacedOut:
    """The session's outbound direction, ticked by the media clock. `left` is called when it has left the clock."""

    __slots__ = ("_clock", "_left", "_owner", "_period_ms", "_session", "_socket", "open", "send_errors", "ticking")

    def __init__(
        self, session: RtpSession, sock: socket.socket, clock: MediaClock, owner: RtpIoOwner, left: Callable[[], None]
    ) -> None:
        self._session = session
        self._socket = sock
        self._clock = clock
        self._owner = owner
        self._left = left
        self._period_ms = 0
        self.open = False
        self.ticking = False
        self.send_errors = 0

    def close(self) -> None:
        """Stop sending, and release the line."""
        self.open = False
        self._owner = NO_OWNER
        self._left = NO_OWNER.drained

    def join_clock(self) -> None:
        """Be ticked, if there is something to send."""
        if self.open and not self.ticking and self._session.active:
            self.ticking = True
            self._period_ms = self._session.ptime_ms
            self._clock.add(self._tick, self._period_ms)

    def send(self) -> None:
        """Send what the session has made."""
        for data, address in self._session.rtp_to_send():
            try:
                self._socket.sendto(data, address)
            except OSError:
                # No route, or a full buffer: for the far end it is a lost packet.
                self.send_errors += 1

    def _tick(self, now: float) -> bool:
        """Send what is due. The line leaves the clock one packet time after its last packet, not with it:
        what is played meanwhile follows at the right distance."""
        session = self._session
        if not self.open or not session.active or self._period_ms != session.ptime_ms:
            self.ticking = False
            self._left()
            self._owner.rearm()
            return False
        ordinal = session.sent_ticks
        payload = session.tick(now)
        self.send()
        if payload:
            self._owner.sent(payload, ordinal, now)
        self._owner.deliver(now)
        if not session.active:
            # Comfort noise, if negotiated, is due a packet time after the last audio.
            self._owner.rearm()
        return True


class LoopIo:
    """See `RtpIo`."""

    def __init__(
        self,
        session: RtpSession,
        sock: socket.socket,
        clock: MediaClock,
        loop: asyncio.AbstractEventLoop,
        owner: RtpIoOwner,
        limits: RtpLimits,
    ) -> None:
        self._session = session
        self._socket = sock
        self._loop = loop
        self._owner = owner
        # One byte more than allowed, so that a truncated datagram is seen to be too long.
        self._read_octets = limits.datagram_octets + 1
        self._out = PacedOut(session, sock, clock, owner, self._left)
        self._receive_errors = 0

    @property
    def ticking(self) -> bool:
        """Whether a talk spurt is being sent."""
        return self._out.ticking

    @property
    def queued_ticks(self) -> int:
        """Neither sent nor dropped."""
        return self._session.queued_ticks

    @property
    def sent_ticks(self) -> int:
        """Sent."""
        return self._session.sent_ticks

    def start(self) -> None:
        """Begin to receive and to send."""
        self._loop.add_reader(self._socket.fileno(), self._readable)
        self._out.open = True
        self._out.join_clock()

    def stop(self) -> None:
        """Stop."""
        if self._out.open:
            self._loop.remove_reader(self._socket.fileno())
        self._out.close()
        self._owner = NO_OWNER

    def play(self, payload: bytes, now: float) -> None:
        """Append to the queue."""
        self._session.play(payload, now)
        self._out.join_clock()

    def clear(self, now: float) -> int:
        """Empty the queue."""
        return self._session.clear(now)

    def send_dtmf(self, digits: str, now: float) -> None:
        """Send DTMF."""
        self._session.send_dtmf(digits, now)
        self._out.join_clock()

    def read(self, now: float) -> None:
        """Take in what has arrived."""
        for _ in range(DATAGRAMS_PER_WAKEUP):
            try:
                data, source = self._socket.recvfrom(self._read_octets)
            except BlockingIOError:
                return
            except OSError:
                self._receive_errors += 1
                return
            self._session.receive_rtp(data, source[:2], now)

    def sync(self) -> None:
        """Nothing: the session itself counts."""

    def recall(self) -> None:
        """Nothing: the session has everything."""

    def settle(self, now: float) -> None:
        """There may be something to send now."""
        self._out.join_clock()

    def send(self) -> None:
        """Send what the session has made."""
        self._out.send()

    def errors(self) -> tuple[int, int]:
        """Packets that failed to (send, receive)."""
        return self._out.send_errors, self._receive_errors

    def _left(self) -> None:
        self._out.join_clock()

    def _readable(self) -> None:
        now = time.monotonic()
        self.read(now)
        self._owner.deliver(now)
        self._owner.rearm()
