"""Where the drivers of a conversation take the time from: one clock, so that tests can pass another."""

from time import monotonic
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds, on the axis of the event loop's timers."""

    def now(self) -> float:
        """The time."""


class MonotonicClock:
    """The machine's."""

    def now(self) -> float:
        """The time."""
        return monotonic()


MONOTONIC = MonotonicClock()
