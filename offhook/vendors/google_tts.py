"""Google's voices, Text-to-Speech: `[tts] engine = "google"`.

Chirp 3 voices stream: a text is a call of StreamingSynthesize. Other voices speak a whole text at once, and Google
tells where the words of some of them are. Mu-law and A-law come as they are. Closing a call stops it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from google.cloud.texttospeech_v1 import types
from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import Encoding
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import primary
from offhook.pipeline.tts.engine import SpeechChunk
from offhook.pipeline.tts.voice import closing
from offhook.settings.values import LanguageTag
from offhook.usererror import did_you_mean
from offhook.vendors.connection import Message
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.g711 import Format
from offhook.vendors.google import VENDOR, GoogleAccess, GoogleOptions, target
from offhook.vendors.google_voices import CHIRP, DEFAULT_VOICE, full_name, has_word_times, language_of, with_region
from offhook.vendors.google_whole_speech import MAX_BYTES, METHOD, GoogleWholeSpeech, parts
from offhook.vendors.grpc_wire import END, ask, decoded
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.utterance import SpeechOptions, Utterance, VendorSpeech
from offhook.vendors.voice import VendorTts, VoiceOptions

STREAM = "google.cloud.texttospeech.v1.TextToSpeech/StreamingSynthesize"
LIST = "google.cloud.texttospeech.v1.TextToSpeech/ListVoices"

MAX_INPUT_BYTES = 4_000
"""Of one message; Google takes 5000."""
LIST_S = 3.0

Request = types.StreamingSynthesizeRequest.pb()
Response = types.StreamingSynthesizeResponse.pb()
ListRequest = types.ListVoicesRequest.pb()
ListResponse = types.ListVoicesResponse.pb()

_ENCODINGS: dict[Encoding, Any] = {
    "PCMU": types.AudioEncoding.MULAW,
    "PCMA": types.AudioEncoding.ALAW,
    "LINEAR16": types.AudioEncoding.PCM,
}


class GoogleTtsOptions(VoiceOptions, GoogleOptions):
    """See docs/engines.md. A voice is "en-US-Chirp3-HD-Kore", or "Kore" alone, in whatever language."""

    voices: dict[LanguageTag, str] = Field(default_factory=dict)
    model: str | None = None
    speed: Annotated[float, Field(ge=0.25, le=2.0)] | None = None
    streaming: bool | None = None
    continues: Literal[False] = False
    query: dict[str, str] = Field(default={}, max_length=0)


class GoogleSpeech(VendorSpeech):
    """A text, and a call of StreamingSynthesize."""

    def __init__(self, utterance: Utterance, options: SpeechOptions, text: str, form: Format) -> None:
        super().__init__(utterance, options, text)
        self._sample_bytes = form.sample_bytes

    def begin(self) -> None:
        """See VendorSpeech."""
        self._rest = b""  # half a sample
        for piece in parts(self.text, MAX_INPUT_BYTES):
            self.connection.send(bytes(Request(input={"text": piece}).SerializeToString()))
        self.connection.send(END)

    def read(self, message: Message) -> None:
        """See VendorSpeech."""
        if message == END:
            self.complete()
            return
        audio = self._rest + decoded(Response, message).audio_content
        whole = len(audio) // self._sample_bytes * self._sample_bytes
        self._rest = audio[whole:]
        self.audio(audio[:whole])


class GoogleTts(VendorTts[GoogleTtsOptions]):
    """Made by `make`. Also `NamedVoicesTtsEngine`: `voices` are Google's, once it has been started."""

    opens_ahead = False

    def __init__(self, options: GoogleTtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.voices: dict[str, str] = {}
        self._by_language = {tag.lower(): name for tag, name in options.voices.items()}
        self._configured = options.voice or context.voice or DEFAULT_VOICE
        self._voice, self._is_chosen = self._configured, True
        self.access = GoogleAccess(context.name, options, replace(limits, spare=options.spare))
        super().__init__(options, context, limits, None, None, self.access.dial)

    async def start(self) -> None:
        """Connect, and ask for the voices. Raises VendorRefusedError for a wrong key, or a voice that is not there."""
        self.access.channels.connect(self.target())
        unreached = None
        try:
            self.voices |= await self.list_voices()
            if self.options.model is None:
                self._check(self.voice)
                for language in self._by_language:
                    self._check(self.in_language(language).voice)
        except VendorRefusedError:
            await self.close()
            raise
        except EngineError as error:
            unreached = error  # an outage is no reason not to start
        await self.pool.start(unreached=unreached)

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await super().close()
        await self.access.channels.close()

    async def list_voices(self) -> dict[str, str]:
        """Google's voices, and the language of each; Chirp voices, which speak them all, also by their names alone.
        Raises EngineError."""
        where = target("tts", self.name, self.options, "texttospeech", LIST)
        answer = await ask(where, ListRequest().SerializeToString(), self.pool.limits, LIST_S, self.access.dial)
        try:
            voices = decoded(ListResponse, answer).voices
        except ValueError as error:
            raise EngineError(self.name, "listing voices", f"{VENDOR}'s list cannot be read") from error
        full = {each.name: each.language_codes[0] for each in voices if each.language_codes}
        return {name.rpartition(CHIRP)[2]: "" for name in full if CHIRP in name} | full

    def in_language(self, language: str) -> Self:
        """The voice that `voices` has for the language, or the same one in it."""
        of_language = self._by_language.get(language.lower()) or self._by_language.get(primary(language))
        return self._speaking(of_language or self._configured, language, is_chosen=of_language is not None)

    def with_voice(self, voice: str) -> Self:
        """The same with another of Google's voices. Raises KeyError."""
        name = voice if language_of(voice) else full_name(voice, self.language, self.voices)
        return self._speaking(name, self.voices[name], is_chosen=True)

    @property
    def voice(self) -> str:
        """The full name of the voice that speaks."""
        if self.options.model is not None or (self._is_chosen and language_of(self._voice)):
            return self._voice
        return full_name(self._voice, self.language, self.voices)

    @property
    def streams(self) -> bool:
        """Whether speech comes while it is made."""
        if self.options.streaming is not None:
            return self.options.streaming
        return CHIRP in self.voice or self.options.model is not None

    @property
    def word_positions(self) -> bool:
        """See VendorTts."""
        return not self.streams and has_word_times(self.voice)

    def target(self) -> Target:
        """See VendorTts."""
        where = target("tts", self.name, self.options, "texttospeech", STREAM if self.streams else METHOD)
        if not self.streams:
            return where
        request = Request()
        config = request.streaming_config
        self._choose(config.voice)
        audio = config.streaming_audio_config
        audio.audio_encoding, audio.sample_rate_hertz = _ENCODINGS[self.form.encoding], self.form.rate_hz
        if self.options.speed is not None:
            audio.speaking_rate = self.options.speed
        return replace(where, hello=(bytes(request.SerializeToString()),))

    def speech(self, utterance: Utterance, text: str) -> VendorSpeech:
        """See VendorTts."""
        if self.streams:
            return GoogleSpeech(utterance, self.speech_options, text, self.form)
        return GoogleWholeSpeech(
            utterance,
            self.speech_options,
            text,
            self.form,
            self._choose,
            speed=self.options.speed,
            with_marks=self.capabilities.word_positions,
        )

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        if self.streams or len(text.encode()) <= MAX_BYTES:
            return super().synthesize(text)
        return self._in_parts(text)

    async def _in_parts(self, text: str) -> AsyncGenerator[SpeechChunk]:
        """A text that is too long for one request, with the words where they are in the whole."""
        chars = samples = 0
        for part in parts(text, MAX_BYTES):
            spoken = 0
            async with closing(super().synthesize(part)) as chunks:
                async for chunk in chunks:
                    spoken += len(chunk.pcm) // self.form.sample_bytes
                    yield replace(chunk, words=tuple(word.moved(chars, samples) for word in chunk.words))
            chars, samples = chars + len(part), samples + spoken

    def _speaking(self, voice: str, language: str, *, is_chosen: bool) -> Self:
        other = super().in_language(language)
        other._voice, other._is_chosen = voice, is_chosen
        other._use(other.form)
        return other

    def _choose(self, found: Any) -> None:
        """Set VoiceSelectionParams, of whichever version of the API."""
        if self.options.model is not None:
            found.language_code, found.name = with_region(self.language), self._voice
            found.model_name = self.options.model
        else:
            found.language_code, found.name = language_of(self.voice), self.voice

    def _check(self, name: str) -> None:
        if name not in self.voices:
            hint = did_you_mean(name, list(self.voices)) or f"Type: offhook voices {self.name}"
            raise VendorRefusedError(self.name, "starting", f"{VENDOR} has no voice {name!r}", hint)


def make(options: Mapping[str, Any], context: EngineContext) -> GoogleTts:
    """The factory of `tts.engine = "google"`."""
    return GoogleTts(read_options(GoogleTtsOptions, options, context), context)
