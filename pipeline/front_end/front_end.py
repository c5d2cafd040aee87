"""The audio front end of one call: processes the line's audio for the speech detector, and checks its detections."""

import numpy as np

from offhook.pipeline.front_end.apm import AudioProcessor
from offhook.pipeline.front_end.echo_control import EchoControl
from offhook.pipeline.front_end.timeline import Timeline
from offhook.pipeline.front_end.tonal import WINDOW_SAMPLES, is_tone

MAYBE_TONE_SAMPLES = 2_560
"""For this long after its first candidate frame, a sound may still turn out to be a tone."""

_REPORTED_SAMPLES = 160  # 20 ms: what is being sent now may not be reported yet, and no echo is faster
_NEW_AFTER_SAMPLES = 1_280  # a candidate ends after this much silence


class AudioFrontEnd:
    """Echo control, tone detection and, optionally, a processor ahead of them. Audio is at 8 kHz."""

    def __init__(self, echo: EchoControl, processor: AudioProcessor | None = None) -> None:
        self.echo = echo
        self.sent = echo.sent
        """To be called with each packet that the bot has sent."""
        self.tones = 0
        """Detected frames that were rejected as tones."""
        self._processor = processor
        self._latest = Timeline(2 * WINDOW_SAMPLES, 2, b"\0\0")
        self._candidate_since = self._candidate_at = -_NEW_AFTER_SAMPLES

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> bytes:
        """Take the caller's next audio, from `at_tick` until `at_s`; returns the same amount, for detector and
        recogniser."""
        if self._processor is not None:
            start = at_tick - _REPORTED_SAMPLES
            pcm = self._processor.process(pcm, self.echo.sent_pcm(start, start + len(pcm) // 2))
        pcm = self.echo.on_audio(pcm, at_tick, at_s)
        latest = self._latest
        if latest.end != at_tick:
            latest.clear()
            latest.end = at_tick
        latest.append(pcm)
        return pcm

    def score(self, probability: float, end: int, *, in_speech: bool) -> float:
        """The probability that the frame up to sample `end` is the caller's speech, given the detector's.

        Called only for frames that the gate would count as speech. `in_speech`: the gate is already open.
        """
        if end - self._candidate_at > _NEW_AFTER_SAMPLES:
            self._candidate_since = end
        self._candidate_at = end
        if (not in_speech or end - self._candidate_since <= MAYBE_TONE_SAMPLES) and self._is_tone(end):
            self.tones += 1
            return 0.0
        return self.echo.score(probability, end, in_speech=in_speech)

    def _is_tone(self, end: int) -> bool:
        return is_tone(np.frombuffer(self._latest.read(end - WINDOW_SAMPLES, end), "<i2").astype(np.float32))
