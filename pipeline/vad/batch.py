"""Runs frames from all calls of a process through the detector in batches and reports the results to each call.

Calls submit frames as they arrive; events follow later, on the event loop's thread. Each turn of the loop runs one
batch of at most `MAX_BATCH` frames, one per call, in order of arrival; the next batch waits for the next turn of the
loop, so other work never waits longer than one run. With more than a few calls only an urgent frame triggers a run at
once; the others wait briefly for more to arrive. A frame is urgent when it may be an interruption. The end of a turn is
not: it is timed from the last sound, whenever that is noticed, because each frame's arrival time is known.

A separate thread for the model was measured and rejected: with one core per process it adds 0.1 to 0.3 ms a run and
takes no work off the loop.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Protocol

import numpy as np

from offhook.pipeline.errors import EngineError
from offhook.pipeline.rates import NARROW_HZ
from offhook.pipeline.vad.engine import BatchingVadEngine, Pcm, Slots, VadBank, VadEngine, VadStream
from offhook.pipeline.vad.gate import GateEvent, GateSettings, SpeechGate
from offhook.pipeline.vad.loudness import BLOCK_SAMPLES, Loudness

MAX_BATCH = 64
"""Frames per run: larger batches are no cheaper per frame."""

SPACING_S = 0.004
"""Minimum time between runs unless frames were left over: a frame alone costs as much as four in one run."""

FEW_STREAMS = 4
"""With fewer calls every frame is urgent."""

GATHER_S = 0.018
"""A frame that is not urgent is judged with the first frame that arrives this much later. Audio arrives in steps of 10
ms, so that is the second step; or at once if the frame was delayed elsewhere."""

_GATHER_MOST_S = 0.006
"""How much longer to wait if no other frame arrives."""


MAX_WAITING_FRAMES = 128
"""Per call: 4 s. If the detector cannot keep up, the oldest frames are dropped."""

FIRST_SLOTS = 16

Events = tuple[GateEvent, ...]


class Listener(Protocol):
    """Receives a stream's results. All methods are called on the event loop's thread and must return at once."""

    def on_events(self, events: Events) -> None:
        """The events of one frame."""

    def on_failed(self, error: EngineError) -> None:
        """A frame could not be judged. The next one may be."""


Probe = Callable[[float, int, int, tuple[int, int, int], float], None]
"""(probability, at_tick, samples, (audible, start, end), zero_at), see SpeechGate.push. `zero_at`: see
BatchedStream.submit. Must not fail."""


class Score(Protocol):
    """See `AudioFrontEnd.score`."""

    def __call__(self, probability: float, end: int, *, in_speech: bool) -> float:
        """The probability that the frame up to sample `end` is the caller's speech, given the detector's."""
        ...


class VadBatcher:
    """One detector, with gates, for all calls that share a configuration.

    Engines without batch support get one frame at a time. `now` returns the time on the clock of the loop's timers.
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
        """Samples in each submitted frame, at 8 kHz."""
        self.runs = self.frames = self.dropped_frames = 0
        if self.frame_samples % BLOCK_SAMPLES:
            raise ValueError(f"frames of {self.frame_samples} samples are not a multiple of {BLOCK_SAMPLES}")
        self._quiet = _quiet_bytes(engine.capabilities.loud_peak)
        self._settings = settings
        self._least = min(settings.barge_in_probability, settings.start_probability, settings.stop_probability)
        self._max_batch = max_batch
        self._spacing_s = spacing_s
        self._gather_s = gather_s
        self._now = now
        slots = FIRST_SLOTS
        self._bank: VadBank = engine.bank(slots) if isinstance(engine, BatchingVadEngine) else OneByOne(engine)
        self._loudness = Loudness(streams=slots)
        self._slots = slots
        self._free = list(range(slots - 1, -1, -1))
        self._ready: deque[BatchedStream] = deque()  # streams with a frame to judge, each once
        self._timer: asyncio.Handle | None = None  # of the next run
        self._due = math.inf  # when that is
        self._ran_at = 0.0
        self._waits_since = 0.0  # since when the oldest frame in `ready` has waited

    @property
    def streams(self) -> int:
        """The number of open streams."""
        return self._slots - len(self._free)

    @property
    def waiting_frames(self) -> int:
        """Frames submitted but neither judged nor dropped."""
        return sum(len(stream.waiting) for stream in self._ready)

    def open(self, listener: Listener) -> "BatchedStream":
        """Open a stream for one call."""
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

    # Called by the streams.

    def enlist(self, stream: "BatchedStream", came_at: float, *, urgent: bool) -> None:
        """A stream has frames waiting again; the first arrived at `came_at` (monotonic seconds)."""
        read_clock = self._now  # a local, for a call by an attribute of the instance is slow
        now = read_clock()
        self._waits_since = min(self._waits_since, came_at, now) if self._ready else min(came_at, now)
        self._ready.append(stream)
        if urgent or self.streams < FEW_STREAMS or now - self._waits_since >= self._gather_s:
            due = max(now, self._ran_at + self._spacing_s)
        else:
            due = self._waits_since + self._gather_s + _GATHER_MOST_S
        if due < self._due:
            self._schedule(due, now)

    def is_loud(self, frame: bytes) -> bool:
        """Whether a frame's peak makes it a possible interruption."""
        # The upper bytes of the samples are enough, and cost a tenth of NumPy's minimum and maximum.
        return bool(frame[1::2].translate(None, self._quiet))

    def release(self, slot: int) -> None:
        """A stream has closed."""
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
            if stream.waiting:  # not closed in the meantime
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
        outcomes: list[Outcome]
        try:
            probabilities = self._bank.infer(slots, pcm)
        except Exception as failure:  # noqa: BLE001
            # A model may raise anything; it must not stop the next run, which serves other calls.
            error = failure if isinstance(failure, EngineError) else EngineError("vad", "cannot listen", repr(failure))
            outcomes = [(stream, error) for stream in batch]
        else:
            outcomes = self._judge(batch, frames, slots, pcm, probabilities)
        for stream in batch:
            stream.judged_samples += self.frame_samples
        for stream, what in outcomes:
            stream.report(what)

    def _judge(
        self,
        batch: list["BatchedStream"],
        frames: list["Frame"],
        slots: Slots,
        pcm: Pcm,
        probabilities: list[float],
    ) -> list["Outcome"]:
        audible = self._loudness.measure(slots, pcm)
        size = self.frame_samples
        outcomes: list[Outcome] = []
        speaking = []
        for stream, (_, at_tick, zero_at), detected, samples, start, end in zip(
            batch, frames, probabilities, audible.samples, audible.start, audible.end, strict=True
        ):
            stream.unjudged_samples = 0
            gate = stream.gate
            probability = detected
            if detected >= self._least and stream.score is not None:
                probability = stream.scored(detected, at_tick + size)
            if stream.probe is not None:
                stream.probe(probability, at_tick, size, (samples, start, end), zero_at)
            if events := gate.push(probability, at_tick, size, samples, start, end):
                outcomes.append((stream, events))
            speaking.append(gate.in_speech)
        self._loudness.learn(slots, audible.levels, speaking)
        return outcomes


