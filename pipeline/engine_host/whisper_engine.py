"""Runs a Whisper model in a child process, for several turns at a time.

A decoding takes a tenth of a second (tiny.en) and cannot be divided, so what matters is the order: see
`asr.whisper_turn`. Partial results only take time that nobody else needs, and at most a third of it.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from offhook.pipeline.asr.whisper_turn import RATE_HZ, Recognised, Samples, TurnAudio, Work
from offhook.pipeline.engine_host.protocol import CONSUMED_COUNT, Kind, ProtocolError, StreamFailure, decode_json
from offhook.pipeline.engine_host.whisper_model import WhisperModel

MAX_PARTIAL_S = 0.3
"""With a model that takes longer there are no partial results: a turn that ends meanwhile would wait for one."""

IDLE_AFTER_PARTIAL = 2.0
"""Times the duration of a partial result, before the next one."""

MAX_WAITING_BYTES = 60 * RATE_HZ * 2
"""Of a turn that the child does not get round to decoding."""

Emit = Callable[[Kind, int, bytes], None]


@dataclass(slots=True)
class _Turn:
    language: str | None
    audio: TurnAudio
    phrases: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    received_bytes: int = 0
    waiting_since: float = 0.0
    partial: str = ""
    earlier: str = ""  # what the latest decoding before the pause has found


class HostedWhisper:
    """`HostedEngine` over a WhisperModel. Options: `model` (a folder), `window_s`, `language`, `threads`, `partials`,
    `word_times`."""

    def __init__(self, options: Mapping[str, object], emit: Emit, clock: Callable[[], float] = time.monotonic) -> None:
        self._emit = emit
        self._clock = clock
        self._window_s = float(str(options.get("window_s", 15.0)))
        self._partials = bool(options.get("partials", True))
        self._language = str(options.get("language", "en"))
        self._model = WhisperModel(
            Path(str(options["model"])),
            window_s=self._window_s,
            language=self._language,
            threads=int(str(options.get("threads", 1))),
            word_times=bool(options.get("word_times", True)),
        )
        self._turns: dict[int, _Turn] = {}
        self._no_partial_before = 0.0
        self._decode_s = 0.0
        self._warm_up()

    def info(self) -> dict[str, object]:
        """The rate, and what a decoding takes."""
        return {"engine": "whisper", "rate_hz": RATE_HZ, "decode_ms": round(1_000 * self._decode_s)}

    def open(self, stream: int, payload: bytes) -> None:
        """Begin a turn: {"language": str | null, "phrases": [str], "others": [str]}; the last, further languages, may
        be missing. The grammar is not used."""
        request = decode_json(payload)
        language, phrases = request.get("language"), request.get("phrases", [])
        if language is not None and not isinstance(language, str):
            raise ProtocolError("the language is not a string")
        if not isinstance(phrases, list) or not all(isinstance(phrase, str) for phrase in phrases):
            raise ProtocolError("the phrases are not a list of strings")
        others = request.get("others", [])
        if not isinstance(others, list) or not all(isinstance(each, str) for each in others):
            raise ProtocolError("the other languages are not a list of strings")
        self._turns[stream] = _Turn(language, TurnAudio(self._window_s), tuple(phrases), tuple(others))

    def data(self, stream: int, payload: bytes) -> None:
        """Audio at 16 kHz."""
        turn = self._turns.get(stream)
        if turn is None:
            return
        was_due = turn.audio.due()
        turn.audio.push(payload)
        if turn.audio.waiting_bytes > MAX_WAITING_BYTES:
            raise StreamFailure("taking audio", "the process is too slow for so many calls", "Give it more workers.")
        if turn.audio.due() != was_due:
            turn.waiting_since = self._clock()
        turn.received_bytes += len(payload)
        # The audio is kept here, within its own limit.
        self._emit(Kind.CONSUMED, stream, CONSUMED_COUNT.pack(turn.received_bytes))

    def end(self, stream: int) -> None:
        """The audio is complete."""
        if stream in self._turns:
            self._turns[stream].audio.ended = True
            self._turns[stream].waiting_since = self._clock()

    def drop(self, stream: int) -> None:
        """Drop the turn."""
        self._turns.pop(stream, None)

    def next_stream(self) -> int | None:
        """The turn with the most urgent work; of equally urgent ones, that which has waited longest."""
        due = [
            (work, turn.waiting_since, stream)
            for stream, turn in self._turns.items()
            if (work := turn.audio.due()) is not None and self._has_time_for(work)
        ]
        return min(due)[2] if due else None

    def step(self, stream: int) -> None:
        """Decode for a turn, once."""
        turn = self._turns[stream]
        audio, work = turn.audio, turn.audio.due()
        if work is Work.FINAL:
            self._finish(stream, turn)
        elif work is Work.PIECE:
            audio.add_piece(self._recognise(turn, audio.take_piece()))
        elif work is Work.PAUSE:
            audio.add_prepared(self._recognise(turn, audio.samples))
            if audio.prepared is not None:
                self._emit_partial(stream, turn, audio.prepared)
        elif work is Work.PARTIAL:
            audio.mark_partial()
            began = self._clock()
            found = self._recognise(turn, audio.samples, final=False)
            ended = self._clock()
            turn.earlier = audio.text_with(found)
            self._no_partial_before = ended + IDLE_AFTER_PARTIAL * (ended - began)
            self._emit_partial(stream, turn, found)
        turn.waiting_since = self._clock()

    def _has_time_for(self, work: Work) -> bool:
        if work is Work.PARTIAL:
            return self._partials and self._decode_s <= MAX_PARTIAL_S and self._clock() >= self._no_partial_before
        return True

    def _finish(self, stream: int, turn: _Turn) -> None:
        audio = turn.audio
        if audio.is_long:  # the child is behind, and the rest is more than one window
            audio.add_piece(self._recognise(turn, audio.take_piece()))
            return
        last = audio.prepared or self._recognise(turn, audio.samples)
        result = audio.result_with(last)
        del self._turns[stream]
        values = {
            "text": result.text,
            "confidence": round(result.confidence, 3) if result.text else None,
            "words": [astuple(word) for word in result.words],
            "alternatives": result.alternatives,
            "repeats": result.text == turn.partial and result.text != turn.earlier,
        }
        self._emit(Kind.RESULT, stream, json.dumps(values).encode())

    def _recognise(self, turn: _Turn, samples: Samples, *, final: bool = True) -> Recognised:
        if not turn.audio.is_audible:
            return Recognised()
        began = self._clock()
        try:
            language = turn.language
            if turn.others:
                language = self._model.language_of(samples, (language or self._language, *turn.others))
            found = self._model.recognise(samples, language, final=final, phrases=turn.phrases)
        except (RuntimeError, ValueError) as error:  # ctranslate2's: it fails this turn, not the others
            raise StreamFailure("recognising", f"{type(error).__name__}: {error}") from error
        self._decode_s += 0.25 * (self._clock() - began - self._decode_s)
        return found

    def _emit_partial(self, stream: int, turn: _Turn, last: Recognised) -> None:
        text = turn.audio.text_with(last)
        if self._partials and text != turn.partial:
            turn.partial = text
            self._emit(Kind.PARTIAL, stream, json.dumps({"text": text}).encode())

    def _warm_up(self) -> None:
        noise = np.random.default_rng(1).normal(scale=500, size=2 * RATE_HZ).astype(np.int16)
        for _ in range(2):  # the first takes longer, the second says how fast this machine is
            began = self._clock()
            self._model.recognise(noise)
            self._decode_s = self._clock() - began
