"""Any inputs in any order: no agent has two callers, nobody is busy for somebody who is gone, and all waits end."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from offhook.queues.distributor import Distributor
from offhook.queues.notices import WaitBegan
from offhook.queues.orders import (
    DropCallBack,
    EndWait,
    HangUpCallBack,
    JoinCalls,
    PlaceCallBack,
    RingAgents,
    StopRinging,
)
from offhook.queues.policy import QueuePolicy
from offhook.queues.tables import IN_CALL, ON_THE_LINE, AgentState, CallerState

AGENTS = ("anna", "ben", "cleo")
CALLED_IN = ("dora", "emil")
CALLS = [f"c{number}" for number in range(6)]
BUSY = {AgentState.RINGING, AgentState.RESERVED, *IN_CALL}


class Storm(RuleBasedStateMachine):
    """Two queues that share agents; calls come again under the same names, as handles never do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.policies = {
            "all": QueuePolicy(AGENTS, "ring_all", max_wait_s=100, max_length=3, empty="wait", call_back_again_s=20),
            "one": QueuePolicy(AGENTS[:2], "round_robin", max_wait_s=60, wrap_up_s=0, call_back_tries=2),
        }
        self.it = Distributor(self.policies, 0)
        self.rung: dict[str, set[str]] = {}
        """Which phones ring for a call, as its process sees it."""
        self.to_call: set[str] = set()
        """Call-backs that are being placed."""
        self.tickets: list[str] = []
        self.waiting: set[str] = set()
        """Whose wait has begun and not ended, by what is told."""

    def after(self) -> None:
        while (order := self.it.next_order()) is not None:
            match order:
                case RingAgents(call, agents):
                    assert not set(agents) & set(CALLED_IN)
                    self.rung.setdefault(call, set()).update(agents)
                case JoinCalls(call, agent):
                    assert agent in CALLED_IN and not self.rung.get(call)
                    self.rung[call] = {agent}
                case StopRinging(call, agents):
                    assert set(agents) <= self.rung[call]
                    self.rung[call] -= set(agents)
                case EndWait(call):
                    assert not self.rung.get(call)
                case PlaceCallBack(ticket):
                    assert ticket not in self.to_call
                    self.to_call.add(ticket)
                case HangUpCallBack(ticket) | DropCallBack(ticket):
                    self.to_call.discard(ticket)
        while (notice := self.it.next_notice()) is not None:
            if isinstance(notice, WaitBegan):
                assert notice.call not in self.waiting
                self.waiting.add(notice.call)
                continue
            assert notice.waited_s >= 0
            self.waiting.remove(notice.call)

    @rule(call=st.sampled_from(CALLS), queue=st.sampled_from(["all", "one"]), priority=st.integers(0, 1))
    def joins(self, call: str, queue: str, priority: int) -> None:
        if self.it.state_of(call) is None:
            self.it.join(call, queue, self.now, priority)
            self.after()

    @rule(call=st.sampled_from(CALLS))
    def is_gone(self, call: str) -> None:
        self.rung.pop(call, None)
        self.it.leave(call, self.now)
        self.after()
        assert self.it.state_of(call) is None

    @rule(calls=st.sets(st.sampled_from(CALLS)))
    def a_worker_dies(self, calls: set[str]) -> None:
        for call in calls:
            self.is_gone(call)

    @rule(agent=st.sampled_from(CALLED_IN), queue=st.sampled_from(["all", "one"]))
    def calls_in(self, agent: str, queue: str) -> None:
        if self.called_in.get(agent) in (None, AgentState.WRAP_UP):
            self.it.come(agent, queue, self.now)
            self.after()

    @rule(agent=st.sampled_from(CALLED_IN), is_over=st.booleans())
    def waits_no_longer(self, agent: str, is_over: bool) -> None:
        (self.it.go if is_over else self.it.step_away)(agent, self.now)
        self.after()

    @rule(call=st.sampled_from(CALLS), agent=st.sampled_from(AGENTS + CALLED_IN))
    def takes(self, call: str, agent: str) -> None:
        if agent in self.rung.get(call, ()):
            del self.rung[call]
        self.it.taken(call, agent, self.now)  # also where it comes too late
        self.after()

    @rule(
        call=st.sampled_from(CALLS),
        agent=st.sampled_from(AGENTS + CALLED_IN),
        reached=st.sampled_from([True, False, None]),
    )
    def does_not_take(self, call: str, agent: str, reached: bool | None) -> None:
        self.rung.get(call, set()).discard(agent)
        if reached is None:
            self.it.withdrawn(call, agent, self.now)
        else:
            self.it.missed(call, agent, self.now, reached=reached)
        self.after()

    @rule(call=st.sampled_from(CALLS))
    def has_talked(self, call: str) -> None:
        if self.it.state_of(call) is CallerState.TALKING:
            self.it.talk_over(call, self.now)
            self.after()

    @rule(call=st.sampled_from(CALLS))
    def wants_call_back(self, call: str) -> None:
        ticket = f"t{len(self.tickets)}"
        if self.it.want_call_back(call, ticket, self.now):
            self.tickets.append(ticket)
        self.after()

    @rule(data=st.data(), call=st.sampled_from(CALLS), answered=st.booleans())
    def is_called_back(self, data: st.DataObject, call: str, answered: bool) -> None:
        if self.to_call and self.it.state_of(call) is None:
            ticket = data.draw(st.sampled_from(sorted(self.to_call)))
            self.to_call.discard(ticket)
            if answered:
                assert self.it.call_back_answered(ticket, call, self.now)
            else:
                self.it.call_back_failed(ticket, self.now)
            self.after()

    @rule(agent=st.sampled_from(AGENTS), does=st.sampled_from(["log_in", "log_out", "pause"]))
    def agent(self, agent: str, does: str) -> None:
        getattr(self.it, does)(agent, self.now)
        self.after()

    @rule(queue=st.sampled_from(["all", "one"]), closed=st.booleans())
    def closes_or_opens(self, queue: str, closed: bool) -> None:
        self.it.close(queue, self.now, closed=closed)
        self.after()

    @rule(seconds=st.floats(0, 200))
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.it.get_timer()) is not None and due <= until:
            self.now = max(self.now, due)
            self.it.handle_timer(self.now)
            self.after()
        self.now = until

    @property
    def called_in(self) -> dict[str, AgentState]:
        """What those do who have called in."""
        found = self.it.dump(self.now)["called_in"]
        assert isinstance(found, dict)
        return {name: AgentState(agent["state"]) for name, agent in found.items()}

    @invariant()
    def nobody_is_double_booked(self) -> None:
        rung = [agent for agents in self.rung.values() for agent in agents]
        assert len(rung) == len(set(rung))
        shown = self.it.dump(self.now)
        queues = shown["queues"]
        assert isinstance(queues, dict)
        callers = [caller for queue in queues.values() for caller in queue["callers"]]
        booked = [agent for caller in callers for agent in caller["agents"]]
        assert len(booked) == len(set(booked))
        states = {**self.it.agent_states(), **self.called_in}
        assert set(booked) == {agent for agent, state in states.items() if state in BUSY}

    @invariant()
    def each_wait_has_one_beginning_and_one_end(self) -> None:
        assert self.waiting == {call for call in CALLS if self.it.state_of(call) in ON_THE_LINE}

    @invariant()
    def nobody_waits_beside_a_free_agent(self) -> None:
        states, queues = self.it.agent_states(), self.it.dump(self.now)["queues"]
        assert isinstance(queues, dict)
        for name, queue in queues.items():
            if any(caller["state"] == CallerState.WAITING for caller in queue["callers"]):
                assert all(states[agent] is not AgentState.READY for agent in self.policies[name].agents)
                assert AgentState.READY not in self.it.states_in(name)

    @invariant()
    def nobody_waits_in_a_closed_queue(self) -> None:
        queues = self.it.dump(self.now)["queues"]
        assert isinstance(queues, dict)
        for name in filter(self.it.is_closed, queues):
            assert all(caller["state"] != CallerState.WAITING for caller in queues[name]["callers"])

    def teardown(self) -> None:
        """With nobody there, and nobody reporting anything, all waits end."""
        for call in CALLS:
            if self.it.state_of(call) is CallerState.TALKING:
                self.it.leave(call, self.now)
        for _ in range(10_000):
            if (due := self.it.get_timer()) is None:
                break
            self.now = max(self.now, due)
            self.it.handle_timer(self.now)
            self.after()
        assert self.it.get_timer() is None
        assert all(self.it.state_of(name) is None for name in (*CALLS, *self.tickets))


Storm.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestStorm = Storm.TestCase
