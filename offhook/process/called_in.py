"""Agents who have called in to take callers from queues: which calls are theirs, and what connects both.

A pair of sockets is made here, and the worker of each call gets one end: so nobody else can reach either, no port and
no call of a trunk is used up, and the end of one call, or of its worker, is the end of the connection.
"""

import itertools
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from offhook.process.call_backs import caller_of
from offhook.queues.distributor import Distributor
from offhook.queues.messages import AgentKept, Linked, TakeCaller
from offhook.queues.orders import EndTake, EndWait, JoinCalls, KeepAgent, QueueEnd
from offhook.settings.routes import dialled_number


@dataclass(slots=True)
class _AgentsCall:
    """The call of the agent `name`; `about` is what every event of it has. `takes`: they wait for a caller, or talk to
    one. `is_out`: people have logged them out."""

    name: str
    about: Mapping[str, object]
    takes: bool = False
    is_out: bool = False


class CalledIn:
    """All of a bot. `send` passes a message and a descriptor to a call's worker."""

    def __init__(self, distributor: Distributor, send: Callable[[str, object, int | None], None]) -> None:
        self._distributor = distributor
        self._send = send
        self._calls: dict[str, _AgentsCall] = {}
        self._numbers = itertools.count(1)
        self._log = structlog.get_logger("offhook.queues")

    def takes(self, message: TakeCaller, now: float) -> QueueEnd | None:
        """An agent waits for a caller. Their name is their call's, as records have it. Why they do not; None: they do.
        KeyError for a queue that is not there."""
        its = self._calls.get(message.call)
        if its is None:
            name = str(message.about.get("uniqueid") or f"called-in-{next(self._numbers)}")
            its = self._calls[message.call] = _AgentsCall(name, message.about)
        if its.is_out:
            return QueueEnd.LEFT
        if its.takes:
            return QueueEnd.NOT_POSSIBLE
        its.takes = True
        self._log.info("an agent has called in", call=message.call, queue=message.queue, agent=its.name)
        self._distributor.come(its.name, message.queue, now)
        return None

    def stops(self, call: str, now: float) -> None:
        """They wait no longer, and may again. Does nothing for others."""
        if (its := self._calls.get(call)) is not None:
            its.takes = False
            self._distributor.step_away(its.name, now)

    def leaves(self, call: str, now: float) -> None:
        """Their call is over. Does nothing for others."""
        if (its := self._calls.pop(call, None)) is not None:
            self._distributor.go(its.name, now)

    def has(self, who: str) -> bool:
        """Whether somebody has called in: by their name, by who they are for people, or by their number."""
        return any(_is(its, who) for its in self._calls.values())

    def log_out(self, who: str, now: float) -> None:
        """They take no callers any more in their call: by what `has` takes. A talk goes on."""
        for call, its in self._calls.items():
            if _is(its, who):
                its.is_out = True
                self._distributor.go(its.name, now)
                if its.takes:
                    self._send(call, EndWait(call, QueueEnd.LEFT), None)

    def tell(self, order: KeepAgent | EndTake) -> None:
        """Have their call learn of it."""
        call = self._call_of(order.agent)
        match order:
            case KeepAgent(most_s=most_s):
                self._send(call, AgentKept(call, most_s), None)
            case EndTake():
                self._send(call, EndWait(call, QueueEnd.NO_AGENTS), None)

    def caller(self, agent: str) -> str:
        """Who it is that has called in, for people."""
        return caller_of(next((its.about for its in self._calls.values() if its.name == agent), {}))

    def moved(self, call: str, to: str) -> None:
        """A call has another handle now."""
        if (its := self._calls.pop(call, None)) is not None:
            self._calls[to] = its

    def join(self, order: JoinCalls, now: float) -> None:
        """Connect both calls. Where that is not possible the agent is left alone for a while."""
        of_agent = self._call_of(order.agent)
        try:
            one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with one, other:
                self._send(order.call, Linked(order.call, order.agent), one.fileno())
                self._send(of_agent, Linked(of_agent), other.fileno())
        except OSError as error:  # also of a send, which duplicates the descriptor
            self._log.error("a caller cannot be connected", call=order.call, agent=order.agent, why=str(error))
            self._distributor.missed(order.call, order.agent, now, reached=False)

    def _call_of(self, agent: str) -> str:
        return next((call for call, its in self._calls.items() if its.name == agent), "")


def _is(its: _AgentsCall, who: str) -> bool:
    caller = caller_of(its.about)
    return who in (its.name, caller) or (bool(_bare(who)) and _bare(who) == _bare(caller))


def _bare(address: str) -> str:
    return dialled_number(address).removeprefix("+")
