"""What a voice activity detector is to the rest of the pipeline."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class VadCapabilities:
    """What an engine takes: frames of exactly `frame_samples` 16-bit mono samples at `rate_hz`."""

    rate_hz: int
    frame_samples: int


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
