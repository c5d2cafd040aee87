"""The workers: how they come to be, which of them gets a call, and what happens when one dies or stands still."""

import asyncio
import socket
from collections.abc import Callable, Iterator

import structlog

from offhook.observe.refusals import Reason, Refusal
from offhook.process.admission import LoadLimits
from offhook.process.channel import Channel, close_all
from offhook.process.messages import Exited, Kill, Quit, Spawn, Started
from offhook.process.worker_handle import WorkerHandle, WorkerHandleOwner, WorkerState
from offhook.records import Journal
from offhook.sip.net.address import Address

CHECK_S = 0.25
AWAY_S = 1.0
"""A check that is so late was kept from running, and the workers' reports with it."""
QUIT_S = 3.0
"""For workers to end by themselves; then they are killed."""
YOUNG_S = 5.0
"""A worker that dies younger is not replaced at once when the one before did, too."""
MAX_BACKOFF_S = 30.0


class WorkerPool:
    """`wanted` workers, always. `nursery` is our end of its channel; `owner` is told of a worker that is gone before it
    is replaced.
    """

    def __init__(
        self,
        nursery: socket.socket,
        wanted: int,
        limits: LoadLimits,
        owner: WorkerHandleOwner,
    ) -> None:
        self.wanted = wanted
        self._limits = limits
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._nursery = Channel(nursery, self._on_nursery, self._on_nursery_gone)
        self._links: dict[int, WorkerHandle] = {}
        self._short_lives: dict[int, int] = {}
        self._making: Callable[[int], WorkerHandle] | None = None
        self._checked = self._loop.time()
        self._complete = self._stopping = False
        self._log = structlog.get_logger("offhook.process")

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter(list(self._links.values()))

    @property
    def ready(self) -> int:
        """How many take part."""
        return sum(link.state is WorkerState.READY for link in self)

    async def start(self, sip_address: Address, journal: Journal) -> None:
        """Have them forked and wait until all are ready. Raises what keeps one from it: UserError, EngineError."""
        self._making = lambda index: WorkerHandle(
            index,
            spawn=lambda number, fd: self._nursery.send(Spawn(number), (fd,)),
            sip_address=sip_address,
            journal=journal,
            limits=self._limits,
            owner=self._owner,
            on_gone=self._on_gone,
            hurry=self._complete,
        )
        for index in range(self.wanted):
            self._spawn(index)
        self._check()
        await asyncio.gather(*(link.started() for link in self))
        self._complete = True

    def choose(self, *, ports: bool = True) -> WorkerHandle | Refusal:
        """The one for the next call, which needs `ports` or not: with the fewest, then with the least load. Else why
        there is none."""
        found = [(link, link.refusal(ports=ports)) for link in self if link.state is WorkerState.READY]
        free = [link for link, refusal in found if refusal is None]
        if free:
            return min(free, key=lambda link: (len(link.calls), link.load.cpu))
        for _, refusal in found:
            if refusal is not None:
                return Refusal(refusal.reason, f"every worker is full: {refusal.why}")
        return Refusal(Reason.WORKER, "no worker is ready")

    async def stop(self) -> None:
        """End them: kindly, then by force. Those who hang up tell so before they go."""
        self._stopping = True
        for link in self:
            link.send(Quit())
        await self._await(QUIT_S)
        for link in self:
            self._kill(link)
        await self._await(QUIT_S)
        self._nursery.close()

    def _spawn(self, index: int) -> None:
        if self._making is not None and not self._stopping:
            self._links[index] = self._making(index)

    def _on_gone(self, link: WorkerHandle) -> None:
        """The next one, at once if the last one lived for a while."""
        self._owner.on_gone(link)
        if self._stopping:
            return
        if not self._complete:
            return  # a bot that cannot start is not started again and again: `start` raises
        self._log.error("a worker is gone", worker=link.index, pid=link.pid)
        short = self._short_lives.get(link.index, 0) + 1 if link.age_s < YOUNG_S else 0
        self._short_lives[link.index] = short
        if short < 2:
            self._spawn(link.index)
        else:
            self._loop.call_later(min(MAX_BACKOFF_S, 0.25 * 2**short), self._spawn, link.index)

    def _check(self) -> None:
        """Look after them, again and again."""
        if self._stopping:
            return
        now = self._loop.time()
        away, self._checked = now - self._checked > AWAY_S, now
        for link in self:
            if away:
                link.excuse()
            if link.check():
                self._log.error("a worker has hung and is killed", worker=link.index, pid=link.pid)
                self._kill(link)
        self._loop.call_later(CHECK_S, self._check)

    def _kill(self, link: WorkerHandle) -> None:
        if link.pid is not None and link.state is not WorkerState.GONE:
            self._nursery.send(Kill(link.pid))

    async def _await(self, timeout_s: float) -> None:
        ends = [asyncio.create_task(link.gone()) for link in self]
        if ends:
            _, late = await asyncio.wait(ends, timeout=timeout_s)
            for task in late:
                task.cancel()

    def _on_nursery(self, message: object, fds: list[int]) -> None:
        close_all(fds)
        match message:
            case Started(index, pid):
                link = self._links.get(index)
                if link is not None and link.pid is None:
                    link.pid = pid
            case Exited(index, pid, status):
                how = f"signal {-status}" if status < 0 else f"status {status}"
                if self._complete and not self._stopping:
                    self._log.error("a worker's process ended", worker=index, pid=pid, how=how)

    def _on_nursery_gone(self) -> None:
        if not self._stopping:
            self._log.error("the nursery is gone: workers that die will not be replaced; restart the bot")
