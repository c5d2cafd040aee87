"""Azure Speech's voices: `[tts] engine = "azure"`.

A text is a request of its own, in SSML, on a connection that is used again; what is said about another is told by its
id. `synthesis.control` stops it; its connection is not used again before its `turn.end`. Words come with their
times, and mu-law and A-law as they are.
"""

import html
import json
import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Annotated, Any, Literal, Self
from xml.sax.saxutils import escape, quoteattr

from pydantic import Field

from offhook.engines.factory import USUAL_RATE_WPM, EngineContext, read_options
from offhook.pipeline.asr.engine import Encoding
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import known_as, primary
from offhook.pipeline.tts.engine import Word
from offhook.vendors import azure_wire as wire
from offhook.vendors.azure import LIMITS, VENDOR, Addresses, AzureOptions, check_options, locale
from offhook.vendors.connection import Message, dicts_of
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.g711 import Format
from offhook.vendors.http import HttpClient
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.utterance import SpeechOptions, Utterance, VendorSpeech
from offhook.vendors.voice import VendorTts, VoiceOptions
from offhook.vendors.word_times import WordTimes

PATH = "/cognitiveservices/websocket/v1"
VOICES_PATH = "/cognitiveservices/voices/list"

DEFAULT_VOICE = "en-US-AvaMultilingualNeural"
"""Speaks all of Azure's languages."""

LIST_S = 5.0
"""For the list of voices."""

_FORMATS: dict[tuple[Encoding, int], str] = {
    ("PCMU", 8_000): "raw-8khz-8bit-mono-mulaw",
    ("PCMA", 8_000): "raw-8khz-8bit-mono-alaw",
    ("LINEAR16", 8_000): "raw-8khz-16bit-mono-pcm",
    ("LINEAR16", 16_000): "raw-16khz-16bit-mono-pcm",
}
_VOICE = re.compile(r"([a-z]{2,3}(?:-[A-Za-z]{4,})?-[A-Z]{2}(?:-[a-z]+)?)-\w+(?::\w+)?")
_FOR_ALL = re.compile("Multilingual|Dragon")
"""In the names of voices that speak all languages."""

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2
_SILENCES = "".join(f'<mstts:silence type="{edge}-exact" value="0ms"/>' for edge in ("Leading", "Tailing"))


class AzureTtsOptions(VoiceOptions, AzureOptions):
    """See docs/engines.md."""

    voices: dict[str, str] = Field(default_factory=dict)
    rate: Annotated[float, Field(ge=0.5, le=2.0)] | None = None
    style: str | None = None
    trim_silence: bool = True
    endpoint_id: str | None = None
    continues: Literal[False] = False
    """A text is a request: Azure's text streaming has no way to ask for what it holds back."""


