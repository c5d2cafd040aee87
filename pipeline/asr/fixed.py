"""A recogniser that always returns the same text, at once: for benchmarks of everything around it."""

from collections.abc import Callable

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, Transcript
from offhook.pipeline.errors import EngineError

NAME = "fixed"


class FixedEngine:
    """An AsrEngine that recognises `text` in every turn."""

    def __init__(self, text: str, *, rate_hz: int = 16_000, confidence: float | None = 1.0) -> None:
        self.capabilities = AsrCapabilities(rate_hz, grammar=True, free_speech=True, partials=False)
        self._transcript = Transcript(text, confidence)

    async def start(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> "FixedStream":
        """Begin a turn."""
        return FixedStream(self._transcript)


class FixedStream:
    """An AsrStream."""

    __slots__ = ("_cancelled", "_transcript")

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._cancelled = False

    def feed(self, pcm: bytes) -> None:
        """Discard the audio."""

    async def finish(self) -> Transcript:
        """The transcript, at once. Raises EngineError after `cancel`."""
        if self._cancelled:
            raise EngineError(NAME, "no transcript", "the turn was cancelled")
        return self._transcript

    def cancel(self) -> None:
        """Cancel the turn."""
        self._cancelled = True
