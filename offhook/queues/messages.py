"""What a call says to the owner of the queues, and what it is told besides orders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.queues.orders import EndWait, Place, QueueEnd, QueueNow, RingAgents, StopRinging


@dataclass(frozen=True, slots=True)
class JoinQueue:
    """The caller wants to wait in `queue`. `ticket`: they answer a call-back. `about` is what every event of the call
    has (`CallLog.about`)."""

    call: str
    queue: str
    priority: int = 0
    ticket: str = ""
    about: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """The caller waits no longer, or an agent has hung up and the bot goes on with them. `end` says why they did not
    wait for one; None: their call is over, or they have had one."""

    call: str
    end: QueueEnd | None = None


@dataclass(frozen=True, slots=True)
class TakeCaller:
    """An agent has called in, and waits for the next caller of `queue`. `about` is as in `JoinQueue`."""

    call: str
    queue: str
    about: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaveTake:
    """They wait no longer, and talk to nobody; they may again, as their call goes on."""

    call: str


@dataclass(frozen=True, slots=True)
class AskPlace:
    """Answered with `PlaceInQueue`."""

    call: str


@dataclass(frozen=True, slots=True)
class CallBackWish:
    """To be called back at `number`. `language` is the caller's, `summary` is for the agent. `recorded` is what their
    dialog has decided about recording (None: nothing), and `consent` what they have said to it."""

    number: str
    language: str = "en"
    summary: str = ""
    recorded: bool | None = None
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class WantCallBack:
    """The caller wants to be called back by `trunk` (empty: none); answered with `CallBackKept`."""

    call: str
    trunk: str
    wish: CallBackWish


@dataclass(frozen=True, slots=True)
class AgentTook:
    """The agent talks to the caller."""

    call: str
    agent: str


@dataclass(frozen=True, slots=True)
class AgentMissed:
    """The agent did not take the call. `reached` is False where the bot or the network could not call them, which is no
    fault of theirs."""

    call: str
    agent: str
    reached: bool = True


@dataclass(frozen=True, slots=True)
class AgentReleased:
    """Another agent was quicker."""

    call: str
    agent: str


@dataclass(frozen=True, slots=True)
class MovedInQueue:
    """The caller's call has the handle `to` now."""

    call: str
    to: str


ToOwner = (
    JoinQueue
    | LeaveQueue
    | TakeCaller
    | LeaveTake
    | AskPlace
    | WantCallBack
    | AgentTook
    | AgentMissed
    | AgentReleased
    | MovedInQueue
)


@dataclass(frozen=True, slots=True)
class PlaceInQueue:
    """Where the caller stands, and how the queue is; None: they do not wait."""

    call: str
    place: Place | None
    queue: QueueNow | None = None


@dataclass(frozen=True, slots=True)
class CallBackKept:
    """Whether the caller will be called back."""

    call: str
    kept: bool


@dataclass(frozen=True, slots=True)
class CallBack:
    """What a call-back is for."""

    ticket: str
    queue: str
    wish: CallBackWish


@dataclass(frozen=True, slots=True)
class Linked:
    """A call is to talk to another one of the bot: who waits to `agent`, who has called in, and they (`agent` is empty)
    to who waits. Both get one end of a connection, whose descriptor comes with the message: who receives it fills in
    `fd`, and whoever has that last closes it. It stays -1 where a process has no descriptor left for it."""

    call: str
    agent: str = ""
    fd: int = -1


@dataclass(frozen=True, slots=True)
class AgentKept:
    """Who has called in is kept for a caller who is called back, for `most_s` at most: they are to wait for so long."""

    call: str
    most_s: float


ToCall = RingAgents | StopRinging | EndWait | PlaceInQueue | CallBackKept | Linked | AgentKept
