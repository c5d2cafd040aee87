"""The clock that drives a conversation; tests can pass another one."""

from time import monotonic
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds, on the clock of the event loop's timers."""

    def now(self) -> float:
        """The time."""


class MonotonicClock:
    """The machine's."""

    def now(self) -> float:
        """The time."""
        return monotonic()


MONOTONIC = MonotonicClock()
