"""RTP I/O through the media pump: its thread handles plain media, the session everything else."""

import socket
import time
from typing import Any

from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.loop_io import PacedOut
from offhook.telephony.net.pump import AUDIO, DATAGRAM, DRAINED, SENT, MediaPump, address_of
from offhook.telephony.net.rtp_io import NO_OWNER, RtpIoOwner
from offhook.telephony.rtp import Address, RtpLimits, RtpSession
from offhook.telephony.rtp.handover import ReceiveState, SendState

_NONE = (0, 0)


class PumpIo:
    """See `RtpIo`.

    Each direction belongs to the pump or to the session, never to both. In: the session lends it after a packet that
    leaves nothing open; the first datagram that isn't simply the next one, or a silence, brings it back. Out: it is
    lent unless DTMF is being sent; then the media clock ticks the session, as without a pump.

    `queued_ticks` and `sent_ticks` follow what was reported, so that their sum does not change between two
    reports; the thread itself is up to a few milliseconds further.
    """

    def __init__(
        self,
        session: RtpSession,
        sock: socket.socket,
        clock: MediaClock,
        pump: MediaPump,
        owner: RtpIoOwner,
        limits: RtpLimits,
    ) -> None:
        self._session = session
        self._socket = sock
        self._pump = pump
        self._owner = owner
        self._limits = limits
        self._out = PacedOut(session, sock, clock, owner, self._lend_sending)
        self._target: Address | None = None
        self._lent_in = self._lent_out = False
        self._recalling = False
        self._queued = self._sent = 0
        self._errors = (0, 0)
        session.on_ssrc_change = self._end_sending

    @property
    def ticking(self) -> bool:
        """Whether a talk spurt is being sent."""
        return self._queued > 0 if self._lent_out else self._out.ticking

    @property
    def queued_ticks(self) -> int:
        """Neither sent nor dropped."""
        return self._queued if self._lent_out else self._session.queued_ticks

    @property
    def sent_ticks(self) -> int:
        """Sent."""
        return self._sent if self._lent_out else self._session.sent_ticks

    def start(self) -> None:
        """Begin to receive and to send."""
        self._stream = self._pump.attach(self, self._socket.fileno(), self._limits)
        self._out.open = True
        self.settle(time.monotonic())

    def stop(self) -> None:
        """Stop."""
        if self._out.open:
            self.sync()
            self._errors = self.errors()
            self._lent_in = self._lent_out = False
            self._pump.detach(self._stream)
        self._out.close()
        self._owner = NO_OWNER
        self._session.on_ssrc_change = None

    def play(self, payload: bytes, now: float) -> None:
        """Append to the queue."""
        if self._lent_out:
            self._queued += len(payload)
            self._stream.play(payload)
        else:
            self._session.play(payload, now)
            self._out.join_clock()

    def clear(self, now: float) -> int:
        """Empty the queue."""
        if not self._lent_out:
            return self._session.clear(now)
        dropped, self._sent = self._stream.clear()
        self._queued = 0
        return dropped

    def send_dtmf(self, digits: str, now: float) -> None:
        """Send DTMF."""
        self._end_sending()
        try:
            self._session.send_dtmf(digits, now)
        finally:
            self._lend_sending()

    def read(self, now: float) -> None:
        """Take in what has arrived. What is lent needs no timer."""
        if self._out.open and not self._lent_in:
            self._stream.read()
            self._pump.dispatch()

    def sync(self) -> None:
        """Update the session's counters."""
        if self._lent_in:
            self._session.update_receiving(ReceiveState(**self._stream.receiving()))
        if self._lent_out:
            self._session.update_sending(SendState(**self._stream.sending()))

    def recall(self) -> None:
        """Give everything to the session."""
        if self._out.open:
            self._end_receiving()
            self._end_sending()
            # Report earlier events first. The end of the batch must not lend what is about to change.
            self._recalling = True
            try:
                self._pump.dispatch()
            finally:
                self._recalling = False

    def settle(self, now: float) -> None:
        """Lend what can be lent."""
        if not self._out.open or self._recalling:
            return
        if self._session.target != self._target:
            self._target = self._session.target
            self._stream.set_target(*address_of(self._target))
        self._lend_sending()
        self._lend_receiving(now)
        self._owner.rearm()

    def send(self) -> None:
        """Send what the session has made."""
        self._out.send()

    def errors(self) -> tuple[int, int]:
        """Packets that failed to (send, receive)."""
        if not self._out.open:
            return self._errors
        send, receive = self._stream.errors()
        return send + self._out.send_errors, receive

    def happened(self, kind: int, number: int, at: float, data: Any) -> bool:
        """One event of the stream. Returns whether `settle` is wanted.

        `data` is payload, 16-bit PCM or a datagram with its source, by `kind`.
        """
        if kind == AUDIO:
            self._owner.on_audio(data, number, at)
        elif kind == SENT:
            sent = number + len(data)
            # What left before the queue was cleared is known already.
            if sent > self._sent:
                self._queued -= sent - self._sent
                self._sent = sent
            self._owner.sent(data, number, at)
        elif kind == DRAINED:
            # Something else may have been queued since.
            if self.queued_ticks == 0:
                self._owner.drained()
        elif kind == DATAGRAM:
            octets, source = data
            self._end_receiving()
            self._session.receive_rtp(octets, source, at, opened=bool(number))
            self._owner.deliver(at)
            return True
        else:
            self._end_receiving()
            self._owner.rearm()
        return False

    def _lend_receiving(self, now: float) -> None:
        source = self._session.source
        if self._lent_in or source is None:
            return
        state = self._session.lend_receiving(now)
        if state is not None:
            a_law = self._owner.is_a_law(state.payload_type)
            self._stream.open_by(*(self._session.opening or _NONE))
            self._lent_in = a_law is not None and self._stream.arm(state, a_law, source)
            if not self._lent_in:
                self._session.end_receiving(state)

    def _end_receiving(self) -> None:
        if self._lent_in:
            self._lent_in = False
            self._session.end_receiving(ReceiveState(**self._stream.disarm()))

    def _lend_sending(self) -> None:
        if self._lent_out or not self._out.open or self._recalling:
            return
        lent = None if self._out.ticking else self._session.lend_sending()
        if lent is None:
            self._out.join_clock()
            return
        state, queued = lent
        self._queued, self._sent = len(queued), state.sent_ticks
        self._lent_out = True
        self._stream.seal_by(*(self._session.sealing or _NONE))
        self._stream.lend(state, queued)

    def _end_sending(self) -> None:
        if self._lent_out:
            self._lent_out = False
            state, queued = self._stream.take()
            self._session.end_sending(SendState(**state), queued)
