"""The caller's audio of one call: framed and sent through the detector, and kept until a recogniser wants it."""

from collections import deque
from collections.abc import Callable

from offhook.pipeline.errors import EngineError
from offhook.pipeline.vad.batch import Events, Score, VadBatcher
from offhook.pipeline.vad.gate import SpeechStarted

RATE_HZ = 8_000
PRE_ROLL_SAMPLES = 2_400  # 300 ms of what came before the speech, so that no first sound is lost
KEPT_SAMPLES = 80_000  # 10 s of speech that nobody has asked for yet
_UNTIDY_BYTES = 4_096  # that much more than is to be kept may be, so that not each packet has to be looked at


class CallerAudio:
    """8 kHz 16-bit mono PCM in, and the same as the recogniser wants it.

    What it says of speech comes later, to `on_speech`, on the event loop's thread.
    `is_eager` is asked when a frame is judged, see SpeechGate; `on_failed` is told of frames that could not be.
    `score`, if given, corrects the detector's probability, see AudioFrontEnd. `kept_bytes` is what a tick of 1/8000 s
    of what is kept has: 2 at 8 kHz, 4 at 16 kHz.
    """

    def __init__(
        self,
        vad: VadBatcher,
        on_speech: Callable[[Events], None],
        is_eager: Callable[[], bool],
        on_failed: Callable[[EngineError], None],
        score: Score | None = None,
        kept_bytes: int = 2,
        kept_samples: int = KEPT_SAMPLES,
    ) -> None:
        self.holding = False
        """Set while all is to be kept, pauses included: a turn goes on that nobody has asked for yet."""
        self.is_eager = is_eager
        self.on_failed = on_failed
        self._on_speech = on_speech
        self._stream = vad.open(self)
        self._stream.score = score
        self._frame_bytes = 2 * vad.frame_samples
        self._unframed = b""
        self._frame_at = 0
        self._submitted_samples = 0
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._tidy_above = 0  # bytes of it
        self._tick_bytes = kept_bytes
        self._kept_samples = kept_samples
        self._zero_at = 0.0  # when sample 0 came, or would have, by the packet with the frame that spoke last

    def push(self, pcm: bytes, at_tick: int, at_s: float, *, keep: bytes) -> None:
        """The next audio, from `at_tick` until `at_s`. `keep`: the same, if no recogniser gets it; else nothing."""
        if keep:
            self._kept.append(keep)
            self._kept_bytes += len(keep)
            if self._kept_bytes > self._tidy_above:
                self._tidy()
        size = self._frame_bytes
        unframed = self._unframed
        if unframed:
            unframed += pcm
        else:
            # Frames begin at multiples of their size: a line may tell of its audio in steps of that.
            skipped = -at_tick % (size // 2)
            unframed = pcm[2 * skipped :] if skipped else pcm
            self._frame_at = at_tick + skipped
        if len(unframed) >= size:
            zero_at = at_s - (at_tick + len(pcm) // 2) / RATE_HZ
            while len(unframed) >= size:
                self._stream.submit(unframed[:size], self._frame_at, zero_at)
                unframed = unframed[size:]
                self._frame_at += size // 2
                self._submitted_samples += size // 2
        self._unframed = unframed

    def close(self) -> None:
        """Nothing is told any more. Idempotent."""
        self._stream.close()
        self.take_kept()
        # Whoever listened holds us, too.
        self._on_speech = self.on_failed = _unheard
        self.is_eager = _never

    def _tidy(self) -> None:
        """Keep all of the speech that is going on, else enough to begin with, in whole packets."""
        if self.holding or self._stream.gate.in_speech:
            self._forget(self._tick_bytes * self._kept_samples)
        else:
            self._forget(self._pre_roll_bytes() + len(self._kept[-1]))
        self._tidy_above = self._kept_bytes + _UNTIDY_BYTES

    def _pre_roll_bytes(self) -> int:
        # What waits for its judgement may be speech, and speech wants what came before it: counted to the end
        # of the frame that is judged next.
        waiting = self._submitted_samples - self._stream.judged_samples
        samples = PRE_ROLL_SAMPLES + waiting - (self._frame_bytes - len(self._unframed)) // 2
        return self._tick_bytes * samples

    def _forget(self, limit: int) -> None:
        kept = self._kept
        while len(kept) > 1 and self._kept_bytes - len(kept[0]) >= limit:
            self._kept_bytes -= len(kept.popleft())

    def take_kept(self) -> bytes:
        """What was kept; it is no longer."""
        if self._kept:
            self._tidy()
        kept = b"".join(self._kept)
        self._kept.clear()
        self._kept_bytes = self._tidy_above = 0
        return kept

    def time_of(self, at_tick: int) -> float:
        """When a sample arrived (monotonic seconds), by the packet that brought the frame that spoke last."""
        return self._zero_at + at_tick / RATE_HZ

    # From the detector.

    def on_events(self, events: Events, zero_at: float) -> None:
        """What a frame said."""
        self._zero_at = zero_at
        if isinstance(events[0], SpeechStarted) and not self.holding:
            self._trim()
        self._on_speech(events)

    def _trim(self) -> None:
        """From now on all is kept: to begin with, not a sample more than is wanted."""
        limit = self._pre_roll_bytes() + self._tick_bytes * (self._frame_bytes // 2)
        self._forget(limit)
        excess = self._kept_bytes - limit
        if excess > 0:
            self._kept[0] = self._kept[0][excess:]
            self._kept_bytes -= excess


def _unheard(_what: object) -> None:
    """Nobody listens any more."""


def _never() -> bool:
    """Nobody is eager any more."""
    return False
