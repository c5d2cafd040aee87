"""ElevenLabs' recogniser, Scribe: `[asr] engine = "elevenlabs"`.

Each turn has a session of its own, which was opened before it: Scribe keeps what was said as context, which must not
reach another caller. `commit` forces the final.
"""

import json
import math
from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import primary
from offhook.vendors.connection import Message, dicts_of, fields_of
from offhook.vendors.elevenlabs import ElevenLabsOptions, error_of, format_name, target
from offhook.vendors.keyterms import KeytermLimits, KeytermOptions
from offhook.vendors.limits import Limits
from offhook.vendors.packing import Packing
from offhook.vendors.probe import probe
from offhook.vendors.recogniser import RecogniserOptions, RecogniserTurn, VendorAsr, mean_confidence, silence
from offhook.vendors.target import Target

MIN_COMMIT_S = 0.3
"""A commit of less audio is refused."""

UNUSED_S = 60.0
"""A session that nobody has used is renewed after this time."""

READY_S = 3.0
"""For a session to say that it has begun."""

_RESULTS = ("partial_transcript", "committed_transcript", "committed_transcript_with_timestamps", "session_started")


class ElevenLabsAsrOptions(RecogniserOptions, ElevenLabsOptions, KeytermOptions):
    """See docs/engines.md. `phrases`: they need a session that was not opened before the turn, and have a price."""

    model: str = "scribe_v2_realtime"
    phrases: bool = False
    silence_s: Annotated[float, Field(ge=0.3, le=3.0)] = 1.5


class ElevenLabsTurn(RecogniserTurn):
    """A turn, and a session."""

    def begin(self) -> None:
        """See VendorTurn."""
        self._uncommitted_s = 0.0

    def pack(self, audio: bytes) -> Message:
        """See VendorTurn."""
        return self._chunk(audio, commit=False)

    def force(self) -> Message:
        """Commit, with silence behind the audio if there is too little of it."""
        missing_s = 1.1 * MIN_COMMIT_S - self._uncommitted_s
        return self._chunk(silence(self.form, missing_s), commit=True)

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        kind, fields = _kind(message)
        text = str(fields.get("text") or "").strip()
        if kind in ("partial_transcript", "committed_transcript"):
            self.finals.interim(text)  # the times of what is committed follow; without them it will do as it is
        elif kind == "committed_transcript_with_timestamps":
            self._uncommitted_s = 0.0
            self.finals.segment(_transcript(text, fields.get("words")))
            if self.is_finishing:
                self.finals.complete()
            elif text:
                self.vendor_ended()
        elif kind == "commit_throttled" and self.is_finishing:
            self.finals.complete()  # the vendor has committed everything itself
        elif kind and kind not in _RESULTS:
            self.connection.fail(error_of(self.target, kind, fields))

    def _chunk(self, audio: bytes, *, commit: bool) -> str:
        self._uncommitted_s += len(audio) / self.form.bytes_per_s
        encoded = b64encode(audio).decode("ascii")
        about = {"message_type": "input_audio_chunk", "commit": commit, "sample_rate": self.form.rate_hz}
        return json.dumps({**about, "audio_base_64": encoded})


class ElevenLabsAsr(VendorAsr[ElevenLabsAsrOptions]):
    """Made by `make`."""

    turn_type = ElevenLabsTurn
    packing = Packing(20, 1_000)
    encodings = ("PCMU", "LINEAR16")
    keyterm_limits = KeytermLimits(terms=50, term_chars=20, term_words=5)
    reuses = False

    def __init__(self, options: ElevenLabsAsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        super().__init__(options, context, limits or Limits(unused_s=UNUSED_S), None, None)

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key, which ElevenLabs tells in a message."""
        where = self._target(None)

        def judge(message: Message) -> EngineError | bool:
            kind, fields = _kind(message)
            return kind == "session_started" or (bool(kind) and kind not in _RESULTS and error_of(where, kind, fields))

        unreached = await probe(where, self.pool.limits, judge, READY_S)
        await self.pool.start(where, unreached=unreached)

    def target_preferring(self, language: str, keyterms: tuple[str, ...]) -> Target:
        """See VendorAsr."""
        options = self.options
        by_vendor = options.turns != "ours"
        query: dict[str, str | list[str]] = {
            "model_id": options.model,
            "audio_format": format_name(self.form),
            "commit_strategy": "vad" if by_vendor else "manual",
            "include_timestamps": "true",
            "language_code": primary(language),
        }
        if by_vendor:
            query["vad_silence_threshold_secs"] = f"{options.silence_s:g}"
        if keyterms:
            query["keyterms"] = list(keyterms)
        return target("asr", self.name, options, "/v1/speech-to-text/realtime", {**query, **options.query})


def make(options: Mapping[str, Any], context: EngineContext) -> ElevenLabsAsr:
    """The factory of `asr.engine = "elevenlabs"`."""
    return ElevenLabsAsr(read_options(ElevenLabsAsrOptions, options, context), context)


def _kind(message: Message) -> tuple[str, Mapping[str, Any]]:
    fields = fields_of(message)
    return str(fields.get("message_type") or ""), fields


def _transcript(text: str, words: object) -> Transcript:
    """A committed segment. Times are from the session's start, which is the turn's."""
    found: list[RecognisedWord] = []
    for each in dicts_of(words):
        if each.get("type") != "word":
            continue
        start, end, logprob = each.get("start"), each.get("end"), each.get("logprob")
        if isinstance(start, int | float) and isinstance(end, int | float):
            confidence = math.exp(min(0.0, logprob)) if isinstance(logprob, int | float) else None
            found.append(RecognisedWord(str(each.get("text", "")), float(start), float(end), confidence))
    return Transcript(text, mean_confidence(word.confidence for word in found), tuple(found))
