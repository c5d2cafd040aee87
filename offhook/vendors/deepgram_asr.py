"""Deepgram's recognisers: Nova by /v1/listen, and Flux by /v2/listen, which follows turns itself.

Our endpoint ends a turn: `Finalize` (v1) and `ForceEndTurn` (v2) force the vendor's final. What Flux, or v1's
endpointing, thinks about the end of a turn is ignored (`turns = "ours"`), reported as a hint ("adviser"), or ends the
turn ("vendor").

All results carry times on the connection's own audio. A result for audio before the turn's first byte is another
turn's, and is dropped.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import AsrRequest, RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import primary
from offhook.vendors import deepgram_wire as wire
from offhook.vendors.connection import Message
from offhook.vendors.deepgram import DeepgramOptions, target
from offhook.vendors.keyterms import KeytermLimits, KeytermOptions
from offhook.vendors.limits import Limits
from offhook.vendors.recogniser import RecogniserOptions, RecogniserTurn, VendorAsr, mean_confidence
from offhook.vendors.target import Target

ROUNDING_S = 0.005
"""Times come rounded."""

TIME_SLACK_S = 0.05
"""Results end on the vendor's frames, which are not ours."""

FLUX_LAG_S = 0.3
"""Flux reports every 250 ms of audio: it knows all but the last of them."""

FLUX_LANGUAGES = ("en", "es", "fr", "de", "hi", "ru", "pt", "ja", "it", "nl")
"""Of the model flux-general-multi."""

FLUX_UNUSED_S = 15.0
"""Flux has no keep-alive, and closes a connection without audio after 20 to 30 s."""

_REGIONAL = re.compile(r"//api\.\w+\.deepgram\.com")


class AsrOptions(RecogniserOptions, DeepgramOptions, KeytermOptions):
    """See docs/engines.md."""

    model: str = "nova-3"
    punctuate: bool = True
    smart_format: bool = False
    endpointing_ms: Annotated[int, Field(ge=10, le=5_000)] = 300
    eot_threshold: Annotated[float, Field(ge=0.5, le=1.0)] = 0.7
    eager_eot_threshold: Annotated[float, Field(ge=0.3, le=0.9)] = 0.5
    eot_timeout_ms: Annotated[int, Field(ge=500, le=60_000)] = 5_000

    @property
    def is_flux(self) -> bool:
        """Whether the model is one of /v2/listen."""
        return self.model.startswith("flux")


MIXED = "multi"
"""Deepgram's name for several languages."""

MIXING = ("nova-3", "nova-3-general")
"""Models of /v1/listen that know several."""


