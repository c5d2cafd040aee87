"""Azure Speech's recogniser: `[asr] engine = "azure"`.

A turn is a request of its own on a connection that is used again; what is said about another is told by its id. An
audio message without audio ends it: the phrases follow that are still missing, then `turn.end`. If Azure ends a request
by itself, or the connection breaks, another request goes on behind the last phrase.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError
from offhook.vendors import azure_wire as wire
from offhook.vendors.azure import LIMITS, VENDOR, Addresses, AzureOptions, check_options, error_of, locale
from offhook.vendors.connection import Message, dicts_of
from offhook.vendors.keyterms import KeytermLimits, KeytermOptions
from offhook.vendors.limits import Limits
from offhook.vendors.pool import Pool
from offhook.vendors.recogniser import RecogniserOptions, RecogniserTurn, VendorAsr
from offhook.vendors.target import Target
from offhook.vendors.turn import TurnOptions

PATH = "/speech/recognition/conversation/cognitiveservices/v1"

MAX_FRUITLESS = 2
"""Requests in a row that Azure may end by itself without a result."""

_FAILURES = ("Error", "BadRequest", "Forbidden", "TooManyRequests")


class AzureAsrOptions(RecogniserOptions, KeytermOptions, AzureOptions):
    """See docs/engines.md."""

    text: Literal["display", "lexical"] = "display"
    phrase_weight: Annotated[float, Field(ge=0, le=2)] = 1.0
    profanity: Literal["masked", "removed", "raw"] = "raw"
    silence_ms: Annotated[int, Field(ge=100, le=5_000)] | None = None
    semantic: bool = False
    endpoint_id: str | None = None

    def speech_context(self, keyterms: Sequence[str]) -> dict[str, object]:
        """What a request begins with; `keyterms` are likely to be said."""
        detailed = {"options": ["WordTimings", "WordConfidence"]}
        context: dict[str, object] = {"phraseOutput": {"format": "Detailed", "detailed": detailed}}
        if keyterms:
            items = [{"text": term} for term in keyterms]
            context["dgi"] = {"groups": [{"type": "Generic", "items": items}], "bias": self.phrase_weight}
        if self.semantic:
            segmentation: dict[str, object] = {"mode": "Semantic"}
        elif self.silence_ms is not None:
            segmentation = {"mode": "Custom", "segmentationSilenceTimeoutMs": self.silence_ms}
        else:
            return context
        context["phraseDetection"] = {"mode": "Conversation", "conversation": {"segmentation": segmentation}}
        return context


class AzureTurn(RecogniserTurn):
    """A turn: one request, or several that follow each other."""

    def __init__(self, azure: AzureAsrOptions, pool: Pool, target: Target, options: TurnOptions, *rest: Any) -> None:
        """`rest` is the base's."""
        self._is_lexical = azure.text == "lexical"
        self._context = azure.speech_context(options.preference.keyterms)
        self._fruitless = 0
        super().__init__(pool, target, options, *rest)

    def begin(self) -> None:
        """See VendorTurn. A new request, for the audio behind what is settled."""
        self._request_id = wire.new_id()
        self._base_bytes = self.settled_bytes
        self._has_paused = False
        self.connection.send(wire.json_message("speech.context", self._request_id, self._context))
        self.connection.send(wire.wave_message(self._request_id, self.form))

    def pack(self, audio: bytes) -> Message:
        """See VendorTurn."""
        return wire.audio_message(self._request_id, audio)

    def force(self) -> Message:
        """See VendorTurn."""
        return wire.audio_message(self._request_id, b"")

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        found = wire.parse(message)
        if found.request_id != self._request_id:
            return  # another turn's
        match found.path:
            case "speech.hypothesis" | "speech.fragment":
                self._hypothesis(found.fields)
            case "speech.phrase":
                self._phrase(found.fields)
            case "turn.end":
                self._turn_end()

    def _hypothesis(self, fields: Mapping[str, Any]) -> None:
        self.finals.interim(str(fields.get("Text") or ""))
        if self._has_paused:
            self._has_paused = False
            self.report_endpoint("resumed")

    def _phrase(self, fields: Mapping[str, Any]) -> None:
        status = str(fields.get("RecognitionStatus"))
        if status in _FAILURES:
            self.connection.fail(error_of(self.target, status, fields))
            return
        end_s = wire.seconds_of(fields.get("Offset")) + wire.seconds_of(fields.get("Duration"))
        settled = self._base_bytes + int(end_s * self.form.rate_hz) * self.form.sample_bytes
        settled = min(settled, len(self._audio))
        if settled > self.settled_bytes:
            self.settled_bytes, self._fruitless = settled, 0
        transcript = self._transcript(fields) if status == "Success" else Transcript("")
        self.finals.segment(transcript)
        if transcript.text and not self.is_finishing:
            self.vendor_ended()
            self._has_paused = not self.decides

    def _turn_end(self) -> None:
        if self.is_finishing:
            self.finals.complete()
            return
        self._fruitless += 1
        if self._fruitless > MAX_FRUITLESS:
            why = "it ended the turn again and again, without a result"
            self.connection.fail(EngineError(self.options.name, f"talking to {VENDOR}", why))
            return
        self.finals.restart(keeps_segments=True)
        self.begin()
        self.send_again()

    def _transcript(self, fields: Mapping[str, Any]) -> Transcript:
        """Of the likeliest reading; the others are alternatives."""
        best, *others = dicts_of(fields.get("NBest")) or [dict(fields)]
        text = self._text(best)
        alternatives = dict.fromkeys(self._text(each) for each in others)
        words = self._words(best.get("Words"))
        return Transcript(
            text, _number(best.get("Confidence")), words, tuple(each for each in alternatives if each and each != text)
        )

    def _text(self, reading: Mapping[str, Any]) -> str:
        names = ("Lexical", "Display") if self._is_lexical else ("Display", "DisplayText", "Lexical")
        return next((str(reading[name]) for name in names if reading.get(name)), "")

    def _words(self, words: object) -> tuple[RecognisedWord, ...]:
        found = []
        base_s = self._base_bytes / self.options.bytes_per_s
        for each in dicts_of(words):
            if isinstance(each.get("Offset"), int | float):
                start_s = base_s + wire.seconds_of(each["Offset"])
                end_s = start_s + wire.seconds_of(each.get("Duration"))
                found.append(RecognisedWord(str(each.get("Word", "")), start_s, end_s, _number(each.get("Confidence"))))
        return tuple(found)


class AzureAsr(VendorAsr[AzureAsrOptions]):
    """Made by `make`."""

    keyterm_limits = KeytermLimits(terms=500, total_chars=25_000)  # Azure recommends no more than 500

    def __init__(self, options: AzureAsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        check_options(options, context)
        self._addresses = Addresses("stt", context, options)
        super().__init__(options, context, limits or LIMITS, None, None)
        self.turn_type = partial(AzureTurn, options)

    def target(self, language: str) -> Target:
        """See VendorAsr. The audio's format is in each request: all lines share connections."""
        options = self.options
        query = {
            "language": locale(language),
            "format": "detailed",
            "wordLevelTimestamps": "true",
            "profanity": options.profanity,
        }
        if options.endpoint_id is not None:
            query["cid"] = options.endpoint_id
        return self._addresses.target(PATH, {**query, **options.query})


def make(options: Mapping[str, Any], context: EngineContext) -> AzureAsr:
    """The factory of `asr.engine = "azure"`."""
    return AzureAsr(read_options(AzureAsrOptions, options, context), context)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
