"""Runs voices that speak a clause at a time in a child process: espeak-ng, hibari, Piper, Kokoro.

What they have in common is here: the text is divided, silence is cut, the audio is brought to the line's rate and
level, and words get their places. `tts.clause_tts` is the parent's side.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

import numpy as np

from offhook.pipeline.clauses import Clause, clauses
from offhook.pipeline.engine_host.main import Emit
from offhook.pipeline.engine_host.protocol import AUDIO_PIECE, Kind, ProtocolError, StreamFailure, decode_json
from offhook.pipeline.tts._decimate import OUTPUT_HZ, Samples, decimate
from offhook.pipeline.tts._phonemes import word_starts
from offhook.pipeline.tts._shape import LEAD_SAMPLES, PAUSE_SAMPLES, SOFT_PAUSE_SAMPLES, TAIL_SAMPLES, cut, limited
from offhook.pipeline.tts._words import WordSpan

MIN_SPEED, MAX_SPEED = 0.4, 3.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """A clause: samples from -1 to 1 at `rate_hz`, and (character, sample) of the words; None if the voice does not
    know where they are."""

    samples: Samples
    rate_hz: int
    words: list[tuple[int, int]] | None = None


class ClauseVoice(Protocol):
    """A synthesiser, loaded."""

    def speak(self, text: str, voice: str, speed: float) -> Spoken:
        """Speak a clause with one of its voices ("": the configured one), `speed` times as fast as usual.

        Raises StreamFailure.
        """
        ...


@dataclass(slots=True)
class _Stream:
    left: list[Clause]  # not yet spoken
    rate_hz: int
    voice: str
    speed: float
    began_at_s: float
    said_samples: int = 0

    @property
    def silent_at_s(self) -> float:
        """When the listener will have heard all that there is, if they began with the request."""
        return self.began_at_s + self.said_samples / self.rate_hz


class ClauseHost:
    """`HostedEngine` over a ClauseVoice. One step speaks one clause, of the utterance that will run dry first."""

    def __init__(self, engine: ClauseVoice, emit: Emit) -> None:
        self._engine = engine
        self._emit = emit
        self._streams: dict[int, _Stream] = {}
        # Loads what is loaded lazily, and allocates: the first sentence of a call must not wait for that.
        spoken = engine.speak("Good morning, this is a test.", "", 1.0)
        for rate_hz in (OUTPUT_HZ, 2 * OUTPUT_HZ):
            decimate(spoken.samples, spoken.rate_hz, rate_hz)

    def info(self) -> dict[str, object]:
        """The rate of the audio, unless a request asks for the other."""
        return {"rate_hz": OUTPUT_HZ}

    def open(self, stream: int, payload: bytes) -> None:
        """Begin an utterance, which ends by itself: {"text": str, "rate_hz": 8000 or 16000, "voice": str,
        "language": str, "speed": float}. All but the text may be missing."""
        wanted = decode_json(payload)
        text, voice, language = (wanted.get(key, "") for key in ("text", "voice", "language"))
        rate_hz, speed = wanted.get("rate_hz", OUTPUT_HZ), wanted.get("speed", 1.0)
        if "text" not in wanted or not all(isinstance(value, str) for value in (text, voice, language)):
            raise ProtocolError("the text, the voice or the language is not a string")
        if rate_hz not in (OUTPUT_HZ, 2 * OUTPUT_HZ):
            raise ProtocolError("the rate is neither 8000 nor 16000 Hz")
        if not isinstance(speed, int | float) or not MIN_SPEED <= speed <= MAX_SPEED:
            raise ProtocolError(f"the speed is not between {MIN_SPEED} and {MAX_SPEED}")
        # A clause without a letter or a digit is nothing to say; networks would breathe, or guess.
        left = [clause for clause in clauses(text, language) if word_starts(clause.text)]
        self._streams[stream] = _Stream(left, rate_hz, voice, float(speed), monotonic())

    def data(self, stream: int, payload: bytes) -> None:
        """A voice takes no audio."""

    def end(self, stream: int) -> None:
        """Nothing to do: the text is already complete."""

    def drop(self, stream: int) -> None:
        """Drop the utterance."""
        self._streams.pop(stream, None)

    def next_stream(self) -> int | None:
        """The utterance whose listener will be waiting first."""
        return min(self._streams, key=lambda number: self._streams[number].silent_at_s, default=None)

    def step(self, stream: int) -> None:
        """Speak the utterance's next clause."""
        state = self._streams[stream]
        if state.left:
            clause = state.left.pop(0)
            pause = SOFT_PAUSE_SAMPLES if clause.ends_softly else PAUSE_SAMPLES
            try:
                spoken = self._engine.speak(clause.text, state.voice, state.speed)
            except StreamFailure:
                raise
            except Exception as error:  # third-party code: an error fails this utterance, not the others
                raise StreamFailure("speaking", f"{type(error).__name__}: {error}") from error
            self._give(stream, state, clause, spoken, pause if state.left else TAIL_SAMPLES)
        if not state.left:
            del self._streams[stream]
            self._emit(Kind.RESULT, stream, json.dumps({"samples": state.said_samples}).encode())

    def _give(self, stream: int, state: _Stream, clause: Clause, spoken: Spoken, tail: int) -> None:
        rate_hz, scale = state.rate_hz, state.rate_hz // OUTPUT_HZ
        samples, spans = cut(
            decimate(spoken.samples, spoken.rate_hz, rate_hz),
            [(character, sample * rate_hz // spoken.rate_hz) for character, sample in spoken.words or ()],
            clause.text,
            lead=scale * LEAD_SAMPLES,
            tail=scale * tail,
        )
        if spoken.words is not None:
            words = [_placed(span, clause.start, state.said_samples) for span in spans]
            self._emit(Kind.NOTE, stream, json.dumps({"words": words}).encode())
        state.said_samples += len(samples)
        pcm = np.round(limited(samples) * 32_767.0).astype("<i2").tobytes()
        for at in range(0, len(pcm), AUDIO_PIECE):
            self._emit(Kind.DATA, stream, pcm[at : at + AUDIO_PIECE])


def texts_of(options: Mapping[str, Any], key: str) -> list[str]:
    """The texts in a list of the options; none if there is no such list."""
    found = options.get(key)
    return [str(each) for each in found] if isinstance(found, list) else []


def _placed(span: WordSpan, characters: int, samples: int) -> tuple[int, int, int, int]:
    return (
        span.char_start + characters,
        span.char_end + characters,
        span.start_sample + samples,
        span.end_sample + samples,
    )
