"""The callers and agents of queues, each with its machine."""

from collections import deque
from dataclasses import dataclass, field

from offhook.queues.orders import QueueEnd
from offhook.queues.policy import QueuePolicy
from offhook.queues.tables import (
    AGENT,
    CALLER,
    ON_THE_LINE,
    AgentAction,
    AgentInput,
    AgentState,
    AgentTimer,
    CallerAction,
    CallerState,
    CallerTimer,
)
from offhook.sip.transaction.machine import Machine

RING_MARGIN_S = 10.0
"""Who rings agents, or calls back, reports that it was in vain; this long after that time it is taken for lost."""

LEAVES_S = 20.0
"""Who is to be called back may still be on the line for so long: they are called once they have hung up, or then."""

UNREACHED_S = 10.0
"""Who cannot be called at all is tried again after this time, or `rest_s` where that is longer: a trunk that takes no
calls refuses them at once."""

BETWEEN_S = 30.0
"""Who has called in is there for so long between two callers, or `wrap_up_s` where that is longer: what their dialog
does then, as a request to its server, is no reason to send callers away."""

MAX_BRIEFING_S = 60.0
"""The longest time between an agent's answer and the talk: they hear who waits."""


class Agent:
    """An agent: idle since `idle_since`, with `calls` taken, `missed` of them in a row not; `caller` is for whom they
    ring, are kept, or with whom they talk. `queue` is the one that they have called into, for one caller at a time;
    empty: the bot calls them."""

    def __init__(self, name: str, now: float, queue: str = "") -> None:
        self.name = name
        self.queue = queue
        self._durations: dict[str, float | None] = {}
        self.machine: Machine[AgentState, AgentAction] = Machine(AGENT, self._durations, 0.0)
        self.idle_since = now
        self.calls = 0
        self.missed = 0
        self.caller: Caller | None = None

    @property
    def state(self) -> AgentState:
        """What they do."""
        return self.machine.state

    def serves(self, policy: QueuePolicy) -> None:
        """They ring for a caller of this queue, by whose times they go."""
        self._durations[AgentTimer.WRAP_UP] = max(policy.wrap_up_s, BETWEEN_S if self.queue else 0.0)
        self._durations[AgentTimer.REST] = policy.rest_s

    def misses(self, policy: QueuePolicy, now: float, *, reached: bool) -> None:
        """They have not taken the call of a caller of this queue, or could not be called (`reached` False), which does
        not count. Nor does it of one who has called in: nobody could log them in again."""
        reached = reached and not self.queue
        again = reached and self.missed + 1 >= policy.max_missed
        if not reached:
            self._durations[AgentTimer.REST] = max(policy.rest_s, UNREACHED_S)
        self.machine.handle(AgentInput.MISSES_AGAIN if again else AgentInput.MISSES, now)
        self.missed = 0 if again else self.missed + reached
        self.caller = None


class Caller:
    """A caller: `key` is the call's handle, or the ticket of a call-back without a call. `number` is their place in the
    order of arrival, `since` when they came, `agents` ring for them or are kept free, `talks_to` is the agent that they
    talk to, and `end` why they wait no longer. A call-back that an earlier process has left is kept for `kept_s`."""

    def __init__(
        self, key: str, queue: str, policy: QueuePolicy, number: int, priority: int, kept_s: float | None = None
    ) -> None:
        self.key = key
        self.ticket = ""
        self.queue = queue
        self.policy = policy
        self.order = (-priority, number)
        self.since = 0.0
        self.end: QueueEnd | None = None
        self.agents: dict[str, Agent] = {}
        self.talks_to: Agent | None = None
        self.talking_since = 0.0
        self.tries = 0
        self.back_s = LEAVES_S + policy.call_back_ring_s + RING_MARGIN_S
        """How long a call-back takes at most until it is answered, or is not."""
        self.machine: Machine[CallerState, CallerAction] = Machine(
            CALLER,
            {
                CallerTimer.WAITED: policy.max_wait_s,
                CallerTimer.RING: policy.ring_s + MAX_BRIEFING_S + RING_MARGIN_S,
                CallerTimer.KEPT: policy.call_back_kept_s if kept_s is None else kept_s,
                CallerTimer.BACK: self.back_s,
                CallerTimer.AGAIN: policy.call_back_again_s,
            },
            0.0,
        )

    @property
    def state(self) -> CallerState:
        """Where they stand."""
        return self.machine.state

    def shown(self, now: float) -> dict[str, object]:
        """As plain values. `waited_s` is None for who is not on the line."""
        talks = self.talks_to is not None
        waited_s = (self.talking_since if talks else now) - self.since
        return {
            "call": self.key,
            "state": str(self.state),
            "is_call_back": bool(self.ticket),
            "waited_s": round(waited_s, 1) if talks or self.state in ON_THE_LINE else None,
            "agents": [self.talks_to.name] if self.talks_to is not None else list(self.agents),
        }


MAX_TALKS = 50
MIN_TALKS = 3


@dataclass(slots=True)
class Talks:
    """How long the latest talks of a queue took, with the wrap-up."""

    latest_s: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_TALKS))

    def mean_s(self) -> float | None:
        """None while too few are known."""
        return sum(self.latest_s) / len(self.latest_s) if len(self.latest_s) >= MIN_TALKS else None
