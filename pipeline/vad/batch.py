"""Frames of all calls of a process through one run of the detector, and what they say to each call.

A call submits its frames as they come and is told of events later, on the event loop's thread. What has come when the
loop comes round is judged together: at most `MAX_BATCH` frames a run, one of each call, in the order in which they
came; the next run is the loop's next round, so that other work is never kept waiting for longer than one run takes.
With more than a few calls only an urgent frame has a run made at once; the others wait a little for company. Urgent is
what may be an interruption. The end of a turn is a time after the last sound, whenever that is noticed: it is known
when each frame came.
A thread of its own for the model was measured and is not worth it: with one core for the process it adds 0.1 to 0.3 ms
a run, and frees the loop of nothing.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Protocol

import numpy as np

from offhook.pipeline.errors import EngineError
from offhook.pipeline.vad.engine import BatchingVadEngine, Pcm, Slots, VadBank, VadEngine, VadStream
from offhook.pipeline.vad.gate import GateEvent, GateSettings, SpeechGate
from offhook.pipeline.vad.loudness import BLOCK_SAMPLES, Loudness

MAX_BATCH = 64
"""Frames a run: more are no cheaper each."""

SPACING_S = 0.004
"""Runs are no closer together, unless frames were left over: a frame alone costs as much as four in one run."""

FEW_STREAMS = 4
"""With fewer calls every frame is urgent."""

GATHER_S = 0.018
"""What is not urgent is judged with the first frame that comes so much later. Audio comes in steps of 10 ms: with the
second step, that is; or at once if it has waited elsewhere."""

_GATHER_MOST_S = 0.006
"""So much longer, should none come."""

RATE_HZ = 8_000

MAX_WAITING_FRAMES = 128
"""Of one call: 4 s. Where the detector does not keep up, the oldest are not listened to."""

FIRST_SLOTS = 16

Events = tuple[GateEvent, ...]


class Listener(Protocol):
    """Whom a stream tells. All is called on the event loop's thread and returns at once."""

    def is_eager(self) -> bool:
        """Is an early start worth a false one, now? See SpeechGate."""
        ...

    def on_events(self, events: Events, zero_at: float) -> None:
        """What a frame said. `zero_at` is what was submitted with it."""

    def on_failed(self, error: EngineError) -> None:
        """A frame could not be judged. The next one may be."""


class Score(Protocol):
    """See `AudioFrontEnd.score`."""

    def __call__(self, probability: float, end: int, *, in_speech: bool) -> float:
        """The probability that the frame up to sample `end` is the caller's speech, given the detector's."""
        ...


