"""An event loop whose time jumps to the next timer: a minute takes as long as its computation."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from offhook.pipeline.clock import Clock

T = TypeVar("T")


class NothingHappensError(RuntimeError):
    """Every task waits, and no timer is set."""


class _Selector(selectors.SelectSelector):
    """Advances the time instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise NothingHappensError("every task waits for another, and no timer is set: the test would hang")
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s. Without threads and sockets every run is the same."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since the start."""
        return self._virtual.now


class LoopClock:
    """A Clock of the loop's time, virtual or real."""

    def __init__(self) -> None:
        self.now = asyncio.get_running_loop().time


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time, as `asyncio.run` does in real time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def loop_clock() -> Clock:
    """The running loop's clock."""
    return LoopClock()
