"""Turns probabilities into speech events: hysteresis, confirmation, and boundaries refined by loudness.

A neural detector reacts one to three frames late at either end. That is fine for decisions but not for measurements:
the positions reported here are those of the first and last audible sample.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How probabilities become starts and ends of speech.

    Speech starts with the first frame at or above `start_probability` and stops after `stop_frames` consecutive frames
    below `stop_probability`. It is confirmed after `min_speech_ms` of audible speech or, for soft speakers, after that
    plus `lag_ms` by the detector alone: a click or a cough is too short. While `low_threshold` is set,
    `barge_in_probability` is enough to start; a segment that has not reached `start_probability` after
    `max_candidate_ms` is stopped, and `barge_in_probability` cannot start another until the probability has fallen
    below it. Starts and ends are refined by up to `refine_ms` backwards.
    """

    rate_hz: int = 8_000
    start_probability: float = 0.5
    barge_in_probability: float = 0.3
    stop_probability: float = 0.35
    stop_frames: int = 2
    min_speech_ms: int = 160
    lag_ms: int = 96
    max_candidate_ms: int = 192
    refine_ms: int = 160


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Possible speech: the caller became audible at `at_tick`."""

    at_tick: int


@dataclass(frozen=True, slots=True)
class SpeechConfirmed:
    """Confirmed speech; it was audible up to `at_tick`."""

    at_tick: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """`at_tick` is one past the last audible sample. Not `confirmed`: too short to be speech."""

    at_tick: int
    confirmed: bool


GateEvent = SpeechStarted | SpeechConfirmed | SpeechStopped


class SpeechGate:
    """The gate of one call. Push every frame in order, with the detector's probability and the audible part."""

    __slots__ = (
        "_audible_end",
        "_below_sample",
        "_confirmed",
        "_frame_samples",
        "_frames_below",
        "_max_candidate_samples",
        "_may_start_low",
        "_min_detected_samples",
        "_min_speech_samples",
        "_reached_start",
        "_refine_samples",
        "_run_start",
        "_settings",
        "_speech_samples",
        "_start_sample",
        "_stop_sample",
        "in_speech",
        "low_threshold",
    )

    def __init__(self, settings: GateSettings = GateSettings()) -> None:
        self.low_threshold = False
        """Set while an early start is worth a false one: the bot is speaking, and a pause can be undone."""
        self.in_speech = False
        """Between SpeechStarted and SpeechStopped; read only."""
        self._settings = settings
        self._min_speech_samples = settings.min_speech_ms * settings.rate_hz // 1000
        self._min_detected_samples = (settings.min_speech_ms + settings.lag_ms) * settings.rate_hz // 1000
        self._max_candidate_samples = settings.max_candidate_ms * settings.rate_hz // 1000
        self._refine_samples = settings.refine_ms * settings.rate_hz // 1000
        self._run_start: int | None = None  # first sample of the current run of frames with audible blocks
        self._confirmed = False
        self._reached_start = False  # whether this segment has reached `start_probability`
        self._may_start_low = True  # whether `barge_in_probability` may start a segment
        self._start_sample = 0
        self._stop_sample: int | None = None  # where the last segment ended
        self._speech_samples = 0  # audible ones, in the current segment or the last
        self._frame_samples = 0  # as `_speech_samples`, but with inaudible samples included
        self._frames_below = 0
        self._below_sample = 0  # where the current run of frames below the stop threshold began
        self._audible_end = 0

    def push(
        self, probability: float, at_tick: int, samples: int, audible: int, start: int, end: int
    ) -> tuple[GateEvent, ...]:
        """Take a frame of `samples` that starts at `at_tick`.

        `audible` of its samples can be heard, in blocks of which the first begins at `start` and the last ends at
        `end`, counted from the start of the frame.
        """
        if not audible:
            events = self._move(probability, 0, at_tick, samples)
            self._run_start = None
            return events
        self._audible_end = at_tick + end
        events = self._move(probability, audible, at_tick, samples)
        if self._run_start is None:
            self._run_start = at_tick + start
        return events

    def _move(self, probability: float, audible: int, at_tick: int, samples: int) -> tuple[GateEvent, ...]:
        settings = self._settings
        if not self.in_speech:
            if probability < settings.barge_in_probability and probability < settings.start_probability:
                self._may_start_low = True
                return ()
            return self._wake(probability, audible, at_tick, samples)
        self._reached_start = self._reached_start or probability >= settings.start_probability
        if probability >= settings.stop_probability:
            self._frames_below = 0
            if not self._reached_start and self._frame_samples >= self._max_candidate_samples:
                # A hum or a tone: neither silence nor speech.
                self._may_start_low = False
                self._below_sample = at_tick
                return self._stop()
            return self._count(audible, samples)
        if self._frames_below == 0:
            self._below_sample = at_tick
        self._frames_below += 1
        return self._stop() if self._frames_below >= settings.stop_frames else ()

    def _wake(self, probability: float, audible: int, at_tick: int, samples: int) -> tuple[GateEvent, ...]:
        settings = self._settings
        reached_start = probability >= settings.start_probability
        reached_barge_in = probability >= settings.barge_in_probability
        self._may_start_low = self._may_start_low or not reached_barge_in
        if not reached_start and not (self.low_threshold and reached_barge_in and self._may_start_low):
            return ()
        self._reached_start = reached_start
        return self._start(audible, at_tick, samples)

    def _start(self, audible_samples: int, at_tick: int, samples: int) -> tuple[GateEvent, ...]:
        self.in_speech = True
        self._confirmed = False
        self._speech_samples = self._frame_samples = 0
        self._frames_below = 0
        audible_since = at_tick if self._run_start is None else self._run_start
        earliest = at_tick - self._refine_samples
        if self._stop_sample is not None:
            earliest = max(earliest, self._stop_sample)
        self._start_sample = max(audible_since, earliest)
        return (SpeechStarted(self._start_sample), *self._count(audible_samples, samples))

    def _count(self, audible_samples: int, samples: int) -> tuple[GateEvent, ...]:
        self._speech_samples += audible_samples
        self._frame_samples += samples
        enough = self._speech_samples >= self._min_speech_samples
        enough = enough or self._frame_samples >= self._min_detected_samples
        if self._confirmed or not (enough and self._reached_start):
            return ()
        self._confirmed = True
        return (SpeechConfirmed(max(self._audible_end, self._start_sample)),)

    def _stop(self) -> tuple[GateEvent, ...]:
        self.in_speech = False
        earliest = max(self._start_sample, self._below_sample - self._refine_samples)
        self._stop_sample = max(self._audible_end, earliest)
        return (SpeechStopped(self._stop_sample, self._confirmed),)
