"""What has happened to those who wait on the line, for who counts it, or notifies others. Each wait begins once, and is
either answered or left."""

from dataclasses import dataclass

from offhook.queues.orders import QueueEnd


@dataclass(frozen=True, slots=True)
class WaitBegan:
    """A caller has a place. `is_call_back`: they have answered the call that they asked for."""

    call: str
    queue: str
    is_call_back: bool = False


@dataclass(frozen=True, slots=True)
class WaitAnswered:
    """An agent talks to them."""

    call: str
    queue: str
    agent: str
    waited_s: float


@dataclass(frozen=True, slots=True)
class WaitLeft:
    """They wait no longer, and have talked to nobody. `end` None: their call is over."""

    call: str
    queue: str
    end: QueueEnd | None
    waited_s: float


Notice = WaitBegan | WaitAnswered | WaitLeft
