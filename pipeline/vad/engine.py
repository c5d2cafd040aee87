"""Voice activity detection: what a detector is to the rest of the pipeline."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

Slots = np.ndarray[Any, np.dtype[np.intp]]
"""Which streams of a bank are meant, each at most once."""

Pcm = np.ndarray[Any, np.dtype[np.int16]]
"""16-bit mono PCM, one frame a row."""


@dataclass(frozen=True, slots=True)
class VadCapabilities:
    """What an engine takes: frames of exactly `frame_samples` 16-bit mono samples at `rate_hz`.

    A frame with a sample of at least `loud_peak` (200: -44 dBFS) may be an interruption: while the bot speaks it is
    judged at once.
    """

    rate_hz: int
    frame_samples: int
    loud_peak: int = 200


class VadStream(Protocol):
    """One call's audio."""

    def infer(self, frame: bytes) -> float:
        """The probability, 0 to 1, that the next frame holds speech.

        Takes 16-bit little-endian mono PCM of the engine's frame size. Raises ValueError for any other size.
        """
        ...

    def reset(self) -> None:
        """Forget what was heard."""


class VadEngine(Protocol):
    """A detector, shared by all calls of the process."""

    @property
    def capabilities(self) -> VadCapabilities:
        """The frames its streams take."""
        ...

    def stream(self) -> VadStream:
        """Listen to one more call."""
        ...


class VadBank(Protocol):
    """The streams of many calls side by side, numbered from 0: a frame of each of them goes through one run."""

    def infer(self, slots: Slots, pcm: Pcm) -> list[float]:
        """For each of `slots` the probability that its next frame, a row of `pcm`, holds speech.

        What a stream of its own would have said. After an exception the streams are where they were before.
        """
        ...

    def reset(self, slot: int) -> None:
        """Forget what this stream heard."""

    def grow(self, streams: int) -> None:
        """Have room for so many streams, no fewer than before; those that are there stay as they are."""


@runtime_checkable
class BatchingVadEngine(VadEngine, Protocol):
    """A detector that hears a frame of many calls at less than the cost of as many single ones."""

    def bank(self, streams: int) -> VadBank:
        """Room for so many calls."""
        ...