class DeepgramAsr(VendorAsr[AsrOptions]):
    """Over /v1/listen or /v2/listen, by the model. Made by `make`."""

    keyterm_limits = KeytermLimits(total_chars=1_000)
    """Deepgram takes 500 tokens, and with more an open stream goes silent."""

    def __init__(self, options: AsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.turn_type = FluxTurn if options.is_flux else NovaTurn
        self.languages = _languages(options)
        self.mixes = options.model == "flux-general-multi" or options.model in MIXING
        limits = limits or Limits()
        if options.is_flux:
            limits = replace(limits, unused_s=min(limits.unused_s, FLUX_UNUSED_S))
        keep_alive = None if options.is_flux else wire.KEEP_ALIVE
        super().__init__(options, context, limits, keep_alive, wire.CLOSE_STREAM)

    def target_preferring(self, language: str, keyterms: tuple[str, ...]) -> Target:
        """See VendorAsr. A stream that takes words later begins with those of the options, so that it may be shared."""
        options = self.options
        keyterms = self._keyterms(()) if self._takes_words_later else keyterms
        if options.is_flux:
            query = self._flux_query(language, keyterms)
            return replace(target(options, self.context, "/v2/listen", self.form, query), keyterms=keyterms)
        query = {
            "model": options.model,
            "language": language,
            "interim_results": True,
            "punctuate": options.punctuate,
            "smart_format": options.smart_format or None,
            "endpointing": "false" if options.turns == "ours" else str(options.endpointing_ms),
            "channels": 1,
            "keyterm": list(keyterms),
            **options.query,
        }
        return replace(target(options, self.context, "/v1/listen", self.form, query), keyterms=keyterms)

    def target_of(self, request: AsrRequest) -> Target:
        """See VendorAsr. Of several languages Deepgram finds out which one is spoken, and is told which are likely."""
        if not request.others:
            return VendorAsr.target_of(self, request)
        likely = dict.fromkeys(map(primary, (self._language(request.language), *request.others)))
        hints = urlencode([("language_hint", each) for each in likely])
        found = self.target_preferring(MIXED, self._keyterms(request.phrases))
        return replace(found, url=f"{found.url}&{hints}")

    def preferring(self, language: str, keyterms: tuple[str, ...]) -> str | None:
        """See VendorAsr."""
        return wire.prefer(keyterms) if self._takes_words_later else None

    def _keyterms(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        takes_phrases = self.options.is_flux or self.options.model.startswith("nova-3")
        return super()._keyterms(phrases if takes_phrases else ())

    @property
    def _takes_words_later(self) -> bool:
        """Whether an open stream can be told which words to prefer; Nova's at its regional addresses cannot."""
        options = self.options
        return options.is_flux or (options.model.startswith("nova-3") and not _REGIONAL.search(options.base_url))

    def _flux_query(self, language: str, keyterms: tuple[str, ...]) -> dict[str, Any]:
        options = self.options
        ours = options.turns == "ours"
        return {
            "model": options.model,
            "eot_threshold": 1.0 if ours else options.eot_threshold,
            "eager_eot_threshold": None if ours else options.eager_eot_threshold,
            "eot_timeout_ms": 60_000 if ours else options.eot_timeout_ms,
            "keyterm": list(keyterms),
            "language_hint": primary(language) if self.mixes and language != MIXED else None,
            **options.query,
        }


class DeepgramTurn(RecogniserTurn):
    """What both have in common."""

    def failed(self, error: wire.Error) -> None:
        """Deepgram reports an error, and closes next, unless only the words to prefer were refused."""
        if error.code == "KeytermsNotSupported":
            return
        why = " ".join(filter(None, (error.code, error.description or error.message))) or "it did not say why"
        self.connection.fail(EngineError(self.options.name, "recognising", f"Deepgram failed: {why}"))

    def words(self, words: list[wire.Word]) -> tuple[RecognisedWord, ...]:
        """The words with their times in the turn; those without times are left out."""
        return tuple(
            RecognisedWord(
                each.punctuated_word or each.word,
                max(0.0, each.start - self.first_s),
                max(0.0, each.end - self.first_s),
                each.confidence,
            )
            for each in words
            if each.end > 0
        )


class NovaTurn(DeepgramTurn):
    """A turn by /v1/listen."""

    _is_paused = False  # according to the vendor, which only advises

    def force(self) -> Message:
        """See VendorTurn."""
        return wire.FINALIZE

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        fields = wire.read(wire.LISTEN1, message)
        if isinstance(fields, wire.Error):
            self.failed(fields)
        elif fields is not None and fields.channel.alternatives:
            self._results(fields)

    def _results(self, results: wire.Results) -> None:
        end_s = results.start + results.duration
        if end_s <= self.first_s + ROUNDING_S:
            return  # another turn's
        best = results.channel.alternatives[0]
        if not results.is_final:
            self.finals.interim(best.transcript)
        else:
            others = tuple(each.transcript for each in results.channel.alternatives[1:])
            confidence = best.confidence if best.transcript else None
            self.finals.segment(Transcript(best.transcript, confidence, self.words(best.words), others))
        covers_all = end_s - self.first_s >= self.sent_s - TIME_SLACK_S
        if self.is_finishing and results.is_final and (results.from_finalize or covers_all):
            self.finals.complete()
        self._endpoint(results)

    def _endpoint(self, results: wire.Results) -> None:
        if results.speech_final and self.finals.has_segments:
            self.vendor_ended()
            self._is_paused = not self.decides
        elif self._is_paused and results.channel.alternatives[0].transcript:
            self._is_paused = False
            self.report_endpoint("resumed")


class FluxTurn(DeepgramTurn):
    """A turn by /v2/listen. Flux may divide it into several of its own."""

    _in_turn = False
    _known_s = 0.0  # of the turn, up to which Flux has reported

    def begin(self) -> None:
        """See VendorTurn."""
        self._in_turn = False
        self._known_s = 0.0

    def force(self) -> Message | None:
        """See VendorTurn. Flux ignores it between two of its turns."""
        if not self._in_turn and self.finals.has_segments:
            self.finals.complete()  # it has ended the turn itself
            return None
        return wire.FORCE_END_TURN

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        fields = wire.read(wire.LISTEN2, message)
        if isinstance(fields, wire.Error):
            self.failed(fields)
        elif fields is not None and fields.audio_window_end > self.first_s + ROUNDING_S:
            self._turn_info(fields)

    def _turn_info(self, info: wire.TurnInfo) -> None:
        self._known_s = info.audio_window_end - self.first_s
        match info.event:
            case "EndOfTurn":
                self._end_of_turn(info)
                return
            case "StartOfTurn":
                self._in_turn = True
            case "EagerEndOfTurn":
                self.vendor_ended(likely=True)
            case "TurnResumed":
                self.report_endpoint("resumed")
        self._in_turn = self._in_turn or bool(info.transcript)
        self.finals.interim(info.transcript)
        if self.is_finishing and not self._in_turn and self._known_s >= self.sent_s - FLUX_LAG_S:
            self.finals.complete()

    def _end_of_turn(self, info: wire.TurnInfo) -> None:
        self._in_turn = False
        confidence = mean_confidence(each.confidence for each in info.words)
        self.finals.segment(Transcript(info.transcript, confidence, self.words(info.words)))
        if self.is_finishing:
            self.finals.complete()
        elif info.transcript:
            self.vendor_ended()


def make(options: Mapping[str, Any], context: EngineContext) -> DeepgramAsr:
    """The factory of `asr.engine = "deepgram"`."""
    return DeepgramAsr(read_options(AsrOptions, options, context), context)


def _languages(options: AsrOptions) -> tuple[str, ...]:
    if options.model == "flux-general-multi":
        return FLUX_LANGUAGES
    return ("en",) if options.is_flux else ()
