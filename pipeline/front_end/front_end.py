"""One call's ears: what passes between the line and the speech detector, and what the detector's word is worth."""

from collections.abc import Callable

import numpy as np

from offhook.pipeline.front_end.apm import AudioProcessor
from offhook.pipeline.front_end.cpu_budget import Allowance
from offhook.pipeline.front_end.echo_guard import EchoGuard
from offhook.pipeline.front_end.timeline import Timeline
from offhook.pipeline.front_end.tonal import WINDOW_SAMPLES, is_tone

DOUBT_SAMPLES = 2_560
"""So long, from its first suspicion on, a sound may turn out to be a tone; a longer one is what it is."""

_REPORTED_SAMPLES = 160  # 20 ms: what is being sent now may not have been told of yet, and no echo is quicker
_NEW_AFTER_SAMPLES = 1_280  # a suspicion that has been silent for so long is over


class AudioFrontEnd:
    """The echo guard, the ear for tones and, if one is given, a processor before them.

    `decode` turns what the line sends into 16-bit PCM, one octet a sample. Audio is at 8 kHz. Where a line sends
    something else, `octets` makes such octets of it, piece by piece. The calls of a process share an `allowance`.
    """

    def __init__(
        self,
        decode: Callable[[bytes], bytes],
        processor: AudioProcessor | None = None,
        octets: Callable[[bytes], bytes] | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        self.guard = EchoGuard(decode, allowance)
        self._to_octets = octets
        self.tones = 0
        """Frames that the detector suspected and that were a tone."""
        self._processor = processor
        self._latest = Timeline(2 * WINDOW_SAMPLES, 2, b"\0\0")
        self._suspected_since = self._suspected_at = -_NEW_AFTER_SAMPLES

    def sent(self, payload: bytes, at_s: float, *, first: bool = False) -> None:
        """The bot began to say this at `at_s` (monotonic seconds). `first`: a pause was before it, of any length."""
        self.guard.sent(payload if self._to_octets is None else self._to_octets(payload), at_s, first=first)

    def heard(self, pcm: bytes, at_sample: int, at_s: float) -> bytes:
        """The caller's next audio, from `at_sample` until `at_s`: as much comes back, to be listened to instead."""
        if self._processor is not None:
            start = at_sample - _REPORTED_SAMPLES
            pcm = self._processor.process(pcm, self.guard.sent_pcm(start, start + len(pcm) // 2))
        pcm = self.guard.heard(pcm, at_sample, at_s)
        latest = self._latest
        if latest.end != at_sample:
            latest.clear()
            latest.end = at_sample
        latest.append(pcm)
        return pcm

    def weigh(self, probability: float, end: int, *, in_speech: bool) -> float:
        """The probability that the frame up to sample `end` holds the caller's speech, given the detector's.

        To be asked of frames only that the gate would take for speech. `in_speech`: the caller is already believed.
        """
        if end - self._suspected_at > _NEW_AFTER_SAMPLES:
            self._suspected_since = end
        self._suspected_at = end
        if (not in_speech or end - self._suspected_since <= DOUBT_SAMPLES) and self._is_tone(end):
            self.tones += 1
            return 0.0
        return self.guard.weigh(probability, end, in_speech=in_speech)

    def _is_tone(self, end: int) -> bool:
        return is_tone(np.frombuffer(self._latest.read(end - WINDOW_SAMPLES, end), "<i2").astype(np.float32))
