"""An agent who has called in waits for the next caller of a queue, and talks to them."""

import asyncio

from offhook.api.call import Call
from offhook.api.queue_music import queue_music
from offhook.api.taken import TakeEnd, Taken, TakeRequest
from offhook.pipeline.events import NOTHING
from offhook.pipeline.tts.recording import Recording
from offhook.queues.orders import EndWait
from offhook.queues.port import Joined, Offer, Parted, TakePort, TalkOver
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
            match await self._port.next(max(0.0, until - self._now())):
                case None:
                    return Taken(end=TakeEnd.TIMEOUT)
                case EndWait():
                    return Taken(end=TakeEnd.NOT_POSSIBLE)
                case Offer() as offer if await self._joins(offer):
                    return await self._talk(offer)

    async def _joins(self, offer: Offer) -> bool:
        """Whether both are connected. A caller who is gone meanwhile is no reason to stop waiting."""
        if offer.summary:
            self._port.quiet()
            before, self._call.language = self._call.language, offer.language
            await self._call.say(offer.summary, interruption=NOTHING)
            self._call.language = before
        self._port.accept(offer)
        until = self._now() + JOIN_S
        while (news := await self._port.next(max(0.0, until - self._now()))) is not None:
            if isinstance(news, Joined | Parted):
                return isinstance(news, Joined)
        return False

    async def _talk(self, offer: Offer) -> Taken:
        self._request.on_caller(offer.caller)
        began = self._now()
        while (left_s := began + self._limit_s - self._now()) > 0:
            if isinstance(await self._port.next(left_s), TalkOver):
                break
        self._port.close()
        self._call.forget_unasked()
        return Taken(offer.caller, waited_s=offer.waited_s, talked_s=self._now() - began)
