"""Agents who have called in to take callers from queues: which calls are theirs, and what connects both.

A pair of sockets is made here, and the worker of each call gets one end: so nobody else can reach either, no port and
no call of a trunk is used up, and the end of one call, or of its worker, is the end of the connection.
"""

import itertools
import socket
from collections.abc import Callable, Mapping

import structlog

from offhook.process.call_backs import caller_of
from offhook.queues.distributor import Distributor
from offhook.queues.messages import Linked, TakeCaller
from offhook.queues.orders import JoinCalls


class CalledIn:
    """All of a bot. `send` passes a message and a descriptor to a call's worker."""

    def __init__(self, distributor: Distributor, send: Callable[[str, object, int | None], None]) -> None:
        self._distributor = distributor
        self._send = send
        self._agents: dict[str, str] = {}  # by their calls
        self._about: dict[str, Mapping[str, object]] = {}  # by their names
        self._numbers = itertools.count(1)
        self._log = structlog.get_logger("offhook.queues")

    def takes(self, message: TakeCaller, now: float) -> bool:
        """An agent waits for a caller. Their name is their call's, as records have it. False: they do already. KeyError
        for a queue that is not there."""
        if message.call in self._agents:
            return False
        name = str(message.about.get("uniqueid") or f"called-in-{next(self._numbers)}")
        self._agents[message.call], self._about[name] = name, message.about
        self._log.info("an agent has called in", call=message.call, queue=message.queue, agent=name)
        self._distributor.come(name, message.queue, now)
        return True

    def leaves(self, call: str, now: float) -> None:
        """They wait no longer, or their call is over. Does nothing for others."""
        if (name := self._agents.pop(call, None)) is not None:
            self._about.pop(name, None)
            self._distributor.go(name, now)

    def caller(self, agent: str) -> str:
        """Who it is that has called in, for people."""
        return caller_of(self._about.get(agent, {}))

    def moved(self, call: str, to: str) -> None:
        """A call has another handle now."""
        if (name := self._agents.pop(call, None)) is not None:
            self._agents[to] = name

    def join(self, order: JoinCalls, now: float) -> None:
        """Connect both calls. Where that is not possible the agent is left alone for a while."""
        of_agent = next((call for call, name in self._agents.items() if name == order.agent), "")
        try:
            one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            self._log.error("a caller cannot be connected", call=order.call, agent=order.agent, why=str(error))
            self._distributor.missed(order.call, order.agent, now, reached=False)
            return
        with one, other:
            self._send(order.call, Linked(order.call, order.agent), one.fileno())
            self._send(of_agent, Linked(of_agent), other.fileno())
