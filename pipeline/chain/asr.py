"""A recogniser made of recognisers: the next one gets the turn, from its start, when one fails or is silent."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from copy import copy

from offhook.pipeline.asr.engine import (
    USUAL,
    AsrEngine,
    AsrRequest,
    EndpointReport,
    LineAsrEngine,
    OnEndpoint,
    OnPartial,
    Thresholds,
    Transcript,
)
from offhook.pipeline.chain.asr_runner import Runner
from offhook.pipeline.chain.breaker import PROBE_S
from offhook.pipeline.chain.capabilities import asr_capabilities
from offhook.pipeline.chain.chain import Chain
from offhook.pipeline.chain.member import Candidate, Member, Today, all_failed, choose, start_reason, unavailable
from offhook.pipeline.chain.race import Lost, Race, Start, Stop, Why, Won
from offhook.pipeline.chain.spending import Outcome
from offhook.pipeline.clock import MONOTONIC, Clock
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import known_as
from offhook.pipeline.rates import MakeResampler

DOUBT_S = 0.5
"""How long a transcript without a final is kept for the next engine's: partials may lack the last words, or all that
was said since the vendor fell silent."""


class ChainAsr(Chain[AsrEngine]):
    """`AsrEngine` over `members`, the first choice first; all take 16-bit PCM at 8 or 16 kHz (see asr.adapt).

    `resampler` converts the audio for members whose rate is not the first one's. `thresholds`, by name, become those of
    a member's transcripts. `language` is the one of requests that
    have none: members that do not know it leave them to the others.
    """

    def __init__(
        self,
        members: Sequence[Member[AsrEngine]],
        resampler: MakeResampler,
        *,
        thresholds: Mapping[str, Thresholds] | None = None,
        language: str | None = None,
        clock: Clock = MONOTONIC,
        today: Today = time.time,
    ) -> None:
        super().__init__(members, resampler, clock, today)
        self._engines = {member.name: member.engine for member in members}
        self.capabilities = asr_capabilities([member.engine.capabilities for member in members])
        self.running: set[ChainStream] = set()
        """Turns with an engine at work."""
        self._thresholds = thresholds or {}
        self._language = language

    def for_line(self, encoding: str, rate_hz: int) -> "ChainAsr":
        """The same chain for a line: members that take more than one encoding or rate take the line's."""
        other = copy(self)
        other._engines = {
            name: engine.for_line(encoding, rate_hz) if isinstance(engine, LineAsrEngine) else engine
            for name, engine in self._engines.items()
        }
        other.capabilities = asr_capabilities([engine.capabilities for engine in other._engines.values()])
        return other

    def engine_of(self, member: Member[AsrEngine]) -> AsrEngine:
        """The member, as it serves this chain's line."""
        return self._engines[member.name]

    def thresholds_of(self, name: str) -> Thresholds:
        """Those of a member."""
        return self._thresholds.get(name, USUAL)

    async def close(self) -> None:
        """End all turns and members. Idempotent."""
        for stream in tuple(self.running):
            stream.cancel()
        await self._lifecycle.close()

    def open(self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> "ChainStream":
        """Begin a turn. Raises EngineError if no member can take it."""
        able = [member for member in self.members if self._is_able(self.engine_of(member), request)]
        candidates, passed = choose(able, self.clock.now(), self.day, self.meter)
        if not candidates:
            raise unavailable(self.name, "beginning a turn", passed)
        return ChainStream(self, candidates, passed, request, on_partial, on_endpoint)

    def _is_able(self, engine: AsrEngine, request: AsrRequest) -> bool:
        has, language = engine.capabilities, request.language or self._language
        if len(self.members) == 1:
            return True  # it will say itself what it cannot do
        if request.grammar is None and not has.free_speech:
            return False
        return language is None or known_as(has.languages, language) is not None


class ChainStream:
    """One turn: `AsrStream`. Partials and endpoint reports are those of one engine at a time, the leading one."""

    def __init__(
        self,
        chain: ChainAsr,
        candidates: Sequence[Candidate[AsrEngine]],
        passed: dict[str, str],
        request: AsrRequest,
        on_partial: OnPartial,
        on_endpoint: OnEndpoint | None,
    ) -> None:
        self._chain = chain
        self._loop = asyncio.get_running_loop()
        self._request = request
        self._on_partial = on_partial
        self._on_endpoint = on_endpoint
        self._runners = [Runner(self, chain, index, candidate) for index, candidate in enumerate(candidates)]
        self._working: list[Runner] = []
        self._audio = bytearray() if len(candidates) > 1 else None  # kept for the engines that may yet start
        self._complete = self._over = False
        self._leading: int | None = None
        self._answered: int | None = None
        self._kept: tuple[Runner, Transcript] | None = None
        """The longest one without a final."""
        self._kept_timer: asyncio.TimerHandle | None = None
        self._why = "; ".join(f"{name}: {why}" for name, why in passed.items())
        self._errors: list[EngineError] = []
        self._result: asyncio.Future[Transcript] | None = None
        self._timer: asyncio.TimerHandle | None = None
        limits = [candidate.member.limits for candidate in candidates]
        partials = [chain.engine_of(candidate.member).capabilities.partials for candidate in candidates]
        self._race = Race(
            [each.allowance_s for each in limits],
            [each.stall_s if has else None for each, has in zip(limits, partials, strict=True)],
            [index for index, candidate in enumerate(candidates) if candidate.probe],
        )
        chain.running.add(self)
        self._race.begin(self._now())
        self._settle()

    def feed(self, pcm: bytes) -> None:
        """Take 16-bit PCM at the chain's rate."""
        if self._audio is not None:
            self._audio += pcm
        failed = None
        for runner in tuple(self._working):
            runner.feed(pcm)  # it may report words at once, and so stop another one
            failed = failed or runner.error
        if failed is not None:
            self._take_failures()

    async def finish(self) -> Transcript:
        """The first engine's transcript that comes. Raises EngineError if all fail."""
        result = self._finish()
        self.concluded()
        return await result

    async def force(self) -> Transcript:
        """See ForcibleAsrStream: nobody waits yet, so that no engine starts for the slowness of another one."""
        return await self._finish()

    def concluded(self) -> None:
        """See ForcibleAsrStream."""
        if self._complete and not self._over:
            self._race.complete(self._now())
            self._settle()

    def _finish(self) -> asyncio.Future[Transcript]:
        self._complete = True
        self._result = self._loop.create_future()
        self._race.rest()
        for runner in self._working:
            runner.finish()
        if self._over:
            self._fail()
        self._settle()
        return self._result

    def cancel(self) -> None:
        """Stop all engines, probes too. Idempotent."""
        self._race.cancel()
        self._over = True
        for runner in tuple(self._working):
            self._end(runner, Outcome.CANCELLED)
        self._settle()
        if self._result is not None and not self._result.done():
            self._result.set_exception(EngineError(self._chain.name, "recognising", "it was cancelled"))
            self._result.exception()  # nobody may await it any more

    # From the runners.

    def on_partial(self, runner: Runner, text: str) -> None:
        """An engine reports the words so far."""
        if self._over or runner not in self._working:
            return
        self._race.alive(runner.index, self._now())
        self._settle()
        if self._leads(runner):
            self._on_partial(text)

    def on_endpoint(self, runner: Runner, endpoint: EndpointReport) -> None:
        """An engine reports what it thinks about the turn's end."""
        if self._on_endpoint is not None and not self._over and runner in self._working and self._leads(runner):
            self._on_endpoint(endpoint)

    def on_late(self, runner: Runner, transcript: Transcript) -> None:
        """An engine's final comes after its result."""
        if self._kept is not None and not self._over and runner in self._working:
            self._take(runner, transcript)
            self._settle()
        elif self._request.on_late is not None and runner.index == self._answered:
            self._request.on_late(runner.judged(transcript))

    def on_finished(self, runner: Runner, task: "asyncio.Task[Transcript]") -> None:
        """An engine's `finish` has returned."""
        if task.cancelled() or runner not in self._working:
            return
        error = task.exception()
        if error is None:
            self._answer(runner, task.result())
        elif isinstance(error, EngineError):
            runner.error = error
            self._take_failures()
        else:  # a fault in the engine: not hidden by another one's answer
            self._end(runner, Outcome.FAILED)
            self._race.cancel()
            if self._result is not None and not self._result.done():
                self._result.set_exception(error)
        self._settle()

    # Inside.

    def _answer(self, runner: Runner, transcript: Transcript) -> None:
        """Take it, or keep it while another engine may have a better one."""
        if transcript.is_final:
            self._take(runner, transcript)
            return
        if self._kept is None or len(transcript.text) > len(self._kept[1].text):
            self._kept = runner, transcript
        runner.is_kept = True
        if not self._race.doubt(runner.index, self._now()):
            self._take_kept()
        elif self._kept_timer is None:
            self._kept_timer = self._loop.call_later(DOUBT_S, self._take_kept)

    def _take_kept(self) -> None:
        if self._kept is not None and not self._over:
            self._take(*self._kept)
            self._settle()

    def _take(self, runner: Runner, transcript: Transcript) -> None:
        self._race.answered(runner.index)
        self._answered = runner.index if self._answered is None else self._answered
        self._end(runner, Outcome.ANSWERED)
        if self._result is not None and not self._result.done():
            self._result.set_result(runner.judged(transcript))

    def _leads(self, runner: Runner) -> bool:
        if self._leading is None:
            self._leading = runner.index
        return self._leading == runner.index

    def _take_failures(self) -> None:
        for runner in tuple(self._working):
            if runner.error is not None:
                self._errors.append(runner.error)
                self._end(runner, Outcome.FAILED)
                self._race.failed(runner.index, self._now())
        self._settle()
        if all(runner.is_kept for runner in self._working):
            self._take_kept()  # nobody is left who may have a better one

    def _settle(self) -> None:
        while (action := self._race.next_action()) is not None:
            match action:
                case Start(index, why):
                    self._start(self._runners[index], why)
                case Stop(index, late):
                    self._end(self._runners[index], Outcome.LATE if late else Outcome.CANCELLED)
                case Won():
                    self._over, self._audio = True, None
                    if self._kept_timer is not None:
                        self._kept_timer.cancel()
                    self._limit_probes()
                case Lost():
                    self._over, self._audio = True, None
                    self._fail()
        due = self._race.get_timer()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = self._loop.call_later(max(0.0, due - self._now()), self._on_timer)
        self._free()

    def _start(self, runner: Runner, why: Why) -> None:
        before = self._runners[runner.index - 1].name if runner.index else ""
        self._working.append(runner)
        runner.start(self._request, start_reason(why, before, self._why, self._errors))
        if self._audio:
            runner.feed(bytes(self._audio))
        if self._complete:
            runner.finish()
        if runner.error is not None:
            self._take_failures()

    def _end(self, runner: Runner, outcome: Outcome) -> None:
        if runner not in self._working:
            return
        self._working.remove(runner)
        if self._leading == runner.index and outcome is not Outcome.ANSWERED:
            self._leading = None
        runner.end(outcome)
        if not self._working and (self._over or self._race.over):
            self._chain.running.discard(self)

    def _limit_probes(self) -> None:
        """The turn has its answer: probes that still work have a last while."""
        if self._working:
            self._loop.call_later(PROBE_S, self._end_probes)

    def _end_probes(self) -> None:
        for runner in tuple(self._working):
            self._end(runner, Outcome.LATE)
        self._free()

    def _free(self) -> None:
        """Nobody starts any more: drop the runners, which have us. One that has answered may yet report a final."""
        if (self._over or self._race.over) and not self._working:
            self._runners.clear()
            self._kept = None

    def _fail(self) -> None:
        self._chain.running.discard(self)
        if self._result is not None and not self._result.done():
            self._result.set_exception(all_failed(self._chain.name, "recognising", self._errors))

    def _on_timer(self) -> None:
        self._timer = None
        self._race.handle_timer(self._now())
        self._settle()

    def _now(self) -> float:
        return self._chain.clock.now()
