"""Who rings: the strategies of a queue."""

from collections.abc import Sequence

from offhook.queues.members import Agent
from offhook.queues.policy import MAX_RUNG, QueuePolicy


def agents_to_ring(policy: QueuePolicy, ready: Sequence[Agent], last: str) -> list[Agent]:
    """Those of `ready`, which are in the order of the queue's list, that ring for the next caller; `last` was rung last
    in this queue."""
    if not ready:
        return []
    match policy.strategy:
        case "ring_all":
            return list(ready[:MAX_RUNG])
        case "round_robin":
            order = {name: place for place, name in enumerate(policy.agents)}
            after = order.get(last, -1)
            return [min(ready, key=lambda agent: (order[agent.name] <= after, order[agent.name]))]
        case "fewest_calls":
            return [min(ready, key=lambda agent: (agent.calls, agent.idle_since))]
        case "longest_idle":
            return [min(ready, key=lambda agent: agent.idle_since)]