class VadBatcher:
    """One detector and its gates for all calls that are configured alike.

    Engines without batches are asked for one frame after another. `now` is the time, on the axis of the loop's timers.
    """

    def __init__(
        self,
        engine: VadEngine,
        settings: GateSettings,
        *,
        max_batch: int = MAX_BATCH,
        spacing_s: float = SPACING_S,
        gather_s: float = GATHER_S,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.frame_samples = engine.capabilities.frame_samples
        """Of each frame that is submitted, at 8 kHz."""
        self.runs = self.frames = self.dropped_frames = 0
        if self.frame_samples % BLOCK_SAMPLES:
            raise ValueError(f"frames of {self.frame_samples} samples are no multiple of {BLOCK_SAMPLES}")
        self._loud_peak = engine.capabilities.loud_peak
        self._settings = settings
        self._least = min(settings.suspect_probability, settings.start_probability, settings.stop_probability)
        self._max_batch = max_batch
        self._spacing_s = spacing_s
        self._gather_s = gather_s
        self._now = now
        slots = FIRST_SLOTS
        self._bank: VadBank = engine.bank(slots) if isinstance(engine, BatchingVadEngine) else OneByOne(engine)
        self._loudness = Loudness(streams=slots)
        self._slots = slots
        self._free = list(range(slots - 1, -1, -1))
        self._ready: deque[BatchedStream] = deque()  # each has a frame to be judged, and is here once
        self._timer: asyncio.Handle | None = None  # of the next run
        self._due = math.inf  # when it is
        self._ran_at = 0.0
        self._waits_since = 0.0  # the first of `ready`

    @property
    def streams(self) -> int:
        """Calls that listen."""
        return self._slots - len(self._free)

    @property
    def waiting_frames(self) -> int:
        """Submitted, and neither judged nor dropped."""
        return sum(len(stream.waiting) for stream in self._ready)

    def open(self, listener: Listener) -> "BatchedStream":
        """One more call."""
        if not self._free:
            self._grow(2 * self._slots)
        slot = self._free.pop()
        self._bank.reset(slot)
        self._loudness.reset(slot)
        return BatchedStream(self, slot, SpeechGate(self._settings), listener)

    def _grow(self, slots: int) -> None:
        self._bank.grow(slots)
        self._loudness.grow(slots)
        self._free.extend(range(slots - 1, self._slots - 1, -1))
        self._slots = slots

    # For the streams.

    def enlist(self, stream: "BatchedStream", came_at: float, *, urgent: bool) -> None:
        """A stream has a frame again, which came at that time (monotonic seconds)."""
        now = self._now()
        self._waits_since = min(self._waits_since, came_at, now) if self._ready else min(came_at, now)
        self._ready.append(stream)
        if urgent or self.streams < FEW_STREAMS or now - self._waits_since >= self._gather_s:
            due = max(now, self._ran_at + self._spacing_s)
        else:
            due = self._waits_since + self._gather_s + _GATHER_MOST_S
        if due < self._due:
            self._schedule(due, now)

    def is_loud(self, frame: bytes) -> bool:
        """Whether a frame may be an interruption, by its peak."""
        samples = np.frombuffer(frame, "<i2")
        return bool(samples.max() >= self._loud_peak or samples.min() <= -self._loud_peak)

    def release(self, slot: int) -> None:
        """A stream is over."""
        self._free.append(slot)

    # The runs.

    def _schedule(self, due: float, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(due - now, self._run) if due > now else loop.call_soon(self._run)

    def _run(self) -> None:
        self._timer, self._due = None, math.inf
        self._ran_at = self._now()
        ready = self._ready
        batch: list[BatchedStream] = []
        while ready and len(batch) < self._max_batch:
            stream = ready.popleft()
            if stream.waiting:  # it has not been closed meanwhile
                batch.append(stream)
        if not batch:
            return
        frames = [stream.waiting.popleft() for stream in batch]
        ready.extend(stream for stream in batch if stream.waiting)
        if ready:
            self._waits_since = self._ran_at
            self._schedule(self._ran_at, self._ran_at)
        self.runs += 1
        self.frames += len(batch)
        slots = np.array([stream.slot for stream in batch], np.intp)
        pcm = np.frombuffer(b"".join([frame[0] for frame in frames]), "<i2").reshape(len(batch), -1)
        told: list[Told]
        try:
            probabilities = self._bank.infer(slots, pcm)
        except Exception as failure:  # noqa: BLE001
            # Whatever a model may raise: the calls of the next run are others.
            error = failure if isinstance(failure, EngineError) else EngineError("vad", "cannot listen", repr(failure))
            told = [(stream, error, frame[2]) for stream, frame in zip(batch, frames, strict=True)]
        else:
            told = self._judge(batch, frames, slots, pcm, probabilities)
        for stream in batch:
            stream.judged_samples += self.frame_samples
        for stream, what, zero_at in told:
            stream.tell(what, zero_at)

    def _judge(
        self,
        batch: list["BatchedStream"],
        frames: list["Frame"],
        slots: Slots,
        pcm: Pcm,
        probabilities: list[float],
    ) -> list["Told"]:
        audible = self._loudness.measure(slots, pcm)
        size = self.frame_samples
        told: list[Told] = []
        speaking = []
        for stream, (_, at_tick, zero_at), detected, samples, start, end in zip(
            batch, frames, probabilities, audible.samples, audible.start, audible.end, strict=True
        ):
            gate = stream.gate
            probability = detected
            if detected >= self._least and stream.score is not None:
                probability = stream.scored(detected, at_tick + size)
            if gate.wavers(probability):
                gate.low_threshold = stream.listener.is_eager()
            if events := gate.push(probability, at_tick, size, samples, start, end):
                told.append((stream, events, zero_at))
            speaking.append(gate.in_speech)
        self._loudness.learn(slots, audible.levels, speaking)
        return told


Frame = tuple[bytes, int, float]
Told = tuple["BatchedStream", Events | EngineError, float]


class BatchedStream:
    """One call's frames on their way to the detector."""

    __slots__ = ("_batcher", "closed", "gate", "judged_samples", "listener", "score", "slot", "waiting")

    def __init__(self, batcher: VadBatcher, slot: int, gate: SpeechGate, listener: Listener) -> None:
        self._batcher = batcher
        self.slot = slot
        self.gate = gate
        self.listener = listener
        self.waiting: deque[Frame] = deque()
        self.judged_samples = 0
        """Of all that were submitted; those that had to be dropped are among them."""
        self.closed = False
        self.score: Score | None = None
        """Corrects the detector's probability where the frame would count as speech."""

    def submit(self, frame: bytes, at_tick: int, zero_at: float) -> None:
        """The next frame of 16-bit little-endian mono PCM, which begins at `at_tick`.

        `zero_at`, when sample 0 came (monotonic seconds), is handed back with its events. Nothing happens after
        `close`.
        Raises ValueError for a frame of another size than the batcher's.
        """
        if len(frame) != 2 * self._batcher.frame_samples:
            raise ValueError(f"a frame is {2 * self._batcher.frame_samples} bytes, not {len(frame)}")
        if self.closed:
            return
        waiting = self.waiting
        if not waiting:
            came_at = zero_at + (at_tick + self._batcher.frame_samples) / RATE_HZ
            self._batcher.enlist(self, came_at, urgent=self.listener.is_eager() and self._batcher.is_loud(frame))
        elif len(waiting) >= MAX_WAITING_FRAMES:
            waiting.popleft()
            self.judged_samples += self._batcher.frame_samples
            self._batcher.dropped_frames += 1
        waiting.append((frame, at_tick, zero_at))

    def tell(self, what: Events | EngineError, zero_at: float) -> None:
        """For the batcher: what came of a frame. One call's fault is no other's."""
        if self.closed:
            return
        try:
            if isinstance(what, EngineError):
                self.listener.on_failed(what)
            else:
                self.listener.on_events(what, zero_at)
        except Exception as error:  # noqa: BLE001
            _report(error)

    def scored(self, probability: float, end: int) -> float:
        """For the batcher: the corrected probability, or the detector's where `score` fails."""
        if self.score is None:
            return probability
        try:
            return self.score(probability, end, in_speech=self.gate.in_speech)
        except Exception as error:  # noqa: BLE001
            _report(error)
            return probability

    def close(self) -> None:
        """Nothing is told any more. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self.waiting.clear()
        self._batcher.release(self.slot)
        self.listener = _NOBODY  # it holds the stream, too
        self.score = None


def _report(error: Exception) -> None:
    # A bug of one call's, which is to be heard of, and not to be felt by all others.
    message = "a call failed on what was heard of it"
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})


class _Nobody:
    """The listener of a stream that was closed."""

    def is_eager(self) -> bool:
        """For nothing."""
        return False

    def on_events(self, events: Events, zero_at: float) -> None:
        """Unheard."""

    def on_failed(self, error: EngineError) -> None:
        """Unheard."""


_NOBODY = _Nobody()


class OneByOne:
    """A VadBank of an engine that has none: each stream for itself."""

    def __init__(self, engine: VadEngine) -> None:
        self._engine = engine
        self._streams: dict[int, VadStream] = {}

    def infer(self, slots: Slots, pcm: Pcm) -> list[float]:
        """For each of `slots` the probability that its next frame, a row of `pcm`, holds speech."""
        return [self._streams[slot].infer(row.tobytes()) for slot, row in zip(slots.tolist(), pcm, strict=True)]

    def reset(self, slot: int) -> None:
        """Forget what this stream heard."""
        self._streams[slot] = self._engine.stream()

    def grow(self, streams: int) -> None:
        """There is room."""
