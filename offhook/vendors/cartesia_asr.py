"""Cartesia's recogniser, Ink: `[asr] engine = "cartesia"`.

With `turns = "ours"` the endpoint without turn detection is used, where `finalize` forces the final. Its transcripts
are differences: what is final is put together without further spaces. Otherwise the endpoint that detects turns is
used, whose transcripts are whole turns, and which cannot be forced: our endpoint takes what there is.
"""

from collections.abc import Mapping
from typing import Any

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.language import primary
from offhook.vendors.cartesia import ENCODINGS, CartesiaOptions, error_of, target
from offhook.vendors.connection import Message, dicts_of, fields_of
from offhook.vendors.keyterms import KeytermLimits, KeytermOptions
from offhook.vendors.limits import Limits
from offhook.vendors.recogniser import RecogniserOptions, RecogniserTurn, VendorAsr
from offhook.vendors.target import Target

UNUSED_S = 120.0
"""An idle stream is closed after three minutes."""


class CartesiaAsrOptions(RecogniserOptions, CartesiaOptions, KeytermOptions):
    """See docs/engines.md. `phrases`: they need a stream that was not opened before the turn."""

    model: str = "ink-2"
    phrases: bool = False


class CartesiaTurn(RecogniserTurn):
    """A turn that ends by `finalize`."""

    def begin(self) -> None:
        """See VendorTurn."""
        self._final = ""
        self._words: list[RecognisedWord] = []

    def force(self) -> Message:
        """See VendorTurn."""
        return "finalize"

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        fields = fields_of(message)
        kind = fields.get("type")
        if kind == "transcript":
            self._transcript(str(fields.get("text") or ""), fields)
        elif kind == "flush_done" and self.is_finishing:
            self.finals.segment(Transcript(self._final.strip(), None, tuple(self._words)))
            self.finals.complete()
        elif kind == "error":
            self.connection.fail(error_of(self.target, fields))

    def _transcript(self, text: str, fields: Mapping[str, Any]) -> None:
        if fields.get("is_final"):
            words = _words(fields.get("words"), self.first_s)
            if words and words[-1].end_s <= 0 < self.first_s:
                return  # another turn's
            self._final += text
            self._words += words
            self.finals.interim(self._final.strip())
        else:
            self.finals.interim((self._final + text).strip())


class CartesiaDetectedTurn(RecogniserTurn):
    """A turn by the endpoint that detects turns, which may divide it into several."""

    def begin(self) -> None:
        """See VendorTurn."""
        self._in_turn = False

    def force(self) -> Message | None:
        """See VendorTurn. Nothing can be forced; between two turns nothing is missing."""
        if not self._in_turn and self.finals.has_segments:
            self.finals.complete()
        return None

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        fields = fields_of(message)
        kind, text = fields.get("type"), str(fields.get("transcript") or "").strip()
        if kind == "error":
            self.connection.fail(error_of(self.target, fields))
        elif kind == "turn.end":
            self._in_turn = False
            self.finals.segment(Transcript(text))
            if self.is_finishing:
                self.finals.complete()
            else:
                self.vendor_ended()
        elif isinstance(kind, str) and kind.startswith("turn."):
            self._in_turn = True
            self.finals.interim(text)
            if kind == "turn.eager_end":
                self.vendor_ended(likely=True)
            elif kind == "turn.resume":
                self.report_endpoint("resumed")


class CartesiaAsr(VendorAsr[CartesiaAsrOptions]):
    """Made by `make`."""

    turn_type: type[RecogniserTurn] = CartesiaTurn
    confidence = False
    keyterm_limits = KeytermLimits(total_chars=1_200)

    def __init__(self, options: CartesiaAsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.languages = ("en",) if options.model == "ink-2" else ()
        self.word_times = options.turns == "ours"
        super().__init__(options, context, limits or Limits(unused_s=UNUSED_S), None, _goodbye(options))

    def target_preferring(self, language: str, keyterms: tuple[str, ...]) -> Target:
        """See VendorAsr."""
        options = self.options
        query: dict[str, str | list[str]] = {"model": options.model, "encoding": ENCODINGS[self.form.encoding]}
        if keyterms:
            query["keyterm"] = list(keyterms)
        query["sample_rate"] = str(self.form.rate_hz)
        if options.turns == "ours":
            query["language"] = primary(language)
            path = "/stt/websocket"
        else:
            path = "/stt/turns/websocket"
        return target("asr", self.name, options, path, {**query, **options.query})


def make(options: Mapping[str, Any], context: EngineContext) -> CartesiaAsr:
    """The factory of `asr.engine = "cartesia"`."""
    own = read_options(CartesiaAsrOptions, options, context)
    return CartesiaAsr(own, context) if own.turns == "ours" else CartesiaDetectingAsr(own, context)


class CartesiaDetectingAsr(CartesiaAsr):
    """The same, by the endpoint that detects turns. A stream may be in the middle of one: none is used twice."""

    turn_type = CartesiaDetectedTurn
    reuses = False


def _goodbye(options: CartesiaAsrOptions) -> str:
    return "close" if options.turns == "ours" else '{"type":"close"}'


def _words(words: object, first_s: float) -> list[RecognisedWord]:
    """Their times are from the connection's start."""
    found: list[RecognisedWord] = []
    for each in dicts_of(words):
        start, end = each.get("start"), each.get("end")
        if isinstance(start, int | float) and isinstance(end, int | float):
            text = str(each.get("word", "")).strip()
            found.append(RecognisedWord(text, max(0.0, start - first_s), max(0.0, end - first_s)))
    return found
