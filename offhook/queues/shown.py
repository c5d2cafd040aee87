"""What a distributor shows of its queues. Nothing is decided here."""

from collections.abc import Iterator, Mapping

from offhook.queues.members import Agent, Caller, Talks
from offhook.queues.orders import Place, QueueNow
from offhook.queues.policy import QueuePolicy
from offhook.queues.tables import ON_THE_LINE, QUEUED, AgentState, CallerState


class Shown:
    """The part of a `Distributor` that is looked at: all queues by their names, their callers and agents."""

    def __init__(self, queues: Mapping[str, QueuePolicy], now: float) -> None:
        self._queues = queues
        self._agents = {name: Agent(name, now) for policy in queues.values() for name in policy.agents}
        self._callers: dict[str, Caller] = {}
        self._talks = {name: Talks() for name in queues}

    def place_of(self, call: str) -> Place | None:
        """Where a caller stands; None: they do not wait."""
        caller = self._callers.get(call)
        if caller is None or caller.state not in QUEUED:
            return None
        position = 1 + sum(each.order < caller.order for each in self._queued(caller.queue))
        mean_s = self._talks[caller.queue].mean_s()
        there = sum(agent.state is not AgentState.OUT for agent in self._agents_of(caller.queue))
        return Place(position, None if mean_s is None else position * mean_s / max(1, there))

    def queue_now(self, call: str, now: float) -> QueueNow | None:
        """How the queue is in which a caller waits; None: they do not."""
        caller = self._callers.get(call)
        if caller is None or caller.state not in QUEUED:
            return None
        queued = list(self._queued(caller.queue))
        waited_s = [now - each.since for each in queued if each.state in ON_THE_LINE]
        return QueueNow(len(queued), sum(waited_s) / max(1, len(waited_s)))

    def queue_of(self, call: str) -> str:
        """The name of a caller's queue; empty: they are in none."""
        caller = self._callers.get(call)
        return "" if caller is None else caller.queue

    def state_of(self, call: str) -> CallerState | None:
        """Of a caller; None: there is none of this name."""
        caller = self._callers.get(call)
        return None if caller is None else caller.state

    def agent_states(self) -> dict[str, AgentState]:
        """What each agent does, but those who have called in."""
        return {name: agent.state for name, agent in self._agents.items() if not agent.queue}

    def states_in(self, queue: str) -> list[AgentState]:
        """What the agents of a queue do, those who have called in among them."""
        return [agent.state for agent in self._agents_of(queue)]

    def callers(self, queue: str, now: float) -> list[dict[str, object]]:
        """Those of a queue in their order, who talk among them, as plain values."""
        return [each.shown(now) for each in self._in_order(queue)]

    def dump(self, now: float) -> dict[str, object]:
        """The live state, as plain values."""
        return {
            "queues": {
                name: {"agents": list(policy.agents), "callers": self.callers(name, now)}
                for name, policy in self._queues.items()
            },
            "agents": self.dump_agents(),
            "called_in": self.dump_called_in(),
        }

    def dump_agents(self) -> dict[str, dict[str, object]]:
        """That of the queues' own agents alone."""
        return {
            name: {"state": str(agent.state), "calls": agent.calls, "call": agent.caller and agent.caller.key}
            for name, agent in self._agents.items()
            if not agent.queue
        }

    def dump_called_in(self) -> dict[str, dict[str, object]]:
        """That of the agents alone who have called in."""
        return {
            name: {"queue": agent.queue, "state": str(agent.state), "call": agent.caller and agent.caller.key}
            for name, agent in self._agents.items()
            if agent.queue
        }

    # --- inside

    def _queued(self, queue: str) -> Iterator[Caller]:
        return (each for each in self._callers.values() if each.queue == queue and each.state in QUEUED)

    def _in_order(self, queue: str) -> list[Caller]:
        return sorted((each for each in self._callers.values() if each.queue == queue), key=lambda each: each.order)

    def _agents_of(self, queue: str) -> list[Agent]:
        """Those who have called in last."""
        called_in = [agent for agent in self._agents.values() if agent.queue == queue]
        return [self._agents[name] for name in self._queues[queue].agents] + called_in
