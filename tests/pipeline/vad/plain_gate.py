"""The gate written plainly, one frame of one call at a time: the reference for the batched one."""

from collections import deque

import numpy as np

from offhook.pipeline.vad.gate import GateEvent, GateSettings, SpeechConfirmed, SpeechStarted, SpeechStopped
from offhook.pipeline.vad.loudness import BLOCK_SAMPLES, AudibleSettings


def _amplitude(dbfs: float) -> float:
    return float(32_768 * 10 ** (dbfs / 20))


NOISE_DELAY_FRAMES = 4

_NOISE_RISE = 1.26  # a frame: 2 dB
_NOISE_FALL = 0.3  # of the distance, a frame
_LEAST_NOISE_LEVEL = BLOCK_SAMPLES * _amplitude(-75.0)


class PlainGate:
    """One call's gate. Push every frame in order, with the probability that the detector gave it."""

    def __init__(self, settings: GateSettings | None = None) -> None:
        self.low_threshold = False
        """Set while an early start is worth a false one: the bot is speaking, and a pause can be undone."""
        settings, audible = settings or GateSettings(), AudibleSettings()
        self._settings = settings
        self._min_speech_samples = settings.min_speech_ms * settings.rate_hz // 1000
        self._min_detected_samples = (settings.min_speech_ms + settings.lag_ms) * settings.rate_hz // 1000
        self._max_candidate_samples = settings.max_candidate_ms * settings.rate_hz // 1000
        self._refine_samples = settings.refine_ms * settings.rate_hz // 1000
        self._audible_peak = _amplitude(audible.audible_dbfs)
        self._margin = 10 ** (audible.noise_margin_db / 20)
        self._noise_max_level = BLOCK_SAMPLES * _amplitude(audible.noise_max_dbfs)
        self._noise_level = _LEAST_NOISE_LEVEL  # of a block: the sum of its samples' absolute values
        self._recent_levels: deque[float] = deque(maxlen=NOISE_DELAY_FRAMES)
        self._run_start: int | None = None  # first sample of the current run of frames with audible blocks
        self._in_speech = False
        self._confirmed = False
        self._reached_start = False  # whether the segment has reached `start_probability`
        self._may_start_low = True  # whether the barge-in threshold may start one
        self._start_sample = 0
        self._stop_sample: int | None = None  # where the last segment ended
        self._speech_samples = 0
        self._frame_samples = 0  # the same, audible or not
        self._frames_below = 0
        self._below_sample = 0  # where the current run of frames below the stop threshold began
        self._audible_end = 0

    @property
    def in_speech(self) -> bool:
        """Between SpeechStarted and SpeechStopped."""
        return self._in_speech

    def push(self, probability: float, frame: bytes, at_tick: int) -> list[GateEvent]:
        """Take one frame of 16-bit mono PCM that begins at `at_tick`.

        Raises ValueError unless the frame is a whole number of 4 ms blocks.
        """
        if len(frame) % (2 * BLOCK_SAMPLES) or not frame:
            raise ValueError(f"a frame is a multiple of {2 * BLOCK_SAMPLES} bytes, not {len(frame)}")
        blocks = np.abs(np.frombuffer(frame, "<i2").astype(np.float32)).reshape(-1, BLOCK_SAMPLES)
        levels = blocks.sum(axis=1).tolist()
        audible = self._audible(blocks.max(axis=1).tolist(), levels)
        if audible:
            self._audible_end = at_tick + (audible[-1] + 1) * BLOCK_SAMPLES
        events = self._move(probability, len(audible) * BLOCK_SAMPLES, at_tick, len(frame) // 2)
        if not audible:
            self._run_start = None
        elif self._run_start is None:
            self._run_start = at_tick + audible[0] * BLOCK_SAMPLES
        if self._in_speech:
            self._recent_levels.clear()
        else:
            self._learn_noise(sum(levels) / len(levels))
        return events

    def _audible(self, peaks: list[float], levels: list[float]) -> list[int]:
        """The indices of the audible blocks."""
        # Noise raises samples that are slightly too quiet, by about its own level.
        least_peak = self._audible_peak + self._noise_level / BLOCK_SAMPLES
        least_level = min(self._noise_level * self._margin, self._noise_max_level)
        return [
            index
            for index, (peak, level) in enumerate(zip(peaks, levels, strict=True))
            if peak >= least_peak and level >= least_level
        ]

    def _move(self, probability: float, audible_samples: int, at_tick: int, samples: int) -> list[GateEvent]:
        settings = self._settings
        reached_start = probability >= settings.start_probability
        if not self._in_speech:
            self._reached_start = reached_start
            reached_barge_in = probability >= settings.barge_in_probability
            self._may_start_low = self._may_start_low or not reached_barge_in
            started = reached_start or (self.low_threshold and reached_barge_in and self._may_start_low)
            return self._start(audible_samples, at_tick, samples) if started else []
        self._reached_start = self._reached_start or reached_start
        if probability >= settings.stop_probability:
            self._frames_below = 0
            if not self._reached_start and self._frame_samples >= self._max_candidate_samples:
                # A hum or a tone: neither silence nor speech.
                self._may_start_low = False
                self._below_sample = at_tick
                return self._stop()
            return self._count(audible_samples, samples)
        if self._frames_below == 0:
            self._below_sample = at_tick
        self._frames_below += 1
        return self._stop() if self._frames_below >= settings.stop_frames else []

    def _start(self, audible_samples: int, at_tick: int, samples: int) -> list[GateEvent]:
        self._in_speech = True
        self._confirmed = False
        self._speech_samples = self._frame_samples = 0
        self._frames_below = 0
        audible_since = at_tick if self._run_start is None else self._run_start
        earliest = at_tick - self._refine_samples
        if self._stop_sample is not None:
            earliest = max(earliest, self._stop_sample)
        self._start_sample = max(audible_since, earliest)
        return [SpeechStarted(self._start_sample), *self._count(audible_samples, samples)]

    def _count(self, audible_samples: int, samples: int) -> list[GateEvent]:
        self._speech_samples += audible_samples
        self._frame_samples += samples
        enough = self._speech_samples >= self._min_speech_samples
        enough = enough or self._frame_samples >= self._min_detected_samples
        if self._confirmed or not (enough and self._reached_start):
            return []
        self._confirmed = True
        return [SpeechConfirmed(max(self._audible_end, self._start_sample))]

    def _stop(self) -> list[GateEvent]:
        self._in_speech = False
        earliest = max(self._start_sample, self._below_sample - self._refine_samples)
        self._stop_sample = max(self._audible_end, earliest)
        return [SpeechStopped(self._stop_sample, self._confirmed)]

    def _learn_noise(self, level: float) -> None:
        recent = self._recent_levels
        if len(recent) == NOISE_DELAY_FRAMES:
            noise = self._noise_level
            if recent[0] > noise:
                self._noise_level = min(recent[0], noise * _NOISE_RISE)
            else:
                self._noise_level = max(noise + (recent[0] - noise) * _NOISE_FALL, _LEAST_NOISE_LEVEL)
        recent.append(level)
