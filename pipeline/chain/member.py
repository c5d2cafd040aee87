"""An engine as a member of a chain: its circuit breaker, budgets and figures; the choice of members for a request."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from offhook.pipeline.chain.breaker import Breaker, BreakerState
from offhook.pipeline.chain.race import Why
from offhook.pipeline.chain.spending import NOTHING, CallMeter, DayLedger, EngineUse, Limits, Outcome, Part, Spent
from offhook.pipeline.chain.table import EngineRows, private_cells
from offhook.pipeline.errors import EngineError

DAY_S = 86_400

Today = Callable[[], float]
"""Unix time, for the budgets of a day (UTC)."""


class Startable(Protocol):
    """What recognisers and voices have in common."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


E = TypeVar("E", bound=Startable)


class Member(Generic[E]):
    """One engine of a chain. `rows` are shared with the other processes of the node."""

    def __init__(self, name: str, engine: E, part: Part, limits: Limits | None = None) -> None:
        self.name = name
        self.engine = engine
        self.part: Part = part
        self.limits = limits or Limits()
        self.problem: EngineError | None = None
        """Why it is not started."""
        self.outcomes: Counter[Outcome] = Counter()
        """Since the start of this process, like `total`."""
        self.total = NOTHING
        self.share(EngineRows(private_cells(1, 1)))

    def share(self, rows: EngineRows) -> None:
        """Share the breaker and the day's figures; call it before the first use."""
        self.breaker = Breaker(rows)
        self.ledger = DayLedger(rows)

    def over_budget(self, day: int, meter: CallMeter) -> str:
        """Which budget is used up, in words; "" if none is."""
        of_call = self.limits.per_call.exceeded(meter.spent(self.part, self.name))
        if of_call:
            return f"{of_call}, its budget for a call, is used up"
        of_day = self.limits.per_day.exceeded(self.ledger.spent(day))
        return f"{of_day}, its budget for a day, is used up" if of_day else ""

    def count(self, use: EngineUse, now: float, day: int, *, probe: bool) -> None:
        """A use of the engine has ended."""
        self.outcomes[use.outcome] += 1
        self.total += use.spent
        if use.spent != NOTHING:
            self.ledger.add(use.spent, day)
        if use.outcome is Outcome.ANSWERED:
            self.breaker.succeeded(now, probe=probe)
        elif use.outcome is not Outcome.CANCELLED:
            self.breaker.failed(now, probe=probe)
        elif probe:
            self.breaker.withdraw()

    def dump(self, now: float, day: int) -> dict[str, object]:
        """The state, for people. `today` is the whole node's, `outcomes` are this process's."""
        today, state = self.ledger.spent(day), self.breaker.state(now)
        found: dict[str, object] = {"engine": self.name, "breaker": str(state)}
        if state is BreakerState.OPEN:
            found["probe_in_s"] = round(self.breaker.reopens_at() - now, 1)
        if self.problem is not None:
            found["problem"] = str(self.problem)
        found["today"] = {
            "audio_s": round(today.audio_s, 1),
            "characters": today.characters,
            "cost": round(today.cost, 4),
        }
        found["outcomes"] = {str(outcome): count for outcome, count in self.outcomes.items()}
        return found


@dataclass(frozen=True, slots=True)
class Candidate(Generic[E]):
    """A member that takes part in a race, perhaps as a probe."""

    member: Member[E]
    probe: bool = False


def choose(
    members: Sequence[Member[E]], now: float, day: int, meter: CallMeter
) -> tuple[list[Candidate[E]], dict[str, str]]:
    """The members for a request, in their order, and why the others are passed over (by name).

    If only breakers stand against all of them, the one that would be probed first is tried anyway: a breaker saves
    time, and must not take away the last engine.
    """
    candidates, closed, passed = list[Candidate[E]](), list[Member[E]](), dict[str, str]()
    for member in members:
        state = member.breaker.state(now)
        if member.problem is not None:
            passed[member.name] = "it has not started"
        elif spent := member.over_budget(day, meter):
            passed[member.name] = spent
        elif state in (BreakerState.OPEN, BreakerState.PROBED):
            passed[member.name] = "it failed several times"
            closed.append(member)
        else:
            candidates.append(Candidate(member, state is BreakerState.HALF_OPEN))
    if not candidates and closed:
        first = min(closed, key=lambda member: member.breaker.reopens_at())
        del passed[first.name]
        candidates.append(Candidate(first))
    return candidates, passed


def used(
    candidate: Candidate[E], outcome: Outcome, spent: Spent, why: str, *, now: float, day: int, meter: CallMeter
) -> None:
    """Count the end of a candidate's work, for the node and for the call."""
    member = candidate.member
    use = EngineUse(member.part, member.name, outcome, spent, why)
    member.count(use, now, day, probe=candidate.probe)
    meter.add(use)


def unavailable(name: str, what: str, passed: dict[str, str]) -> EngineError:
    """The error when no member can take a request."""
    why = "; ".join(f"{engine}: {each}" for engine, each in passed.items()) or "no engine knows the language"
    return EngineError(name, what, why)


def start_reason(why: Why, before: str, first: str, errors: Sequence[EngineError]) -> str:
    """Why an engine starts, in words: `before` is the one before it, `first` the reason for the first one, `errors` are
    the failures so far."""
    match why:
        case Why.FIRST:
            return first
        case Why.SILENT:
            return f"{before}: it was silent for too long"
        case Why.DOUBTED:
            return f"{before}: its final did not come"
        case Why.PROBE:
            return f"{before}: it is tried again after failures"
        case Why.FAILED:
            return str(errors[-1]) if errors else ""


def all_failed(name: str, what: str, errors: Sequence[EngineError]) -> EngineError:
    """The error when no member is left: the only one's, or all of them in one."""
    return errors[0] if len(errors) == 1 else EngineError(name, what, "; ".join(map(str, errors)))
