"""Several models as one: the next one starts when the first is late or fails, and the first token wins.

Which model is asked when is decided by `pipeline.chain.race`, and which is passed over by its circuit breaker. A model
that fails after its first token fails the reply: what was said cannot be taken back, and the agent knows how to go on.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from offhook.llm.model import LanguageModel, ModelError, ModelEvent, ModelRequest, close_stream
from offhook.observe.in_call import call_field
from offhook.pipeline.chain.breaker import Breaker, BreakerState
from offhook.pipeline.chain.race import Lost, Race, Start, Stop
from offhook.pipeline.chain.table import EngineRows, private_cells
from offhook.usererror import UserError

NEVER_WORKS = ("key", "model", "request")
"""Failures of a start that will not be over at the next one."""

_log = structlog.get_logger("offhook.llm")


@dataclass(slots=True)
class Member:
    """One model of a chain. `problem`: why it has not started; it is tried all the same."""

    model: LanguageModel
    breaker: Breaker
    problem: ModelError | None = None


class ChainModel:
    """`LanguageModel`: see the module.

    first_token_s: how long a model may give nothing before the next one starts beside it. timeout_s: how long all of
    them may give nothing. stall_s: how long the one that answers may pause.
    """

    def __init__(
        self,
        models: Sequence[LanguageModel],
        *,
        first_token_s: float = 1.5,
        timeout_s: float = 10.0,
        stall_s: float = 5.0,
        breakers: Sequence[Breaker] = (),
    ) -> None:
        self.name = ", ".join(model.name for model in models)
        own = [Breaker(EngineRows(private_cells(1, 1))) for _ in models]
        self.members = [Member(*pair) for pair in zip(models, breakers or own, strict=True)]
        self.first_token_s = first_token_s
        self.timeout_s = timeout_s
        self.stall_s = stall_s
        self._leaving: dict[asyncio.Task[None], _Attempt] = {}

    async def start(self) -> None:
        """Starts all. Raises UserError for a key or model that will never work; one that is away may come back."""
        for member in self.members:
            member.problem = None
            try:
                await member.model.start()
            except ModelError as error:
                if error.kind in NEVER_WORKS:
                    todo = "another key, model or address"
                    raise UserError(f"the language model {error.model} cannot be used", error.why, todo) from error
                member.problem = error
                _log.warning("model_unreachable", model=member.model.name, why=error.why, **call_field())

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """The reply of the model whose first token came first."""
        return self._stream(request)

    async def warm(self, request: ModelRequest) -> None:
        """The first model's prompt: the others are for its failures."""
        members = [member for member in self.members if self._state(member) is BreakerState.CLOSED]
        await (members or self.members)[0].model.warm(request)

    async def close(self) -> None:
        """Everything freed. Idempotent."""
        for attempt in self._leaving.values():
            attempt.task.cancel()
        while self._leaving:
            await asyncio.gather(*self._leaving, return_exceptions=True)
        for member in self.members:
            await member.model.close()

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {member.model.name: str(self._state(member)) for member in self.members}

    # Inside.

    def _state(self, member: Member) -> BreakerState:
        return member.breaker.state(monotonic())

    def _candidates(self) -> tuple[list[Member], set[int]]:
        """The members for a request, and which of them are probes. A breaker never takes away the last model."""
        states = [(member, self._state(member)) for member in self.members]
        usable = [pair for pair in states if pair[1] in (BreakerState.CLOSED, BreakerState.HALF_OPEN)]
        if not usable:
            return [min(self.members, key=lambda member: member.breaker.reopens_at())], set()
        probes = {at for at, (_, state) in enumerate(usable) if state is BreakerState.HALF_OPEN}
        return [member for member, _ in usable], probes

    async def _stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        members, probes = self._candidates()
        contest = _Contest(members, probes, request, self)
        won: _Attempt | None = None
        try:
            won = await contest.winner()
            event = won.first
            while event is not None:
                yield event
                event = await self._next(won)
        finally:
            contest.leave()
            if won is not None:
                await close_stream(won.events)

    async def _next(self, won: "_Attempt") -> ModelEvent | None:
        name = won.member.model.name
        try:
            async with asyncio.timeout(self.stall_s):
                return await anext(won.events, None)
        except TimeoutError:
            won.member.breaker.failed(monotonic())
            raise ModelError(name, "late", f"nothing came for {self.stall_s:g} s in the middle of a reply") from None
        except ModelError:
            won.member.breaker.failed(monotonic())
            raise

    def see_off(self, attempt: "_Attempt", judged_within_s: float | None = None) -> None:
        """Close an attempt that nobody waits for, at once or as soon as it is judged."""
        task = asyncio.get_running_loop().create_task(attempt.end(judged_within_s))
        self._leaving[task] = attempt
        task.add_done_callback(self._leaving.pop)


