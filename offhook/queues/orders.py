"""What the distributor wants done, and why a caller's wait may end."""

from dataclasses import dataclass
from enum import StrEnum


class QueueEnd(StrEnum):
    """Why a caller who was not connected goes on elsewhere."""

    FULL = "full"
    TIMEOUT = "timeout"
    NO_AGENTS = "no_agents"
    LEFT = "left"  # by a key
    CALL_BACK = "call_back"  # they will be called back
    NOT_POSSIBLE = "not_possible"  # over this carrier, or with this queue


@dataclass(frozen=True, slots=True)
class RingAgents:
    """Have these agents ring for a call, for `ring_s`."""

    call: str
    agents: tuple[str, ...]
    ring_s: float


@dataclass(frozen=True, slots=True)
class StopRinging:
    """These agents are to ring for the call no longer; what they did is not reported."""

    call: str
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JoinCalls:
    """Connect a call with that of an agent who has called in."""

    call: str
    agent: str


@dataclass(frozen=True, slots=True)
class EndWait:
    """The call is in the queue no longer."""

    call: str
    end: QueueEnd


@dataclass(frozen=True, slots=True)
class KeepAgent:
    """An agent who has called in is kept for a caller who is called back, for `most_s` at most."""

    agent: str
    most_s: float


@dataclass(frozen=True, slots=True)
class EndTake:
    """An agent who has called in is to wait no longer: their queue is closed."""

    agent: str


@dataclass(frozen=True, slots=True)
class PlaceCallBack:
    """It is the turn of a caller who wants to be called back; `ring_s` is for their phone."""

    ticket: str
    ring_s: float


@dataclass(frozen=True, slots=True)
class HangUpCallBack:
    """The call-back is to go on no longer, should it still be there."""

    ticket: str


@dataclass(frozen=True, slots=True)
class DropCallBack:
    """A call-back is over, without success."""

    ticket: str


Order = (
    RingAgents | StopRinging | JoinCalls | EndWait | KeepAgent | EndTake | PlaceCallBack | HangUpCallBack | DropCallBack
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caller stands: 1 is next. `wait_s` is an estimate, None while too few talks are known."""

    position: int
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class QueueNow:
    """How a queue is now: so many have a place in it, and those on the line have waited for `mean_waited_s`."""

    callers: int
    mean_waited_s: float
