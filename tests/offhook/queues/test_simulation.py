"""A service with hundreds of callers, in virtual time: what a queue promises, over hours of it."""

import heapq
from collections.abc import Callable
from itertools import count
from random import Random

import pytest

from offhook.queues.distributor import Distributor
from offhook.queues.orders import DropCallBack, EndWait, PlaceCallBack, RingAgents, StopRinging
from offhook.queues.policy import QueuePolicy, Strategy
from offhook.queues.tables import AgentState, CallerState

CALLERS, AGENTS = 300, 20


class Service:
    """Callers and agents who do what people do: hang up, do not answer, take breaks, want to be called back."""

    def __init__(self, strategy: Strategy, seed: int) -> None:
        self.random = Random(seed)
        self.agents = tuple(f"agent{number}" for number in range(AGENTS))
        policy = QueuePolicy(
            self.agents, strategy, max_length=CALLERS, max_call_backs=CALLERS, max_wait_s=14_000, empty="wait"
        )
        self.it = Distributor({"support": policy}, 0)
        self.now = 0.0
        self.order: list[str] = []
        """Who waits, in the order of arrival."""
        self.came: dict[str, str] = {}
        """What became of each caller."""
        self.first: dict[str, str] = {}  # the caller of each later call
        self.ringing: dict[str, set[str]] = {}
        self.talking: dict[str, str] = {}
        self.called_back = 0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._numbers), what))

    def run(self) -> None:
        for number in range(CALLERS):
            self.later(self.random.uniform(0, 900), lambda call=f"c{number}": self.arrives(call))  # type: ignore[misc]
        for agent in self.agents:
            self.later(self.random.uniform(0, 600), lambda agent=agent: self.it.log_in(agent, self.now))  # type: ignore[misc]
            for _ in range(3):
                self.later(self.random.uniform(900, 9_000), lambda agent=agent: self.breaks(agent))  # type: ignore[misc]
        while self._agenda or self.it.get_timer() is not None:
            due = self.it.get_timer()
            if self._agenda and (due is None or self._agenda[0][0] <= due):
                self.now, _, what = heapq.heappop(self._agenda)
                what()
            elif due is not None:
                self.now = max(self.now, due)
                self.it.handle_timer(self.now)
            self.carry_out()
            self.check()

    # What happens.

    def arrives(self, call: str) -> None:
        assert self.it.join(call, "support", self.now) is None
        self.first[call] = call
        self.order.append(call)
        if self.random.random() < 0.2:
            self.later(self.random.uniform(5, 2_000), lambda: self.gives_up(call))
        elif self.random.random() < 0.15:
            self.later(self.random.uniform(5, 300), lambda: self.wants_call_back(call))

    def gives_up(self, call: str) -> None:
        if self.it.state_of(call) not in (None, CallerState.TALKING):
            self.it.leave(call, self.now)
            self.ringing.pop(call, None)
            self.order.remove(call)
            self.came[call] = "gave up"

    def wants_call_back(self, call: str) -> None:
        if self.it.want_call_back(call, f"t{call}", self.now):
            self.order[self.order.index(call)] = f"t{call}"
            self.first[f"t{call}"] = call
            self.carry_out()
            self.it.leave(call, self.now)

    def breaks(self, agent: str) -> None:
        (self.it.pause if self.random.random() < 0.5 else self.it.log_out)(agent, self.now)
        self.later(self.random.uniform(60, 600), lambda: self.it.log_in(agent, self.now))

    def answers(self, call: str, agent: str) -> None:
        if agent not in self.ringing.get(call, ()):
            return
        if self.random.random() < 0.15:
            self.ringing[call].discard(agent)
            self.it.missed(call, agent, self.now)
            return
        self.ringing.pop(call)
        self.it.taken(call, agent, self.now)
        assert agent not in self.talking
        self.talking[agent] = call
        self.order.remove(call)
        self.later(self.random.expovariate(1 / 120), lambda: self.hangs_up(call, agent))

    def hangs_up(self, call: str, agent: str) -> None:
        del self.talking[agent]
        self.came[self.first[call]] = "talked"
        (self.it.talk_over if self.random.random() < 0.5 else self.it.leave)(call, self.now)

    def answers_call_back(self, ticket: str, call: str) -> None:
        if self.random.random() < 0.3:
            self.it.call_back_failed(ticket, self.now)
            return
        self.first[call] = self.first[ticket]
        self.order[self.order.index(ticket)] = call
        assert self.it.call_back_answered(ticket, call, self.now)
        self.called_back += 1

    # What the distributor wants, and what has to hold.

    def carry_out(self) -> None:
        while (order := self.it.next_order()) is not None:
            match order:
                case RingAgents(call, agents):
                    self.ringing.setdefault(call, set()).update(agents)
                    for agent in agents:
                        self.later(self.random.uniform(1, 20), lambda c=call, a=agent: self.answers(c, a))  # type: ignore[misc]
                case StopRinging(call, agents):
                    self.ringing[call] -= set(agents)
                case PlaceCallBack(ticket):
                    call = f"b{next(self._numbers)}"
                    self.later(self.random.uniform(5, 40), lambda t=ticket, c=call: self.answers_call_back(t, c))  # type: ignore[misc]
                case DropCallBack(ticket):
                    self.order.remove(ticket)
                    self.came[self.first[ticket]] = "not reached"
                case EndWait(call, end):
                    raise AssertionError(f"{call} should not have ended: {end}")

    def check(self) -> None:
        states = self.it.agent_states()
        busy = [agent for agents in self.ringing.values() for agent in agents] + list(self.talking)
        assert len(busy) == len(set(busy)), "an agent has two callers"
        in_use = {agent for agent, state in states.items() if state is AgentState.RINGING}
        assert in_use == {agent for agents in self.ringing.values() for agent in agents}
        waiting = [call for call in self.order if self.it.state_of(call) is CallerState.WAITING]
        if waiting:
            assert AgentState.READY not in states.values(), "somebody waits, and somebody is free"
        for place, call in enumerate(self.order, 1):
            found = self.it.place_of(call)
            assert found is not None and found.position == place, "the position is not the true one"


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("strategy", ["ring_all", "round_robin", "longest_idle", "fewest_calls"])
def test_order_is_kept_and_nobody_is_lost(strategy: Strategy, seed: int) -> None:
    service = Service(strategy, seed)
    service.run()
    assert len(service.came) == CALLERS
    assert {"talked", "gave up"} <= set(service.came.values()) <= {"talked", "gave up", "not reached"}
    assert service.called_back > 5
    assert service.order == []
    assert AgentState.TALKING not in service.it.agent_states().values()


def test_without_disturbances_callers_are_taken_in_their_order() -> None:
    agents = tuple(f"agent{number}" for number in range(AGENTS))
    it = Distributor({"support": QueuePolicy(agents, max_length=CALLERS, wrap_up_s=0)}, 0)
    for agent in agents:
        it.log_in(agent, 0)
    for number in range(CALLERS):
        it.join(str(number), "support", number)
    offered: list[int] = []
    now, talks = float(CALLERS), list[str]()
    while len(offered) < CALLERS:
        while isinstance(order := it.next_order(), RingAgents):
            offered.append(int(order.call))
            it.taken(order.call, order.agents[0], now)
            talks.append(order.call)
        now += 1
        it.talk_over(talks.pop(0), now)
        it.handle_timer(now)
    assert offered == list(range(CALLERS))
