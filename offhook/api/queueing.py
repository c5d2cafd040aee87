"""A caller waits in a queue: what they hear, the keys that they press, and how it ends."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import structlog

from offhook.api.call import Call
from offhook.api.call_recording import CONSENTS
from offhook.api.queue_music import queue_music
from offhook.api.queued import Queued, QueueRequest
from offhook.api.while_waiting import OWNER_S, Hearing, Wait
from offhook.pipeline.events import NOTHING, DigitRule
from offhook.pipeline.tts.recording import Recording
from offhook.queues.members import MAX_BRIEFING_S, RING_MARGIN_S
from offhook.queues.messages import CallBack, CallBackKept, CallBackWish, PlaceInQueue
from offhook.queues.orders import EndWait, Place, QueueEnd
from offhook.queues.port import Joined, Key, Leaves, News, Parted, QueuePort, TalkOver
from offhook.queues.wording import QueueWording, queue_wording_in, text_in
from offhook.settings.queues import QueueConfig

LOST_S = MAX_BRIEFING_S + RING_MARGIN_S + 20.0
"""The owner of the queues ends a wait by itself. This long after its longest time, and the last ringing, the caller is
taken for lost there."""

MAX_NOWHERE = 2
"""How often in a row a caller has no place until they are taken for lost: one answer may be of an earlier wait."""

MIN_DIGITS, MAX_DIGITS = 3, 20
"""Of a number that is entered."""


class Waiting:
    """One wait, from `run` to its result. `offers_call_back`: whether there are numbers that may be called back.
    `on_agent` is called as the request's is, before it."""

    def __init__(
        self,
        call: Call,
        port: QueuePort,
        config: QueueConfig,
        request: QueueRequest,
        *,
        offers_call_back: bool = True,
        on_agent: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._now = asyncio.get_running_loop().time
        self._call = call
        self._port = port
        self._config = config
        self._request = request
        self._offers_call_back = offers_call_back and not request.ticket
        self._on_agent = on_agent
        self._later: deque[News] = deque()  # what has happened while something was said or asked
        self._number = ""  # at which they want to be called back
        self._is_kept = False  # that they will be
        self._nowhere = 0
        self._joined_at = 0.0
        self._says_comfort = False
        self._hearing: Hearing | None = None  # in place of music, announcements and keys
        self._greeting = self._words.is_call_back if request.ticket else ""

    @property
    def _words(self) -> QueueWording:
        return queue_wording_in(self._call.language)

    async def run(self) -> Queued:
        """Until an agent has hung up, or the wait has ended otherwise. Raises CallEnded."""
        request = self._request
        whisper = self._whisper if request.summary else None
        began = self._now()
        self._port.join(
            request.queue,
            priority=request.priority,
            ticket=request.ticket,
            whisper=whisper,
            summary=request.summary,
            language=self._call.language,
        )
        queued: Queued | None = None
        try:
            music = await self._music()
            if request.while_waiting is not None:
                log = structlog.get_logger("offhook.queues").bind(call=self._call.id)
                self._hearing = Hearing(request.while_waiting, Wait(self._port, music), log)
            queued = await self._wait(music)
            until = self._joined_at if queued.agent else self._now()
            return replace(queued, waited_s=until - began)
        finally:
            if self._hearing is not None:
                await self._hearing.stop()
            gives_up = self._hearing is not None and self._hearing.wait.is_given_up
            self._port.close(None if queued is None or gives_up else queued.end)

    async def _music(self) -> Recording:
        return await queue_music(self._config.music)

    async def _wait(self, music: Recording) -> Queued:
        config, announce_at = self._config, self._now()
        lost_at = announce_at + config.max_wait_s + config.ring_s + LOST_S
        while self._nowhere < MAX_NOWHERE:
            if self._is_leaving:
                return await self._leave_for_call_back()
            self._entertain(music)
            match await self._next(max(0.0, min(announce_at, lost_at) - self._now())):
                case None if self._now() >= lost_at:
                    return Queued(end=QueueEnd.TIMEOUT)
                case None:
                    announce_at = self._now() + config.announce_s / (2 if config.comfort else 1)
                    await self._announce()
                case EndWait(end=end):
                    return Queued(end=end)
                case CallBackKept(kept=False):
                    await self._say(self._words.cannot_call)
                case Joined(agent=agent):
                    if await self._talks_to(agent):
                        return Queued(agent)
                    announce_at = self._now() + config.announce_s
                case Key() | Leaves() as news if await self._leaves(news):
                    return Queued(end=QueueEnd.LEFT)
        return Queued(end=QueueEnd.NOT_POSSIBLE)

    def _entertain(self, music: Recording) -> None:
        if self._hearing is None:
            self._port.play(music)
        else:
            self._hearing.go_on()

    async def _leaves(self, news: Key | Leaves) -> bool:
        """Whether the caller leaves the queue; the key for a call-back asks for one."""
        if isinstance(news, Leaves) or self._hearing is not None:
            return isinstance(news, Leaves)
        key = news.key
        if key == self._config.call_back_key and not self._request.ticket:
            await self._call_back()
        return key == self._config.leave_key

    @property
    def _is_leaving(self) -> bool:
        """Whether the caller will be called back, and no agent is first who has not parted from them."""
        return self._is_kept and not any(isinstance(each, Joined) for each in self._later)

    async def _next(self, timeout_s: float | None, *, place: bool = False) -> News | None:
        """What happens next; None: nothing in that time. `place`: the caller's place is waited for, and else comes too
        late for anything."""
        if self._later:
            return self._later.popleft()
        until = None if timeout_s is None else self._now() + timeout_s
        while True:
            news = await self._port.next(None if until is None else max(0.0, until - self._now()))
            if isinstance(news, CallBackKept):
                self._is_kept = news.kept
            if isinstance(news, PlaceInQueue) and self._hearing is not None:
                self._hearing.wait.answered(news)
            if place or not isinstance(news, PlaceInQueue):
                return news

    async def _talks_to(self, agent: str) -> bool:
        """Until the agent has hung up. False: the caller waits on."""
        self._joined_at = self._now()
        if self._hearing is not None:
            await self._hearing.stop()
        self._is_with(agent)
        is_over = await self._talk()
        if not is_over:
            self._is_with("")
        return is_over

    def _is_with(self, agent: str) -> None:
        self._on_agent(agent)
        self._request.on_agent(agent)

    async def _talk(self) -> bool:
        """Until the agent has hung up. False: the caller waits on."""
        leaves = list[News]()  # in the moment in which the agent answered
        while not isinstance(news := await self._next(None), TalkOver | Parted | EndWait):
            leaves += [news] if isinstance(news, Leaves) else []
        self._later.extend(leaves)
        self._port.quiet()
        self._call.forget_unasked()
        return not isinstance(news, Parted)

    async def _announce(self) -> None:
        comfort = text_in(self._call.language, dict(self._config.comfort))
        if self._hearing is not None:
            await self._ask_place()
            return
        if self._says_comfort and comfort is not None:
            self._says_comfort = False
            await self._say(comfort)
            return
        self._says_comfort = True
        if self._greeting:
            greeting, self._greeting = self._greeting, ""
            await self._say(greeting)
            return
        place = await self._ask_place()
        if place is not None and self._config.announce:
            await self._say(self._place_text(place))

    async def _ask_place(self) -> Place | None:
        """The caller's; None: they have none, or something else happens first."""
        self._port.ask_place()  # also a sign that they still wait
        match await self._next(OWNER_S, place=True):
            case PlaceInQueue(place=None):
                self._nowhere += 1
            case PlaceInQueue(place=Place() as place):
                self._nowhere = 0
                return place
            case None:
                pass
            case news:
                self._later.appendleft(news)
        return None

    def _place_text(self, place: Place) -> str:
        words, config = self._words, self._config
        said = [words.place_text(place.position, place.wait_s)]
        if config.call_back_key is not None and self._offers_call_back and place.position > 1:
            said.append(words.with_key(words.call_back, config.call_back_key))
        if config.leave_key is not None:
            said.append(words.with_key(words.leave, config.leave_key))
        return " ".join(said)

    async def _say(self, text: str) -> None:
        await self._unless_news(self._call.say(text, interruption=NOTHING))

    async def _unless_news(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Its result; None where something else happens first, which is the next news then."""
        self._port.quiet()
        doing = asyncio.ensure_future(work)
        listening = asyncio.ensure_future(self._next(None))
        try:
            await asyncio.wait((doing, listening), return_when=asyncio.FIRST_COMPLETED)
            if doing.done() and not listening.done():
                return doing.result()
            if (news := listening.result()) is not None:
                self._later.appendleft(news)
            return None
        finally:
            for task in (doing, listening):
                task.cancel()
            await asyncio.gather(doing, listening, return_exceptions=True)

    async def _call_back(self) -> None:
        """Ask to have the caller called back; the answer is news, and keys are none until then."""
        self._number = await self._asked_number()
        if not self._number:
            return
        call = self._call
        wish = CallBackWish(self._number, call.language, self._request.summary, call.recorded, call.consent)
        self._port.want_call_back(wish)
        until, found = self._now() + OWNER_S, list[News]()
        while (news := await self._next(max(0.0, until - self._now()))) is not None:
            if not isinstance(news, Key):
                found.append(news)
            if isinstance(news, CallBackKept):
                break
        self._later.extendleft(reversed(found))

    async def _leave_for_call_back(self) -> Queued:
        self._port.quiet()
        said = self._words.will_call.format(digits=_spelled(self._number))
        await self._call.say(said, interruption=NOTHING)
        return Queued(end=QueueEnd.CALL_BACK)

    async def _asked_number(self) -> str:
        """The caller's own, or one that they enter; empty: none, or an agent has come first."""
        words, own = self._words, self._own_number
        text = words.own_number.format(digits=_spelled(own)) if own else words.other_number
        self._call.forget_unasked()
        rule = DigitRule(1 if own else MIN_DIGITS, MAX_DIGITS, "#")
        entered = await self._entered(self._call.ask(text, digits=rule, speech=False))
        if own and entered == "1":
            return own
        return entered if len(entered) >= MIN_DIGITS else ""

    async def _entered(self, asking: Coroutine[Any, Any, Any]) -> str:
        """What is entered while the caller's keys are no news."""
        self._port.quiet()
        doing = asyncio.ensure_future(asking)
        try:
            while not doing.done():
                listening = asyncio.ensure_future(self._next(None))
                await asyncio.wait((doing, listening), return_when=asyncio.FIRST_COMPLETED)
                if not listening.done():
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
                elif (news := listening.result()) is not None and not isinstance(news, Key):
                    self._later.appendleft(news)
                    return ""
            return doing.result().digits or ""
        finally:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)

    @property
    def _own_number(self) -> str:
        number = self._call.identities.caller.number
        return number or ("" if self._call.trunk else self._call.caller)

    async def _whisper(self, agent: Call) -> bool:
        """What the agent hears first."""
        agent.language = self._call.language
        await agent.say(self._request.summary, interruption=NOTHING)
        return True


def _spelled(number: str) -> str:
    return " ".join(number) if number.lstrip("+").isdigit() else number.removeprefix("sip:")


class CallBackDialog:
    """The dialog of a call-back: the caller who asked for it, at the head of the queue that they left."""

    def __init__(self, call_back: CallBack) -> None:
        self._call_back = call_back

    async def __call__(self, call: Call) -> None:
        """As a Dialog."""
        wanted, wish = self._call_back, self._call_back.wish
        call.language = wish.language
        if wish.recorded is not None:
            record = call.start_recording if wish.recorded else call.stop_recording
            record(next((each for each in CONSENTS if each == wish.consent), None))
        queued = await call.queue(wanted.queue, summary=wish.summary, ticket=wanted.ticket)
        if queued.end not in (None, QueueEnd.LEFT):
            await call.say(queue_wording_in(wish.language).nobody, interruption=NOTHING)
