"""A gate for one call alone, with its own loudness measurement."""

import numpy as np

from offhook.pipeline.vad.gate import GateEvent, GateSettings, SpeechGate
from offhook.pipeline.vad.loudness import Loudness

SLOT = np.zeros(1, np.intp)


class SingleGate:
    """Push every frame of 16-bit PCM in order, with the probability that the detector gave it."""

    def __init__(self, settings: GateSettings | None = None) -> None:
        self.gate = SpeechGate(settings or GateSettings())
        self._loudness = Loudness()

    @property
    def in_speech(self) -> bool:
        return self.gate.in_speech

    def push(self, probability: float, frame: bytes, at_tick: int) -> list[GateEvent]:
        audible = self._loudness.measure(SLOT, np.frombuffer(frame, "<i2").reshape(1, -1))
        events = self.gate.push(
            probability, at_tick, len(frame) // 2, audible.samples[0], audible.start[0], audible.end[0]
        )
        self._loudness.learn(SLOT, audible.levels, [self.gate.in_speech])
        return list(events)
