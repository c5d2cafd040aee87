"""A call's place in a queue: music, keys, and the agents' phones that ring for it, as the owner of the queues wants.

Agents ring by transfers that bridge (`SipTransfer`), several at once where the queue rings all. The first who answers
has the call: the others are withdrawn at that moment, and the caller hears the music until both are joined.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from offhook.calls.conversation import Conversation
from offhook.calls.hold_music import HoldMusic
from offhook.carriers.sip_transfer import SipTransfer
from offhook.pipeline.tts.recording import Recording
from offhook.queues.messages import (
    AgentMissed,
    AgentReleased,
    AgentTook,
    AskPlace,
    CallBackWish,
    JoinQueue,
    LeaveQueue,
    MovedInQueue,
    ToCall,
    ToOwner,
    WantCallBack,
)
from offhook.queues.orders import QueueEnd, RingAgents, StopRinging
from offhook.queues.port import Joined, Key, News, Parted, TalkOver, Whisper
from offhook.settings.config import Config
from offhook.transfer.outcome import TransferError, TransferFailure
from offhook.transfer.request import TransferRequest
from offhook.transfer.targets import Target, target_of

MAX_NEWS = 100
"""Keys that nobody has taken: further ones are dropped."""

_THEIRS = frozenset({TransferFailure.NO_ANSWER, TransferFailure.BUSY, TransferFailure.DECLINED})
"""What an agent does. The rest is the bot's or the network's: a trunk that takes no more calls, an unknown name."""


class QueueCaller(Protocol):
    """The call that waits."""

    handle: str

    @property
    def trunk(self) -> str:
        """By which it came; empty: by none."""

    @property
    def conversation(self) -> Conversation:
        """The caller's."""

    def do(self, command: ToOwner) -> None:
        """Tell the owner of the queues."""

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


class SipQueue:
    """See QueuePort."""

    def __init__(self, caller: QueueCaller, config: Config) -> None:
        self._caller = caller
        self._config = config
        self._whisper: Whisper | None = None
        self._rings: dict[str, SipTransfer] = {}
        self._withdrawn: set[str] = set()
        self._news: deque[News] = deque()
        self._changed = asyncio.Event()
        self._music: HoldMusic | None = None
        self._at_tick = 0
        self._suspended = False
        self._talking = ""
        line = caller.conversation.line
        self._unlisten = line.add_listener(dtmf=self._on_key) if line is not None else None
        self.is_open = False
        """Whether the caller waits, or talks to an agent."""

    # --- for the dialog

    def join(self, queue: str, *, priority: int, ticket: str, whisper: Whisper | None) -> None:
        """See QueuePort."""
        self._whisper = whisper
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

    def tell(self, news: News) -> None:
        """See QueuePort."""
        if len(self._news) < MAX_NEWS or not isinstance(news, Key):
            self._news.append(news)
            self._changed.set()

    async def next(self, timeout_s: float | None) -> News | None:
        """See QueuePort."""
        if not self._news:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
        return self._news.popleft() if self._news else None

    def play(self, music: Recording) -> None:
        """See QueuePort."""
        line = self._caller.conversation.line
        if self._music is None and line is not None and not self._talking:
            self._suspend(True)
            self._music = HoldMusic(line, music, self._at_tick)

    def quiet(self) -> None:
        """See QueuePort."""
        self._stop_music()
        if not self._talking:
            self._suspend(False)

    def close(self, end: QueueEnd | None = None) -> None:
        """See QueuePort."""
        was_open, self.is_open = self.is_open, False
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
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
        self._talking = agent
        self._stop_music()
        self._suspend(True)
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

    async def _until_over(self, agent: str, transfer: SipTransfer) -> None:
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

    def _over(self, agent: str, transfer: SipTransfer) -> None:
        if self._rings.get(agent) is transfer:
            del self._rings[agent]

    def _withdraw(self, agent: str) -> None:
        transfer = self._rings.get(agent)
        if transfer is not None:
            self._withdrawn.add(agent)
            transfer.withdraw()

    def _on_key(self, key: str, _at_tick: int) -> None:
        if not self._talking:
            self.tell(Key(key))

    def _stop_music(self) -> None:
        if self._music is not None:
            self._at_tick = self._music.stop()
            self._music = None

    def _suspend(self, suspended: bool) -> None:
        if suspended is not self._suspended:
            self._suspended = suspended
            self._caller.conversation.suspend(suspended)
