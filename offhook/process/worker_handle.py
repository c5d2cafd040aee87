"""The supervisor's handle of one worker: channel, calls, records, load."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any, Protocol

import structlog

from offhook.carriers.place_call import PlaceCall
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
    Complete,
    Failed,
    Finish,
    Happened,
    Lines,
    Notify,
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
"""Time for engines to load."""
SILENT_S = 2.0
"""Time without a report after which a worker gets no new calls."""
HUNG_S = 10.0
"""Time without a report after which it is killed with its calls. Long enough for a machine paused for 5 s."""


class WorkerState(StrEnum):
    """Of a worker."""

    STARTING = "starting"
    READY = "ready"
    SILENT = "silent"
    GONE = "gone"


class WorkerGoneError(Exception):
    """The worker exited before it replied."""


class WorkerHandleOwner(Protocol):
    """The owner of worker handles."""

    def on_call_message(self, worker: "WorkerHandle", message: CallMessage) -> None:
        """Handle a worker's message about one of its calls."""

    def on_happened(self, uniqueid: str, event: LiveEvent) -> None:
        """Handle an event of a watched call."""

    def on_silent(self, worker: "WorkerHandle") -> None:
        """The worker has stopped reporting."""

    def on_gone(self, worker: "WorkerHandle") -> None:
        """The worker is gone. Called once, before it is replaced."""


class WorkerDiedError(EngineError):
    """A worker's process ended before it was ready, and has not said why."""


class WorkerHandle:
    """One worker, from start to end. `spawn(index, fd)` starts it. Raises OSError when that fails."""

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
        """Seconds since it was spawned."""
        return self._loop.time() - self._created_at

    async def started(self) -> None:
        """Wait until it is ready. Raises UserError or EngineError if it cannot start."""
        await self._started.wait()
        if self.error is not None:
            raise self.error
        if self.state is WorkerState.GONE:
            raise WorkerDiedError(f"worker {self.index}", "starting", "its process ended before it was ready")

    async def gone(self) -> None:
        """Wait for its end."""
        await self._gone.wait()

    def refusal(self, *, ports: bool = True) -> Refusal | None:
        """Why a ready worker may take no call now; with `ports`, none that needs a port pair."""
        return self.load.refusal(self._loop.time(), ports=ports)

    def give(self, call: str, message: object, fd: int | None = None) -> bool:
        """Give it a call, for a stream with the socket's descriptor. False when that fails."""
        if not self.deliver(message, fd):
            return False
        self.calls.add(call)
        self.load.accepted(self._loop.time(), ports=isinstance(message, IncomingCall | PlaceCall))
        return True

    def deliver(self, message: object, fd: int | None = None) -> bool:
        """Send what may be too long. False when that fails; its end is reported before this returns."""
        try:
            self._channel.send(message, () if fd is None else (fd,))
        except MessageTooLongError as error:
            self._log.warning("a call cannot be handed over", error=str(error))
            return False
        return not self._channel.closed

    def take(self, call: str) -> None:
        """It has begun a call of its own."""
        self.calls.add(call)
        self.load.accepted(self._loop.time(), ports=True)

    def drop(self, call: str) -> None:
        """The worker no longer has the call."""
        if call in self.calls:
            self.calls.remove(call)
            self.load.released()

    def send(self, message: object, fd: int | None = None) -> None:
        """Send any other message; does nothing when the worker is gone."""
        self._channel.send(message, () if fd is None else (fd,))

    async def update_metrics(self, timeout_s: float) -> None:
        """Update `metrics`, if the worker replies in time."""
        if (metrics := await self._ask(Topic.METRICS, timeout_s)) is not None:
            self.metrics = dict(metrics)

    async def status(self, timeout_s: float) -> dict[str, object]:
        """The live state, for people: its load, and its own state if it replies in time."""
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
        """Start the time without reports afresh: this process was stalled itself, and reports may be waiting."""
        self._seen = self._loop.time()

    def check(self) -> bool:
        """Check the deadlines, a few times a second. True when the worker must be killed."""
        silent_s = self._loop.time() - self._seen
        if self.state is WorkerState.STARTING:
            return silent_s > START_S
        if self.state is WorkerState.READY and silent_s > SILENT_S:
            self.state = WorkerState.SILENT
            self._log.error("a worker does not report", seconds=round(silent_s, 1), calls=len(self.calls))
            self._owner.on_silent(self)
        return self.state is WorkerState.SILENT and silent_s > HUNG_S

    def not_answered(self, uniqueid: str) -> None:
        """A call is not its own any more, and its answer has not been sent, whatever its record says."""
        self._journal.not_answered(uniqueid)

    def close_records(self) -> list[CallRecord]:
        """After its end: close and return the records that it left open."""
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
            case Begin() | Lines() | Timeline() | Finish() | Notify() | Complete():
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