class AzureTts(VendorTts[AzureTtsOptions]):
    """Made by `make`. Also `NamedVoicesTtsEngine`: `voices` are those of the region, once it has been started."""

    drain_s = 2.0

    def __init__(self, options: AzureTtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        check_options(options, context)
        self._addresses = Addresses("tts" if options.endpoint_id is None else "voice", context, options)
        self._client = HttpClient(LIMITS)
        self._chosen = ""  # by `with_voice`
        self.voices: dict[str, str] = {}
        super().__init__(options, context, limits or LIMITS, None, None)

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key, or a voice that the region does not have."""
        await super().start()
        if self.unreached is not None:
            return
        try:
            self.voices |= await self.list_voices()
        except EngineError:
            return  # the list is a help: a container need not have one
        if not self.voices or self.options.endpoint_id is not None:
            return
        if missing := sorted({self._configured, *self.options.voices.values()} - self.voices.keys()):
            await self.close()
            why = f"there is no voice {missing[0]!r} in this region"
            raise VendorRefusedError(self.name, "starting", why, f"Type: offhook voices {self.name}")

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await super().close()
        await self._client.close()

    async def list_voices(self) -> dict[str, str]:
        """The region's voices, and the language of each. Raises EngineError."""
        answer = bytearray()
        async with aclosing(self._client.get(self._addresses.rest_target(VOICES_PATH), LIST_S)) as pieces:
            async for piece in pieces:
                answer += piece
                if len(answer) > LIMITS.max_message_bytes:
                    raise EngineError(self.name, "listing voices", f"{VENDOR}'s list is too long")
        try:
            found = json.loads(answer)
            return {str(each["ShortName"]): str(each["Locale"]) for each in found}
        except (ValueError, TypeError, KeyError) as error:
            raise EngineError(self.name, "listing voices", f"{VENDOR}'s list cannot be read: {error!r}") from error

    def target(self) -> Target:
        """See VendorTts. Voice, language and format are in each request: all lines share connections."""
        options = self.options
        query = {} if options.endpoint_id is None else {"deploymentId": options.endpoint_id}
        return self._addresses.target(PATH, {**query, **options.query})

    def speech(self, utterance: Utterance, text: str) -> VendorSpeech:
        """See VendorTts."""
        return AzureSpeech(self, utterance, self.speech_options, text)

    def with_voice(self, voice: str) -> Self:
        """The same with another voice. Raises KeyError for one that Azure cannot have."""
        language = self.voices.get(voice) or _language_of(voice)
        if not language or (self.voices and voice not in self.voices):
            raise KeyError(voice)
        other = self.in_language(language)
        other._chosen = voice
        return other

    @property
    def voice(self) -> str:
        """The one that speaks `language`."""
        if self._chosen:
            return self._chosen
        own = self.options.voices
        known = known_as(tuple(own), self.language) if own else None
        if known is not None:
            return own[known]
        speaks = primary(_language_of(self._configured))
        if not speaks or speaks == primary(self.language) or _FOR_ALL.search(self._configured):
            return self._configured
        return DEFAULT_VOICE

    @property
    def _configured(self) -> str:
        return self.options.voice or self.context.voice or DEFAULT_VOICE

    def ssml(self, text: str) -> str:
        """The request for a text."""
        options, language = self.options, locale(self.language)
        body = escape(_NOT_IN_XML.sub(" ", text))
        of_voice = _language_of(self.voice)
        if of_voice and primary(of_voice) != primary(language):  # a voice for several languages
            body = f"<lang xml:lang={quoteattr(language)}>{body}</lang>"
        rate = options.rate or self.context.rate_wpm / USUAL_RATE_WPM
        if rate != 1.0:
            body = f'<prosody rate="{rate:.2f}">{body}</prosody>'
        if options.style is not None:
            body = f"<mstts:express-as style={quoteattr(options.style)}>{body}</mstts:express-as>"
        silences = _SILENCES if options.trim_silence else ""
        return (
            '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
            f'xmlns:mstts="http://www.w3.org/2001/mstts" xml:lang={quoteattr(language)}>'
            f"<voice name={quoteattr(self.voice)}>{silences}{body}</voice></speak>"
        )


class AzureSpeech(VendorSpeech):
    """A text."""

    def __init__(self, engine: AzureTts, utterance: Utterance, options: SpeechOptions, text: str) -> None:
        super().__init__(utterance, options, text)
        self._form = engine.form
        self._ssml = engine.ssml(text)

    def begin(self) -> None:
        """See VendorSpeech."""
        self._request_id = request_id = wire.new_id()
        self._times = WordTimes(self.text, self._form.rate_hz)
        self.connection.send(wire.json_message("synthesis.context", request_id, synthesis_context(self._form)))
        self.connection.send(wire.text_message("ssml", request_id, self._ssml, "application/ssml+xml"))

    def read(self, message: Message) -> None:
        """See VendorSpeech."""
        found = wire.parse(message)
        if found.request_id != self._request_id:
            return  # of a text that was given up
        match found.path:
            case "audio" if found.audio:
                self.audio(found.audio)
            case "audio.metadata":
                if words := self._words(found.fields.get("Metadata")):
                    self.audio(b"", words)
            case "turn.end":
                self.complete()

    def stop(self) -> Message:
        """See VendorSpeech."""
        return wire.json_message("synthesis.control", self._request_id, {"action": "stop"})

    def _words(self, metadata: object) -> tuple[Word, ...]:
        words, starts_s, ends_s = [], [], []
        for each in dicts_of(metadata):
            data = each.get("Data") if each.get("Type") == "WordBoundary" else None
            text = data.get("text") if isinstance(data, dict) else None
            if isinstance(data, dict) and isinstance(text, dict):
                words.append(html.unescape(str(text.get("Text", ""))))
                starts_s.append(wire.seconds_of(data.get("Offset")))
                ends_s.append(starts_s[-1] + wire.seconds_of(data.get("Duration")))
        return tuple(self._times.push(words, starts_s, ends_s))


def synthesis_context(form: Format) -> dict[str, object]:
    """How a request's speech is wanted."""
    metadata = {
        "bookmarkEnabled": False,
        "punctuationBoundaryEnabled": False,
        "sentenceBoundaryEnabled": False,
        "sessionEndEnabled": False,
        "visemeEnabled": False,
        "wordBoundaryEnabled": True,
    }
    audio = {"metadataOptions": metadata, "outputFormat": _FORMATS[form.encoding, form.rate_hz]}
    return {"synthesis": {"audio": audio, "language": {"autoDetection": False}}}


def make(options: Mapping[str, Any], context: EngineContext) -> AzureTts:
    """The factory of `tts.engine = "azure"`."""
    return AzureTts(read_options(AzureTtsOptions, options, context), context)


def _language_of(voice: str) -> str:
    """The language that a voice's name begins with; "" if it does not."""
    found = _VOICE.fullmatch(voice)
    return found.group(1) if found is not None else ""
