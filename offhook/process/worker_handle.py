"""One worker as the supervisor sees it: its channel, its calls, its records, its load, and what is left of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any, Protocol

import structlog

from offhook.observe.live_events import LiveEvent
from offhook.observe.metrics_snapshot import Snapshot
from offhook.observe.refusals import Refusal
from offhook.pipeline.errors import EngineError
from offhook.process.admission import LoadLimits, WorkerLoad
from offhook.process.channel import Channel, MessageTooLongError, channel_pair, close_all
from offhook.process.journal_proxy import JournalProxy
from offhook.process.messages import (
    Ask,
    Begin,
    CallMessage,
    Failed,
    Finish,
    Happened,
    Lines,
    Ready,
    Reply,
    Report,
    Timeline,
    Topic,
    Welcome,
)
from offhook.records import CallRecord, Journal
from offhook.sip.events import IncomingCall
from offhook.sip.net.address import Address

START_S = 60.0
"""For engines to load."""
SILENT_S = 2.0
"""Without a report: it gets no new calls."""
HUNG_S = 10.0
"""Without a report: it is ended, and its calls with it. A machine that was paused for 5 s has not hung."""


class WorkerState(StrEnum):
    """Of a worker."""

    STARTING = "starting"
    READY = "ready"
    SILENT = "silent"
    GONE = "gone"


class WorkerGoneError(Exception):
    """It went while it was asked."""


class WorkerHandleOwner(Protocol):
    """Whose workers they are."""

    def on_call_message(self, worker: "WorkerHandle", message: CallMessage) -> None:
        """What a worker says about one of its calls."""

    def on_happened(self, uniqueid: str, event: LiveEvent) -> None:
        """What happens in a call while somebody looks."""

    def on_silent(self, worker: "WorkerHandle") -> None:
        """It has not reported for a while."""

    def on_gone(self, worker: "WorkerHandle") -> None:
        """It is gone. Called once, before there is another one in its place."""


class WorkerHandle:
    """From the start to the end of one worker. `spawn(index, fd)` makes it. Raises OSError when it cannot be made."""

    def __init__(
        self,
        index: int,
        *,
        spawn: Callable[[int, int], None],
        sip_address: Address,
        journal: Journal,
        limits: LoadLimits,
        owner: "WorkerHandleOwner",
        on_gone: Callable[["WorkerHandle"], None],
        warm_start: bool = False,
    ) -> None:
        self.index = index
        self.state = WorkerState.STARTING
        self.pid: int | None = None
        self.error: Exception | None = None
        """Why it could not start."""
        self.calls: set[str] = set()
        self.load = WorkerLoad(limits)
        self.metrics: Snapshot = {}
        """Its metrics, as last reported."""
        self._owner = owner
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._created_at = self._seen = self._loop.time()
        self._started = asyncio.Event()
        self._gone = asyncio.Event()
        self._asked = 0
        self._replies: dict[int, asyncio.Future[Mapping[Any, Any]]] = {}
        self._log = structlog.get_logger("offhook.process").bind(worker=index)
        ours, theirs = channel_pair()
        try:
            spawn(index, theirs.fileno())
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._channel = Channel(ours, self._on_message, self._lost)
        self._journal = JournalProxy(journal, self._channel.send)
        self._channel.send(Welcome(sip_address, warm_start))

    @property
    def age_s(self) -> float:
        """Since it was asked for."""
        return self._loop.time() - self._created_at

    async def started(self) -> None:
        """Wait until it is ready. Raises what kept it from that: UserError or EngineError."""
        await self._started.wait()
        if self.error is not None:
            raise self.error
        if self.state is WorkerState.GONE:
            raise EngineError(f"worker {self.index}", "starting", "its process ended before it was ready")

    async def gone(self) -> None:
        """Wait for its end."""
        await self._gone.wait()

    def refusal(self, *, ports: bool = True) -> Refusal | None:
        """Why it may be given no call now, though it is ready; with `ports`, none that needs a pair of them."""
        return self.load.refusal(self._loop.time(), ports=ports)

    def give(self, call: str, message: object, fd: int | None = None) -> bool:
        """Give it a call: with a stream the socket's descriptor. False when that is not possible."""
        try:
            self._channel.send(message, () if fd is None else (fd,))
        except MessageTooLongError as error:
            self._log.warning("a call cannot be handed over", error=str(error))
            return False
        if self._channel.closed:
            return False
        self.calls.add(call)
        self.load.accepted(self._loop.time(), ports=isinstance(message, IncomingCall))
        return True

    def drop(self, call: str) -> None:
        """It has the call no more."""
        if call in self.calls:
            self.calls.remove(call)
            self.load.released()

    def send(self, message: object) -> None:
        """Anything else; nothing happens when it is gone."""
        self._channel.send(message)

    async def update_metrics(self, timeout_s: float) -> None:
        """Bring `metrics` up to date, if it answers in time."""
        if (metrics := await self._ask(Topic.METRICS, timeout_s)) is not None:
            self.metrics = dict(metrics)

    async def status(self, timeout_s: float) -> dict[str, object]:
        """The live state, for people: how it fares, and what it says of itself if it answers in time."""
        refusal = self.refusal()
        report = self.load.latest
        return {
            "index": self.index,
            "pid": self.pid,
            "state": str(self.state),
            "calls": len(self.calls),
            "age_s": round(self.age_s, 1),
            "load": None if report is None else asdict(report),
            "full": refusal.why if refusal is not None else "",
            "host": await self._ask(Topic.STATUS, timeout_s),
        }

    async def _ask(self, topic: Topic, timeout_s: float) -> Mapping[Any, Any] | None:
        if self.state is not WorkerState.READY:
            return None
        self._asked += 1
        number = self._asked
        reply = self._replies[number] = self._loop.create_future()
        self._channel.send(Ask(number, topic))
        try:
            return await asyncio.wait_for(reply, timeout_s)
        except TimeoutError:
            self._log.info("the worker does not answer", topic=str(topic))
            return None
        except WorkerGoneError:
            return None
        finally:
            del self._replies[number]

    def reset_deadline(self) -> None:
        """We were away ourselves: what it had to say may have come meanwhile."""
        self._seen = self._loop.time()

    def check(self) -> bool:
        """Call it a few times a second. True when the worker must be killed."""
        silent_s = self._loop.time() - self._seen
        if self.state is WorkerState.STARTING:
            return silent_s > START_S
        if self.state is WorkerState.READY and silent_s > SILENT_S:
            self.state = WorkerState.SILENT
            self._log.error("a worker does not report", seconds=round(silent_s, 1), calls=len(self.calls))
            self._owner.on_silent(self)
        return self.state is WorkerState.SILENT and silent_s > HUNG_S

    def close_records(self) -> list[CallRecord]:
        """It is gone: close the records that it left open, and return them."""
        return self._journal.crashed()

    def _on_message(self, message: Any, fds: list[int]) -> None:
        close_all(fds)  # none is expected
        self._seen = self._loop.time()
        if self.state is WorkerState.SILENT:
            self.state = WorkerState.READY
            self._log.warning("the worker reports again")
        match message:
            case Report():
                self.load.reported(message, self._seen)
            case Begin() | Lines() | Timeline() | Finish():
                self._journal.take(message)
            case Reply(number, content):
                if (reply := self._replies.get(number)) is not None and not reply.done():
                    reply.set_result(content)
            case Ready():
                self.state = WorkerState.READY
                self._started.set()
                self._log.info("worker ready", pid=self.pid, seconds=round(self.age_s, 2))
            case Happened(uniqueid, event):
                self._owner.on_happened(uniqueid, event)
            case Failed():
                self.error = message.error()
            case _:
                self._owner.on_call_message(self, message)

    def _lost(self) -> None:
        self.state = WorkerState.GONE
        self._started.set()
        self._gone.set()
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(WorkerGoneError())
        self._on_gone(self)
