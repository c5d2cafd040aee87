"""The call host: everything that carries calls in one process, be it the only one or one of several.

Engines, carriers, calls, recordings, captures, traces and metrics are composed here only. What a bot has once (SIP
socket, HTTP, records, admission) belongs to the supervisor: `send` passes it messages, `handle` takes its messages.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from offhook.calls.captures import CaptureCall, Captures, SipDatagram
from offhook.calls.registry import Calls
from offhook.calls.services import Services
from offhook.calls.switches import Switches
from offhook.carriers.carrier import Carrier, CarrierContext, installed_carriers
from offhook.carriers.pjsua2 import library
from offhook.carriers.sip_carrier import SipCarrier
from offhook.carriers.sip_resources import SipResources
from offhook.carriers.stream_call import StreamCarrier
from offhook.encryption.keys import key_for
from offhook.engines.engine_set import EngineSet
from offhook.flight.writer import EventLogWriter
from offhook.observe.live_feed import LiveFeed
from offhook.observe.loop_watch import LoopWatch
from offhook.observe.metrics import Metrics
from offhook.observe.metrics_snapshot import Snapshot, snapshot
from offhook.observe.plain import plain
from offhook.observe.totals import Totals
from offhook.observe.tracing import open_tracing
from offhook.pipeline.errors import EngineError
from offhook.process.channel import MessageTooLongError, close_all
from offhook.process.lifespan import entered
from offhook.process.load_reporter import LoadReporter, Slots
from offhook.process.messages import (
    Admitted,
    Ask,
    Claimed,
    Closing,
    Execute,
    Over,
    Reply,
    Report,
    SignallingReady,
    Stream,
    StreamStatus,
    SwitchesSet,
    Topic,
    Watch,
    Welcome,
    WorkerSpec,
    Written,
)
from offhook.process.os_limits import raise_descriptor_limit
from offhook.process.remote import RemoteAdmission, RemoteJournal, RemoteNames, Send, publish
from offhook.queues.messages import Linked
from offhook.records import EndedBy, RecordingWriter
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.version import __version__

if TYPE_CHECKING:
    from offhook.carriers.pjsua2.user_agent import PjsuaUserAgent

LAST_CALLS_S = 2.0
"""For calls that were hung up to close their records, after the `calls.cleanup_s` of their dialogs."""
MAX_DUMPED_CALLS = 50
"""Calls shown in full; fewer if they do not fit into a message."""

log = structlog.get_logger("offhook.process")


class CallHost:
    """`start`, then `handle` messages, then `stop`; all on one event loop."""

    def __init__(self, spec: WorkerSpec, send: Send) -> None:
        self._spec = spec
        self._send = send
        self._metrics = Metrics(__version__, alone=False)
        self._totals = Totals(self._metrics)
        self._journal = RemoteJournal(send)
        self._names = RemoteNames(send)
        self._admission = RemoteAdmission(send)
        self._feed = LiveFeed(partial(publish, send))
        self._captures = Captures(spec.config.records.dir.resolve() / "captures")
        self._switches = Switches()
        self._engines: EngineSet | None = None
        self._sip: SipCarrier | None = None
        self._streams: StreamCarrier | None = None
        self._carriers: list[Carrier] = []
        self._clock: MediaClock | None = None
        self._pjsip: PjsuaUserAgent | None = None
        self._reporter: LoadReporter | None = None
        self._opened = AsyncExitStack()
        self._handlers: Mapping[type, Callable[[Any], None]] = {
            Admitted: self._admission.admitted,
            Ask: self._on_ask,
            Claimed: self._names.claimed,
            CaptureCall: lambda message: self._captures.want(message.call),
            SipDatagram: self._captures.sip,
            StreamStatus: self._on_stream_status,
            SwitchesSet: lambda message: self._switches.set(message.settings),
            Watch: lambda watch: self._feed.watch(watch.details_of),
            Written: self._journal.written,
        }
        self.calls = Calls(lambda handle: send(Over(handle)))
        self.failed = asyncio.Event()
        """Set when it can serve no longer: its recogniser failed to start."""
        self._watch = LoopWatch(
            self._metrics.event_loop_lag, self._metrics.event_loop_stall, lambda: not len(self.calls)
        )

    async def start(self, welcome: Welcome) -> None:
        """Start everything, so that calls can be accepted. Raises UserError, EngineError; then `stop` frees what was
        opened."""
        spec, config, opened = self._spec, self._spec.config, self._opened
        folder = config.records.dir.resolve()
        descriptors = raise_descriptor_limit()
        if spec.lifespan is not None:
            await opened.enter_async_context(entered(spec.lifespan))
        key = self._captures.key = key_for(config.records.encrypt, config.records.key_file)
        recordings = None
        if config.records.record_audio:
            recordings = RecordingWriter(folder / "recordings", key)
            opened.push_async_callback(asyncio.to_thread, recordings.close)
        if config.records.capture:
            self._captures.open()
        opened.push_async_callback(asyncio.to_thread, self._captures.close)
        event_logs = None
        if config.records.events:
            event_logs = EventLogWriter(folder / "events", key)
            opened.push_async_callback(asyncio.to_thread, event_logs.close)
        if (tracing := open_tracing()) is not None:
            opened.push_async_callback(asyncio.to_thread, tracing.close)
            spec.listeners.append(tracing.on_event)
        engines = self._engines = spec.engines(config)
        if spec.engines_table is not None:
            engines.share(spec.engines_table, spec.index)
        opened.push_async_callback(engines.close)
        asr_start = await engines.begin()
        if welcome.warm_start:
            asr_start.add_done_callback(self._on_asr_started)
        else:
            await asr_start
        for problem in engines.not_started():
            log.warning("an engine does not start; the others of its chain are used", error=str(problem))
        services = Services(
            config=config,
            engines=engines,
            store=self._journal,
            metrics=self._metrics,
            recordings=recordings,
            key=key,
            event_logs=event_logs,
            dialog=spec.dialog,
            listeners=spec.listeners,
            feed=self._feed,
            switches=self._switches,
        )
        await self._open_carriers(services, welcome, descriptors)
        self._watch.start()
        opened.callback(self._watch.stop)

    async def _open_carriers(self, services: Services, welcome: Welcome, descriptors: int) -> None:
        rtp, calls = services.config.rtp, self.calls
        ports = PortPool(rtp.port_min, rtp.port_max, welcome.sip_address.host, table=self._spec.ports)
        clock = self._clock = MediaClock(framing=services.engines.framing)
        slots: Slots = ports
        if services.config.sip.backend == "pjsua2":
            # Only where it is asked for: its library is an extra, under the GPL.
            library.load()
            from offhook.process.pjsua2_host import Pjsua2Host  # noqa: PLC0415

            pjsip = slots = Pjsua2Host(services, calls, self._send, welcome.sip_address, ports, clock)
            self._handlers = {**self._handlers, Execute: pjsip.execute}
            self._sip, self._pjsip = pjsip.carrier, pjsip.user_agent
        else:
            resources = SipResources(self._send, welcome.sip_address, ports, clock, self._captures)
            self._sip = SipCarrier(services, calls, resources)
        self._streams = StreamCarrier(services, calls, lambda handle: self._send(Closing(handle)), self._names.claim)
        self._carriers = [self._sip, self._streams]
        self._carriers += installed_carriers(CarrierContext(services, calls, self._admission.admit))
        for carrier in self._carriers:
            self._opened.push_async_callback(carrier.stop)
            await carrier.start()
        if self._pjsip is not None:
            self._send(SignallingReady(self._pjsip.max_calls))
        assert self._engines is not None, "carriers need started engines"
        self._reporter = LoadReporter(calls, self._engines, self._watch, clock, slots, descriptors)

    async def hang_up(self) -> None:
        """End all calls, and wait for their records for a limited time."""
        self.calls.hang_up(EndedBy.OPERATOR, "the bot was stopped")
        await asyncio.wait(
            (asyncio.create_task(self.calls.idle()),), timeout=self._spec.config.calls.cleanup_s + LAST_CALLS_S
        )
        if self._pjsip is not None:
            await self._pjsip.drain()
        self._journal.flush()

    async def stop(self) -> None:
        """Free everything, in reverse order of the start. Also after a failed start. Idempotent."""
        await self._opened.aclose()

    def restart_report(self) -> None:
        """Begin the first report's period now."""
        if self._reporter is not None:
            self._reporter.restart()

    def report(self) -> Report | None:
        """The load since the last report."""
        self._journal.flush()  # together with the report: the supervisor wakes up once
        return self._reporter.report() if self._reporter is not None else None

    def handle(self, message: Any, fds: list[int]) -> None:
        """Handle a message from the supervisor; descriptors are passed to a call, or closed."""
        if isinstance(message, Stream):
            self._on_stream(message, fds)
            return
        if isinstance(message, Linked) and self._sip is not None and len(fds) == 1:
            self._sip.on_event(replace(message, fd=fds[0]))
            return
        close_all(fds)
        if (handler := self._handlers.get(type(message))) is not None:
            handler(message)
        elif self._sip is not None:
            self._sip.on_event(message)  # events of the user agent, unchanged

    def dump(self, most_calls: int = MAX_DUMPED_CALLS) -> dict[str, object]:
        """The live state, for people."""
        return {
            "calls": self.calls.dump(most_calls),
            "carriers": {carrier.name: _state_of(carrier) for carrier in self._carriers},
            "engines": self._engines.dump() if self._engines is not None else {},
        }

    def _on_ask(self, ask: Ask) -> None:
        if ask.topic is Topic.METRICS:
            self._send(Reply(ask.number, self._numbers()))
            return
        most_calls = MAX_DUMPED_CALLS
        while True:
            try:
                self._send(Reply(ask.number, plain(self.dump(most_calls))))
                return
            except MessageTooLongError:
                if not most_calls:
                    raise
                most_calls //= 2

    def _on_stream_status(self, message: StreamStatus) -> None:
        if self._streams is not None:
            self._streams.on_status(message.call_sid, message.status)

    def _on_stream(self, message: Stream, fds: list[int]) -> None:
        if self._streams is None or len(fds) != 1:
            close_all(fds)
            self._send(Over(message.call))
        else:
            self._streams.on_stream(message.call, socket.socket(fileno=fds[0]), message.initial, message.meta)

    def _on_asr_started(self, began: "asyncio.Task[None]") -> None:
        if not began.cancelled() and isinstance(error := began.exception(), EngineError):
            log.error("the recogniser does not start", error=str(error))
            self.failed.set()

    def _numbers(self) -> Snapshot:
        if self._engines is not None:
            self._totals.restarts(self._engines.restarts())
            self._totals.engines(self._engines.members, asyncio.get_running_loop().time())
        if self._clock is not None:
            self._totals.media(self._clock.counters)
        self._metrics.tasks(len(asyncio.all_tasks()))
        return snapshot(self._metrics.registry)


def _state_of(carrier: Carrier) -> dict[str, object]:
    refusal = carrier.refusal()
    return {"full": refusal.why if refusal is not None else "", **carrier.dump()}
