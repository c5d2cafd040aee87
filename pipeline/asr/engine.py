"""What a recogniser is to the rest of the pipeline."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AsrCapabilities:
    """What an engine takes (16-bit mono PCM at `rate_hz`; JSGF grammars) and can do."""

    rate_hz: int
    grammar: bool
    free_speech: bool
    partials: bool


@dataclass(frozen=True, slots=True)
class AsrRequest:
    """One turn to recognise: with the JSGF `grammar`, or without one as free speech."""

    grammar: str | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said ("": nothing recognised) and, where the engine has one, a `confidence` from 0 to 1."""

    text: str
    confidence: float | None = None


class AsrStream(Protocol):
    """One turn being recognised. `finish` or `cancel` ends it; nothing may be called after either."""

    def feed(self, pcm: bytes) -> None:
        """Take the next 16-bit little-endian mono PCM at the engine's rate, of any length. Never blocks."""

    async def finish(self) -> Transcript:
        """No more audio comes: the transcript. Raises EngineError, EngineTimeout when the engine hangs."""
        ...

    def cancel(self) -> None:
        """Drop the turn, its result is not wanted. Idempotent; a waiting `finish` may raise EngineError."""


class AsrEngine(Protocol):
    """A recogniser, shared by all calls of the process."""

    @property
    def capabilities(self) -> AsrCapabilities:
        """Known before `start`."""
        ...

    async def start(self) -> None:
        """Get ready for `open`. Raises EngineError when that cannot be."""

    async def close(self) -> None:
        """End all streams and free everything. Idempotent."""

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> AsrStream:
        """Begin a turn; returns at once.

        `on_partial` gets the text so far, on the event loop's thread, if there are partials. A failure (a
        refused grammar, no engine left) is raised as EngineError by `finish`, or here.
        """
        ...
