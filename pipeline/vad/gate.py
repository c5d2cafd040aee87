"""From probabilities to speech: hysteresis, confirmation, and ends refined by loudness.

A neural detector answers one to three frames late at either end. That may be so for deciding, but not for
measuring: the positions reported here are those of the first and the last sample that can be heard.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How probabilities become starts and ends of speech.

    Speech starts with the first frame at or above `start_probability`, and has stopped after `stop_frames`
    frames running below `stop_probability`. It is confirmed after `confirm_ms` of it that can be heard or, for
    those who speak softly, after that and `lag_ms` more by the detector alone: a click or a cough is too short.
    While `low_threshold` is set, `suspect_probability` is enough to start; what has not been at `start_probability`
    after `doubt_ms` has stopped, and raises no suspicion again before it has been below `suspect_probability`.
    Starts and ends are looked for up to `refine_ms` back.
    """

    rate_hz: int = 8_000
    start_probability: float = 0.5
    suspect_probability: float = 0.3
    stop_probability: float = 0.35
    stop_frames: int = 2
    confirm_ms: int = 160
    lag_ms: int = 96
    doubt_ms: int = 192
    refine_ms: int = 160


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Perhaps speech: the caller became audible at `at_tick`."""

    at_tick: int


@dataclass(frozen=True, slots=True)
class SpeechConfirmed:
    """Certainly speech; it has been heard up to `at_tick`."""

    at_tick: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """`at_tick` is one past the last audible sample. Not `confirmed`: it was too short to be speech."""

    at_tick: int
    confirmed: bool


GateEvent = SpeechStarted | SpeechConfirmed | SpeechStopped


class SpeechGate:
    """One call's gate. Tell it every frame in order: what the detector said, and what of it can be heard."""

    __slots__ = (
        "_audible_end",
        "_below_sample",
        "_certain",
        "_confirm_frame_samples",
        "_confirm_samples",
        "_confirmed",
        "_doubt_samples",
        "_frame_samples",
        "_frames_below",
        "_refine_samples",
        "_run_start",
        "_settings",
        "_speech_samples",
        "_start_sample",
        "_stop_sample",
        "_suspicious",
        "in_speech",
        "low_threshold",
    )

    def __init__(self, settings: GateSettings = GateSettings()) -> None:
        self.low_threshold = False
        """Set while an early start is worth a false one: the bot speaks, and its pause can be taken back."""
        self.in_speech = False
        """Between SpeechStarted and SpeechStopped; to be read only."""
        self._settings = settings
        self._confirm_samples = settings.confirm_ms * settings.rate_hz // 1000
        self._confirm_frame_samples = (settings.confirm_ms + settings.lag_ms) * settings.rate_hz // 1000
        self._doubt_samples = settings.doubt_ms * settings.rate_hz // 1000
        self._refine_samples = settings.refine_ms * settings.rate_hz // 1000
        self._run_start: int | None = None  # first sample of the last frames running with something audible
        self._confirmed = False
        self._certain = False  # has the segment been at `start_probability`
        self._suspicious = True  # may a suspicion start one
        self._start_sample = 0
        self._stop_sample: int | None = None  # where the last segment ended
        self._speech_samples = 0
        self._frame_samples = 0  # the same, audible or not
        self._frames_below = 0
        self._below_sample = 0  # where the current run of frames below the stop threshold began
        self._audible_end = 0

    @property
    def speech_samples(self) -> int:
        """Audible samples of the current segment, or of the last one while there is none."""
        return self._speech_samples

    def wavers(self, probability: float) -> bool:
        """Does it depend on `low_threshold` what the next frame means, should it have this probability?"""
        settings = self._settings
        return not self.in_speech and settings.suspect_probability <= probability < settings.start_probability

    def push(
        self, probability: float, at_tick: int, samples: int, audible: int, start: int, end: int
    ) -> tuple[GateEvent, ...]:
        """Take a frame of `samples` that begins at `at_tick`.

        `audible` samples of it can be heard, in blocks of which the first begins at `start` and the last ends at
        `end`, counted from the frame's first sample.
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
            if probability < settings.suspect_probability and probability < settings.start_probability:
                self._suspicious = True
                return ()
            return self._wake(probability, audible, at_tick, samples)
        self._certain = self._certain or probability >= settings.start_probability
        if probability >= settings.stop_probability:
            self._frames_below = 0
            if not self._certain and self._frame_samples >= self._doubt_samples:
                # A hum, a tone: neither silence nor speech.
                self._suspicious = False
                self._below_sample = at_tick
                return self._stop()
            return self._count(audible, samples)
        if self._frames_below == 0:
            self._below_sample = at_tick
        self._frames_below += 1
        return self._stop() if self._frames_below >= settings.stop_frames else ()

    def _wake(self, probability: float, audible: int, at_tick: int, samples: int) -> tuple[GateEvent, ...]:
        settings = self._settings
        certain = probability >= settings.start_probability
        suspect = probability >= settings.suspect_probability
        self._suspicious = self._suspicious or not suspect
        if not certain and not (self.low_threshold and suspect and self._suspicious):
            return ()
        self._certain = certain
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
        enough = self._speech_samples >= self._confirm_samples
        enough = enough or self._frame_samples >= self._confirm_frame_samples
        if self._confirmed or not (enough and self._certain):
            return ()
        self._confirmed = True
        return (SpeechConfirmed(max(self._audible_end, self._start_sample)),)

    def _stop(self) -> tuple[GateEvent, ...]:
        self.in_speech = False
        earliest = max(self._start_sample, self._below_sample - self._refine_samples)
        self._stop_sample = max(self._audible_end, earliest)
        return (SpeechStopped(self._stop_sample, self._confirmed),)
