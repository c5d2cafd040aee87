"""What carries a line's RTP between socket and session: the event loop, or the media pump."""

from typing import Protocol


class RtpIoOwner(Protocol):
    """The line, as its path sees it. All on the event loop's thread; each may close the line."""

    def deliver(self, at: float) -> None:
        """The session has events, of what arrived at that time."""

    def on_audio(self, pcm: bytes, at_tick: int, at: float) -> None:
        """Audio of the stream, in the order of events, when the session did not bring it; its end arrived then."""

    def sent(self, payload: bytes, ordinal: int, at: float) -> None:
        """This much of the queue was sent at that time; `ordinal` ticks had been sent before."""

    def drained(self) -> None:
        """The queue has run dry."""

    def rearm(self) -> None:
        """A timer of the session may be due earlier than it was."""

    def is_a_law(self, payload_type: int) -> bool | None:
        """How the payload is decoded; None if it is not G.711."""


class NoOwner:
    """The owner of a path that was stopped: what is over must not hold its line, else only the garbage collector would
    free a call.
    """

    @staticmethod
    def _nothing(*_: object, **__: object) -> None:
        pass

    deliver = on_audio = sent = drained = rearm = is_a_law = _nothing


NO_OWNER = NoOwner()


class RtpIo(Protocol):
    """One line's way in and out, from `start` to `stop`. Times are monotonic seconds."""

    @property
    def ticking(self) -> bool:
        """Whether a talk spurt is being sent."""

    @property
    def queued_ticks(self) -> int:
        """Samples that were played and neither sent nor dropped, by what was reported so far."""

    @property
    def sent_ticks(self) -> int:
        """Samples sent, by what was reported so far; exact after `clear`."""

    def start(self) -> None:
        """Begin to receive and to send."""

    def stop(self) -> None:
        """Nothing is sent or reported any more. Idempotent."""

    def play(self, payload: bytes, now: float) -> None:
        """Append to the queue, in the encoding of the wire."""

    def clear(self, now: float) -> int:
        """Empty the queue; with the next packet it is silent. Samples dropped."""

    def send_dtmf(self, digits: str, now: float) -> None:
        """Press keys after what is queued; raises as the session does."""

    def read(self, now: float) -> None:
        """Take in what has arrived: to be called before a timer decides that it has not."""

    def sync(self) -> None:
        """Make the session's counters what they are now."""

    def recall(self) -> None:
        """Give everything to the session, because it is about to change."""

    def settle(self, now: float) -> None:
        """The session has changed: do what follows from it."""

    def send(self) -> None:
        """Send what the session has made."""

    def errors(self) -> tuple[int, int]:
        """What the system did not (send, receive)."""
