"""The workers: how they come to be, which of them gets a call, and what happens when one dies or stands still."""

import asyncio
from collections.abc import Callable, Iterator

import structlog

from offhook.observe.refusals import Reason, Refusal
from offhook.process.admission import LoadLimits
from offhook.process.messages import Exited, Quit, Started
from offhook.process.worker_handle import WorkerHandle, WorkerHandleOwner, WorkerState
from offhook.process.worker_source import WorkerSource
from offhook.records import Journal
from offhook.sip.net.address import Address

CHECK_S = 0.25
AWAY_S = 1.0
"""A check that is so late was kept from running, and the workers' reports with it."""
QUIT_S = 3.0
"""For workers to end by themselves, besides the time that dialogs have to clean up; then they are killed."""
YOUNG_S = 5.0
"""A worker that dies younger is not replaced at once when the one before did, too."""
MAX_BACKOFF_S = 30.0


class WorkerPool:
    """`wanted` workers, always. `owner` hears that one is gone before there is another one in its place."""

    def __init__(
        self, source: WorkerSource, wanted: int, limits: LoadLimits, owner: WorkerHandleOwner, *, cleanup_s: float
    ) -> None:
        self.wanted = wanted
        self._source = source
        self._limits = limits
        self._quit_s = cleanup_s + QUIT_S
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._workers: dict[int, WorkerHandle] = {}
        self._short_lives: dict[int, int] = {}
        self._making: Callable[[int], WorkerHandle] | None = None
        self._checked = self._loop.time()
        self._complete = self._stopping = False
        self._log = structlog.get_logger("offhook.process")
        source.on_news = self._on_news

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter(list(self._workers.values()))

    @property
    def ready(self) -> int:
        """How many take part."""
        return sum(worker.state is WorkerState.READY for worker in self)

    @property
    def unrecoverable(self) -> str:
        """Why a worker that is missing will not be replaced; empty: all is well, or will be."""
        missing = any(worker.state is WorkerState.GONE for worker in self)
        if not missing or self._stopping or not self._complete or self._source.alive:
            return ""
        return (
            f"{self.ready} of {self.wanted} workers are left, and the process that makes them is gone: restart the bot"
        )

    async def start(self, sip_address: Address, journal: Journal) -> None:
        """Have them made and wait until all are ready. Raises what keeps one from it: UserError, EngineError."""
        self._making = lambda index: WorkerHandle(
            index,
            spawn=self._source.spawn,
            sip_address=sip_address,
            journal=journal,
            limits=self._limits,
            owner=self._owner,
            on_gone=self._on_gone,
            warm_start=self._complete,
        )
        for index in range(self.wanted):
            self._workers[index] = self._making(index)
        self._check()
        await asyncio.gather(*(worker.started() for worker in self))
        self._complete = True

    def choose(self, *, ports: bool = True) -> WorkerHandle | Refusal:
        """The one for the next call, which needs `ports` or not: with the fewest, then with the least load. Else why
        there is none."""
        found = [(worker, worker.refusal(ports=ports)) for worker in self if worker.state is WorkerState.READY]
        free = [worker for worker, refusal in found if refusal is None]
        if free:
            return min(free, key=lambda worker: (len(worker.calls), worker.load.cpu))
        for _, refusal in found:
            if refusal is not None:
                return Refusal(refusal.reason, f"every worker is full: {refusal.why}")
        return Refusal(Reason.WORKER, "no worker is ready")

    async def stop(self) -> None:
        """End them: kindly, then by force. Those who hang up say so before they go."""
        self._stopping = True
        for worker in self:
            worker.send(Quit())
        await self._await(self._quit_s)
        for worker in self:
            self._kill(worker)
        await self._await(QUIT_S)
        await self._source.close()

    def _spawn(self, index: int) -> None:
        if self._making is None or self._stopping or not self._source.alive:
            return
        try:
            self._workers[index] = self._making(index)
        except OSError as error:
            # No descriptor is left, as a rule: that passes, and the worker is still missing then.
            self._log.error("a worker cannot be made", worker=index, error=str(error))
            self._retry(index)

    def _retry(self, index: int) -> None:
        short = self._short_lives[index] = self._short_lives.get(index, 0) + 1
        self._loop.call_later(min(MAX_BACKOFF_S, 0.25 * 2 ** min(short, 10)), self._spawn, index)

    def _on_gone(self, worker: WorkerHandle) -> None:
        """The next one, at once if the last one lived for a while."""
        self._owner.on_gone(worker)
        if self._stopping:
            return
        if not self._complete:
            return  # a bot that cannot start is not started again and again: `start` raises
        self._log.error("a worker is gone", worker=worker.index, pid=worker.pid)
        if worker.age_s >= YOUNG_S:
            self._short_lives[worker.index] = 0
        if self._short_lives.get(worker.index, 0) < 1:
            self._short_lives[worker.index] = int(worker.age_s < YOUNG_S)
            self._spawn(worker.index)
        else:
            self._retry(worker.index)

    def _check(self) -> None:
        """Look after them, again and again."""
        if self._stopping:
            return
        now = self._loop.time()
        away, self._checked = now - self._checked > AWAY_S, now
        for worker in self:
            if away:
                worker.reset_deadline()
            if worker.check():
                self._log.error("a worker has hung and is killed", worker=worker.index, pid=worker.pid)
                self._kill(worker)
        self._loop.call_later(CHECK_S, self._check)

    def _kill(self, worker: WorkerHandle) -> None:
        if worker.state is not WorkerState.GONE:
            self._source.kill(worker.index, worker.pid)

    async def _await(self, timeout_s: float) -> None:
        ends = [asyncio.create_task(worker.gone()) for worker in self]
        if ends:
            _, late = await asyncio.wait(ends, timeout=timeout_s)
            for task in late:
                task.cancel()

    def _on_news(self, news: Started | Exited) -> None:
        if isinstance(news, Started):
            worker = self._workers.get(news.index)
            if worker is not None and worker.pid is None:
                worker.pid = news.pid
        elif self._complete and not self._stopping:
            how = f"signal {-news.status}" if news.status < 0 else f"status {news.status}"
            self._log.error("a worker's process ended", worker=news.index, pid=news.pid, how=how)
