"""Deepgram's recognisers: Nova by /v1/listen, and Flux by /v2/listen, which follows turns itself.

Our endpoint ends a turn: `Finalize` (v1) and `ForceEndTurn` (v2) force the vendor's final. What Flux, or v1's
endpointing, thinks about the end of a turn is ignored (`turns = "ours"`), reported as a hint ("adviser"), or ends the
turn ("vendor").

All results carry times on the connection's own audio. A result for audio before the turn's first byte is another
turn's, and is dropped.
"""

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import (
    AsrCapabilities,
    AsrEngine,
    AsrRequest,
    AsrStream,
    OnEndpoint,
    OnPartial,
    RecognisedWord,
    Transcript,
)
from offhook.pipeline.errors import EngineError
from offhook.vendors import deepgram_wire as wire
from offhook.vendors.connection import Message
from offhook.vendors.deepgram import DeepgramOptions, target
from offhook.vendors.finals import FinalWait
from offhook.vendors.g711 import Format, line_format
from offhook.vendors.keyterms import KeytermLimits, KeytermOptions, Preference, keyterms_of
from offhook.vendors.limits import Limits
from offhook.vendors.pool import Pool
from offhook.vendors.target import Target
from offhook.vendors.turn import TurnOptions, VendorTurn, log_late

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


KEYTERM_LIMITS = KeytermLimits(total_chars=1_000)
"""Deepgram takes 500 tokens, and with more an open stream goes silent."""

_REGIONAL = re.compile(r"//api\.\w+\.deepgram\.com")


class AsrOptions(DeepgramOptions, KeytermOptions):
    """See docs/engines.md."""

    model: str = "nova-3"
    language: str | None = None
    turns: Literal["ours", "adviser", "vendor"] = "ours"
    final_ms: Annotated[int, Field(ge=50, le=5_000)] = 300
    late_finals: Literal["log", "drop"] = "log"
    encoding: Literal["line", "PCMU", "PCMA", "LINEAR16"] = "line"
    punctuate: bool = True
    smart_format: bool = False
    endpointing_ms: Annotated[int, Field(ge=10, le=5_000)] = 300
    eot_threshold: Annotated[float, Field(ge=0.5, le=1.0)] = 0.7
    eager_eot_threshold: Annotated[float, Field(ge=0.3, le=0.9)] = 0.5
    eot_timeout_ms: Annotated[int, Field(ge=500, le=60_000)] = 5_000
    query: dict[str, str] = Field(default_factory=dict)

    @property
    def is_flux(self) -> bool:
        """Whether the model is one of /v2/listen."""
        return self.model.startswith("flux")


