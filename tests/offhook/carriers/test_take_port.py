"""The port of an agent who has called in, with a call that a test makes up, and links that it holds the far end of."""

import asyncio
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

from structlog import get_logger

from offhook.calls.conversation import Conversation
from offhook.calls.early_media import EarlyMedia
from offhook.calls.link import Packet
from offhook.carriers.linked_agent import LinkedAgent, offer_packet
from offhook.carriers.sip_queue import QueueCaller, SipQueue
from offhook.carriers.sip_take import SipTake
from offhook.carriers.sip_wait import WaitingCall
from offhook.queues.messages import AgentMissed, LeaveTake, Linked, MovedInQueue, TakeCaller, ToOwner
from offhook.queues.port import Offer, Parted
from offhook.settings.config import Config
from offhook.testing.simulated_line import SimulatedLine
from offhook.transfer.request import Waiter

WITHIN_S = 10.0
FIRST, SECOND = Offer("u1", 1.0), Offer("u2", 2.0)
TAKES, LEAVES = TakeCaller("d1", "support", {}), LeaveTake("d1")


class AgentsCall:
    """`said` is what the owner of the queues was told."""

    def __init__(self, *, held: bool = False) -> None:
        self.handle = "d1"
        self.said: list[ToOwner] = []
        self.elsewhere: list[bool] = []
        self.hold_listeners: list[Callable[[bool], None]] = []
        self.conversation = SimpleNamespace(
            line=None,
            about={},
            held=held,
            hold_listeners=self.hold_listeners,
            linger=lambda lingers: None,
            suspend=lambda suspended: None,
            keep_elsewhere=self.elsewhere.append,
            log=get_logger(),
        )
        self.port = SipTake(cast(WaitingCall, self))
        self.port.take("support", None)

    def do(self, command: ToOwner) -> None:
        self.said.append(command)

    def hold(self, held: bool) -> None:
        for listener in list(self.hold_listeners):
            listener(held)


def linked(call: AgentsCall, agent: str = "") -> socket.socket:
    """The caller's end of a link to the call."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    call.port.on_event(Linked("d1", agent, theirs.detach()))
    return ours


def offers(end: socket.socket, offer: Offer) -> None:
    end.send(bytes((Packet.OFFER,)) + offer_packet(offer))


async def is_gone(end: socket.socket) -> bool:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(end, 1_000), WITHIN_S) == b""


async def test_the_latest_caller_is_the_one_that_counts() -> None:
    call = AgentsCall()
    with linked(call) as first:
        offers(first, FIRST)
        assert await call.port.next(WITHIN_S) == FIRST
        with linked(call) as second:  # before the first one's end has come
            offers(second, SECOND)
            assert [await call.port.next(WITHIN_S) for _ in range(2)] == [Parted(), SECOND]
            assert await is_gone(first)
            call.port.close()
            assert await is_gone(second)
    assert call.said == [TAKES, LEAVES]


async def test_an_end_that_was_for_the_call_as_a_callers_is_not_the_agents() -> None:
    call = AgentsCall()
    with linked(call, "dora") as end:
        assert await is_gone(end)
    call.port.close()
    with linked(call) as end:
        assert await is_gone(end)


async def test_an_end_that_was_lost_on_the_way_is_no_agents_fault() -> None:
    call = AgentsCall()
    call.port.on_event(Linked("d1"))
    assert call.said == [TAKES]
    call.port.close()
    caller = SipQueue(cast(QueueCaller, call), Config())
    caller.join("support", priority=0, ticket="", whisper=None)
    caller.on_event(Linked("d1", "u9"))
    assert call.said[-1] == AgentMissed("d1", "u9", reached=False)


async def test_a_caller_in_early_media_is_answered_before_they_talk() -> None:
    happened: list[str] = []
    early = EarlyMedia(lambda: happened.append("answered"))
    conversation = SimpleNamespace(
        line=SimulatedLine(), early=early, log=get_logger(), talked=lambda result: happened.append("over")
    )
    waiter = SimpleNamespace(agent_answered=lambda: None, joining=lambda: happened.append("joining"))
    agents, callers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with agents:
        agents.setblocking(False)
        agent = LinkedAgent(cast(Conversation, conversation), cast(Waiter, waiter), "u9", callers.detach(), FIRST)
        loop = asyncio.get_running_loop()
        assert (await loop.sock_recv(agents, 1_000))[0] == Packet.OFFER and happened == []
        agents.send(bytes((Packet.HERE,)) + b"8000")
        joined = await asyncio.wait_for(loop.sock_recv(agents, 1_000), WITHIN_S)
        assert joined == bytes((Packet.JOINED,)) + b"8000" and happened == ["joining", "answered"]
        agent.caller_gone()
    assert happened[2:] == ["over"] and await agent.run() is None


async def test_who_has_put_the_bot_on_hold_gets_no_callers() -> None:
    call = AgentsCall(held=True)
    assert call.said == []
    call.hold(False)
    assert call.said == [TAKES]
    with linked(call) as first:
        offers(first, FIRST)
        assert await call.port.next(WITHIN_S) == FIRST
        call.hold(True)
        assert await call.port.next(WITHIN_S) == Parted() and await is_gone(first)
        with linked(call) as late:
            assert await is_gone(late)
    call.hold(False)
    assert call.said == [TAKES, LEAVES, TAKES]
    call.port.close()
    assert call.hold_listeners == [] and call.said[3:] == [LEAVES]


async def test_what_is_said_is_kept_elsewhere_from_the_offer_until_the_dialog_has_said_the_last_of_it() -> None:
    call = AgentsCall()
    with linked(call) as end:
        offers(end, FIRST)
        await call.port.next(WITHIN_S)
        assert call.elsewhere == [True]
    assert await call.port.next(WITHIN_S) == Parted()
    assert call.elsewhere == [True]
    call.port.close()
    assert call.elsewhere == [True, False]


async def test_their_call_is_known_by_a_new_handle_between_two_callers_too() -> None:
    call = AgentsCall()
    call.port.close()
    call.handle = "d2"
    call.port.moved("d1")
    assert call.said == [TAKES, LEAVES, MovedInQueue("d1", "d2")]
