"""Speech that can be read: a tone for each character, so that a bot and its callers understand each letter.

The bot's engines are `tests.e2e.spelled:voice` and `tests.e2e.spelled:recogniser`. As in the simulated call, a
character takes 60 ms. All other sounds are NOTE.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, Transcript
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.pipeline.tts.pace import spread
from offhook.testing.simulated_engines import MS_PER_CHARACTER, RATE_HZ

NOTE = "♪"

_SLOT = RATE_HZ * MS_PER_CHARACTER // 1_000
_EDGE = _SLOT // 6
_SKIP = _SLOT // 3
_LOWEST_HZ, _STEP_HZ, _NEAR_HZ = 420.0, 30.0, 7.0
_FIRST, _LAST = " ", "~"
_AMPLITUDE = 8_000.0
_LOUD = 800
_FFT = 4_096


def spelled(text: str) -> bytes:
    """The sound of a text, 8 kHz 16-bit PCM, without its characters that have no tone. Silence ends it: what stands in
    for packets that do not come any more would repeat its last letter."""
    pieces = [_tone(_LOWEST_HZ + _STEP_HZ * (ord(each) - ord(_FIRST))) for each in text if _FIRST <= each <= _LAST]
    return np.concatenate([*pieces, np.zeros(_SLOT)]).astype("<i2").tobytes()


def _tone(frequency_hz: float) -> npt.NDArray[np.float64]:
    return _AMPLITUDE * np.sin(2 * np.pi * frequency_hz * np.arange(_SLOT) / RATE_HZ)


class Reader:
    """Reads what comes: `text` so far, with a blank where there was silence."""

    def __init__(self) -> None:
        self.text = ""
        self.is_within = False
        """Whether a text has begun, and not ended."""
        self._samples = np.zeros(0, np.int16)

    def push(self, pcm: bytes) -> None:
        """The next of the sound."""
        self._samples = np.concatenate((self._samples, np.frombuffer(pcm, "<i2")))
        while self._read():
            pass

    def _read(self) -> bool:
        if not self.is_within:
            loud = np.flatnonzero(np.abs(self._samples.astype(np.int32)) > _LOUD)
            self._samples = self._samples[loud[0] :] if len(loud) else self._samples[:0]
            self.is_within = len(self._samples) > 0
        if len(self._samples) < _SLOT:
            return False
        middle = self._samples[_EDGE : _SLOT - _EDGE].astype(float)
        if np.abs(middle).max() <= _LOUD:
            self.text, self.is_within = f"{self.text} ", False
            self._samples = self._samples[_SKIP:]
        else:
            self.text += _letter(middle)
            self._samples = self._samples[_SLOT:]
        return True


def _letter(samples: npt.NDArray[np.float64]) -> str:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), _FFT))
    steps = (float(np.argmax(spectrum)) * RATE_HZ / _FFT - _LOWEST_HZ) / _STEP_HZ
    nearest = round(steps)
    is_letter = abs(steps - nearest) * _STEP_HZ <= _NEAR_HZ and 0 <= nearest <= ord(_LAST) - ord(_FIRST)
    return chr(ord(_FIRST) + nearest) if is_letter else NOTE


class Voice:
    """A TtsEngine, in any language; it has one more voice by a name."""

    capabilities = TtsCapabilities(RATE_HZ, word_positions=True)
    voices: Mapping[str, str] = {"slt": ""}

    async def start(self) -> None:
        """See TtsEngine."""

    async def close(self) -> None:
        """See TtsEngine."""

    def in_language(self, _language: str) -> "Voice":
        """See MultilingualTtsEngine."""
        return self

    def with_voice(self, _voice: str) -> "Voice":
        """See NamedVoicesTtsEngine."""
        return self

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """See TtsEngine."""
        yield SpeechChunk(spelled(text), spread(text, len(text) * _SLOT))


class Recogniser:
    """An AsrEngine, in any language."""

    capabilities = AsrCapabilities(RATE_HZ, grammar=True, free_speech=True, partials=True)

    async def start(self) -> None:
        """See AsrEngine."""

    async def close(self) -> None:
        """See AsrEngine."""

    def open(self, _request: AsrRequest, on_partial: Callable[[str], None]) -> "_Turn":
        """See AsrEngine."""
        return _Turn(on_partial)


class _Turn:
    def __init__(self, on_partial: Callable[[str], None]) -> None:
        self._reader = Reader()
        self._on_partial = on_partial
        self._told = ""

    @property
    def _text(self) -> str:
        return " ".join(self._reader.text.replace(NOTE, " ").split())

    def feed(self, pcm: bytes) -> None:
        """See AsrStream. A partial is what was said up to a silence."""
        self._reader.push(pcm)
        if not self._reader.is_within and self._text not in ("", self._told):
            self._told = self._text
            self._on_partial(self._told)

    async def finish(self) -> Transcript:
        """See AsrStream."""
        return Transcript(self._text, 1.0)

    def cancel(self) -> None:
        """See AsrStream."""


def voice(_options: Mapping[str, Any], _context: EngineContext) -> Voice:
    """The factory of `[tts] engine`."""
    return Voice()


def recogniser(_options: Mapping[str, Any], _context: EngineContext) -> Recogniser:
    """The factory of `[asr] engine`."""
    return Recogniser()
