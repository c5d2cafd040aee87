"""What a caller hears from a dialog while they wait in a queue, in place of its music, announcements and keys."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from offhook.api.call_ended import CallEnded
from offhook.pipeline.tts.recording import Recording
from offhook.queues.messages import PlaceInQueue
from offhook.queues.port import Leaves, QueuePort

OWNER_S = 5.0
"""For an answer of the owner of the queues, which is in another process."""

MIN_ROUND_S = 1.0
"""What is over sooner would be begun anew so often that it takes a core."""

STOP_S = 0.5
"""What is heard may clean up for so long, and has to be over after another time."""

MUSIC_S = 10.0
"""What is heard of the queue's music behind it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: `position` 1 is next. `wait_s` is how long they will probably wait, None while too few
    talks are known; `callers` have a place in the queue, and have waited for `mean_waited_s`."""

    position: int
    wait_s: float | None
    callers: int
    mean_waited_s: float


class Wait:
    """A caller's wait in a queue, for what they hear meanwhile. `music` is the queue's own."""

    def __init__(self, port: QueuePort, music: Recording) -> None:
        self._port = port
        self._music = music
        self._asked: asyncio.Future[Standing | None] | None = None
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self.left = False
        """Whether `leave` was called."""
        self.is_given_up = False
        """Whether their call ends with that."""

    @property
    def waited_s(self) -> float:
        """For how long they have waited."""
        return self._now() - self._began

    async def standing(self) -> Standing | None:
        """Where they stand; None: that cannot be said now."""
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
            self._port.ask_place()
        try:
            return await asyncio.wait_for(asyncio.shield(self._asked), OWNER_S)
        except TimeoutError:
            self._asked = None
            return None

    def leave(self, *, gives_up: bool = False) -> None:
        """Take them out of the queue: the wait ends with `left`, and what they hear is cancelled. `gives_up`: their
        call is over then, and counts as that of a caller who hangs up."""
        self.left, self.is_given_up = True, gives_up
        self._port.tell(Leaves())

    @contextmanager
    def music(self) -> Iterator[None]:
        """Within it they hear the queue's music, nothing can be said or asked, and keys do nothing."""
        self._port.play(self._music)
        try:
            yield
        finally:
            self._port.quiet()

    def answered(self, news: PlaceInQueue) -> None:
        """The owner of the queues has said where they stand."""
        asked, self._asked = self._asked, None
        if asked is None or asked.done():
            return
        place, queue = news.place, news.queue
        if place is None or queue is None:
            asked.set_result(None)
        else:
            asked.set_result(Standing(place.position, place.wait_s, queue.callers, queue.mean_waited_s))


class Hearing:
    """Runs `while_waiting` over and over, until `stop`. One that fails is in the log, and from then on the caller hears
    the queue's music."""

    def __init__(
        self, while_waiting: Callable[[Wait], Awaitable[object]], wait: Wait, log: FilteringBoundLogger
    ) -> None:
        self.wait = wait
        self.log = log
        self._while_waiting = while_waiting
        self._task: asyncio.Task[None] | None = None
        self._failed = False

    def go_on(self) -> None:
        """Begin, unless it has begun."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._rounds())

    async def stop(self) -> None:
        """End it, in mid-word too, whatever it does then. Idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        for _ in range(2):  # what it does on its way out may wait for the end of the talk, which waits for it
            task.cancel()
            await asyncio.wait((task,), timeout=STOP_S)
            if task.done():
                return
        self.log.warning("what the caller hears while they wait does not end")

    async def _rounds(self) -> None:
        own = self._task
        while not (self._failed or self.wait.left or self._task is not own):
            began = self.wait.waited_s
            try:
                await self._while_waiting(self.wait)
            except CallEnded:
                return
            except Exception:
                # It is user code.
                self._failed = True
                self.log.exception("what the caller hears while they wait has failed")
            is_over = self._failed or self.wait.left or self._task is not own
            if not is_over and self.wait.waited_s - began < MIN_ROUND_S:
                with self.wait.music():
                    await asyncio.sleep(MUSIC_S)
        if not self.wait.left and self._task is own:
            with self.wait.music():
                await asyncio.get_running_loop().create_future()