def _quiet_bytes(loud_peak: int) -> bytes:
    """The upper bytes of 16-bit samples below the peak, to the nearest 256."""
    steps = max(1, round(loud_peak / 256))
    return bytes(upper % 256 for upper in range(-steps, steps))


Frame = tuple[bytes, int, float]
Outcome = tuple["BatchedStream", Events | EngineError]


class BatchedStream:
    """One call's frames on their way to the detector."""

    __slots__ = (
        "_batcher",
        "closed",
        "gate",
        "judged_samples",
        "listener",
        "probe",
        "score",
        "slot",
        "unjudged_samples",
        "waiting",
    )

    def __init__(self, batcher: VadBatcher, slot: int, gate: SpeechGate, listener: Listener) -> None:
        self._batcher = batcher
        self.slot = slot
        self.gate = gate
        self.listener = listener
        self.waiting: deque[Frame] = deque()
        self.judged_samples = 0
        """Samples judged of those submitted, including those of dropped frames and of those that it failed on."""
        self.unjudged_samples = 0
        """Samples submitted since the detector last judged one: the measure of whether it is alive."""
        self.closed = False
        self.score: Score | None = None
        """Corrects the detector's probability for frames that would count as speech."""
        self.probe: Probe | None = None
        """Gets every frame as the gate does."""

    def submit(self, frame: bytes, at_tick: int, zero_at: float) -> None:
        """Submit the next frame of 16-bit little-endian mono PCM, starting at `at_tick`.

        `zero_at` is when sample 0 would have arrived with the frame's delay (monotonic seconds). Does nothing after
        `close`. Raises ValueError unless the frame has the batcher's size.
        """
        if len(frame) != 2 * self._batcher.frame_samples:
            raise ValueError(f"a frame is {2 * self._batcher.frame_samples} bytes, not {len(frame)}")
        if self.closed:
            return
        waiting = self.waiting
        self.unjudged_samples += self._batcher.frame_samples
        if not waiting:
            batcher = self._batcher
            came_at = zero_at + (at_tick + batcher.frame_samples) / NARROW_HZ
            batcher.enlist(self, came_at, urgent=self.gate.low_threshold and batcher.is_loud(frame))
        elif len(waiting) >= MAX_WAITING_FRAMES:
            waiting.popleft()
            self.judged_samples += self._batcher.frame_samples
            self._batcher.dropped_frames += 1
        waiting.append((frame, at_tick, zero_at))

    def report(self, what: Events | EngineError) -> None:
        """For the batcher: deliver a frame's result. An error in one call must not affect the others."""
        if self.closed:
            return
        try:
            if isinstance(what, EngineError):
                self.listener.on_failed(what)
            else:
                self.listener.on_events(what)
        except Exception as error:  # noqa: BLE001
            _report_bug(error)

    def scored(self, probability: float, end: int) -> float:
        """For the batcher: the corrected probability, or the detector's if `score` fails."""
        if self.score is None:
            return probability
        try:
            return self.score(probability, end, in_speech=self.gate.in_speech)
        except Exception as error:  # noqa: BLE001
            _report_bug(error)
            return probability

    def close(self) -> None:
        """Stop all notifications. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self.waiting.clear()
        self._batcher.release(self.slot)
        self.listener = _NULL_LISTENER  # the listener refers to the stream
        self.score = self.probe = None


def _report_bug(error: Exception) -> None:
    # A bug in one call must be logged but must not affect the others.
    message = "a call failed to handle a detector result"
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})


class _NullListener:
    """The listener of a closed stream."""

    def on_events(self, events: Events) -> None: ...

    def on_failed(self, error: EngineError) -> None: ...


_NULL_LISTENER = _NullListener()


class OneByOne:
    """A VadBank for an engine without batch support: one stream per slot."""

    def __init__(self, engine: VadEngine) -> None:
        self._engine = engine
        self._streams: dict[int, VadStream] = {}

    def infer(self, slots: Slots, pcm: Pcm) -> list[float]:
        """For each of `slots` the probability that its next frame, a row of `pcm`, holds speech."""
        return [self._streams[slot].infer(row.tobytes()) for slot, row in zip(slots.tolist(), pcm, strict=True)]

    def reset(self, slot: int) -> None:
        """Reset this stream."""
        self._streams[slot] = self._engine.stream()

    def grow(self, streams: int) -> None:
        """Nothing to do: streams are made on `reset`."""
