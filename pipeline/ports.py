"""The interface between the conversation and a phone line. Lines are implemented elsewhere; the application connects
them."""

from collections.abc import Callable
from typing import Protocol


class Line(Protocol):
    """Audio, keys and typed lines of one call: the caller's audio as 16-bit PCM at `rate_hz` (8000 or 16000), the
    bot's as encoded bytes.

    Positions and lengths count ticks of 1/8000 s at any rate: `bytes_per_tick` bytes of payload each.

    Handlers run on the event loop's thread and must return at once. The last argument of the audio handlers is when the
    end of that audio arrived, or left (monotonic seconds).
    """

    encoding: str
    rate_hz: int
    bytes_per_tick: int

    def add_listener(
        self,
        *,
        audio: Callable[[bytes, int, float], None] | None = None,
        dtmf: Callable[[str, int], None] | None = None,
        sent: Callable[[bytes, int, float], None] | None = None,
        drained: Callable[[], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> Callable[[], None]:
        """Add handlers, beside those of other listeners. Returns a function that removes them."""

    def encode(self, pcm: bytes) -> bytes:
        """PCM to payload."""

    def play(self, payload: bytes) -> None:
        """Queue payload for playout."""

    def clear(self) -> int:
        """Drop everything that has not been sent."""

    @property
    def queued_ticks(self) -> int:
        """Queued, not sent yet."""

    @property
    def sent_ticks(self) -> int:
        """Sent since the start."""

    def played_ticks(self) -> int:
        """How much of that has arrived."""
