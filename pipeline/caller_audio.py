"""The caller's audio of one call: through the detector frame by frame, and kept until a recogniser wants it."""

from pipeline.vad.engine import VadStream
from pipeline.vad.gate import GateEvent, SpeechGate

RATE_HZ = 8_000
PRE_ROLL_SAMPLES = 2_400  # 300 ms of what came before the speech, so that no first sound is lost
KEPT_SAMPLES = 80_000  # 10 s of speech that nobody has asked for yet


class CallerAudio:
    """8 kHz 16-bit mono PCM in, speech out. `vad` takes frames of `frame_samples`."""

    def __init__(self, vad: VadStream, gate: SpeechGate, frame_samples: int, now: float) -> None:
        self._vad = vad
        self._gate = gate
        self._frame_samples = frame_samples
        self._unframed = bytearray()
        self._frame_at = 0
        self._kept = bytearray()
        self._position = 0  # the sample that comes next
        self._position_at = now  # when the one before it arrived

    def push(self, pcm: bytes, at_sample: int, now: float, *, eager: bool) -> list[GateEvent]:
        """The next audio, from `at_sample` until `now`; what it says of speech. For `eager` see SpeechGate."""
        self._position = at_sample + len(pcm) // 2
        self._position_at = now
        if not self._unframed:
            self._frame_at = at_sample
        self._unframed += pcm
        self._gate.eager = eager
        events: list[GateEvent] = []
        while len(self._unframed) >= 2 * self._frame_samples:
            frame = bytes(self._unframed[: 2 * self._frame_samples])
            del self._unframed[: 2 * self._frame_samples]
            events += self._gate.push(self._vad.infer(frame), frame, self._frame_at)
            self._frame_at += self._frame_samples
        return events

    def keep(self, pcm: bytes) -> None:
        """Keep audio that no recogniser gets: all of the speech that is going on, else just enough to begin with."""
        self._kept += pcm
        limit = 2 * (KEPT_SAMPLES if self._gate.in_speech else PRE_ROLL_SAMPLES)
        if len(self._kept) > limit:
            del self._kept[: len(self._kept) - limit]

    def take_kept(self) -> bytes:
        """What was kept; it is no longer."""
        kept = bytes(self._kept)
        self._kept.clear()
        return kept

    def time_of(self, at_sample: int) -> float:
        """When a sample arrived, by the sample that came last (monotonic seconds)."""
        return self._position_at - (self._position - at_sample) / RATE_HZ
