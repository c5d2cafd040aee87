"""Shapes a synthesised clause for a phone line: its level, the silence around it, and where its words are.

It runs in the voice's child process.
"""

from dataclasses import replace

import numpy as np

from offhook.pipeline.tts._decimate import Samples
from offhook.pipeline.tts._words import WordSpan, align

LIMIT = 0.85
"""Of full scale: gains stay below it, and the codec does not clip."""

AUDIBLE = 0.006
"""Of full scale (44 dB down): anything below is silence around speech."""

LEAD_SAMPLES = 40
"""5 ms kept before the first sound. Counts are at 8 kHz; at 16 kHz they double."""

TAIL_SAMPLES = 480
"""60 ms kept after the last sound."""

PAUSE_SAMPLES = 2_400
"""300 ms from one sentence to the next."""

SOFT_PAUSE_SAMPLES = 800
"""100 ms within a sentence that was divided."""


def limited(samples: Samples) -> Samples:
    """Limit the level to LIMIT; the upper half of the scale is compressed rather than clipped."""
    knee = LIMIT / 2.0
    over = np.maximum(np.abs(samples) - knee, 0.0)
    bent = knee + (LIMIT - knee) * np.tanh(over / (LIMIT - knee))
    result: Samples = np.where(over > 0.0, np.sign(samples) * bent, samples).astype(np.float32)
    return result


def cut(
    samples: Samples, words: list[tuple[int, int]], text: str, *, lead: int = LEAD_SAMPLES, tail: int
) -> tuple[Samples, list[WordSpan]]:
    """Speech from `lead` samples before its first sound, with `tail` samples of near silence after the last.

    Word positions are shifted accordingly, and each word ends with its last sound instead of the pause after it.
    """
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    if len(audible) == 0:
        return samples[:0], []
    first = max(0, int(audible[0]) - lead)
    audible -= first
    end = int(audible[-1]) + 1
    kept = samples[first : first + end + tail]
    kept = np.concatenate((kept, np.zeros(end + tail - len(kept), np.float32)))
    spans = []
    for span in align(text, [(character, max(0, sample - first)) for character, sample in words], end):
        sounds = int(audible[max(0, int(np.searchsorted(audible, span.end_sample)) - 1)]) + 1
        spans.append(replace(span, end_sample=min(span.end_sample, max(span.start_sample, sounds))))
    return kept, spans