class DeepgramAsr:
    """`AsrEngine`, `LineAsrEngine` and `EndpointingAsrEngine` over Deepgram."""

    def __init__(self, options: AsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.name = context.name
        self.options = options
        self.audio_s = 0.0
        """Seconds of audio given to Deepgram, which bills them."""
        self._context = context
        limits = replace(limits or Limits(), spare=options.spare)
        if options.is_flux:
            self._pool = Pool(replace(limits, unused_s=min(limits.unused_s, FLUX_UNUSED_S)), None, wire.CLOSE_STREAM)
        else:
            self._pool = Pool(limits, wire.KEEP_ALIVE, wire.CLOSE_STREAM)
        self._whole = self  # `for_line` makes copies, which share everything
        encoding = "PCMU" if options.encoding == "line" else options.encoding
        self._use(Format(encoding, 8_000))

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key or options that Deepgram does not take."""
        await self._pool.start(self._target(None))

    @property
    def unreached(self) -> EngineError | None:
        """Why the vendor could not be reached at the start; None if it could."""
        return self._pool.unreached

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._pool.close()

    def for_line(self, encoding: str, rate_hz: int) -> AsrEngine:
        """The same for a line: its G.711 law as it is, unless the options say otherwise."""
        if self.options.encoding != "line":
            return self
        form = line_format(encoding, rate_hz)
        if form == self.form:
            return self
        other = copy(self)
        other._use(form)
        self._pool.want(other._target(None))
        return other

    def open(self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> AsrStream:
        """Begin a turn."""
        kind = FluxTurn if self.options.is_flux else NovaTurn
        on_endpoint = None if self.options.turns == "ours" else on_endpoint
        keyterms = self._keyterms(request.phrases)
        in_stream = self._takes_words_later
        target = self._target(request.language, () if in_stream else request.phrases)
        preference = Preference(keyterms, wire.prefer(keyterms) if in_stream else None)
        options = self._turn_options.of_turn(request, preference)
        turn = kind(self._pool, target, options, on_partial, on_endpoint)
        turn.decides = self.options.turns == "vendor"
        return turn

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {"audio_s": self._whole.audio_s, **self._pool.dump()}

    def _use(self, form: Format) -> None:
        options = self.options
        self.form = form
        self.capabilities = AsrCapabilities(
            form.rate_hz,
            grammar=False,
            free_speech=True,
            partials=True,
            encoding=form.encoding,
            word_times=True,
            confidence=True,
            ends_turns=options.turns != "ours",
            languages=_languages(options),
        )
        self._turn_options = TurnOptions(
            self.name,
            form.bytes_per_s,
            form.sample_bytes,
            wait=FinalWait(wait_s=options.final_ms / 1000),
            on_late=log_late(self.name) if options.late_finals == "log" else None,
            on_audio=self._whole._count,
        )

    def _count(self, audio_s: float) -> None:
        self.audio_s += audio_s

    def _keyterms(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        takes_phrases = self.options.is_flux or self.options.model.startswith("nova-3")
        return keyterms_of(self.options, phrases if takes_phrases else (), KEYTERM_LIMITS)

    @property
    def _takes_words_later(self) -> bool:
        """Whether an open stream can be told which words to prefer; Nova's at its regional addresses cannot."""
        options = self.options
        return options.is_flux or (options.model.startswith("nova-3") and not _REGIONAL.search(options.base_url))

    def _target(self, language: str | None, phrases: tuple[str, ...] = ()) -> Target:
        options = self.options
        language = language or options.language or self._context.language
        keyterms = self._keyterms(phrases)
        if options.is_flux:
            query = self._flux_query(language, keyterms)
            return replace(target(options, self._context, "/v2/listen", self.form, query), keyterms=keyterms)
        pauses = "false" if options.turns == "ours" else str(options.endpointing_ms)
        query = {
            "model": options.model,
            "language": language,
            "interim_results": True,
            "punctuate": options.punctuate,
            "smart_format": options.smart_format or None,
            "endpointing": pauses,
            "channels": 1,
            "keyterm": list(keyterms),
            **options.query,
        }
        return replace(target(options, self._context, "/v1/listen", self.form, query), keyterms=keyterms)

    def _flux_query(self, language: str, keyterms: tuple[str, ...]) -> dict[str, Any]:
        options = self.options
        ours = options.turns == "ours"
        return {
            "model": options.model,
            "eot_threshold": 1.0 if ours else options.eot_threshold,
            "eager_eot_threshold": None if ours else options.eager_eot_threshold,
            "eot_timeout_ms": 60_000 if ours else options.eot_timeout_ms,
            "keyterm": list(keyterms),
            "language_hint": language.partition("-")[0] if options.model == "flux-general-multi" else None,
            **options.query,
        }


class DeepgramTurn(VendorTurn):
    """What both have in common."""

    decides: bool = False
    """Whether the vendor's end of a turn is one."""

    first_s = 0.0
    """Where the turn begins in the connection's audio."""

    def begin(self) -> None:
        """See VendorTurn."""
        self.first_s = self.first_byte / self.options.bytes_per_s

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
            self.report_endpoint("over" if self.decides else "likely")
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
        super().begin()
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
                self.report_endpoint("likely")
            case "TurnResumed":
                self.report_endpoint("resumed")
        self._in_turn = self._in_turn or bool(info.transcript)
        self.finals.interim(info.transcript)
        if self.is_finishing and not self._in_turn and self._known_s >= self.sent_s - FLUX_LAG_S:
            self.finals.complete()

    def _end_of_turn(self, info: wire.TurnInfo) -> None:
        self._in_turn = False
        known = [each.confidence for each in info.words]
        confidence = sum(known) / len(known) if known else None
        self.finals.segment(Transcript(info.transcript, confidence, self.words(info.words)))
        if self.is_finishing:
            self.finals.complete()
        elif info.transcript:
            self.report_endpoint("over" if self.decides else "likely")


def make(options: Mapping[str, Any], context: EngineContext) -> DeepgramAsr:
    """The factory of `asr.engine = "deepgram"`."""
    return DeepgramAsr(read_options(AsrOptions, options, context), context)


def _languages(options: AsrOptions) -> tuple[str, ...]:
    if options.model == "flux-general-multi":
        return FLUX_LANGUAGES
    return ("en",) if options.is_flux else ()
