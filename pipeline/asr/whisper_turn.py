"""The audio of one turn for a recogniser that decodes whole utterances, and what should be decoded next. Pure.

Such a model knows no streams: it is given everything said so far, again and again. There are four reasons to decode,
in the order of their urgency:

- FINAL: the turn has ended. If it ended with a pause that has been decoded already, the result is there.
- PIECE: the audio is about to exceed the model's window. What stands before the quietest moment of its second half is
  decoded for good.
- PAUSE: the caller has been quiet for PAUSE_SAMPLES. The turn is probably over, and its result is prepared.
- PARTIAL: the caller goes on talking, and half a second is new.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from offhook.pipeline.asr.engine import RecognisedWord

RATE_HZ = 16_000
STEP_SAMPLES = 320
"""20 ms, of which the level is measured."""

PAUSE_SAMPLES = RATE_HZ // 5
PARTIAL_SAMPLES = RATE_HZ // 2

QUIET = 0.1
"""Relative to the loudest step of the turn: quieter steps are a pause."""

INAUDIBLE = 30.0
"""RMS of 16-bit samples: if nothing was louder, nothing has been said."""

CUT_STEPS = 8
"""A long turn is cut in the middle of the quietest 160 ms."""

Samples = NDArray[np.int16]


class Work(IntEnum):
    """Why a turn should be decoded; the lowest is the most urgent."""

    FINAL = 0
    PIECE = 1
    PAUSE = 2
    PARTIAL = 3


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a piece of audio was understood as. Times of `words` count from the piece's first sample.

    `weight` is the length of the speech in seconds: confidences are averaged with it. `alternatives` are other
    readings.
    """

    text: str = ""
    confidence: float = 0.0
    words: tuple[RecognisedWord, ...] = ()
    weight: float = 0.0
    alternatives: tuple[str, ...] = ()


@dataclass(slots=True)
class TurnAudio:
    """Audio of a turn that has not been decoded for good, and the results of what has. `window_s` is the model's."""

    window_s: float
    ended: bool = False
    loudest: float = 0.0
    decoded: list[tuple[float, Recognised]] = field(default_factory=list)
    """The pieces that are done, each with its start in seconds."""
    _pcm: bytearray = field(default_factory=bytearray)
    _start_samples: int = 0
    _measured_samples: int = 0
    _quiet_samples: int = 0
    _partial_at_samples: int = 0
    _prepared: Recognised | None = None

    @property
    def samples(self) -> Samples:
        """What has not been decoded for good."""
        return np.frombuffer(bytes(self._pcm[: len(self._pcm) & ~1]), np.int16)

    @property
    def waiting_bytes(self) -> int:
        """The size of what has not been decoded for good."""
        return len(self._pcm)

    @property
    def is_long(self) -> bool:
        """Whether that is more than the model takes at once."""
        return len(self._pcm) // 2 > self.window_s * RATE_HZ

    @property
    def is_audible(self) -> bool:
        """Whether anything has been said."""
        return self.loudest > INAUDIBLE

    @property
    def prepared(self) -> Recognised | None:
        """The result, if nothing but quiet has come since it was made."""
        return self._prepared

    def push(self, pcm: bytes) -> None:
        """Take 16-bit mono PCM at 16 kHz, of any length."""
        self._pcm += pcm
        steps = (len(self._pcm) // 2 - self._measured_samples) // STEP_SAMPLES
        if not steps:
            return
        begin, end = self._measured_samples, self._measured_samples + steps * STEP_SAMPLES
        self._measured_samples = end
        for level in levels(np.frombuffer(bytes(self._pcm[2 * begin : 2 * end]), np.int16)):
            self.loudest = max(self.loudest, float(level))
            if level > max(INAUDIBLE, QUIET * self.loudest):
                self._quiet_samples = 0
                self._prepared = None
            else:
                self._quiet_samples += STEP_SAMPLES

    def due(self) -> Work | None:
        """The most urgent reason to decode, if there is one."""
        if self.ended:
            return Work.FINAL
        if len(self._pcm) // 2 >= self.window_s * RATE_HZ:
            return Work.PIECE
        if not self.is_audible or self._prepared is not None:
            return None
        if self._quiet_samples >= PAUSE_SAMPLES:
            return Work.PAUSE
        return Work.PARTIAL if len(self._pcm) // 2 - self._partial_at_samples >= PARTIAL_SAMPLES else None

    def take_piece(self) -> Samples:
        """Remove and return the audio before the best moment for a cut; `add_piece` takes its result."""
        samples = self.samples[: round(self.window_s * RATE_HZ)]
        at = cut_at(samples)
        del self._pcm[: 2 * at]
        self._measured_samples = max(0, self._measured_samples - at)
        self._partial_at_samples = 0
        self._prepared = None
        self.decoded.append((self._start_samples / RATE_HZ, Recognised()))
        self._start_samples += at
        return samples[:at]

    def add_piece(self, result: Recognised) -> None:
        """The result of the piece taken last."""
        self.decoded[-1] = (self.decoded[-1][0], result)

    def add_prepared(self, result: Recognised) -> None:
        """The result of a decoding during a pause."""
        self._prepared = result
        self._partial_at_samples = len(self._pcm) // 2

    def mark_partial(self) -> None:
        """A partial result is being made of all the audio."""
        self._partial_at_samples = len(self._pcm) // 2

    def text_with(self, last: Recognised) -> str:
        """The text of all pieces and of the rest."""
        return " ".join(each.text for each in (*(done for _, done in self.decoded), last) if each.text)

    def result_with(self, last: Recognised) -> Recognised:
        """The whole turn's result; times count from the turn's first sample."""
        pieces = [*self.decoded, (self._start_samples / RATE_HZ, last)]
        spoken = [(start_s, each) for start_s, each in pieces if each.text]
        weight = sum(each.weight for _, each in spoken)
        confidence = sum(each.confidence * each.weight for _, each in spoken) / weight if weight else 0.0
        words = tuple(
            RecognisedWord(word.text, word.start_s + start_s, word.end_s + start_s, word.confidence)
            for start_s, each in spoken
            for word in each.words
        )
        alternatives = last.alternatives if len(spoken) == 1 else ()
        return Recognised(self.text_with(last), confidence, words, weight, alternatives)


def levels(samples: Samples) -> NDArray[np.float32]:
    """RMS of each 20 ms; what is left at the end is not counted."""
    whole = len(samples) // STEP_SAMPLES * STEP_SAMPLES
    steps = samples[:whole].astype(np.float32).reshape(-1, STEP_SAMPLES)
    return np.asarray(np.sqrt((steps * steps).mean(axis=1)), np.float32)


def cut_at(samples: Samples) -> int:
    """Where to cut long speech, in samples: in the middle of the quietest 160 ms of its second half."""
    step_levels = levels(samples)
    half = len(step_levels) // 2
    smooth = np.convolve(step_levels[half:], np.ones(CUT_STEPS), "valid")
    if not len(smooth):
        return len(samples)
    # Of equally quiet moments the last: a long piece has more context.
    quietest = len(smooth) - 1 - int(np.argmin(smooth[::-1]))
    return (half + quietest + CUT_STEPS // 2) * STEP_SAMPLES
