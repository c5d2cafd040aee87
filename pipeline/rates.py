"""Sample rates of a conversation, and the interface of a resampler. Pure."""

from collections.abc import Callable
from typing import Protocol

NARROW_HZ, WIDE_HZ = 8_000, 16_000
"""The rates of a line, and of the audio that engines get."""

TICK_HZ = NARROW_HZ
"""Ticks count audio time, on a line of either rate."""


class Resampler(Protocol):
    """Converts 16-bit mono PCM from one rate to another, chunk by chunk, aligned in time."""

    def push(self, chunk: bytes, /) -> bytes:
        """The output that is available so far."""
        ...

    def flush(self) -> bytes:
        """The rest of the output."""
        ...


MakeResampler = Callable[[int, int], Resampler]
"""(from Hz, to Hz)."""
