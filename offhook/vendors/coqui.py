"""Coqui TTS, in a server of its own (`tts-server`): its packages are large, and take long to load.

`[tts] engine = "coqui"`. Texts are sent clause by clause over HTTP, and come back as WAV files; where words are is not
reported.
"""

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from copy import copy
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

import numpy as np
from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.engines.voice_options import LocalVoiceOptions, Speed, speed_of
from offhook.pipeline.clauses import Clause, clauses
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts._decimate import decimate
from offhook.pipeline.tts._shape import LEAD_SAMPLES, PAUSE_SAMPLES, SOFT_PAUSE_SAMPLES, TAIL_SAMPLES, cut, limited
from offhook.pipeline.tts.clause_tts import RATE_HZ, RATES_HZ
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.settings.values import LanguageTag
from offhook.vendors.errors import NotFoundError, VendorRefusedError
from offhook.vendors.http import HttpClient
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target

MAX_ANSWER_BYTES = 32 * 1024 * 1024


class CoquiOptions(LocalVoiceOptions):
    """`base_url` is the address of a `tts-server`; `languages` are those of its model, `voice` one of its speakers."""

    base_url: str = "http://127.0.0.1:5002"
    languages: tuple[LanguageTag, ...] = ()
    speed: Speed | None = None
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0


class CoquiTts:
    """`TtsEngine` over the HTTP interface of Coqui TTS's server.

    `languages` are those of the model, as it calls them, if it has several; `voices` has speakers for some. A `speed`
    other than 1 takes the server's OpenAI interface, which knows no languages. It speaks at 8 kHz, and `at_rate` at 16.
    """

    def __init__(self, options: CoquiOptions, context: EngineContext) -> None:
        self.name = context.name
        self.voices: dict[str, str] = {}
        self._base_url = options.base_url.rstrip("/")
        self._voice = options.voice or context.voice
        self._language = context.language
        self._asked_language = ""
        self._by_language = {tag.lower(): name for tag, name in options.voices.items()}
        self._speed = speed_of(options.speed, context)
        self._timeout_s = options.timeout_s
        self._client = HttpClient(Limits())
        languages = options.languages or (context.language,)
        self.capabilities = TtsCapabilities(RATE_HZ, word_positions=False, languages=languages)

    async def start(self) -> None:
        """Find out whether the server is there, and what speakers it has. Raises EngineError."""
        self.voices |= await self.list_voices()
        if len(self.voices) <= 1:
            return  # the model's own name
        for voice in filter(None, (self._voice, *self._by_language.values())):
            if voice not in self.voices:
                raise self._refused(f"the server has no speaker {voice!r}")
        if not self._voice:
            await self._try_its_own_speaker()

    async def list_voices(self) -> dict[str, str]:
        """The speakers of the server's model. Raises EngineError."""
        try:
            lines = (await self._ask("/voices")).decode("utf-8", errors="replace").splitlines()
        except NotFoundError:
            return {}  # an older server has no such list
        # Each is "NAME LOCALE GENDER", and names may have spaces.
        return dict.fromkeys([line.rsplit(maxsplit=2)[0] for line in lines if len(line.split()) > 2], "")

    async def _try_its_own_speaker(self) -> None:
        """A model with several speakers needs one, here or in the server's `--speaker_idx`."""
        try:
            await self._ask(*self._request("Hello."))
        except EngineError as error:
            if "speaker" in error.why:
                raise self._refused("the server's model has several speakers, and `voice` is not set") from error
            raise

    def _refused(self, why: str) -> VendorRefusedError:
        some = ", ".join(list(self.voices)[:12])
        hint = f"It has {some}: set `voice` below [tts.{self.name}]."
        return VendorRefusedError(self.name, "starting", why, hint)

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._client.close()

    def at_rate(self, rate_hz: int) -> "CoquiTts":
        """The same voice at one of RATES_HZ. Raises ValueError for another."""
        if rate_hz not in RATES_HZ:
            raise ValueError(f"{rate_hz} Hz, not one of {RATES_HZ}")
        other = copy(self)
        other.capabilities = replace(self.capabilities, rate_hz=rate_hz)
        return other

    def in_language(self, language: str) -> "CoquiTts":
        """The same server, asked for one of its languages."""
        other = copy(self)
        other._language = other._asked_language = language
        other._voice = self._by_language.get(language.lower(), self._voice)
        return other

    def with_voice(self, voice: str) -> "CoquiTts":
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
            wav = await self._ask(*self._request(clause.text))
            yield await asyncio.to_thread(self._shaped, wav, clause, last=not left)

    def _request(self, text: str) -> tuple[str, bytes | None]:
        """Path and body: None for a GET."""
        if self._speed != 1.0 and not self._asked_language:
            values = {"input": text, "voice": self._voice, "speed": self._speed, "response_format": "wav"}
            return "/v1/audio/speech", json.dumps(values).encode()
        query = {"text": text, "speaker_id": self._voice, "language_id": self._asked_language}
        return f"/api/tts?{urlencode({key: value for key, value in query.items() if value})}", None

    async def _ask(self, path: str, body: bytes | None = None) -> bytes:
        """The whole answer. Raises EngineError, EngineTimeout."""
        start = "tts-server --model_name tts_models/en/vctk/vits"
        hint = f"Start one with: {start}, or set `base_url` below [tts.{self.name}]."
        target = Target("tts", self.name, "Coqui", self._base_url + path, hint=hint)
        if body is None:
            pieces = self._client.get(target, self._timeout_s)
        else:
            pieces = self._client.post(target, body, "application/json", self._timeout_s)
        answer = bytearray()
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    answer += piece
                    if len(answer) > MAX_ANSWER_BYTES:
                        raise EngineError(self.name, "speaking", f"the answer has more than {MAX_ANSWER_BYTES} bytes")
        except EngineError as error:
            if isinstance(error.__cause__, OSError):
                raise EngineError(error.engine, error.what, error.why, hint) from error
            raise
        return bytes(answer)

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
            raise EngineError(self.name, "speaking", f"the server's answer is not a WAV file: {error}") from error
        pause = TAIL_SAMPLES if last else SOFT_PAUSE_SAMPLES if clause.ends_softly else PAUSE_SAMPLES
        scale = rate_hz // RATE_HZ
        kept, _ = cut(narrow, [], clause.text, lead=scale * LEAD_SAMPLES, tail=scale * pause)
        return SpeechChunk(np.round(limited(kept) * 32_767.0).astype("<i2").tobytes())


def make(options: Mapping[str, Any], context: EngineContext) -> CoquiTts:
    """The factory of `tts.engine = "coqui"`."""
    return CoquiTts(read_options(CoquiOptions, options, context), context)
