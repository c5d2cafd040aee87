"""An agent who has called in, for the caller whose turn it is: from the offer to the end of the talk.

Theory of operation. The calls of both have an end each of a link. The caller's side sends the offer; the agent's side
says that they take the caller (HERE), and this side has the last word (JOINED): up to then the caller hears the music
and either may be gone without a talk. From then on both forward what their caller says. The other side
learns of its end from the link, whatever the reason.
"""

import asyncio
import json
from dataclasses import asdict

from offhook.calls.conversation import Conversation
from offhook.calls.link import Link, LinkedTalk, Packet
from offhook.queues.port import Offer
from offhook.transfer.outcome import TransferError, TransferFailure, Transferred
from offhook.transfer.request import Waiter

MAX_SUMMARY_CHARS = 5_000


def offer_packet(offer: Offer) -> bytes:
    """The data of an OFFER."""
    return json.dumps(asdict(offer) | {"summary": offer.summary[:MAX_SUMMARY_CHARS]}).encode()


def read_offer(data: bytes) -> Offer:
    """The same from its data."""
    return Offer(**json.loads(data))


class LinkedAgent:
    """`waiter` is the caller's wait for `agent`; `fd` is this side's end of the link."""

    def __init__(self, conversation: Conversation, waiter: Waiter, agent: str, fd: int, offer: Offer) -> None:
        self._conversation = conversation
        self._waiter = waiter
        self._agent = agent
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Transferred | TransferError | None] = self._loop.create_future()
        self._talk: LinkedTalk | None = None
        self._joined_at = 0.0
        self._link = Link(fd, self._on_packet, self._on_gone)
        self._link.send(Packet.OFFER, offer_packet(offer))

    async def run(self) -> Transferred | None:
        """To the end of the talk. None: the caller has hung up. Raises TransferError if there is none."""
        result = await asyncio.shield(self._done)
        if isinstance(result, TransferError):
            raise result.again()
        return result

    def withdraw(self) -> None:
        """The agent is not to talk to the caller, or no longer."""
        self._end(returned=True)

    def caller_gone(self) -> None:
        """The caller's call is over."""
        self._end(returned=False)

    # --- inside

    def _on_packet(self, packet: Packet, data: bytes) -> None:
        if packet is Packet.HERE and self._talk is None:
            self._join(int(data))
        elif self._talk is not None:
            self._talk.receive(packet, data)

    def _join(self, rate_hz: int) -> None:
        line = self._conversation.line
        if line is None:
            return
        self._waiter.agent_answered()
        self._waiter.joining()
        if self._conversation.early is not None:
            self._conversation.early.begin_answer()
        self._link.send(Packet.JOINED, str(line.rate_hz).encode())
        self._talk = LinkedTalk(line, self._link, rate_hz)
        self._joined_at = self._loop.time()
        self._conversation.log.info("joined with an agent who has called in", agent=self._agent)

    def _on_gone(self) -> None:
        self._end(returned=True)

    def _end(self, *, returned: bool) -> None:
        self._link.close()
        if self._done.done():
            return
        if self._talk is None:
            what, why = f"the caller was not connected to {self._agent}", "the agent is gone, or is needed no longer"
            self._done.set_result(TransferError(TransferFailure.DECLINED, what, why) if returned else None)
            return
        self._talk.close()
        talked_s = self._loop.time() - self._joined_at
        talked = Transferred(self._agent, "bridge", returned=returned, talked_s=talked_s)
        self._conversation.talked(talked)
        self._done.set_result(talked if returned else None)
