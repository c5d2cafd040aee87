"""When the calls of a load begin. Pure.

Without a rate a call begins when there is room for one (`MOST_A_SECOND`); with a ramp the room grows evenly, from
one call to all of them. With a rate calls arrive: evenly, or by chance as callers do (a Poisson process); with a ramp
the rate grows evenly from nothing. An arrival for which there is no room waits, and is counted: the far end then gets
less than the rate.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

MOST_A_SECOND = 20
"""Calls that begin without a rate: where each fails at once, others do not storm the far end in their place."""

HELD_BACK_S = 0.1
"""An arrival that waited longer than this for room was held back; less is how long it takes to place calls."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many calls, and when. `calls` in all, None: no limit; `at_once` at the most. `rate` of arrivals a second;
    None: whenever there is room. `evenly`: not by chance. `ramp_s` until the full rate, or until the room for
    `at_once`; `for_s`: no call begins later, None: any time."""

    calls: int | None
    at_once: int
    rate: float | None = None
    evenly: bool = False
    ramp_s: float = 0.0
    for_s: float | None = None
    seed: int = 1


class Schedule:
    """The beginnings of one load's calls; times in seconds since its beginning. Ask `due` whether a call begins now,
    and say `placed` if it does; ask again at `get_timer`, and when a call is over."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._arrivals: Iterator[float] = iter(()) if plan.rate is None else arrivals(plan.rate, plan)
        self._next_s = next(self._arrivals, 0.0)
        self._stopped = False
        self.begun = 0
        """How many calls have begun."""
        self.held_back = 0
        """How many arrivals waited for room."""

    def stop(self) -> None:
        """No more calls."""
        self._stopped = True

    def due(self, now_s: float, running: int) -> bool:
        """Whether a call begins now, with so many running."""
        return not self.over(now_s) and now_s >= self._next_s and running < self._room(now_s)

    def placed(self, now_s: float) -> None:
        """A call has begun."""
        self.begun += 1
        if self._plan.rate is None:
            self._next_s = now_s + 1 / MOST_A_SECOND
            return
        if now_s - self._next_s > HELD_BACK_S:
            self.held_back += 1
        self._next_s = next(self._arrivals)

    def over(self, now_s: float) -> bool:
        """Whether no call will begin any more."""
        plan = self._plan
        is_late = plan.for_s is not None and max(now_s, self._next_s) >= plan.for_s
        return self._stopped or is_late or (plan.calls is not None and self.begun >= plan.calls)

    def get_timer(self, now_s: float, running: int) -> float | None:
        """When a call may begin if none ends before; None: not before one ends."""
        if self.over(now_s):
            return None
        plan = self._plan
        if running >= plan.at_once:
            return plan.for_s
        if plan.rate is not None:
            return self._next_s
        return max(self._next_s, plan.ramp_s * running / plan.at_once)

    def _room(self, now_s: float) -> int:
        plan = self._plan
        if plan.rate is not None or now_s >= plan.ramp_s:
            return plan.at_once
        return min(plan.at_once, 1 + math.floor(plan.at_once * now_s / plan.ramp_s))


def arrivals(rate: float, plan: Plan) -> Iterator[float]:
    """When callers arrive, without end: with the plan's ramp, seed, and evenness."""
    random = Random(plan.seed)
    expected = 0.0  # how many had to arrive until then
    while True:
        if not plan.evenly:
            expected += random.expovariate(1.0)
        yield _reached_s(expected, rate, plan.ramp_s)
        if plan.evenly:
            expected += 1.0


def _reached_s(expected: float, rate: float, ramp_s: float) -> float:
    """When so many are expected: in the ramp their number grows as the square of the time."""
    in_ramp = rate * ramp_s / 2
    if expected < in_ramp:
        return math.sqrt(2 * ramp_s * expected / rate)
    return ramp_s + (expected - in_ramp) / rate
