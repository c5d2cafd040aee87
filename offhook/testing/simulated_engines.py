"""Engines without a model: the caller's audio carries its own words, and the voice takes 60 ms a character."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from copy import copy
from dataclasses import replace

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, Transcript
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.pipeline.tts.pace import spread
from offhook.pipeline.vad.engine import VadCapabilities

RATE_HZ = 8_000
FRAME_SAMPLES = 256
MS_PER_CHARACTER = 60
"""Of the bot's and the caller's speech: 165 words a minute."""

_LOUD = 8_000
_MAX_TEXTS = 4_000


class SpokenTexts:
    """What callers say, as audio whose sample values identify the text to the recogniser."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.late: dict[str, tuple[str, float]] = {}
        """By text: what is taken in its place at first, and for how many seconds."""

    def pcm_of(self, text: str, seconds: float | None = None) -> bytes:
        """Audio of the text, for so many seconds or at an even pace."""
        if len(self._texts) >= _MAX_TEXTS:
            raise ValueError(f"more than {_MAX_TEXTS} texts")
        self._texts.append(text)
        value = _LOUD + len(self._texts) - 1
        samples = round(RATE_HZ * (len(text) * MS_PER_CHARACTER / 1000 if seconds is None else seconds))
        return struct.pack("<hh", value, -value) * (samples // 2)

    def texts_in(self, pcm: bytes) -> str:
        """The texts in the audio, in their order."""
        if not any(pcm):
            return ""
        values = dict.fromkeys(memoryview(pcm).cast("h"))
        return " ".join(self._texts[value - _LOUD] for value in values if 0 <= value - _LOUD < len(self._texts))


class SimulatedVad:
    """A detector: loud audio is speech."""

    capabilities = VadCapabilities(RATE_HZ, FRAME_SAMPLES)

    def stream(self) -> "SimulatedVad":
        """See VadEngine."""
        return self

    def infer(self, frame: bytes) -> float:
        """See VadStream."""
        return 1.0 if any(frame) and max(memoryview(frame).cast("h")) >= _LOUD else 0.0

    def reset(self) -> None:
        """See VadStream."""


class _Turn:
    def __init__(self, texts: SpokenTexts, request: AsrRequest, on_partial: Callable[[str], None]) -> None:
        self._texts = texts
        self._on_late = request.on_late
        self._on_partial = on_partial
        self._heard = ""
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> None:
        """See AsrStream."""
        self._pcm += pcm
        text = self._texts.texts_in(pcm)
        if text and text not in self._heard:
            self._heard = f"{self._heard} {text}".strip()
            self._on_partial(self._heard)

    async def finish(self) -> Transcript:
        """See AsrStream."""
        text = self._texts.texts_in(bytes(self._pcm))
        if text not in self._texts.late or self._on_late is None:
            return Transcript(text, 1.0)
        taken, late_s = self._texts.late.pop(text)
        asyncio.get_running_loop().call_later(late_s, self._on_late, Transcript(text, 1.0))
        return Transcript(taken, 1.0, is_final=False)

    def cancel(self) -> None:
        """See AsrStream."""


class SimulatedAsr:
    """A recogniser of the audio of SpokenTexts; a grammar does not change the result. `requests` has all turns so far.

    `languages` are those that it supports; none: any.
    """

    def __init__(self, texts: SpokenTexts, languages: tuple[str, ...] = ()) -> None:
        self.capabilities = AsrCapabilities(
            RATE_HZ, grammar=True, free_speech=True, partials=True, languages=languages, mixes=True
        )
        self.requests: list[AsrRequest] = []
        self._texts = texts

    async def start(self) -> None:
        """See AsrEngine."""

    async def close(self) -> None:
        """See AsrEngine."""

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> _Turn:
        """See AsrEngine."""
        self.requests.append(request)
        return _Turn(self._texts, request, on_partial)


class SimulatedVoice:
    """A voice: 60 ms a character, synthesised `first_s` after it was asked. `fails` has the errors of texts that fail.

    `asked` has the texts so far, `asked_in` the language of each ("": the call's first), `asked_by` the voice ("": the
    usual one). `languages` are those that it supports; none: any. Voices may have any name.
    """

    def __init__(self, languages: tuple[str, ...] = ()) -> None:
        self.capabilities = TtsCapabilities(RATE_HZ, word_positions=True, languages=languages)
        self.voices: dict[str, str] = {}
        self.asked: list[str] = []
        self.asked_in: list[str] = []
        self.asked_by: list[str] = []
        self.fails: dict[str, EngineError] = {}
        self.first_s = 0.0
        self._language = self.voice = ""

    def with_voice(self, voice: str) -> "SimulatedVoice":
        """See NamedVoicesTtsEngine."""
        other = copy(self)
        other.voice = voice
        return other

    def in_language(self, language: str) -> "SimulatedVoice":
        """See MultilingualTtsEngine."""
        other = copy(self)
        other._language = language
        return other

    async def start(self) -> None:
        """See TtsEngine."""

    async def close(self) -> None:
        """See TtsEngine."""

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """See TtsEngine."""
        self.asked.append(text)
        self.asked_in.append(self._language)
        self.asked_by.append(self.voice)
        if text in self.fails:
            raise self.fails[text]
        if self.first_s:
            await asyncio.sleep(self.first_s)
        samples = len(text) * MS_PER_CHARACTER * RATE_HZ // 1000
        words = tuple(replace(word, is_estimated=False) for word in spread(text, samples))
        yield SpeechChunk(bytes(2 * samples), words)
