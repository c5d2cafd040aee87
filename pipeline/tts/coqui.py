"""Coqui TTS, in a server of its own (`tts-server`): its packages are large, and take long to load."""

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator, Mapping
from copy import copy
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np

from offhook.pipeline.clauses import Clause, clauses
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.pipeline.tts._decimate import decimate
from offhook.pipeline.tts._http import HttpAnswer, request
from offhook.pipeline.tts._shape import LEAD_SAMPLES, PAUSE_SAMPLES, SOFT_PAUSE_SAMPLES, TAIL_SAMPLES, cut, limited
from offhook.pipeline.tts.clause_tts import RATE_HZ, RATES_HZ
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities

NAME = "coqui"
_SPOKEN_ERROR_CHARS = 200


class CoquiEngine:
    """`TtsEngine` over the HTTP interface of Coqui TTS's server at `base_url`.

    `voice` is a speaker of its model, "" the server's own; `language` that of the bot. `languages` are those of the
    model, as it calls them, if it has several; `voices` has speakers for some. Texts are sent clause by clause; where
    words are is not reported. `speed` other than 1 takes the server's OpenAI interface, which knows no languages. It
    speaks at 8 kHz, and `at_rate` at 16.
    """

    name = NAME

    def __init__(
        self,
        base_url: str,
        voice: str = "",
        *,
        language: str = "en",
        languages: tuple[str, ...] = (),
        voices: Mapping[str, str] | None = None,
        speed: float = 1.0,
        timeout_s: float = 10.0,
    ) -> None:
        self.voices: dict[str, str] = {}
        self._base_url = base_url.rstrip("/")
        self._voice = voice
        self._language = language
        self._asked_language = ""
        self._by_language = {tag.lower(): name for tag, name in (voices or {}).items()}
        self._speed = speed
        self._timeout_s = timeout_s
        self.capabilities = TtsCapabilities(RATE_HZ, word_positions=False, languages=languages or (language,))

    async def start(self) -> None:
        """Find out whether the server is there, and what speakers it has. Raises EngineError."""
        answer = await self._ask("/voices", "starting")
        if answer.status == 200:  # an older server has no such list
            lines = answer.content.decode("utf-8", errors="replace").splitlines()
            # Each is "NAME LOCALE GENDER", and names may have spaces.
            names = [line.rsplit(maxsplit=2)[0] for line in lines if len(line.split()) > 2]
            self.voices.update(dict.fromkeys(names, ""))
        for voice in filter(None, (self._voice, *self._by_language.values())):
            if len(self.voices) > 1 and voice not in self.voices:
                some = ", ".join(list(self.voices)[:12])
                raise EngineError(NAME, "starting", f"the server has no speaker {voice!r}", f"It has {some}.")

    async def close(self) -> None:
        """Nothing to do."""

    def at_rate(self, rate_hz: int) -> "CoquiEngine":
        """The same voice at one of RATES_HZ. Raises ValueError for another."""
        if rate_hz not in RATES_HZ:
            raise ValueError(f"{rate_hz} Hz, not one of {RATES_HZ}")
        other = copy(self)
        other.capabilities = replace(self.capabilities, rate_hz=rate_hz)
        return other

    def in_language(self, language: str) -> "CoquiEngine":
        """The same server, asked for one of its languages."""
        other = copy(self)
        other._language = other._asked_language = language
        other._voice = self._by_language.get(language.lower(), self._voice)
        return other

    def with_voice(self, voice: str) -> "CoquiEngine":
        """The same server, asked for one of its speakers. Raises KeyError for another."""
        if voice not in self.voices:
            raise KeyError(voice)
        other = copy(self)
        other._voice = voice
        return other

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError, EngineTimeout."""
        left = clauses(text, self._language)
        while left:
            clause = left.pop(0)
            answer = await self._ask(*self._request(clause.text))
            if answer.status != 200:
                why = answer.content.decode("utf-8", errors="replace")[:_SPOKEN_ERROR_CHARS].strip()
                raise EngineError(NAME, "speaking", f"the server answered {answer.status}: {why}")
            yield await asyncio.to_thread(self._shaped, answer.content, clause, last=not left)

    def _request(self, text: str) -> tuple[str, str, bytes | None]:
        if self._speed != 1.0 and not self._asked_language:
            values = {"input": text, "voice": self._voice, "speed": self._speed, "response_format": "wav"}
            return "/v1/audio/speech", "speaking", json.dumps(values).encode()
        query = {"text": text, "speaker_id": self._voice, "language_id": self._asked_language}
        return f"/api/tts?{urlencode({key: value for key, value in query.items() if value})}", "speaking", None

    async def _ask(self, path: str, what: str, body: bytes | None = None) -> HttpAnswer:
        hint = f"Start one with: tts-server --model_name tts_models/en/vctk/vits, or set `base_url` below [tts.{NAME}]."
        try:
            async with asyncio.timeout(self._timeout_s):
                return await request(self._base_url + path, body=body)
        except TimeoutError:
            raise EngineTimeout(NAME, what, f"{self._base_url} did not answer for {self._timeout_s:g} s") from None
        except OSError as error:
            raise EngineError(NAME, what, f"there is no server at {self._base_url}: {error}", hint) from error
        except ValueError as error:
            raise EngineError(NAME, what, str(error), hint) from error

    def _shaped(self, wav: bytes, clause: Clause, *, last: bool) -> SpeechChunk:
        """The clause as it goes to the line. Takes milliseconds: not for the event loop."""
        rate_hz = self.capabilities.rate_hz
        try:
            with wave.open(io.BytesIO(wav)) as file:
                if (file.getnchannels(), file.getsampwidth()) != (1, 2) or file.getframerate() < rate_hz:
                    raise ValueError(f"it is not 16-bit mono of {rate_hz} Hz or more")
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32_768.0
                narrow = decimate(samples, file.getframerate(), rate_hz)
        except (wave.Error, EOFError, ValueError) as error:
            raise EngineError(NAME, "speaking", f"the server's answer is not a WAV file: {error}") from error
        pause = TAIL_SAMPLES if last else SOFT_PAUSE_SAMPLES if clause.ends_softly else PAUSE_SAMPLES
        scale = rate_hz // RATE_HZ
        kept, _ = cut(narrow, [], clause.text, lead=scale * LEAD_SAMPLES, tail=scale * pause)
        return SpeechChunk(np.round(limited(kept) * 32_767.0).astype("<i2").tobytes())
