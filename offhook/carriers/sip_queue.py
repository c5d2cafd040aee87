"""A call's place in a queue: music, keys, and the agents' phones that ring for it, as the owner of the queues wants.

Agents ring by transfers that bridge (`SipTransfer`), several at once where the queue rings all. The first who answers
has the call: the others are withdrawn at that moment, and the caller hears the music until both are joined. Agents who
have called in are on the line already (`LinkedAgent`).
"""

from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from offhook.calls.link import close_end
from offhook.carriers.linked_agent import LinkedAgent
from offhook.carriers.sip_transfer import SipTransfer
from offhook.carriers.sip_wait import SipWait, WaitingCall
from offhook.queues.messages import (
    AgentMissed,
    AgentReleased,
    AgentTook,
    AskPlace,
    CallBackWish,
    JoinQueue,
    LeaveQueue,
    Linked,
    MovedInQueue,
    ToCall,
    WantCallBack,
)
from offhook.queues.orders import QueueEnd, RingAgents, StopRinging
from offhook.queues.port import Joined, Offer, Parted, TalkOver, Whisper
from offhook.settings.config import Config
from offhook.transfer.outcome import TransferError, TransferFailure
from offhook.transfer.request import TransferRequest
from offhook.transfer.targets import Target, target_of

_THEIRS = frozenset({TransferFailure.NO_ANSWER, TransferFailure.BUSY, TransferFailure.DECLINED})
"""What an agent does. The rest is the bot's or the network's: a trunk that takes no more calls, an unknown name."""


class QueueCaller(WaitingCall, Protocol):
    """The caller's call."""

    @property
    def trunk(self) -> str:
        """By which it came; empty: by none."""

    def new_transfer(self, request: TransferRequest, target: Target) -> SipTransfer:
        """Has an agent's phone ring."""


@dataclass(frozen=True, slots=True)
class _Ring:
    """The Waiter of one agent's phone."""

    queue: "SipQueue"
    agent: str

    def agent_answered(self) -> None:
        self.queue.answered(self.agent)

    def joining(self) -> None:
        self.queue.joining(self.agent)


