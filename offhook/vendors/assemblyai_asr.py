"""AssemblyAI's streaming recogniser: `[asr] engine = "assemblyai"`.

`ForceEndpoint` ends a turn; with `turns = "ours"` the vendor's own detection is kept from doing it before. Mu-law is
taken as it is. Without speech there is no turn that could end, and so no answer.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from offhook.engines.factory import EngineContext, FromEnvironment, read_options
from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError
from offhook.vendors.connection import Message, dicts_of, fields_of
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.keyterms import KeytermOptions, keyterms_of
from offhook.vendors.limits import Limits
from offhook.vendors.packing import Packing
from offhook.vendors.recogniser import RecogniserOptions, RecogniserTurn, VendorAsr, mean_confidence, silence
from offhook.vendors.target import Target

VENDOR = "AssemblyAI"
KEY_VARIABLE = "ASSEMBLYAI_API_KEY"
VERSION = "2025-05-12"

MIN_CHUNK_MS = 50
"""A message with less audio ends the session, with error 3007."""

MAX_SESSION_S = 3 * 3_600.0
NEVER_MS = 60_000

_REFUSALS = (1008, 3006, 4001, 4002, 4003)


class AssemblyAiOptions(RecogniserOptions, KeytermOptions):
    """See docs/engines.md."""

    api_key: Annotated[SecretStr, FromEnvironment(KEY_VARIABLE)]
    base_url: str = "wss://streaming.assemblyai.com"
    model: str = "universal-streaming-english"
    format_turns: bool = False
    min_turn_silence_ms: Annotated[int, Field(ge=0, le=10_000)] = 400
    max_turn_silence_ms: Annotated[int, Field(ge=100, le=60_000)] = 1_280


class AssemblyAiTurn(RecogniserTurn):
    """A caller's turn, which AssemblyAI may divide into several."""

    def begin(self) -> None:
        """See VendorTurn."""
        self._order: int | None = None  # of the vendor's turn in progress

    def pack(self, audio: bytes) -> Message:
        """See VendorTurn. What is left at the end may be too short: silence is put behind it."""
        return audio + silence(self.form, MIN_CHUNK_MS / 1000 - len(audio) / self.form.bytes_per_s)

    def force(self) -> Message | None:
        """See VendorTurn."""
        if self._order is None and self.finals.has_segments:
            self.finals.complete()  # the vendor has ended the turn itself
            return None
        if self.connection.received:
            self.finals.interim("")  # it is there: if it says nothing, nothing was said
        return '{"type":"ForceEndpoint"}'

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        fields = fields_of(message)
        kind = fields.get("type")
        if kind == "Turn":
            self._turn(fields)
        elif kind == "Error":
            self.connection.fail(_error(self.target, fields))

    def _turn(self, fields: Mapping[str, Any]) -> None:
        words = dicts_of(fields.get("words"))
        if words and max(_seconds(each.get("end")) for each in words) <= self.first_s:
            return  # another turn's
        said = str(fields.get("transcript") or "")
        if not words and self.first_s > 0:
            said = ""  # whose it is cannot be told
        if not fields.get("end_of_turn"):
            self._order = fields.get("turn_order", 0)
            # The transcript has what is final; the words have also what is not yet.
            text = " ".join(str(each.get("text", "")) for each in words) or said
            self.finals.interim(text)
            return
        if self.formats and not fields.get("turn_is_formatted"):
            return  # the same follows, formatted
        self._order = None
        self.finals.segment(self._transcript(said, words))
        if self.is_finishing:
            self.finals.complete()
        else:
            self.vendor_ended()

    @property
    def formats(self) -> bool:
        """Whether the turns come a second time, formatted."""
        return "format_turns=true" in self.target.url

    def _transcript(self, text: str, words: list[dict[str, Any]]) -> Transcript:
        found = [
            RecognisedWord(
                str(each.get("text", "")),
                max(0.0, _seconds(each.get("start")) - self.first_s),
                max(0.0, _seconds(each.get("end")) - self.first_s),
                confidence if isinstance(confidence := each.get("confidence"), int | float) else None,
            )
            for each in words
        ]
        return Transcript(text, mean_confidence(word.confidence for word in found), tuple(found))


class AssemblyAiAsr(VendorAsr[AssemblyAiOptions]):
    """Made by `make`."""

    turn_type = AssemblyAiTurn
    packing = Packing(MIN_CHUNK_MS, 1_000)
    encodings = ("PCMU", "LINEAR16")

    def __init__(self, options: AssemblyAiOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.languages = ("en",) if options.model.endswith("english") else ()
        self.mixes = not self.languages
        limits = limits or Limits(max_age_s=MAX_SESSION_S - 600.0)
        super().__init__(options, context, limits, '{"type":"KeepAlive"}', '{"type":"Terminate"}')

    def preferring(self, language: str, keyterms: tuple[str, ...]) -> str:
        """See VendorAsr."""
        return json.dumps({"type": "UpdateConfiguration", "keyterms_prompt": list(keyterms)})

    def target(self, language: str) -> Target:
        """See VendorAsr. The model knows the languages: none is named."""
        options = self.options
        ours = options.turns == "ours"
        query: list[tuple[str, str | int]] = [
            ("sample_rate", self.form.rate_hz),
            ("encoding", "pcm_mulaw" if self.form.encoding == "PCMU" else "pcm_s16le"),
            ("speech_model", options.model),
            ("format_turns", "true" if options.format_turns else "false"),
            ("min_turn_silence", NEVER_MS if ours else options.min_turn_silence_ms),
            ("max_turn_silence", NEVER_MS if ours else options.max_turn_silence_ms),
        ]
        if ours:
            query.append(("end_of_turn_confidence_threshold", 1))
        keyterms = keyterms_of(options, (), self.keyterm_limits)
        if keyterms:
            query.append(("keyterms_prompt", json.dumps(list(keyterms))))
        return Target(
            "asr",
            self.name,
            VENDOR,
            f"{options.base_url.rstrip('/')}/v3/ws?{urlencode([*query, *options.query.items()])}",
            (("Authorization", options.api_key.get_secret_value()), ("AssemblyAI-Version", VERSION)),
            f"Type: export {KEY_VARIABLE}=…",
            keyterms=keyterms,
        )


def make(options: Mapping[str, Any], context: EngineContext) -> AssemblyAiAsr:
    """The factory of `asr.engine = "assemblyai"`."""
    return AssemblyAiAsr(read_options(AssemblyAiOptions, options, context), context)


def _seconds(value: object) -> float:
    return value / 1000 if isinstance(value, int | float) else 0.0


def _error(where: Target, fields: Mapping[str, Any]) -> EngineError:
    code, what = fields.get("error_code"), f"talking to {VENDOR}"
    why = f"{str(fields.get('error') or 'it did not say why')[:200]} ({code})"
    if code in _REFUSALS:
        return VendorRefusedError(where.name, what, why, where.hint)
    return EngineError(where.name, what, why)