class _Attempt:
    """One model's work on a request, up to its first event."""

    def __init__(self, index: int, member: Member, request: ModelRequest, is_probe: bool) -> None:
        self.index = index
        self.member = member
        self.is_probe = is_probe
        self.events = member.model.stream(request)
        self.first: ModelEvent | None = None
        self.task = asyncio.get_running_loop().create_task(self._begin())

    async def _begin(self) -> None:
        self.first = await anext(self.events, None)
        if self.first is None:
            raise ModelError(self.member.model.name, "away", "the reply was empty")

    def judge(self, now: float) -> ModelError | None:
        """The outcome of the task, which is done: counts it, and returns why it failed."""
        error, breaker = self.task.exception(), self.member.breaker
        if error is None:
            breaker.succeeded(now, probe=self.is_probe)
            return None
        if not isinstance(error, ModelError):
            raise error
        if error.kind == "refused":
            breaker.succeeded(now, probe=self.is_probe)
        else:
            breaker.failed(now, probe=self.is_probe)
        _log.warning("model_failed", model=self.member.model.name, kind=error.kind, why=error.why, **call_field())
        return error

    async def end(self, judged_within_s: float | None = None) -> None:
        if judged_within_s is not None:
            await asyncio.wait([self.task], timeout=judged_within_s)
            if self.task.cancelled():
                self.member.breaker.withdraw()
            elif self.task.done():
                self.judge(monotonic())
            else:
                self.member.breaker.failed(monotonic(), probe=self.is_probe)
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await close_stream(self.events)


class _Contest:
    """The race for the first token of one reply."""

    def __init__(self, members: list[Member], probes: set[int], request: ModelRequest, chain: ChainModel) -> None:
        self._members = members
        self._probes = probes
        self._request = request
        self._chain = chain
        self._race = Race([chain.first_token_s] * len(members), probes=probes)
        self._attempts: dict[int, _Attempt] = {}
        self._errors: list[ModelError] = []
        self._has_winner = False

    async def winner(self) -> _Attempt:
        """The first attempt with an event. Raises ModelError when all have failed, or none has answered in time."""
        now = monotonic()
        ends_at = now + self._chain.timeout_s
        self._race.begin(now)
        while True:
            self._act()
            if self._race.over:
                raise self._lost()
            due = min(ends_at, self._race.get_timer() or ends_at)
            tasks = {attempt.task: attempt for attempt in self._attempts.values()}
            done, _ = await asyncio.wait(
                tasks, timeout=max(0.0, due - monotonic()), return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in sorted((tasks[task] for task in done), key=lambda each: each.index):
                if self._came(attempt):
                    return attempt
            now = monotonic()
            if now >= ends_at:
                raise self._timed_out(now)
            self._race.handle_timer(now)

    def leave(self) -> None:
        """End what still runs. A probe that was not the first may still show that its model works again."""
        self._race.cancel()
        for attempt in self._attempts.values():
            if attempt.is_probe and self._has_winner:
                self._chain.see_off(attempt, self._chain.timeout_s)
                continue
            if attempt.is_probe:
                attempt.member.breaker.withdraw()
            self._chain.see_off(attempt)
        self._attempts.clear()

    def _came(self, attempt: _Attempt) -> bool:
        """Whether an attempt that is over has won."""
        del self._attempts[attempt.index]
        now = monotonic()
        error = attempt.judge(now)
        if error is None:
            self._race.answered(attempt.index)
            self._act()
            self._has_winner = True
            return True
        self._chain.see_off(attempt)
        self._errors.append(error)
        self._race.failed(attempt.index, now)
        return False

    def _act(self) -> None:
        while (action := self._race.next_action()) is not None:
            if isinstance(action, Start):
                member, is_probe = self._members[action.index], action.index in self._probes
                if is_probe:
                    member.breaker.probe(monotonic())
                self._attempts[action.index] = _Attempt(action.index, member, self._request, is_probe)
            elif isinstance(action, Stop) and (attempt := self._attempts.pop(action.index, None)) is not None:
                if action.late:
                    attempt.member.breaker.failed(monotonic())
                self._chain.see_off(attempt)
            elif isinstance(action, Lost):
                return

    def _lost(self) -> ModelError:
        if len(self._errors) == 1:
            return self._errors[0]
        why = "; ".join(f"{error.model}: {error.why}" for error in self._errors)
        return ModelError(self._chain.name, self._errors[-1].kind, why, self._errors[-1].retry_after_s)

    def _timed_out(self, now: float) -> ModelError:
        for attempt in self._attempts.values():
            attempt.member.breaker.failed(now, probe=attempt.is_probe)
            attempt.is_probe = False
        return ModelError(self._chain.name, "late", f"nothing came for {self._chain.timeout_s:g} s")
