"""A caller that an agent takes from a queue: what a dialog asks for, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from offhook.pipeline.closed import ignore
from offhook.queues.orders import QueueEnd


class TakeEnd(StrEnum):
    """Why an agent has talked to nobody."""

    TIMEOUT = "timeout"  # nobody has come
    LEFT = "left"  # by the key, or logged out by people
    CLOSED = "closed"  # the queue is
    NOT_POSSIBLE = "not_possible"  # the queue has lost sight of the agent


TAKE_ENDS = {QueueEnd.TIMEOUT: TakeEnd.TIMEOUT, QueueEnd.LEFT: TakeEnd.LEFT, QueueEnd.NO_AGENTS: TakeEnd.CLOSED}
"""What the ends of a queue are for who takes callers from it; all others are NOT_POSSIBLE."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How it went for an agent who has called in: they have talked to the caller whose record is `caller`, which is
    over; or to nobody, and `end` says why."""

    caller: str = ""
    end: TakeEnd | None = None
    waited_s: float = field(default=0.0, compare=False)
    """How long the caller had waited when it was their turn."""
    talked_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class TakeRequest:
    """What a dialog asks for. The agent waits for `wait_s` (None: as long as callers do), and talks for `limit_s` at
    most (None: `transfer.max_talk_s`); `return_key` is a key of the agent that ends the wait, and the talk. `on_caller`
    is called with the record of the caller that they talk to."""

    queue: str
    wait_s: float | None = None
    limit_s: float | None = None
    return_key: str | None = None
    on_caller: Callable[[str], None] = ignore
