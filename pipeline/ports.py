"""The interface between the conversation and a phone line. Lines are implemented elsewhere; the application connects
them."""

import struct
from collections.abc import Callable
from typing import Protocol

from offhook.pipeline.rates import TICK_HZ


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


_QUIET_PEAK = 184  # -45 dBFS, as in vad.loudness


def voiced_test(line: Line) -> Callable[[bytes], bool]:
    """A test whether a payload of the line has more than silence in it: a sample of -45 dBFS or more."""
    quiet_pcm = struct.pack(f"<{2 * _QUIET_PEAK - 1}h", *range(1 - _QUIET_PEAK, _QUIET_PEAK))
    if line.rate_hz == TICK_HZ and line.bytes_per_tick == 1:
        quiet = bytes(set(line.encode(quiet_pcm)))  # a byte is a sample
        return lambda payload: bool(payload.translate(None, quiet))
    # 16-bit PCM: the upper bytes are precise enough.
    return lambda payload: bool(payload[1::2].translate(None, b"\x00\xff"))
