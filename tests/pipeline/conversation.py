"""A conversation without a phone: a line in memory, a scripted detector, scripted engines."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from time import monotonic

from offhook.pipeline.asr.engine import AsrCapabilities, AsrEngine, AsrRequest, Transcript
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.errors import EngineError
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.inbound_audio import Engines
from offhook.pipeline.rates import Resampler
from offhook.pipeline.session import Session
from offhook.pipeline.trace import SessionEvent
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, TtsEngine
from offhook.pipeline.tts.pace import spread
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.pipeline.tts.voice import Voice
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.vad.batch import VadBatcher
from offhook.pipeline.vad.engine import VadCapabilities
from offhook.pipeline.vad.gate import GateSettings
from offhook.telephony.listeners import LineListeners
from tests.signals import wav

FRAME_SAMPLES = 256
PACKET_SAMPLES = 160
LOUD = bytes([0, 0x40, 0, 0xC0])  # two samples
CLIP_SAMPLES = 800


class FakeLine:
    """A line that sends on command."""

    encoding = "PCMU"
    rate_hz = 8_000
    bytes_per_tick = 1

    def __init__(self, changed: asyncio.Event) -> None:
        self.listeners = LineListeners()
        self.add_listener = self.listeners.add
        self.in_flight = 0
        self.sent = b""
        self._queue = b""
        self._changed = changed

    def encode(self, pcm: bytes) -> bytes:
        return pcm[1::2]

    def play(self, payload: bytes) -> None:
        self._queue += payload
        self._changed.set()

    def clear(self) -> int:
        dropped, self._queue = self.queued_ticks, b""
        self._changed.set()
        return dropped

    @property
    def queued_ticks(self) -> int:
        return len(self._queue) // self.bytes_per_tick

    @property
    def sent_ticks(self) -> int:
        return len(self.sent) // self.bytes_per_tick

    def played_ticks(self) -> int:
        return max(0, self.sent_ticks - self.in_flight)

    def send(self, samples: int | None = None) -> None:
        """Send packets: a number of samples, or all."""
        left = self.queued_ticks if samples is None else min(samples, self.queued_ticks)
        while left > 0:
            payload = self._queue[: min(left, PACKET_SAMPLES) * self.bytes_per_tick]
            left -= len(payload) // self.bytes_per_tick
            self._queue = self._queue[len(payload) :]
            ordinal = self.sent_ticks
            self.sent += payload
            for on_sent in self.listeners.sent:
                on_sent(payload, ordinal, monotonic())
            if not self._queue:
                for on_drained in self.listeners.drained:
                    on_drained()


class ScriptedVad:
    """A detector for one call. Returns the probabilities that were set; `broken` is raised instead."""

    capabilities = VadCapabilities(8_000, FRAME_SAMPLES)

    def __init__(self) -> None:
        self.probabilities: deque[float] = deque()
        self.broken: Exception | None = None

    def stream(self) -> "ScriptedVad":
        return self

    def infer(self, frame: bytes) -> float:
        if self.broken is not None:
            raise self.broken
        return self.probabilities.popleft()

    def reset(self) -> None:
        self.probabilities.clear()


class ScriptedStream:
    """One turn: `answer` is awaited by `finish`."""

    def __init__(self, request: AsrRequest, on_partial: Callable[[str], None], changed: asyncio.Event) -> None:
        self.request = request
        self.on_partial = on_partial
        self.audio = b""
        self.finishing = False
        self.cancelled = False
        self.answer: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        self._changed = changed

    def feed(self, pcm: bytes) -> None:
        self.audio += pcm

    async def finish(self) -> Transcript:
        self.finishing = True
        self._changed.set()
        return await asyncio.shield(self.answer)

    def cancel(self) -> None:
        self.cancelled = True
        self._changed.set()


class ScriptedAsr:
    """Records its turns for the test; `broken` is raised by `open`."""

    def __init__(self, changed: asyncio.Event, rate_hz: int = 8_000) -> None:
        self.capabilities = AsrCapabilities(rate_hz, grammar=True, free_speech=True, partials=True)
        self.turns: list[ScriptedStream] = []
        self.broken: EngineError | None = None
        self._changed = changed

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> ScriptedStream:
        if self.broken is not None:
            raise self.broken
        self.turns.append(ScriptedStream(request, on_partial, self._changed))
        self._changed.set()
        return self.turns[-1]


class ScriptedTts:
    """Speaks 100 ms for any text once `allow` permits it; texts in `broken` fail after the audio so far."""

    def __init__(self) -> None:
        self.capabilities = TtsCapabilities(8_000, word_positions=True)
        self.asked: list[str] = []
        self.broken: dict[str, Exception] = {}
        self.gates: dict[str, asyncio.Event] = {}

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.asked.append(text)
        if text in self.gates:
            await self.gates[text].wait()
        if text in self.broken:
            raise self.broken[text]
        yield SpeechChunk(bytes(2 * CLIP_SAMPLES), spread(text, CLIP_SAMPLES))


def unresampled(from_hz: int, to_hz: int) -> Resampler:
    raise AssertionError(f"an engine of {from_hz} Hz on a line of {to_hz} Hz")


class Talk:
    """A session with everything around it."""

    def __init__(
        self,
        *,
        says: str | None = None,
        tts: TtsEngine | None = None,
        settings: TurnSettings | None = None,
        front_end: Callable[[str], AudioFrontEnd] | None = None,
        line: type[FakeLine] = FakeLine,
    ) -> None:
        self.changed = asyncio.Event()
        self.line = line(self.changed)
        self.vad = ScriptedVad()
        self.asr = ScriptedAsr(self.changed, line.rate_hz)
        self.events: list[SessionEvent] = []
        self.core = TurnCore(settings)
        asr: AsrEngine = self.asr if says is None else FixedEngine(says, rate_hz=8_000)
        tts = tts or RecordedEngine(wav(bytes(2 * CLIP_SAMPLES), 8_000))
        voice = Voice("test", tts, ClipCache(0), unresampled)
        self.batcher = VadBatcher(self.vad, GateSettings(), spacing_s=0.0)
        engines = Engines(
            self.batcher, asr, voice, lambda: lambda pcm: pcm, lambda: lambda pcm: pcm[: len(pcm) // 2], front_end
        )
        self.session = Session(self.line, engines, self.core, self._on_event)
        self._at = 0

    def _on_event(self, event: SessionEvent) -> None:
        self.events.append(event)
        self.changed.set()

    def reported(self, kind: type[SessionEvent]) -> list[SessionEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, what: Callable[[], object], seconds: float = 2.0) -> None:
        """Wait until the session has done something."""
        async with asyncio.timeout(seconds):
            while not what():
                self.changed.clear()
                await self.changed.wait()

    async def playing(self, samples: int = 1) -> None:
        """Wait until this much is queued."""
        await self.until(lambda: self.line.queued_ticks >= samples)

    async def hear(self, frames: int, probability: float) -> None:
        """Audio from the caller, all at once: loud if it is speech. Returns when all of it has been judged."""
        for _ in range(frames):
            self.vad.probabilities.append(probability)
            pcm = LOUD * (FRAME_SAMPLES // 2) if probability > 0.5 else bytes(2 * FRAME_SAMPLES)
            for on_audio in self.line.listeners.audio:
                on_audio(pcm * (self.line.rate_hz // 8_000), self._at, monotonic())
            self._at += FRAME_SAMPLES
        while self.batcher.waiting_frames:  # noqa: ASYNC110 - no event reports a run without events
            await asyncio.sleep(0)

    async def speak(self) -> None:
        """The caller begins to speak; confirmed speech."""
        await self.hear(12, 1.0)

    async def fall_silent(self) -> None:
        await self.hear(3, 0.0)

    async def click(self) -> None:
        """Something that is not speech: one frame."""
        await self.hear(1, 1.0)
        await self.fall_silent()

    def press(self, digits: str) -> None:
        for digit in digits:
            for on_dtmf in self.line.listeners.dtmf:
                on_dtmf(digit, self._at)

    async def say(self, text: str, *, turn: int = -1) -> None:
        """A turn of the caller, with the recogniser's result."""
        await self.speak()
        await self.fall_silent()
        await self.until(lambda: self.asr.turns and self.asr.turns[turn].finishing)
        self.asr.turns[turn].answer.set_result(Transcript(text, 0.9))
