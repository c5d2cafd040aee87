"""The caller's audio in one call: framed, sent through the detector, and buffered until a recogniser wants it."""

from collections import deque
from collections.abc import Callable

from offhook.pipeline.arrival_clock import ArrivalClock
from offhook.pipeline.closed import ignore
from offhook.pipeline.errors import EngineError
from offhook.pipeline.rates import NARROW_HZ
from offhook.pipeline.vad.batch import Events, Probe, Score, VadBatcher
from offhook.pipeline.vad.gate import SpeechStarted

PRE_ROLL_SAMPLES = 2_400  # 300 ms of pre-roll, so that the first sound is not lost
BLIND_SAMPLES = 8_000
"""1 s of audio without a verdict: the detector may be dead, and nobody is judged to be silent by it."""
KEPT_SAMPLES = 80_000  # 10 s of speech that no question has asked for yet
_UNTIDY_BYTES = 4_096  # slack above the limit, so that the buffer need not be trimmed at every packet


class CallerAudio:
    """Takes 8 kHz 16-bit mono PCM, and the same audio as the recogniser wants it.

    Speech events arrive later, through `on_speech`, on the event loop's thread. `on_failed` gets the errors of
    frames that could not be judged. `score`, if given, corrects the detector's probability, see AudioFrontEnd.
    `kept_bytes` is the size of one tick (1/8000 s) of buffered audio: 2 at 8 kHz, 4 at 16 kHz.
    """

    def __init__(
        self,
        vad: VadBatcher,
        on_speech: Callable[[Events], None],
        on_failed: Callable[[EngineError], None],
        score: Score | None = None,
        kept_bytes: int = 2,
        kept_samples: int = KEPT_SAMPLES,
    ) -> None:
        self.keeping = False
        """Set to keep everything, pauses included: a turn is in progress that no question has asked for yet."""
        self.on_failed = on_failed
        self.on_blind: Callable[[bool], None] = ignore
        """Called when the detector has judged nothing for BLIND_SAMPLES, and with false when it does again."""
        self._blind = False
        self._on_speech = on_speech
        self._stream = vad.open(self)
        self._stream.score = score
        self._frame_bytes = 2 * vad.frame_samples
        self._unframed = b""
        self._frame_at = 0
        self._submitted_samples = 0
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._tidy_above = 0  # threshold in bytes
        self._tick_bytes = kept_bytes
        self._kept_samples = kept_samples
        self._arrivals = ArrivalClock()

    @property
    def in_speech(self) -> bool:
        """Whether the caller speaks, as far as the audio has been judged."""
        return self._stream.gate.in_speech

    def use_low_threshold(self, low: bool) -> None:
        """Whether an early start is worth the risk of a false one from now on, see SpeechGate."""
        self._stream.gate.low_threshold = low

    def watch_detector(self, probe: Probe) -> None:
        """Report every frame as the gate gets it."""
        self._stream.probe = probe

    def push(self, pcm: bytes, at_tick: int, at_s: float, *, keep: bytes) -> None:
        """Push the audio from `at_tick` that ended at `at_s`. `keep`: the same, to buffer; empty if a recogniser gets
        it. Silence may be left out between two pieces."""
        if keep:
            self._kept.append(keep)
            self._kept_bytes += len(keep)
            if self._kept_bytes > self._tidy_above:
                self._tidy()
        size = self._frame_bytes
        unframed = self._unframed
        if unframed and self._frame_at + len(unframed) // 2 == at_tick:
            unframed += pcm
        else:
            # Frames begin at multiples of their size: a line may report its audio in such steps.
            skipped = -at_tick % (size // 2)
            unframed = pcm[2 * skipped :] if skipped else pcm
            self._frame_at = at_tick + skipped
        if len(unframed) >= size:
            end = at_tick + len(pcm) // 2
            zero_at = at_s - end / NARROW_HZ
            self._arrivals.arrived(zero_at, end)
            while len(unframed) >= size:
                self._stream.submit(unframed[:size], self._frame_at, zero_at)
                unframed = unframed[size:]
                self._frame_at += size // 2
                self._submitted_samples += size // 2
            if (self._stream.unjudged_samples >= BLIND_SAMPLES) is not self._blind:
                self._blind = not self._blind
                self.on_blind(self._blind)
        self._unframed = unframed

    def close(self) -> None:
        """Stop all notifications. Idempotent."""
        self._stream.close()
        self.take_kept()
        # The callbacks' owner refers to this object.
        self._on_speech = self.on_failed = self.on_blind = ignore

    def _tidy(self) -> None:
        """Keep all of the speech in progress, otherwise just the pre-roll, in whole packets."""
        if self.keeping or self.in_speech:
            self._forget(self._tick_bytes * self._kept_samples)
        else:
            self._forget(self._pre_roll_bytes() + len(self._kept[-1]))
        self._tidy_above = self._kept_bytes + _UNTIDY_BYTES

    def _pre_roll_bytes(self) -> int:
        # Frames still waiting may turn out to be speech, and that needs its pre-roll: count to the end of the frame
        # that is judged next.
        waiting = self._submitted_samples - self._stream.judged_samples
        samples = PRE_ROLL_SAMPLES + waiting - (self._frame_bytes - len(self._unframed)) // 2
        return self._tick_bytes * samples

    def _forget(self, limit: int) -> None:
        kept = self._kept
        while len(kept) > 1 and self._kept_bytes - len(kept[0]) >= limit:
            self._kept_bytes -= len(kept.popleft())

    def take_kept(self) -> bytes:
        """Return the buffered audio and clear the buffer."""
        if self._kept:
            self._tidy()
        kept = b"".join(self._kept)
        self._kept.clear()
        self._kept_bytes = self._tidy_above = 0
        return kept

    def time_of(self, at_tick: int) -> float:
        """When a sample of the last events arrived (monotonic seconds), see ArrivalClock."""
        return self._arrivals.time_of(at_tick)

    # From the detector.

    def on_events(self, events: Events) -> None:
        """See Listener."""
        if isinstance(events[0], SpeechStarted) and not self.keeping:
            self._trim()
        self._on_speech(events)

    def _trim(self) -> None:
        """Speech has started and all of it will be kept: cut the pre-roll to its exact length."""
        limit = self._pre_roll_bytes() + self._tick_bytes * (self._frame_bytes // 2)
        self._forget(limit)
        excess = self._kept_bytes - limit
        if excess > 0:
            self._kept[0] = self._kept[0][excess:]
            self._kept_bytes -= excess
