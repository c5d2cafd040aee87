"""What carries a line's RTP between socket and session: the event loop, or the media pump."""

from typing import Protocol


class RtpIoOwner(Protocol):
    """The line as its RTP I/O sees it. All calls are on the event loop's thread; each may close the line."""

    def deliver(self, at: float) -> None:
        """The session has events, for what arrived at that time."""

    def on_audio(self, pcm: bytes, at_tick: int, at: float) -> None:
        """Audio that bypassed the session, in the order of events; its end arrived at that time."""

    def sent(self, payload: bytes, ordinal: int, at: float) -> None:
        """This much of the queue was sent at that time; `ordinal` ticks had been sent before."""

    def drained(self) -> None:
        """The queue has run dry."""

    def rearm(self) -> None:
        """A timer of the session may be due earlier than it was."""

    def is_a_law(self, payload_type: int) -> bool | None:
        """How the payload is decoded; None if it is not G.711."""


class NoOwner:
    """The owner of a stopped RTP I/O, which must not keep its line alive: only the garbage collector would free the
    call.
    """

    @staticmethod
    def _nothing(*_: object, **__: object) -> None:
        pass

    deliver = on_audio = sent = drained = rearm = is_a_law = _nothing


NO_OWNER = NoOwner()


class RtpIo(Protocol):
    """One line's RTP in both directions, from `start` to `stop`. Times are monotonic seconds."""

    @property
    def ticking(self) -> bool:
        """Whether a talk spurt is being sent."""

    @property
    def queued_ticks(self) -> int:
        """Ticks played and neither sent nor dropped, as reported so far."""

    @property
    def sent_ticks(self) -> int:
        """Ticks sent, as reported so far; exact after `clear`."""

    def start(self) -> None:
        """Begin to receive and to send."""

    def stop(self) -> None:
        """Nothing is sent or reported any more. Idempotent."""

    def play(self, payload: bytes, now: float) -> None:
        """Append to the queue, in the encoding of the wire."""

    def clear(self, now: float) -> int:
        """Empty the queue; silent from the next packet on. Returns the ticks dropped."""

    def send_dtmf(self, digits: str, now: float) -> None:
        """Send DTMF after what is queued; raises as the session does."""

    def read(self, now: float) -> None:
        """Take in what has arrived; call it before a timer decides that nothing has."""

    def sync(self) -> None:
        """Update the session's counters."""

    def recall(self) -> None:
        """Give everything to the session, because it is about to change."""

    def settle(self, now: float) -> None:
        """The session has changed: lend and arm accordingly."""

    def send(self) -> None:
        """Send what the session has made."""

    def errors(self) -> tuple[int, int]:
        """Packets that failed to (send, receive)."""
