"""ElevenLabs' voices: `[tts] engine = "elevenlabs"`.

The texts of an utterance are a context of a connection with several. Each is flushed, and its speech comes with the
times of its characters, which also tell where it ends. Mu-law and A-law come as they are.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import primary
from offhook.pipeline.tts.engine import Word
from offhook.vendors.any_voice import AnyVoice
from offhook.vendors.connection import Message, fields_of
from offhook.vendors.elevenlabs import ElevenLabsOptions, error_of, format_name, target
from offhook.vendors.limits import Limits
from offhook.vendors.probe import probe
from offhook.vendors.target import Target
from offhook.vendors.utterance import SpeechOptions, Utterance, VendorSpeech
from offhook.vendors.voice import VendorTts, VoiceOptions
from offhook.vendors.word_times import CharacterTimes, numbers, texts

DEFAULT_VOICE = "21m00Tcm4TlvDq8ikWAM"

INACTIVITY_S = 180
"""The longest that ElevenLabs allows."""

KEEP_ALIVE_S = 10.0

QUIET_S, NEARLY = 0.6, 0.8
"""No audio for so long, when so much of a text has been spoken, is its end."""

COMPLAINT_S = 0.4
"""How long ElevenLabs takes to say that it does not know a key."""


class ElevenLabsTtsOptions(VoiceOptions, ElevenLabsOptions):
    """See docs/engines.md."""

    model: str = "eleven_flash_v2_5"
    stability: Annotated[float, Field(ge=0, le=1)] | None = None
    similarity_boost: Annotated[float, Field(ge=0, le=1)] | None = None
    style: Annotated[float, Field(ge=0, le=1)] | None = None
    speed: Annotated[float, Field(ge=0.7, le=1.2)] | None = None
    use_speaker_boost: bool | None = None
    apply_text_normalization: Literal["auto", "on", "off"] = "auto"

    def voice_settings(self) -> dict[str, float | bool]:
        """Those that are set, for the vendor."""
        names = ("stability", "similarity_boost", "style", "speed", "use_speaker_boost")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class ElevenLabsTts(AnyVoice, VendorTts[ElevenLabsTtsOptions]):
    """Made by `make`."""

    drain_s = 2.0  # a connection has five contexts, and one that was closed counts until it has been spoken

    def __init__(self, options: ElevenLabsTtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.voice = options.voice or context.voice or DEFAULT_VOICE
        limits = limits or Limits(keep_alive_s=KEEP_ALIVE_S)
        super().__init__(options, context, limits, '{"text":""}', '{"close_socket":true}')

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key or voice, which ElevenLabs tells in a message."""
        where = self.target()

        def judge(message: Message) -> EngineError | bool:
            return _error(where, fields_of(message)) or False

        unreached = await probe(where, self.pool.limits, judge, COMPLAINT_S)
        await self.pool.start(where, unreached=unreached)

    def target(self) -> Target:
        """See VendorTts."""
        options = self.options
        query: dict[str, str | list[str]] = {
            "model_id": options.model,
            "output_format": format_name(self.form),
            "auto_mode": "true",  # texts are whole clauses: nothing need be buffered
            "sync_alignment": "true",
            "inactivity_timeout": str(INACTIVITY_S),
            "apply_text_normalization": options.apply_text_normalization,
        }
        if "v2_5" in options.model or "v3" in options.model:  # the others take the language from the text alone
            query["language_code"] = primary(self.language)
        path = f"/v1/text-to-speech/{quote(self.voice, safe='')}/multi-stream-input"
        return target("tts", self.name, options, path, {**query, **options.query})

    def speech(self, utterance: Utterance, text: str) -> VendorSpeech:
        """See VendorTts."""
        return ElevenLabsSpeech(self, utterance, self.speech_options, text)

    def goodbye(self, utterance: Utterance) -> Message | None:
        """See VendorTts."""
        return _close(utterance.context_id) if utterance.texts else None


class ElevenLabsSpeech(VendorSpeech):
    """A text."""

    def __init__(self, engine: ElevenLabsTts, utterance: Utterance, options: SpeechOptions, text: str) -> None:
        super().__init__(utterance, options, text)
        self._target = utterance.target
        self._form = engine.form
        self._settings = engine.options.voice_settings()

    def begin(self) -> None:
        """See VendorSpeech."""
        self._context_id = context_id = self.utterance.context_id
        self._times = CharacterTimes(self.text, self._form.rate_hz)
        self._samples = 0
        if self.utterance.texts == 1:
            opening: dict[str, object] = {"text": " ", "context_id": context_id}
            if self._settings:
                opening["voice_settings"] = self._settings
            self.connection.send(json.dumps(opening))
        text = {"text": f"{self.text.strip()} ", "context_id": context_id, "flush": True}
        self.connection.send(json.dumps(text))
        if not self.utterance.continues:
            self.connection.send(_close(context_id))

    def read(self, message: Message) -> None:
        """See VendorSpeech."""
        fields = fields_of(message)
        if (error := _error(self._target, fields)) is not None:
            self.connection.fail(error)
            return
        if fields.get("contextId") != self._context_id:
            return  # of a text that was given up
        if isinstance(audio := fields.get("audio"), str) and audio:
            pcm = decoded(audio)
            words = self._words(fields.get("alignment"))
            self._samples += len(pcm) // self._form.sample_bytes
            self.audio(pcm, words)
        if fields.get("isFinal") or (self.utterance.continues and self._times.is_complete):
            self.complete()

    def stop(self) -> Message:
        """See VendorSpeech."""
        return _close(self._context_id)

    def quiet_s(self) -> float | None:
        """See VendorSpeech: characters that ElevenLabs does not report must not make the next text wait."""
        return QUIET_S if self.utterance.continues and self._times.progress >= NEARLY else None

    def _words(self, alignment: object) -> tuple[Word, ...]:
        """Words that are complete with this message; its times count from its own audio."""
        if not isinstance(alignment, dict):
            return ()
        characters = [each[:1] or " " for each in texts(alignment.get("chars"))]
        starts, lengths = numbers(alignment.get("charStartTimesMs")), numbers(alignment.get("charDurationsMs"))
        at_s = self._samples / self._form.rate_hz
        starts_s = [at_s + start / 1000 for start in starts]
        ends_s = [start + length / 1000 for start, length in zip(starts_s, lengths, strict=False)]
        return tuple(self._times.push(characters, starts_s, ends_s))


def make(options: Mapping[str, Any], context: EngineContext) -> ElevenLabsTts:
    """The factory of `tts.engine = "elevenlabs"`."""
    return ElevenLabsTts(read_options(ElevenLabsTtsOptions, options, context), context)


def decoded(audio: str) -> bytes:
    """Base64; b"" for what is none."""
    try:
        return b64decode(audio, validate=True)
    except ValueError:
        return b""


def _close(context_id: str) -> str:
    return json.dumps({"context_id": context_id, "close_context": True})


def _error(where: Target, fields: Mapping[str, Any]) -> EngineError | None:
    code = fields.get("error")
    return error_of(where, str(code), fields) if code else None
