"""Who gets events, and when one is tried again."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from offhook.records.outbox import OutboxRow, Subscription

FIRST_RETRY_S = 1.0
BREAK_AFTER = 10
"""After so many failures in a row, of whichever events, a receiver is left alone for a while."""
FIRST_BREAK_S, MAX_BREAK_S = 1.0, 60.0


class Result(StrEnum):
    """What became of an attempt."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"
    """The receiver wants nothing any more."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """`why` it was not delivered, for people; `pause_s`: the receiver wants nothing for so long. `says_nothing`: of the
    receiver, as it was never asked."""

    result: Result
    why: str = ""
    pause_s: float = 0.0
    says_nothing: bool = False


class Receiver(Protocol):
    """One webhook, or one mail server."""

    subscription: Subscription
    at_once: int
    """The most deliveries at a time."""
    timeout_s: float
    """For one attempt."""
    longest_retry_s: float
    """Between two attempts for the same event, at the most."""
    give_up_s: float
    """How long an event is tried."""

    async def deliver(self, row: OutboxRow) -> Attempt:
        """Try once. Raises nothing but CancelledError, when it takes too long."""


def retry_delay_s(attempts: int, longest_s: float, uniform: Callable[[float, float], float]) -> float:
    """How long to wait after so many failed attempts: doubled each time, half of it at random, so that what failed
    together is not tried together."""
    most = min(longest_s, FIRST_RETRY_S * 2.0 ** min(attempts - 1, 30))
    return uniform(most / 2, most)


def break_s(failures: int) -> float:
    """How long a receiver is left alone after so many failures in a row."""
    beyond = failures - BREAK_AFTER
    return min(MAX_BREAK_S, FIRST_BREAK_S * 2.0 ** min(beyond, 30)) if beyond >= 0 else 0.0
