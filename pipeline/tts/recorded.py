"""A voice that plays the same recording for any text: for benchmarks of everything around it."""

import io
import wave
from collections.abc import AsyncIterator

from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.pipeline.tts.pace import spread

NAME = "recorded"
MAX_RECORDING_BYTES = 32 * 1024 * 1024


class RecordedEngine:
    """A TtsEngine. `wav` is the content of a WAV file, 16-bit mono at any rate; raises EngineError if it is not."""

    def __init__(self, wav: bytes) -> None:
        self._pcm, rate_hz = _read(wav)
        self.capabilities = TtsCapabilities(rate_hz, word_positions=True)

    async def start(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """The recording in one chunk, with the words of `text` spread over it by their positions in `text`."""
        yield SpeechChunk(self._pcm, spread(text, len(self._pcm) // 2))


def _read(wav: bytes) -> tuple[bytes, int]:
    if len(wav) > MAX_RECORDING_BYTES:
        raise EngineError(NAME, "no recording", f"it has more than {MAX_RECORDING_BYTES} bytes")
    try:
        with wave.open(io.BytesIO(wav), "rb") as reader:
            channels, width, rate_hz = reader.getnchannels(), reader.getsampwidth(), reader.getframerate()
            pcm = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        raise EngineError(NAME, "no recording", f"it is not a WAV file: {error}") from error
    if (channels, width) != (1, 2) or rate_hz <= 0:
        found = f"{channels} channels of {8 * width} bits at {rate_hz} Hz"
        raise EngineError(NAME, "no recording", f"it has {found}, not one of 16 bits")
    return pcm[: len(pcm) // 2 * 2], rate_hz
