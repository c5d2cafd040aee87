"""One engine at work on a turn that a chain of recognisers has."""

import asyncio
from dataclasses import replace
from typing import Protocol

from offhook.pipeline.asr.engine import (
    AsrCapabilities,
    AsrEngine,
    AsrRequest,
    AsrStream,
    EndpointReport,
    ObservableAsrStream,
    Thresholds,
    Transcript,
    open_stream,
)
from offhook.pipeline.chain.member import Candidate, Member, used
from offhook.pipeline.chain.spending import CallMeter, Outcome
from offhook.pipeline.clock import Clock
from offhook.pipeline.errors import EngineError
from offhook.pipeline.rates import MakeResampler, Resampler


class Recognisers(Protocol):
    """The chain."""

    capabilities: AsrCapabilities
    resampler: MakeResampler
    clock: Clock
    meter: CallMeter

    @property
    def day(self) -> int:
        """The day for which budgets count."""

    def engine_of(self, member: Member[AsrEngine]) -> AsrEngine:
        """A member, as it serves the chain's line."""

    def thresholds_of(self, name: str) -> Thresholds:
        """Those of a member."""


class Turn(Protocol):
    """What hears of the engine's work."""

    def on_partial(self, runner: "Runner", text: str) -> None:
        """The words so far."""

    def on_endpoint(self, runner: "Runner", endpoint: EndpointReport) -> None:
        """What it thinks about the turn's end."""

    def on_late(self, runner: "Runner", transcript: Transcript) -> None:
        """A final after the result."""

    def on_finished(self, runner: "Runner", task: "asyncio.Task[Transcript]") -> None:
        """Its `finish` has returned."""


class Runner:
    """One engine in a turn."""

    def __init__(self, turn: Turn, chain: Recognisers, index: int, candidate: Candidate[AsrEngine]) -> None:
        self.index = index
        self.name = candidate.member.name
        self.error: EngineError | None = None
        """Its failure; the turn takes it."""
        self.is_kept = False
        """It has a transcript without a final."""
        self._turn = turn
        self._chain = chain
        self._candidate = candidate
        self._engine = chain.engine_of(candidate.member)
        self._stream: AsrStream | None = None
        self._observed: ObservableAsrStream | None = None
        self._resampler: Resampler | None = None
        self._task: asyncio.Task[Transcript] | None = None
        self._fed_bytes = 0
        self._why = ""

    def start(self, request: AsrRequest, why: str) -> None:
        """Begin, or begin again."""
        has, rate_hz = self._engine.capabilities, self._chain.capabilities.rate_hz
        self._why, self._fed_bytes, self.error = why, 0, None
        self._resampler = self._chain.resampler(rate_hz, has.rate_hz) if has.rate_hz != rate_hz else None
        if self._candidate.probe:
            self._candidate.member.breaker.probe(self._chain.clock.now())
        request = replace(request.known_to(has), on_late=lambda transcript: self._turn.on_late(self, transcript))
        try:
            self._stream = open_stream(
                self._engine,
                request,
                lambda text: self._turn.on_partial(self, text),
                lambda endpoint: self._turn.on_endpoint(self, endpoint),
            )
        except EngineError as error:
            self.error = error
        self._observed = self._stream if isinstance(self._stream, ObservableAsrStream) else None

    def feed(self, pcm: bytes) -> None:
        """Take audio at the chain's rate."""
        if self._stream is None:
            return
        self._fed_bytes += len(pcm)
        if self._resampler is not None:
            pcm = self._resampler.push(pcm)
        if pcm:
            self._stream.feed(pcm)
        if self._observed is not None and self.error is None:
            self.error = self._observed.error

    def finish(self) -> None:
        """The audio is complete."""
        if self._stream is None or self._task is not None:
            return
        if self._resampler is not None and (rest := self._resampler.flush()):
            self._stream.feed(rest)
        self._task = asyncio.get_running_loop().create_task(self._stream.finish())
        self._task.add_done_callback(self._on_done)

    def judged(self, transcript: Transcript) -> Transcript:
        """Its transcript, with its thresholds."""
        return replace(transcript, thresholds=self._chain.thresholds_of(self.name))

    def end(self, outcome: Outcome) -> None:
        """It is over: count it, and free its stream."""
        stream, self._stream = self._stream, None
        task, self._task = self._task, None
        self._observed = None
        if stream is not None and (task is None or not task.done()):
            stream.cancel()
        if task is not None:
            task.cancel()
        audio_s = self._fed_bytes / (2 * self._chain.capabilities.rate_hz)
        spent = self._candidate.member.limits.spent(audio_s=audio_s)
        now, day, meter = self._chain.clock.now(), self._chain.day, self._chain.meter
        used(self._candidate, outcome, spent, self._why, now=now, day=day, meter=meter)

    def _on_done(self, task: "asyncio.Task[Transcript]") -> None:
        if not task.cancelled():
            task.exception()  # retrieved, should the turn be over
        self._turn.on_finished(self, task)
