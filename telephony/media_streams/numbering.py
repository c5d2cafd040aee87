"""The sequence numbers of a far end's messages: which are new, which are duplicates, and where the count restarted.

TCP keeps the order, so an odd number is the far end's doing. Its cost is kept small: a message is a duplicate only if
its number really came before, and a restarted count is followed.
"""

from enum import Enum, auto

REMEMBERED = 256
"""How far below the highest number duplicates are detected."""

_ALL = (1 << REMEMBERED) - 1

RESTART_RUN = 5
"""This many consecutive old numbers in a row are a new count."""


class Order(Enum):
    """How a number relates to those before it."""

    NEXT = auto()
    AHEAD = auto()
    """Some are missing before it."""
    LATE = auto()
    """Lower than the highest, and not known to have come before."""
    AGAIN = auto()
    RESTARTED = auto()


class Numbering:
    """One count, starting with any number. A far end that gives the same number to everything does not count
    at all, and is always `NEXT`. `missing`: how many numbers were left out before the last one."""

    __slots__ = ("_highest", "_old", "_raised", "_run", "_seen", "missing")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything: the next number begins a new count."""
        self.missing = 0
        self._highest = -1
        self._raised = 0  # how often a number was higher than all before
        self._old = -1  # the last one that was not
        self._run = 0
        self._seen = 0  # bit n: the number n below the highest has come

    def judge(self, number: int) -> Order:
        """Classify the next message's number."""
        self.missing = 0
        below = self._highest - number
        if below == -1:  # nearly always
            self._seen = (self._seen << 1 | 1) & _ALL
            self._raised += 1
            self._highest = number
            self._run = 0
            return Order.NEXT
        if below < 0:
            self.missing = -below - 1 if self._raised else 0
            self._seen = (self._seen << min(-below, REMEMBERED) | 1) & _ALL
            self._raised += 1
            self._highest = number
            self._run = 0
            return Order.AHEAD if self.missing else Order.NEXT
        if self._raised < 2:
            return Order.NEXT
        self._run = self._run + 1 if number == self._old + 1 else 1
        self._old = number
        if self._run >= RESTART_RUN:
            self.restart()
            self._highest, self._raised, self._seen = number, 2, 1
            return Order.RESTARTED
        if below >= REMEMBERED:
            return Order.LATE
        bit = 1 << below
        order = Order.AGAIN if self._seen & bit else Order.LATE
        self._seen |= bit
        return order
