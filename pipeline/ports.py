"""What the conversation needs of a phone line. The line itself is another package's; the application joins them."""

from collections.abc import Callable
from typing import Protocol


class Line(Protocol):
    """Audio and keys of one call: the caller's as 16-bit PCM at `rate_hz` (8000 or 16000), the bot's as encoded octets.

    Positions and lengths count ticks of 1/8000 s, whatever the rate: `tick_octets` octets of payload each.

    Handlers run on the event loop's thread and return at once. Those for audio are told last when its end arrived, or
    when it left (monotonic seconds).
    """

    encoding: str
    rate_hz: int
    tick_octets: int

    def add_listener(
        self,
        *,
        audio: Callable[[bytes, int, float], None] | None = None,
        dtmf: Callable[[str, int], None] | None = None,
        sent: Callable[[bytes, int, float], None] | None = None,
        drained: Callable[[], None] | None = None,
    ) -> Callable[[], None]:
        """Call these when something happens; returns what takes them away again. There may be other listeners."""

    def encode(self, pcm: bytes) -> bytes:
        """PCM to payload."""

    def play(self, payload: bytes) -> None:
        """Append to what is being said."""

    def clear(self) -> int:
        """Drop what has not been sent."""

    @property
    def queued_ticks(self) -> int:
        """Played, not sent."""

    @property
    def sent_ticks(self) -> int:
        """Sent since the start."""

    def played_ticks(self) -> int:
        """Of these, arrived."""
