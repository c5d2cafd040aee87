"""A wait in a queue: what a dialog asks for, and how it ended."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from offhook.api.while_waiting import Wait
from offhook.pipeline.closed import ignore
from offhook.queues.orders import QueueEnd

WhileWaiting = Callable[[Wait], Awaitable[object]]
"""The coroutine function of what a caller hears while they wait: see `Call.queue`."""


@dataclass(frozen=True, slots=True)
class Queued:
    """How a wait ended: the caller has talked to `agent`, who has hung up; or they have not, and `end` says why."""

    agent: str = ""
    end: QueueEnd | None = None
    waited_s: float = field(default=0.0, compare=False)
    """Until then, or until the two were joined."""


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """What a dialog asks for. `summary` is said to the agent before the caller is joined; `ticket`: the call is a
    call-back. `on_agent` is called with the agent who talks to the caller, and with an empty text where they wait
    again. `while_waiting` is what the caller hears until then; None: what the queue has."""

    queue: str
    summary: str = ""
    priority: int = 0
    ticket: str = ""
    on_agent: Callable[[str], None] = ignore
    while_waiting: WhileWaiting | None = None
