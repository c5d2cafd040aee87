"""Speaks a text as a call would hear it: clause by clause, with a call's numbers, dates and pauses."""

import io
import json
import wave
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import monotonic
from typing import Self

from offhook.engines.engine_set import make_voice
from offhook.pipeline.clauses import clauses
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.clip import whole_words
from offhook.pipeline.tts.engine import Word
from offhook.pipeline.tts.gap import gap_ticks
from offhook.settings.config import Config
from offhook.telephony.codec import PCMU

WIDE_HZ, NARROW_HZ = 16_000, 8_000


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text as 16-bit mono PCM, how long the first of it took, and where its words are, in ticks of 1/8000 s."""

    pcm: bytes
    rate_hz: int
    first_ms: float
    words: tuple[Word, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / 2 / self.rate_hz

    def as_json(self) -> str:
        """What is known of it."""
        words = [
            {
                "text": word.text,
                "start_s": round(word.start_sample / TICK_HZ, 3),
                "end_s": round(word.end_sample / TICK_HZ, 3),
                "is_estimated": word.is_estimated,
            }
            for word in self.words
        ]
        known = {"seconds": round(self.seconds, 3), "rate_hz": self.rate_hz, "first_ms": round(self.first_ms, 1)}
        return json.dumps(known | {"words": words}, ensure_ascii=False)

    def as_wav(self) -> bytes:
        """The content of a WAV file."""
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setparams((1, 2, self.rate_hz, 0, "NONE", ""))
            file.writeframes(self.pcm)
        return content.getvalue()


async def speak(config: Config, text: str, *, phone: bool) -> Spoken:
    """`text` spoken by the configured voice. Raises EngineError, UserError."""
    async with Speaker(config) as speaker:
        return await speaker.speak(text, phone=phone)


class Speaker:
    """The configured voice by itself, for several texts: `async with`. Raises EngineError, UserError."""

    def __init__(self, config: Config) -> None:
        self._tts, self._voice = make_voice(config)

    async def __aenter__(self) -> Self:
        try:
            await self._tts.start()
        except BaseException:
            await self._tts.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tts.close()

    async def speak(self, text: str, *, phone: bool) -> Spoken:
        """The text: as heard by phone (G.711, 8 kHz), or at 16 kHz."""
        voice, rate_hz = self._voice, NARROW_HZ if phone else WIDE_HZ
        pcm, first_ms, words, ticks, goes_on = bytearray(), 0.0, list[Word](), 0, False
        began = monotonic()
        for clause in clauses(text, voice.language):
            if words:
                pause = gap_ticks(ticks, words[-1].end_sample, goes_on=goes_on)
                pcm += bytes(2 * pause * rate_hz // TICK_HZ)
                ticks += pause
            goes_on = clause.ends_softly
            pieces = voice.stream(clause.text, "PCMU" if phone else "LINEAR16", _by_phone if phone else bytes, rate_hz)
            async with aclosing(pieces):
                async for piece in pieces:
                    first_ms = first_ms or 1_000 * (monotonic() - began)
                    pcm += piece.payload
                    words += (_placed(word, clause.start) for word in piece.moved(ticks))
                    ticks += piece.ticks
        return Spoken(bytes(pcm), rate_hz, first_ms, tuple(whole_words(words)))


def _placed(word: Word, at: int) -> Word:
    return replace(word, char_start=word.char_start + at, char_end=word.char_end + at)


def _by_phone(pcm: bytes) -> bytes:
    return PCMU.decode(PCMU.encode(pcm))
