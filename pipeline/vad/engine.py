"""Voice activity detection: the interface of a detector."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

Slots = np.ndarray[Any, np.dtype[np.intp]]
"""The streams of a bank that are meant, each at most once."""

Pcm = np.ndarray[Any, np.dtype[np.int16]]
"""16-bit mono PCM, one frame per row."""


@dataclass(frozen=True, slots=True)
class VadCapabilities:
    """What an engine takes: frames of exactly `frame_samples` 16-bit mono samples at `rate_hz`.

    A frame with a peak of about `loud_peak` or more (256: -42 dBFS) may be an interruption: while the bot speaks it is
    judged at once.
    """

    rate_hz: int
    frame_samples: int
    loud_peak: int = 256


class VadStream(Protocol):
    """One call's audio."""

    def infer(self, frame: bytes) -> float:
        """The probability, 0 to 1, that the next frame contains speech.

        Takes 16-bit little-endian mono PCM of the engine's frame size. Raises ValueError for any other size.
        """
        ...

    def reset(self) -> None:
        """Reset the stream."""


class VadEngine(Protocol):
    """A detector, shared by all calls of the process."""

    @property
    def capabilities(self) -> VadCapabilities:
        """The frames that its streams take."""
        ...

    def stream(self) -> VadStream:
        """A stream for one call."""
        ...


class VadBank(Protocol):
    """The streams of many calls, numbered from 0: one frame from each goes through one run."""

    def infer(self, slots: Slots, pcm: Pcm) -> list[float]:
        """For each of `slots` the probability that its next frame, a row of `pcm`, contains speech.

        The same result as single streams. After an exception all streams are unchanged.
        """
        ...

    def reset(self, slot: int) -> None:
        """Reset this stream."""

    def grow(self, streams: int) -> None:
        """Make room for `streams` streams, at least as many as before; existing ones are unchanged."""


@runtime_checkable
class BatchingVadEngine(VadEngine, Protocol):
    """A detector that processes frames of many calls together at a lower cost than one by one."""

    def bank(self, streams: int) -> VadBank:
        """A bank with room for `streams` calls."""
        ...
