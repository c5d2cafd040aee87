"""An agent who has called in waits for the next caller of a queue, and talks to them."""

import asyncio
from collections import deque
from typing import TypeGuard

from offhook.api.call import Call
from offhook.api.queue_music import queue_music
from offhook.api.taken import TAKE_ENDS, TakeEnd, Taken, TakeRequest
from offhook.pipeline.events import NOTHING
from offhook.pipeline.tts.recording import Recording
from offhook.queues.members import MAX_BRIEFING_S
from offhook.queues.messages import AgentKept
from offhook.queues.orders import EndWait
from offhook.queues.port import Joined, Key, News, Offer, Parted, TakePort, TalkOver
from offhook.settings.queues import QueueConfig

JOIN_S = 10.0
"""For the caller's side, which may be in another process, to connect both."""


class Taking:
    """One time, from `run` to its result. `longest_s` is how long a talk may take."""

    def __init__(
        self, call: Call, port: TakePort, config: QueueConfig, request: TakeRequest, *, longest_s: float
    ) -> None:
        self._now = asyncio.get_running_loop().time
        self._call = call
        self._port = port
        self._config = config
        self._request = request
        self._limit_s = longest_s if request.limit_s is None else min(request.limit_s, longest_s)
        self._later: deque[News] = deque()  # what has happened while a summary was said

    async def run(self) -> Taken:
        """Until the talk with a caller is over, or nobody has come. Raises CallEnded."""
        self._port.take(self._request.queue, self._request.return_key)
        try:
            return await self._wait(await queue_music(self._config.music))
        finally:
            self._port.close()

    async def _wait(self, music: Recording) -> Taken:
        wait_s = self._config.max_wait_s if self._request.wait_s is None else self._request.wait_s
        until = self._now() + wait_s
        while True:
            self._port.play(music)
            match await self._next(max(0.0, until - self._now())):
                case None:
                    return Taken(end=TakeEnd.TIMEOUT)
                case EndWait(end=end):
                    return Taken(end=TAKE_ENDS.get(end, TakeEnd.NOT_POSSIBLE))
                case AgentKept(most_s=most_s):
                    until = max(until, self._now() + most_s)
                case Key() as key if self._is_return(key):
                    self._call.forget_unasked()
                    return Taken(end=TakeEnd.LEFT)
                case Offer() as offer if await self._joins(offer):
                    return await self._talk(offer)

    async def _next(self, timeout_s: float | None) -> News | None:
        return self._later.popleft() if self._later else await self._port.next(timeout_s)

    def _is_return(self, news: News | None) -> TypeGuard[Key]:
        return isinstance(news, Key) and news.key == self._request.return_key

    async def _joins(self, offer: Offer) -> bool:
        """Whether both are connected. A caller who is gone meanwhile is no reason to stop waiting."""
        if offer.summary and not await self._says_summary(offer):
            return False
        self._port.accept(offer)
        until = self._now() + JOIN_S
        while (news := await self._port.next(max(0.0, until - self._now()))) is not None:
            if isinstance(news, Joined | Parted):
                return isinstance(news, Joined)
            self._keep(news)
        self._port.decline(offer)
        return False

    async def _says_summary(self, offer: Offer) -> bool:
        """Say the summary: to its end, or as much of it as the caller's side waits for. False: the caller is gone, or
        the agent goes, meanwhile, which ends it in mid-word."""
        self._port.quiet()
        before, self._call.language = self._call.language, offer.language
        saying = asyncio.ensure_future(self._call.say(offer.summary, interruption=NOTHING))
        ending = asyncio.ensure_future(self._is_ended(offer))
        try:
            done, _ = await asyncio.wait((saying, ending), timeout=MAX_BRIEFING_S, return_when=asyncio.FIRST_COMPLETED)
            if saying in done:
                saying.result()
            return ending not in done
        finally:
            for task in (saying, ending):
                task.cancel()
            await asyncio.gather(saying, ending, return_exceptions=True)
            self._call.language = before

    async def _is_ended(self, offer: Offer) -> None:
        """Until the caller is gone, or the agent goes, who then does."""
        while not isinstance(news := await self._port.next(None), Parted):
            if self._is_return(news):
                self._later.append(news)
                self._port.decline(offer)
                return
            self._keep(news)

    def _keep(self, news: News | None) -> None:
        if news is not None and not isinstance(news, Key):
            self._later.append(news)

    async def _talk(self, offer: Offer) -> Taken:
        self._request.on_caller(offer.caller)
        began = self._now()
        while (left_s := began + self._limit_s - self._now()) > 0:
            if isinstance(await self._port.next(left_s), TalkOver):
                break
        self._port.close()
        self._call.forget_unasked()
        return Taken(offer.caller, waited_s=offer.waited_s, talked_s=self._now() - began)
