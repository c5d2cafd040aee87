"""A queue with one caller, in simulated calls: what has to happen for them to be taken happens after a while."""

import asyncio

from offhook.calls.news_box import NewsBox
from offhook.pipeline.session import Session
from offhook.pipeline.tts.recording import Recording
from offhook.queues.messages import CallBackKept, CallBackWish, PlaceInQueue
from offhook.queues.orders import EndWait, Place, QueueEnd, QueueNow
from offhook.queues.port import Joined, News, TalkOver, Whisper

TALK_S = 2.0


class SimulatedQueue:
    """See QueuePort. After `rings_s` `agent` takes the call, for TALK_S; without one the wait ends with `end`."""

    def __init__(self, session: Session, rings_s: float, agent: str, end: QueueEnd | None) -> None:
        self._session = session
        self._rings_s = rings_s
        self._agent = agent
        self._end = end
        self._news = NewsBox()
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.plays = False
        """Whether the caller hears its music."""
        self.joined_at: float | None = None
        """When the agent took the call, on the loop's clock."""

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
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._timer = loop.call_later(self._rings_s, self._over)

    def ask_place(self) -> None:
        """See QueuePort."""
        waited_s = asyncio.get_running_loop().time() - self._began
        self.tell(PlaceInQueue("simulated", Place(1, None), QueueNow(1, waited_s)))

    def want_call_back(self, wish: CallBackWish) -> None:
        """See QueuePort."""
        self.tell(CallBackKept("simulated", kept=False))

    def tell(self, news: News) -> None:
        """See QueuePort."""
        self._news.put(news)

    async def next(self, timeout_s: float | None) -> News | None:
        """See QueuePort."""
        return await self._news.next(timeout_s)

    def play(self, music: Recording) -> None:
        """See QueuePort."""
        self.plays = True
        self._session.hold(True)

    def quiet(self) -> None:
        """See QueuePort."""
        self.plays = False
        self._session.hold(self.joined_at is not None)

    def close(self, end: QueueEnd | None = None) -> None:
        """See QueuePort."""
        if self._timer is not None:
            self._timer.cancel()
        self.joined_at = None
        self.quiet()

    def _over(self) -> None:
        if not self._agent:
            self.tell(EndWait("simulated", self._end or QueueEnd.TIMEOUT))
            return
        self.joined_at = asyncio.get_running_loop().time()
        self.quiet()
        self.tell(Joined(self._agent))
        self._timer = asyncio.get_running_loop().call_later(TALK_S, self.tell, TalkOver())
