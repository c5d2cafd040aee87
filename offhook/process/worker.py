"""A worker: media, conversations and recordings of its share of the calls. The dialogs are the supervisor's."""

import asyncio
import socket
from typing import Any

import structlog

from offhook.calls.captures import Captures, SipDatagram
from offhook.calls.conversation import Services
from offhook.calls.registry import Calls
from offhook.carriers.sip_call import SipResources
from offhook.carriers.stream_call import Streams
from offhook.engines.engine_set import EngineSet
from offhook.observe.live_feed import LiveFeed
from offhook.observe.loop_watch import LoopWatch
from offhook.observe.metrics import Metrics
from offhook.observe.metrics_snapshot import Snapshot, snapshot
from offhook.observe.totals import Totals
from offhook.observe.tracing import Tracing, open_tracing
from offhook.pipeline.errors import EngineError
from offhook.process.channel import Channel, close_all
from offhook.process.event_loop import keep_what_is_here, run_loop
from offhook.process.load_reporter import LoadReporter
from offhook.process.messages import (
    Ask,
    Claimed,
    Closing,
    Failed,
    Numbers,
    Over,
    Quit,
    Ready,
    Stream,
    StreamStatus,
    Watch,
    Welcome,
    WorkerSpec,
    Written,
)
from offhook.process.os_limits import raise_descriptor_limit, spare_address_space
from offhook.process.remote import RemoteJournal, RemoteNames, tell
from offhook.records import EndedBy, RecordingWriter
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.usererror import UserError
from offhook.version import __version__

REPORT_S = 0.25
IDLE_REPORT_S = 0.5
LAST_CALLS_S = 5.0
"""For calls that were hung up to close their books."""

log = structlog.get_logger("offhook.process")


def run_worker(spec: WorkerSpec, sock: socket.socket) -> int:
    """The whole life of a worker process, on its end of the channel. Returns the exit status."""
    structlog.contextvars.bind_contextvars(worker=spec.index)
    spare_address_space()
    return run_loop(_run(spec, sock))


async def _run(spec: WorkerSpec, sock: socket.socket) -> int:
    worker = _Worker(spec, sock)
    try:
        return await worker.run()
    finally:
        await worker.close()


