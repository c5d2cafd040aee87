"""One call's audio front end: what passes from the line to the speech detector, and what a detection is worth."""

import numpy as np

from offhook.pipeline.front_end.apm import AudioProcessor
from offhook.pipeline.front_end.echo_control import EchoControl
from offhook.pipeline.front_end.timeline import Timeline
from offhook.pipeline.front_end.tonal import WINDOW_SAMPLES, is_tone

MAYBE_TONE_SAMPLES = 2_560
"""How long after its first candidate frame a sound may still turn out to be a tone."""

_REPORTED_SAMPLES = 160  # 20 ms: what is being sent now may not be reported yet, and no echo is quicker
_NEW_AFTER_SAMPLES = 1_280  # a candidate is over after this much silence


class AudioFrontEnd:
    """Echo control, detection of tones and, if one is given, a processor before them. Audio is at 8 kHz."""

    def __init__(self, echo: EchoControl, processor: AudioProcessor | None = None) -> None:
        self.echo = echo
        self.tones = 0
        """Frames that the detector proposed as speech and that were a tone."""
        self._processor = processor
        self._latest = Timeline(2 * WINDOW_SAMPLES, 2, b"\0\0")
        self._candidate_since = self._candidate_at = -_NEW_AFTER_SAMPLES

    def sent(self, payload: bytes, at_s: float, *, first: bool = False) -> None:
        """The bot began to send this at `at_s` (monotonic seconds). `first`: a pause of any length precedes it."""
        self.echo.sent(payload, at_s, first=first)

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> bytes:
        """The caller's next audio, from `at_tick` until `at_s`. Returns as much, for detector and recogniser."""
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
        """The probability that the frame up to sample `end` holds the caller's speech, given the detector's.

        Called only for frames that the gate would count as speech. `in_speech`: the gate is open already.
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
