"""Distributes waiting callers among agents: inputs and `now` in, orders and notices out. The tables decide; see there.

One for a service, whatever number of processes carries its calls. Within a queue callers are offered in their order
(priority, then arrival), an agent never rings for two, and every caller and agent ends in a state without the other.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum

from offhook.queues.choose import agents_to_ring
from offhook.queues.members import Agent, Caller
from offhook.queues.notices import Notice, WaitAnswered, WaitBegan, WaitLeft
from offhook.queues.orders import (
    DropCallBack,
    EndTake,
    EndWait,
    HangUpCallBack,
    JoinCalls,
    KeepAgent,
    Order,
    PlaceCallBack,
    QueueEnd,
    RingAgents,
    StopRinging,
)
from offhook.queues.policy import QueuePolicy
from offhook.queues.shown import Shown
from offhook.queues.tables import (
    IN_CALL,
    ON_THE_LINE,
    AgentAction,
    AgentInput,
    AgentState,
    AgentTimer,
    CallerAction,
    CallerInput,
    CallerState,
)

_ENDS = {CallerAction.END_TIMEOUT: QueueEnd.TIMEOUT, CallerAction.END_NO_AGENTS: QueueEnd.NO_AGENTS}


class Distributor(Shown):
    """All queues by their names, and all agents, who are logged out at first."""

    def __init__(self, queues: Mapping[str, QueuePolicy], now: float) -> None:
        super().__init__(queues, now)
        self._last_rung = dict.fromkeys(queues, "")
        self._closed: set[str] = set()
        self._number = 0
        self._orders: deque[Order] = deque()
        self._notices: deque[Notice] = deque()

    # --- callers

    def join(self, call: str, queue: str, now: float, priority: int = 0) -> QueueEnd | None:
        """A caller comes. Why they do not wait; None: they do. KeyError for a queue that is not there, ValueError for a
        call that is in one."""
        policy = self._queues[queue]
        if call in self._callers:
            raise ValueError(f"{call} is in a queue already")
        if self._is_left_alone(queue):
            return QueueEnd.NO_AGENTS
        if sum(1 for _ in self._queued(queue)) >= policy.max_length:
            return QueueEnd.FULL
        caller = self._add(call, queue, priority)
        caller.machine.start(now)
        self._begins(caller, now)
        self._distribute(now)
        return None

    def leave(self, call: str, now: float, end: QueueEnd | None = None, *, rings: bool = False) -> None:
        """A caller has left the queue: why, None where their call is over, or its process gone. Does nothing for
        others. `rings`: phones may still ring for the call, and are to stop."""
        caller = self._callers.get(call)
        if caller is not None:
            caller.end = end
            if rings and caller.agents:
                self._orders.append(StopRinging(call, tuple(caller.agents)))
            self._take(caller, CallerInput.LEFT, now)
            self._distribute(now)

    def move(self, call: str, to: str) -> None:
        """A call has another handle now."""
        caller = self._callers.pop(call, None)
        if caller is not None:
            caller.key = to
            self._callers[to] = caller

    def want_call_back(self, call: str, ticket: str, now: float) -> bool:
        """A caller leaves the line, and keeps the place by the name `ticket`. False: they do not wait, or too many are
        to be called back."""
        caller = self._callers.get(call)
        if caller is None or caller.state not in ON_THE_LINE or caller.ticket:
            return False
        if sum(1 for each in self._queued(caller.queue) if each.ticket) >= caller.policy.max_call_backs:
            return False
        self._take(caller, CallerInput.WANTS_CALL_BACK, now)
        self._notices.append(WaitLeft(call, caller.queue, QueueEnd.CALL_BACK, now - caller.since))
        self.move(call, ticket)
        caller.ticket = ticket
        self._distribute(now)
        return True

    def restore_call_back(self, ticket: str, queue: str, now: float, *, age_s: float = 0.0, tries: int = 0) -> bool:
        """A call-back that another process has left, `age_s` after it was promised and after so many calls. False: it
        is over, or there is no such queue."""
        policy = self._queues.get(queue)
        if policy is None or ticket in self._callers:
            return False
        if age_s >= policy.call_back_kept_s or tries >= policy.call_back_tries:
            return False
        caller = self._add(ticket, queue, 0, policy.call_back_kept_s - max(0.0, age_s))
        caller.ticket, caller.tries = ticket, tries
        caller.machine.start(now)
        self._take(caller, CallerInput.WANTS_CALL_BACK, now)
        self._distribute(now)
        return True

    def call_back_answered(self, ticket: str, call: str, now: float) -> bool:
        """The caller has answered their call-back, `call`, and is in the queue with it. False: they are not."""
        caller = self._callers.get(ticket)
        if caller is None or caller.state is not CallerState.CALLING_BACK:
            return False
        self.move(ticket, call)
        self._begins(caller, now)
        self._take(caller, CallerInput.ANSWERED if caller.agents else CallerInput.ANSWERED_ALONE, now)
        self._distribute(now)
        return True

    def call_back_failed(self, ticket: str, now: float, *, tried: bool = True) -> None:
        """The call-back was not answered. `tried` False: it could not be placed now, which is no try."""
        caller = self._callers.get(ticket)
        if caller is not None and caller.state is CallerState.CALLING_BACK:
            self._not_reached(caller, now, tried=tried)
            self._distribute(now)

    def taken(self, call: str, agent: str, now: float) -> bool:
        """The agent talks to the caller; others who rang are released by whoever reports this. False: they are not the
        caller's any more."""
        caller = self._callers.get(call)
        if caller is None or agent not in caller.agents:
            return False
        taker = caller.agents.pop(agent)
        self._free(caller, now)
        self._take(caller, CallerInput.TAKEN, now)
        caller.talks_to, caller.talking_since = taker, now
        self._notices.append(WaitAnswered(call, caller.queue, agent, now - caller.since))
        taker.machine.handle(AgentInput.TAKES, now)
        taker.calls, taker.missed = taker.calls + 1, 0
        self._distribute(now)
        return True

    def missed(self, call: str, agent: str, now: float, *, reached: bool = True) -> None:
        """The agent did not take the call: no answer, busy, declined. `reached` False: they could not be called."""
        caller = self._callers.get(call)
        if caller is None or agent not in caller.agents:
            return
        caller.agents.pop(agent).misses(caller.policy, now, reached=reached)
        if not caller.agents:
            self._take(caller, CallerInput.REFUSED, now)
        self._distribute(now)

    def withdrawn(self, call: str, agent: str, now: float) -> None:
        """The agent rings no longer, by no fault of theirs: another one was quicker."""
        caller = self._callers.get(call)
        if caller is None or agent not in caller.agents:
            return
        self._release(caller.agents.pop(agent), now)
        if not caller.agents:
            self._take(caller, CallerInput.REFUSED, now)
        self._distribute(now)

    def talk_over(self, call: str, now: float) -> None:
        """The agent has hung up, and the caller is with the bot again."""
        caller = self._callers.get(call)
        if caller is not None:
            self._take(caller, CallerInput.TALK_OVER, now)
            self._distribute(now)

    # --- agents

    def log_in(self, agent: str, now: float) -> None:
        """The agent takes calls: from now on, again, or already before the wrap-up is over. KeyError for a stranger."""
        self._agent(agent, AgentInput.LOG_IN, now)

    def log_out(self, agent: str, now: float) -> None:
        """The agent takes no more calls, and is not there. KeyError for a stranger."""
        self._agent(agent, AgentInput.LOG_OUT, now)

    def pause(self, agent: str, now: float) -> None:
        """The agent takes no calls for now. KeyError for a stranger."""
        if (paused := self._agents[agent]).state is AgentState.OUT:
            paused.machine.handle(AgentInput.LOG_IN, now)  # and is offered nobody meanwhile
        self._agent(agent, AgentInput.PAUSE, now)

    def come(self, agent: str, queue: str, now: float) -> None:
        """An agent has called in, and is connected to the next caller of the queue, before others ring: once, and then
        they have a while to come again, in which they are there all the same. KeyError for a queue that is not there,
        ValueError for an agent who waits already."""
        policy, before = self._queues[queue], self._agents.get(agent)
        if before is not None and not (before.queue and before.state in (*IN_CALL, AgentState.WRAP_UP)):
            raise ValueError(f"{agent} is an agent already")
        coming = self._agents[agent] = Agent(agent, now, queue)
        coming.serves(policy)
        self._agent(agent, AgentInput.LOG_IN, now)

    def step_away(self, agent: str, now: float) -> None:
        """One who has called in waits no longer, but is still in their call. Does nothing for others."""
        if agent in self._agents and self._agents[agent].queue:
            self._agent(agent, AgentInput.STEPS_AWAY, now)

    def go(self, agent: str, now: float) -> None:
        """One who has called in is gone, or takes no more callers. Does nothing for others."""
        if agent in self._agents and self._agents[agent].queue:
            self._agent(agent, AgentInput.LOG_OUT, now)

    # --- queues

    def close(self, queue: str, now: float, *, closed: bool = True) -> None:
        """Nobody waits in a queue any more, whoever is there, nor who has called in; who has a phone ringing may still
        be answered, talks go on, and call-backs wait until it is open again."""
        (self._closed.add if closed else self._closed.discard)(queue)
        self._distribute(now)

    def is_closed(self, queue: str) -> bool:
        """Whether `close` has closed it."""
        return queue in self._closed

    # --- time, orders and notices

    def next_order(self) -> Order | None:
        """What is to be done next; None: nothing."""
        return self._orders.popleft() if self._orders else None

    def next_notice(self) -> Notice | None:
        """What has happened next; None: nothing."""
        return self._notices.popleft() if self._notices else None

    def get_timer(self) -> float | None:
        """When `handle_timer` is due."""
        due = (
            *(each.machine.get_timer() for each in self._callers.values()),
            *(each.machine.get_timer() for each in self._agents.values()),
        )
        return min((at for at in due if at is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Run what is due."""
        for agent in list(self._agents.values()):
            while (timer := agent.machine.pop_due(now)) is not None:
                agent.machine.handle(timer, now)
                if agent.queue and timer is AgentTimer.WRAP_UP:
                    agent.machine.handle(AgentInput.LOG_OUT, now)  # they have not come again
                self._idle(agent, now)
        for caller in list(self._callers.values()):
            while (due := caller.machine.pop_due(now)) is not None:
                self._take(caller, due, now)
        self._distribute(now)

    # --- inside

    def _add(self, key: str, queue: str, priority: int, kept_s: float | None = None) -> Caller:
        self._number += 1
        caller = self._callers[key] = Caller(key, queue, self._queues[queue], self._number, priority, kept_s)
        return caller

    def _begins(self, caller: Caller, now: float) -> None:
        caller.since = now
        self._notices.append(WaitBegan(caller.key, caller.queue, bool(caller.ticket)))

    def _is_left_alone(self, queue: str) -> bool:
        """Whether nobody waits there."""
        policy = self._queues[queue]
        is_empty = policy.empty == "leave" and all(it.state is AgentState.OUT for it in self._agents_of(queue))
        return queue in self._closed or is_empty

    def _distribute(self, now: float) -> None:
        """Offer waiting callers to ready agents."""
        ready = {name for name, agent in self._agents.items() if agent.state is AgentState.READY}
        if ready:
            wanting = (CallerState.WAITING, CallerState.AWAY)
            for caller in sorted(self._callers.values(), key=lambda each: each.order):
                if caller.state not in wanting or caller.queue in self._closed:
                    continue
                if found := self._agents_for(caller, ready):
                    ready -= {agent.name for agent in found}
                    self._offer(caller, found, now)
        for queue in self._queues:
            if self._is_left_alone(queue):
                for caller in [each for each in self._callers.values() if each.queue == queue]:
                    self._nobody_there(caller, now)
        for agent in self._agents.values():
            if agent.queue in self._closed and agent.state is AgentState.READY:
                agent.machine.handle(AgentInput.STEPS_AWAY, now)
                self._orders.append(EndTake(agent.name))

    def _nobody_there(self, caller: Caller, now: float) -> None:
        if caller.state is CallerState.CALLING_BACK and not caller.agents:
            # Who it was for is gone: they would hear that nobody is there.
            self._do(caller, CallerAction.HANG_UP, now)
            self._not_reached(caller, now, tried=False)
        else:
            self._take(caller, CallerInput.NOBODY_THERE, now)

    def _agents_for(self, caller: Caller, ready: set[str]) -> list[Agent]:
        here = [agent for agent in self._agents_of(caller.queue) if agent.name in ready]
        if called_in := [agent for agent in here if agent.queue]:
            return called_in[:1]
        found = agents_to_ring(caller.policy, here, self._last_rung[caller.queue])
        return found[:1] if caller.state is CallerState.AWAY else found

    def _offer(self, caller: Caller, agents: Iterable[Agent], now: float) -> None:
        given = AgentInput.RESERVE if caller.state is CallerState.AWAY else AgentInput.RING
        for agent in agents:
            agent.serves(caller.policy)
            agent.machine.handle(given, now)
            agent.caller = caller
            caller.agents[agent.name] = agent
            if not agent.queue:
                self._last_rung[caller.queue] = agent.name
            elif given is AgentInput.RESERVE:
                self._orders.append(KeepAgent(agent.name, caller.back_s))
        self._take(caller, CallerInput.OFFERED, now)

    def _agent(self, name: str, given: AgentInput, now: float) -> None:
        agent = self._agents[name]
        if AgentAction.WITHDRAW in (agent.machine.handle(given, now) or ()):
            self._withdraw(agent, now)
        self._idle(agent, now)
        self._distribute(now)

    def _withdraw(self, agent: Agent, now: float) -> None:
        """An agent who rings, or is kept for a call-back, does so no longer."""
        caller, agent.caller = agent.caller, None
        if caller is None:
            return
        caller.agents.pop(agent.name, None)
        if caller.state is not CallerState.CALLING_BACK:
            self._orders.append(StopRinging(caller.key, (agent.name,)))
            if not caller.agents:
                self._take(caller, CallerInput.REFUSED, now)

    def _not_reached(self, caller: Caller, now: float, *, tried: bool = True) -> None:
        caller.tries += tried
        again = caller.tries >= caller.policy.call_back_tries
        self._take(caller, CallerInput.NOT_REACHED_AGAIN if again else CallerInput.NOT_REACHED, now)

    def _take(self, caller: Caller, given: StrEnum, now: float) -> None:
        before = caller.state
        for action in caller.machine.handle(given, now) or ():
            self._do(caller, action, now)
        if caller.state is CallerState.OVER:
            if before in ON_THE_LINE:
                self._notices.append(WaitLeft(caller.key, caller.queue, caller.end, now - caller.since))
            self._end(caller, now)

    def _do(self, caller: Caller, action: CallerAction, now: float) -> None:
        match action:
            case CallerAction.RING:
                for agent in caller.agents.values():
                    agent.machine.handle(AgentInput.RING, now)
                self._orders.append(_ringing(caller))
            case CallerAction.WITHDRAW:
                self._orders.append(StopRinging(caller.key, tuple(caller.agents)))
                self._free(caller, now)
            case CallerAction.RELEASE:
                self._free(caller, now)
            case CallerAction.PLACE:
                self._orders.append(PlaceCallBack(caller.ticket, caller.policy.call_back_ring_s))
            case CallerAction.HANG_UP:
                self._orders.append(HangUpCallBack(caller.ticket))
            case CallerAction.DROP:
                self._orders.append(DropCallBack(caller.ticket))
            case CallerAction.END_TIMEOUT | CallerAction.END_NO_AGENTS:
                caller.end = _ENDS[action]
                self._orders.append(EndWait(caller.key, caller.end))
            case CallerAction.COUNT_TRY | CallerAction.LAST_TRY:
                self._count(caller, action, now)

    def _count(self, caller: Caller, action: CallerAction, now: float) -> None:
        if action is CallerAction.LAST_TRY:
            caller.tries = caller.policy.call_back_tries
        else:
            self._not_reached(caller, now)

    def _free(self, caller: Caller, now: float) -> None:
        for agent in caller.agents.values():
            self._release(agent, now)
        caller.agents = {}

    def _release(self, agent: Agent, now: float) -> None:
        agent.machine.handle(AgentInput.WITHDRAWN, now)
        agent.caller = None

    def _end(self, caller: Caller, now: float) -> None:
        self._callers.pop(caller.key, None)
        agent, caller.talks_to = caller.talks_to, None
        if agent is not None:
            self._talks[caller.queue].latest_s.append(now - caller.talking_since + caller.policy.wrap_up_s)
            agent.machine.handle(AgentInput.OVER, now)
            agent.caller = None
            self._idle(agent, now)

    def _idle(self, agent: Agent, now: float) -> None:
        if agent.state not in IN_CALL:
            agent.idle_since = now
        if agent.queue and agent.state is AgentState.OUT and self._agents.get(agent.name) is agent:
            del self._agents[agent.name]


def _ringing(caller: Caller) -> Order:
    """What has the agents of a caller ring; of those who have called in there is one alone."""
    first = next(iter(caller.agents.values()))
    if first.queue:
        return JoinCalls(caller.key, first.name)
    return RingAgents(caller.key, tuple(caller.agents), caller.policy.ring_s)