class _Worker:
    def __init__(self, spec: WorkerSpec, sock: socket.socket) -> None:
        self._spec = spec
        self._config = spec.config
        self._metrics = Metrics(__version__, alone=False)
        self._totals = Totals(self._metrics)
        self._watch = LoopWatch(self._metrics.event_loop_lag, self._metrics.event_loop_stall, lambda: not self._calls)
        self._tracing: Tracing | None = None
        self._engines: EngineSet | None = None
        self._recordings: RecordingWriter | None = None
        self._captures: Captures | None = None
        self._clock: MediaClock | None = None
        self._calls: Calls | None = None
        self._streams: Streams | None = None
        self._meter: LoadReporter | None = None
        self._welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._quit = asyncio.Event()
        self._status = 0
        self._channel = Channel(sock, self._on_message, self._on_closed)
        self._journal = RemoteJournal(self._channel.send)
        self._names = RemoteNames(self._channel.send)
        self._feed = LiveFeed(lambda uniqueid, event: tell(self._channel.send, uniqueid, event))

    async def run(self) -> int:
        """Until the supervisor says so, or is gone."""
        welcome = await self._welcome
        try:
            await self._start(welcome)
        except UserError as error:
            self._channel.send(Failed(problems=error.problems))
            return 1
        except EngineError as error:
            self._channel.send(Failed(engine=error))
            return 1
        self._report()
        self._channel.send(Ready())
        await self._quit.wait()
        return self._status

    async def close(self) -> None:
        """Everything freed; calls that are left end."""
        self._watch.stop()
        if self._calls is not None:
            self._calls.hang_up(EndedBy.OPERATOR, "the bot was stopped")
            await asyncio.wait((asyncio.create_task(self._calls.idle()),), timeout=LAST_CALLS_S)
        self._journal.flush()
        # The supervisor takes a closed channel for the end of this process: it waits for nothing of ours any more.
        self._channel.close()
        if self._engines is not None:
            await self._engines.close()
        if self._clock is not None:
            self._clock.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        if self._recordings is not None:
            await asyncio.to_thread(self._recordings.close)
        if self._captures is not None:
            await asyncio.to_thread(self._captures.close)

    async def _start(self, welcome: Welcome) -> None:
        config = self._config
        descriptors = raise_descriptor_limit()
        if config.records.record_audio:
            self._recordings = RecordingWriter(config.records.dir.resolve() / "recordings")
        if config.records.capture:
            self._captures = Captures(config.records.dir.resolve() / "captures")
        self._tracing = open_tracing()
        self._engines = EngineSet(config)
        listening = await self._engines.begin()
        if welcome.hurry:
            listening.add_done_callback(self._on_listening)
        else:
            await listening
        services = Services(
            config=config,
            engines=self._engines,
            store=self._journal,
            metrics=self._metrics,
            recordings=self._recordings,
            dialog=self._spec.dialog,
            listeners=[self._tracing.on_event] if self._tracing is not None else [],
            feed=self._feed,
        )
        self._clock = MediaClock()
        ports = PortPool(config.rtp.port_min, config.rtp.port_max, welcome.sip_address.host)
        trunk = SipResources(self._channel.send, welcome.sip_address, ports, self._clock, self._captures)
        self._calls = Calls(services, trunk, lambda handle: self._channel.send(Over(handle)))
        keep_what_is_here()
        self._watch.start()
        self._streams = Streams(self._calls, lambda handle: self._channel.send(Closing(handle)), self._names.claim)
        self._meter = LoadReporter(self._calls, self._engines, self._watch, self._clock, ports, descriptors)

    def _on_listening(self, began: "asyncio.Task[None]") -> None:
        if not began.cancelled() and (error := began.exception()) is not None:
            log.error("the recogniser does not start", error=str(error))
            self._status = 1
            self._quit.set()

    def _report(self) -> None:
        if self._meter is not None and not self._channel.closed:
            self._journal.flush()  # together with the report: the supervisor wakes up once
            self._channel.send(self._meter.report())
            delay_s = REPORT_S if self._calls else IDLE_REPORT_S
            asyncio.get_running_loop().call_later(delay_s, self._report)

    def _on_message(self, message: Any, fds: list[int]) -> None:
        match message:
            case Stream() | StreamStatus() | Claimed():
                self._on_stream(message, fds)
                return
            case Written():
                self._journal.written(message)
            case Ask(number):
                self._channel.send(Numbers(number, self._snapshot()))
            case Watch(details_of):
                self._feed.watch(details_of)
            case SipDatagram():
                if self._captures is not None:
                    self._captures.sip(message)
            case Quit():
                self._quit.set()
            case Welcome():
                self._welcome.set_result(message)
            case _ if self._calls is not None:
                self._calls.on_event(message)
        close_all(fds)

    def _on_stream(self, message: Stream | StreamStatus | Claimed, fds: list[int]) -> None:
        if isinstance(message, Claimed):
            close_all(fds)
            self._names.claimed(message)
        elif isinstance(message, StreamStatus):
            close_all(fds)
            if self._streams is not None:
                self._streams.on_status(message.call_sid, message.status)
        elif self._streams is None or len(fds) != 1:
            close_all(fds)
            self._channel.send(Over(message.call))
        else:
            sock = socket.socket(fileno=fds[0])
            self._streams.on_stream(message.call, sock, message.initial, message.meta)

    def _on_closed(self) -> None:
        self._quit.set()
        if not self._welcome.done():
            self._welcome.cancel()

    def _snapshot(self) -> Snapshot:
        if self._engines is not None:
            self._totals.restarts(self._engines.restarts())
        if self._clock is not None:
            self._totals.media(self._clock.counters)
        self._metrics.tasks(len(asyncio.all_tasks()))
        return snapshot(self._metrics.registry)