class SipQueue(SipWait):
    """See QueuePort."""

    def __init__(self, caller: QueueCaller, config: Config) -> None:
        super().__init__(caller)
        self._caller = caller
        self._config = config
        self._whisper: Whisper | None = None
        self._summary, self._language = "", "en"
        self._began_at = 0.0
        self._rings: dict[str, SipTransfer | LinkedAgent] = {}
        self._withdrawn: set[str] = set()

    # --- for the dialog

    def join(  # see there
        self,
        queue: str,
        *,
        priority: int,
        ticket: str,
        whisper: Whisper | None,
        summary: str = "",
        language: str = "en",
    ) -> None:
        """See QueuePort."""
        self._whisper = whisper
        self._summary, self._language = summary, language
        self._began_at = monotonic()
        self.is_open = True
        self._caller.conversation.linger(True)
        about = self._caller.conversation.about
        self._caller.do(JoinQueue(self._caller.handle, queue, priority, ticket, about))

    def ask_place(self) -> None:
        """See QueuePort."""
        self._caller.do(AskPlace(self._caller.handle))

    def want_call_back(self, wish: CallBackWish) -> None:
        """See QueuePort."""
        self._caller.do(WantCallBack(self._caller.handle, self._caller.trunk, wish))

    def close(self, end: QueueEnd | None = None) -> None:
        """See QueuePort."""
        was_open, self.is_open = self.is_open, False
        self._stop_listening()
        for agent in list(self._rings):
            self._withdraw(agent)
        self._talking = ""
        self.quiet()
        self._caller.conversation.linger(False)
        if was_open:
            self._caller.do(LeaveQueue(self._caller.handle, end))

    # --- from the owner of the queues

    def on_event(self, event: ToCall) -> None:
        """What it wants, or says."""
        match event:
            case RingAgents():
                self._ring(event)
            case Linked():
                self._link(event)
            case StopRinging(agents=agents):
                for agent in agents:
                    self._withdraw(agent)
            case _:
                self.tell(event)

    # --- from the call

    def moved(self, before: str) -> None:
        """It has another handle than `before`."""
        if self.is_open:
            self._caller.do(MovedInQueue(before, self._caller.handle))

    def caller_gone(self) -> None:
        """It is over."""
        if self.is_open and not self._talking:  # who talks leaves with the call itself
            self._caller.do(LeaveQueue(self._caller.handle))
        self.is_open = False
        self._stop_music()
        for transfer in list(self._rings.values()):
            transfer.caller_gone()

    # --- from the agents' phones

    def answered(self, agent: str) -> None:
        """The first who does has the call."""
        for other in list(self._rings):
            if other != agent:
                self._withdraw(other)
                self._caller.do(AgentReleased(self._caller.handle, other))

    def joining(self, agent: str) -> None:
        """The agent is about to hear the caller."""
        self._talks_to(agent)
        self._caller.do(AgentTook(self._caller.handle, agent))
        self.tell(Joined(agent))

    # --- inside

    def _ring(self, order: RingAgents) -> None:
        for agent in order.agents:
            if not self.is_open or self._talking or agent in self._rings:
                self._caller.do(AgentReleased(self._caller.handle, agent))
                continue
            try:
                target = target_of(agent, self._config)
            except TransferError as error:
                self._missed(agent, error)
                continue
            request = TransferRequest(
                agent,
                mode="bridge" if self._whisper is None else "attended",
                brief=self._whisper,
                ring_s=order.ring_s,
                waiter=_Ring(self, agent),
            )
            self._withdrawn.discard(agent)
            transfer = self._rings[agent] = self._caller.new_transfer(request, target)
            self._caller.conversation.spawn(self._until_over(agent, transfer))

    def _link(self, linked: Linked) -> None:
        """An agent who has called in is to have the caller."""
        conversation, agent = self._caller.conversation, linked.agent
        if not agent or not self.is_open or self._talking or agent in self._rings:
            close_end(linked.fd)
            if agent:  # else it was for the call as an agent's
                self._caller.do(AgentReleased(self._caller.handle, agent))
            return
        if linked.fd < 0:
            conversation.log.error("a caller cannot be connected", agent=agent, why="too many files are open")
            self._caller.do(AgentMissed(self._caller.handle, agent, reached=False))
            return
        offer = Offer(conversation.id, monotonic() - self._began_at, self._summary, self._language)
        self._withdrawn.discard(agent)
        ring = self._rings[agent] = LinkedAgent(conversation, _Ring(self, agent), agent, linked.fd, offer)
        conversation.spawn(self._until_over(agent, ring))

    async def _until_over(self, agent: str, transfer: SipTransfer | LinkedAgent) -> None:
        try:
            result = await transfer.run()
        except TransferError as error:
            self._over(agent, transfer)
            if agent not in self._withdrawn:
                self._missed(agent, error)
            return
        self._over(agent, transfer)
        if result is not None and self._talking == agent:
            self._talking = ""
            self.tell(Parted() if agent in self._withdrawn else TalkOver())

    def _missed(self, agent: str, error: TransferError) -> None:
        reached, log = error.reason in _THEIRS, self._caller.conversation.log
        if reached:
            log.info("an agent did not take the call", agent=agent, why=str(error))
        else:
            log.warning("an agent cannot be called", agent=agent, why=str(error))
        self._caller.do(AgentMissed(self._caller.handle, agent, reached))

    def _over(self, agent: str, transfer: SipTransfer | LinkedAgent) -> None:
        if self._rings.get(agent) is transfer:
            del self._rings[agent]

    def _withdraw(self, agent: str) -> None:
        transfer = self._rings.get(agent)
        if transfer is not None:
            self._withdrawn.add(agent)
            transfer.withdraw()
