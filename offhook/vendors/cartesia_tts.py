"""Cartesia's voices, Sonic: `[tts] engine = "cartesia"`.

The texts of an utterance are one context, each flushed: `flush_done` says where its speech ends. One that is no longer
wanted is cancelled; what was being generated still comes, under its context's name, and is dropped. Mu-law and A-law
come as they are.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.language import primary
from offhook.pipeline.tts.engine import Word
from offhook.vendors.any_voice import AnyVoice
from offhook.vendors.cartesia import ENCODINGS, CartesiaOptions, error_of, target
from offhook.vendors.connection import Message, fields_of
from offhook.vendors.elevenlabs_tts import decoded
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.utterance import SpeechOptions, Utterance, VendorSpeech
from offhook.vendors.voice import VendorTts, VoiceOptions
from offhook.vendors.word_times import WordTimes, numbers, texts

DEFAULT_VOICE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"

SLACK_S = 0.3
"""A text's first word may begin so much before its audio."""

UNUSED_S = 240.0
"""An idle connection is closed after five minutes."""


class CartesiaTtsOptions(VoiceOptions, CartesiaOptions):
    """See docs/engines.md."""

    model: str = "sonic-3"
    speed: Annotated[float, Field(ge=0.6, le=1.5)] | None = None
    volume: Annotated[float, Field(ge=0.5, le=2.0)] | None = None
    emotion: str | None = None

    def generation_config(self) -> dict[str, float | str]:
        """What is set of it, for the vendor."""
        names: tuple[Literal["speed", "volume", "emotion"], ...] = ("speed", "volume", "emotion")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class CartesiaTts(AnyVoice, VendorTts[CartesiaTtsOptions]):
    """Made by `make`."""

    def __init__(self, options: CartesiaTtsOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.voice = options.voice or context.voice or DEFAULT_VOICE
        super().__init__(options, context, limits or Limits(unused_s=UNUSED_S), None, None)

    def target(self) -> Target:
        """See VendorTts. Voice, language and format are in each request."""
        return target("tts", self.name, self.options, "/tts/websocket", self.options.query)

    def speech(self, utterance: Utterance, text: str) -> VendorSpeech:
        """See VendorTts."""
        return CartesiaSpeech(self, utterance, self.speech_options, text)

    def request(self) -> dict[str, object]:
        """What all texts of a context have in common."""
        options, form = self.options, self.form
        output = {"container": "raw", "encoding": ENCODINGS[form.encoding], "sample_rate": form.rate_hz}
        request: dict[str, object] = {
            "model_id": options.model,
            "voice": {"mode": "id", "id": self.voice},
            "language": primary(self.language),
            "output_format": output,
            "add_timestamps": True,
        }
        if config := options.generation_config():
            request["generation_config"] = config
        return request


class CartesiaSpeech(VendorSpeech):
    """A text."""

    def __init__(self, engine: CartesiaTts, utterance: Utterance, options: SpeechOptions, text: str) -> None:
        super().__init__(utterance, options, text)
        self._rate_hz = engine.form.rate_hz
        self._sample_bytes = engine.form.sample_bytes
        self._request = engine.request()

    def begin(self) -> None:
        """See VendorSpeech."""
        self._context_id = self.utterance.context_id
        self._times = WordTimes(self.text, self._rate_hz)
        self._before = self.utterance.spoken_samples
        # What continues is put together as it is: the space is needed.
        text = f"{self.text.strip()} "
        ending = {"continue": True, "flush": True} if self.utterance.continues else {"continue": False}
        request = {**self._request, "context_id": self._context_id, "transcript": text, **ending}
        self.connection.send(json.dumps(request))

    def read(self, message: Message) -> None:
        """See VendorSpeech."""
        fields = fields_of(message)
        kind = fields.get("type")
        if fields.get("context_id", self._context_id) != self._context_id:
            return  # of a text that was given up; an error without a context is the connection's
        if kind == "chunk":
            pcm = decoded(str(fields.get("data") or ""))
            self.utterance.spoken_samples += len(pcm) // self._sample_bytes
            self.audio(pcm)
        elif kind == "timestamps":
            if words := self._words(fields.get("word_timestamps")):
                self.audio(b"", words)
        elif kind == "error":
            self.connection.fail(error_of(self.utterance.target, fields))
        elif kind in ("done", "flush_done"):
            self.complete()

    def stop(self) -> Message:
        """See VendorSpeech."""
        return json.dumps({"context_id": self._context_id, "cancel": True})

    def _words(self, times: object) -> tuple[Word, ...]:
        """Words with their times, which count from the context's start."""
        if not isinstance(times, dict):
            return ()
        words, starts, ends = texts(times.get("words")), numbers(times.get("start")), numbers(times.get("end"))
        if starts and starts[0] + SLACK_S < self._before / self._rate_hz:
            # A context that was silent for a second has been forgotten, and begun anew under the same name.
            self.utterance.spoken_samples -= self._before
            self._before = 0
        first_s = self._before / self._rate_hz
        starts_s = [max(0.0, start - first_s) for start in starts]
        ends_s = [max(0.0, end - first_s) for end in ends]
        return tuple(self._times.push(words, starts_s, ends_s))


def make(options: Mapping[str, Any], context: EngineContext) -> CartesiaTts:
    """The factory of `tts.engine = "cartesia"`."""
    return CartesiaTts(read_options(CartesiaTtsOptions, options, context), context)
