"""Numbers that a far end gives its messages: which are new, which came before, and where it began to count again.

TCP keeps the order, so an odd number is the far end's own doing. What it costs is kept small: a number is proof that
something came twice only if it really came before, and a count that restarts is followed.
"""

from collections import deque
from enum import Enum, auto

REMEMBERED = 256
"""The latest numbers, by which something that comes twice is known."""

RESTART_RUN = 5
"""So many old numbers one after the other, each the next of the one before, are a new count."""


class Order(Enum):
    """How a number stands to those before it."""

    NEXT = auto()
    AHEAD = auto()
    """Some are missing before it."""
    LATE = auto()
    """Lower than the highest, and not among those remembered."""
    AGAIN = auto()
    RESTARTED = auto()


class Numbering:
    """One count, from whatever number it begins with. A far end that gives the same number to everything does not count
    at all, and is always `NEXT`. `missing`: how many numbers were left out before the last one."""

    __slots__ = ("_highest", "_old", "_raised", "_run", "_seen", "_seen_in_order", "missing")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything: the next number begins a new count."""
        self.missing = 0
        self._highest = -1
        self._raised = 0  # how often a number was higher than all before
        self._old = -1  # the last one that was not
        self._run = 0
        self._seen: set[int] = set()
        self._seen_in_order: deque[int] = deque()

    def judge(self, number: int) -> Order:
        """The next message's number."""
        self.missing = 0
        if number > self._highest:
            self.missing = number - self._highest - 1 if self._raised else 0
            order = Order.AHEAD if self.missing else Order.NEXT
            self._raised += 1
            self._highest = number
            self._run = 0
        else:
            if self._raised < 2:
                return Order.NEXT
            self._run = self._run + 1 if number == self._old + 1 else 1
            self._old = number
            if self._run >= RESTART_RUN:
                self.restart()
                self._highest, self._raised = number, 2
                return Order.RESTARTED
            order = Order.AGAIN if number in self._seen else Order.LATE
        self._remember(number)
        return order

    def _remember(self, number: int) -> None:
        if number in self._seen:
            return
        self._seen.add(number)
        self._seen_in_order.append(number)
        if len(self._seen_in_order) > REMEMBERED:
            self._seen.discard(self._seen_in_order.popleft())
