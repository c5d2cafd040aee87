"""Amazon Transcribe: `[asr] engine = "amazon"`.

By its WebSocket, with PCM (Transcribe takes no G.711) in Amazon's event stream encoding. There is nothing that forces a
final but the end of the audio, so each turn has a stream of its own: an empty audio event ends it, Transcribe sends the
final and closes. The turn's audio waits while the stream is opened.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import primary
from offhook.vendors import event_stream
from offhook.vendors.amazon import VENDOR, Account, AmazonOptions
from offhook.vendors.amazon_languages import TRANSCRIBED, transcribed
from offhook.vendors.connection import Message, dicts_of
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.event_stream import Event
from offhook.vendors.limits import Limits
from offhook.vendors.packing import Packing
from offhook.vendors.probe import probe
from offhook.vendors.recogniser import RecogniserOptions, RecogniserTurn, VendorAsr, mean_confidence, silence
from offhook.vendors.target import Target

PATH = "/stream-transcription-websocket"

UNUSED_S = 10.0
"""A stream ends if there is no audio for 15 s; one that nobody has used is renewed before."""

READY_S = 3.0
"""For a stream that is ended at once to be closed."""

CLEAN_CLOSURES = (1000, 1005)  # RFC 6455 section 7.4.1; the second: without a code

_AUDIO = {":message-type": "event", ":event-type": "AudioEvent", ":content-type": "application/octet-stream"}
_REFUSED_KEY = ("UnrecognizedClientException", "InvalidSignatureException", "AccessDeniedException")
_LANGUAGES = tuple(dict.fromkeys(each for tag in TRANSCRIBED for each in (primary(tag), tag)))


class AmazonAsrOptions(RecogniserOptions, AmazonOptions):
    """See docs/engines.md."""

    encoding: Literal["line", "LINEAR16"] = "line"
    spare: Annotated[int, Field(ge=0, le=64)] = 0
    """Other than elsewhere: a stream may be billed although nobody speaks."""
    vocabulary: str | None = None
    language_model: str | None = None
    stability: Literal["low", "medium", "high"] | None = None


def audio_event(audio: bytes) -> bytes:
    """The message for a piece of audio; without any it ends the stream."""
    return event_stream.encode(Event(_AUDIO, audio))


class AmazonTurn(RecogniserTurn):
    """A turn, and a stream."""

    def pack(self, audio: bytes) -> Message:
        """See VendorTurn."""
        return audio_event(audio)

    def force(self) -> Message:
        """See VendorTurn."""
        return audio_event(b"")

    @property
    def has_ended(self) -> bool:
        """See VendorTurn."""
        return self.connection.close_code in CLEAN_CLOSURES

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        found = _read(self.target, message)
        if isinstance(found, EngineError):
            self.connection.fail(found)
            return
        self.finals.interim("")  # it is listening
        for result in found:
            self._result(result)

    def _result(self, result: Mapping[str, Any]) -> None:
        best, *others = [each for each in dicts_of(result.get("Alternatives")) if each.get("Transcript")] or [{}]
        text = str(best.get("Transcript") or "")
        if result.get("IsPartial"):
            self.finals.interim(text)
            return
        alternatives = tuple(str(each["Transcript"]) for each in others)
        words = _words(dicts_of(best.get("Items")))
        confidence = mean_confidence(word.confidence for word in words)
        self.finals.segment(Transcript(text, confidence, words, alternatives))
        if text and not self.is_finishing:
            self.vendor_ended()


class AmazonAsr(VendorAsr[AmazonAsrOptions]):
    """Made by `make`."""

    turn_type = AmazonTurn
    packing = Packing(20, 200)
    encodings = ("LINEAR16",)
    reuses = False

    def __init__(self, options: AmazonAsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.account = Account(options, context, "transcribe")
        own = (options.language,) if options.language is not None else ()
        self.languages = tuple(dict.fromkeys((*_LANGUAGES, *own)))
        super().__init__(options, context, limits or Limits(unused_s=UNUSED_S), None, None)

    async def start(self) -> None:
        """Connect, and end the stream again: what Transcribe does not take it tells in a message. Raises
        VendorRefusedError for wrong credentials or options."""
        where = self._target(None)
        hello = (audio_event(silence(self.form, 0.1)), audio_event(b""))

        def judge(message: Message) -> EngineError | bool:
            found = _read(where, message)
            return found if isinstance(found, EngineError) else True

        ended = replace(where, hello=hello)
        unreached = await probe(ended, self.pool.limits, judge, READY_S, may_close=CLEAN_CLOSURES)
        self.pool.want(where)  # without a try of its own: a second stream would be billed, too
        await self.pool.start(unreached=unreached)

    def target(self, language: str) -> Target:
        """See VendorAsr."""
        options = self.options
        query: dict[str, str | int] = {
            "language-code": transcribed(language),
            "media-encoding": "pcm",
            "sample-rate": self.form.rate_hz,
        }
        if options.vocabulary is not None:
            query["vocabulary-name"] = options.vocabulary
        if options.language_model is not None:
            query["language-model-name"] = options.language_model
        if options.stability is not None:
            query |= {"enable-partial-results-stabilization": "true", "partial-results-stability": options.stability}
        return self.account.target(f"{PATH}?{urlencode({**query, **options.query})}")


def make(options: Mapping[str, Any], context: EngineContext) -> AmazonAsr:
    """The factory of `asr.engine = "amazon"`."""
    return AmazonAsr(read_options(AmazonAsrOptions, options, context), context)


def _read(target: Target, message: Message) -> list[dict[str, Any]] | EngineError:
    """The results in a message, or what it complains of."""
    what = f"talking to {VENDOR}"
    try:
        event = event_stream.decode(message if isinstance(message, bytes) else message.encode())
        fields = json.loads(event.payload or b"{}")
    except (ValueError, RecursionError) as error:
        return EngineError(target.name, what, f"a message is damaged: {error}")
    fields = fields if isinstance(fields, dict) else {}
    if event.text(":message-type") == "event":
        transcript = fields.get("Transcript")
        return dicts_of(transcript.get("Results")) if isinstance(transcript, dict) else []
    code = event.text(":exception-type") or event.text(":error-code")
    said = str(fields.get("Message") or event.text(":error-message") or "it did not say why")[:200]
    return _complaint(target, what, code, said)


def _complaint(target: Target, what: str, code: str, said: str) -> EngineError:
    why = f"{said} ({code})"
    if code in _REFUSED_KEY:
        return VendorRefusedError(target.name, what, f"{VENDOR} refused the key: {why}", target.hint)
    if code == "BadRequestException" and "timed out" not in said:
        hint = f"Look at the options below [{target.kind}.{target.name}]."
        return VendorRefusedError(target.name, what, why, hint)
    hint = "Raise the account's limit, or take fewer calls." if code == "LimitExceededException" else ""
    return EngineError(target.name, what, why, hint)


def _words(items: list[dict[str, Any]]) -> tuple[RecognisedWord, ...]:
    """The words with their times in the stream, which are those in the turn; punctuation stays with its word."""
    words: list[RecognisedWord] = []
    for item in items:
        text, start_s, end_s = str(item.get("Content") or ""), item.get("StartTime"), item.get("EndTime")
        if item.get("Type") == "punctuation":
            if words:
                words[-1] = replace(words[-1], text=words[-1].text + text)
        elif isinstance(start_s, int | float) and isinstance(end_s, int | float):
            confidence = item.get("Confidence")
            confidence = float(confidence) if isinstance(confidence, int | float) else None
            words.append(RecognisedWord(text, float(start_s), float(end_s), confidence))
    return tuple(words)
