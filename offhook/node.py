"""One process that answers calls: it opens the ports, starts the engines, and hands each call to its own object."""

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog

from offhook.call import Dialog
from offhook.config import Config
from offhook.engines import EngineSet
from offhook.inbound import InboundCall, Listener, Services
from offhook.metrics import Metrics
from offhook.records import EndedBy, RecordingWriter, RecordStore
from offhook.totals import Totals
from offhook.usererror import UserError
from offhook.version import __version__
from offhook.web.app import create_app
from offhook.web.loopwatch import LoopWatch
from offhook.web.server import WebServer
from offhook.web.status import HealthStatus, Readiness, ReadyStatus
from sip.events import (
    CallCancelled,
    CallConfirmed,
    CallEnded,
    Event,
    IncomingCall,
    ReinviteConfirmed,
    ReinviteReceived,
)
from sip.net.address import Address
from sip.net.endpoint import Endpoint
from sip.settings import UaSettings
from telephony.net.clock import MediaClock
from telephony.net.ports import PortPool

GOODBYE_S = 0.5


class Node:
    """A running bot. `start` opens everything, `drain` lets the calls end, `stop` ends at once what is left."""

    def __init__(self, config: Config, dialog: Dialog, engines: EngineSet) -> None:
        self.config = config
        self.metrics_store = Metrics(__version__)
        self.listeners: list[Listener] = []
        self._totals = Totals(self.metrics_store)
        self._dialog = dialog
        self._engines = engines
        self._calls: dict[str, InboundCall] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._ready = False
        self._draining = False
        self._endpoint: Endpoint | None = None
        self._services: Services | None = None
        self._store: RecordStore | None = None
        self._recordings: RecordingWriter | None = None
        self._web: WebServer | None = None
        self._watch = LoopWatch(self.metrics_store.event_loop_lag)
        self._log = structlog.get_logger("offhook.node")

    async def start(self) -> None:
        """Everything up: once this returns, calls can come in. Raises UserError, EngineError."""
        config = self.config
        # Kept at once, each: a start that fails half-way is undone by `stop`.
        store = self._store = RecordStore.open(config.records.database_url or str(self.records_dir / "calls.db"))
        if config.records.record_audio:
            self._recordings = RecordingWriter(self.records_dir / "recordings")
        await self._engines.start()
        host = config.sip.advertised_host
        advertised = Address(host, config.sip.port) if host else None
        try:
            endpoint = await Endpoint.open(
                config.sip.host,
                config.sip.port,
                self._on_event,
                settings=UaSettings(advertised=advertised),
            )
        except OSError as error:
            raise UserError(
                f"SIP cannot use {config.sip.host}:{config.sip.port}",
                error.strerror or str(error),
                "offhook serve --sip HOST:PORT with an address of this machine and a port that is free",
            ) from error
        self._endpoint = endpoint
        self._services = Services(
            config=config,
            endpoint=endpoint,
            ports=PortPool(config.rtp.low, config.rtp.high, endpoint.address.host),
            clock=MediaClock(),
            engines=self._engines,
            store=store,
            metrics=self.metrics_store,
            recordings=self._recordings,
            dialog=self._dialog,
            listeners=self.listeners,
        )
        self._watch.start()
        if config.http.enabled:
            self._web = WebServer(create_app(self))
            await self._web.start(config.http.host, config.http.port)
        self._ready = True

    @property
    def records_dir(self) -> Path:
        """Where the database and the recordings are."""
        return Path(self.config.records.dir).resolve()

    @property
    def sip_address(self) -> Address:
        """Where calls come in."""
        if self._endpoint is None:
            raise RuntimeError("the node has not been started")
        return self._endpoint.address

    @property
    def store(self) -> RecordStore:
        """The call records."""
        if self._store is None:
            raise RuntimeError("the node has not been started")
        return self._store

    async def drain(self, timeout_s: float) -> bool:
        """Take no new calls and wait for those that are there; false when some were left."""
        self._draining = True
        try:
            await asyncio.wait_for(self.idle(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def idle(self) -> None:
        """Wait until there is no call."""
        await self._empty.wait()

    async def stop(self) -> None:
        """End what is left: BYE to every call, records and recordings closed, engines and ports freed.

        Also after a start that failed.
        """
        self._draining = True
        for call in list(self._calls.values()):
            call.hang_up(EndedBy.OPERATOR, "the bot was stopped")
        await self.drain(2.0)
        self._watch.stop()
        if self._web is not None:
            await self._web.stop()
        if self._endpoint is not None:
            with suppress(TimeoutError):
                # The BYEs want their answers; who does not give them does not keep us.
                await asyncio.wait_for(self._endpoint.drained(), GOODBYE_S)
            self._endpoint.close()
        await self._engines.close()
        if self._services is not None:
            self._services.clock.close()
        if self._recordings is not None:
            await asyncio.to_thread(self._recordings.close)
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    @property
    def http_address(self) -> tuple[str, int] | None:
        """Where the web pages are, if there are any."""
        return self._web.address if self._web is not None else None

    # What the web pages ask.

    def health(self) -> HealthStatus:
        """Does the event loop run."""
        return self._watch.health()

    def ready(self) -> ReadyStatus:
        """May calls come in."""
        active, most = len(self._calls), self.config.max_calls
        details = {"calls": active, "max_calls": most}
        if self._draining:
            return ReadyStatus(Readiness.DRAINING, "no new calls: the bot is about to stop", details)
        if not self._ready:
            return ReadyStatus(Readiness.STARTING, "the engines are being started", details)
        if active >= most:
            return ReadyStatus(Readiness.FULL, f"all {most} calls that are allowed are going on", details)
        return ReadyStatus(Readiness.READY, "", details)

    def metrics(self) -> bytes:
        """The Prometheus text."""
        services = self._services
        if services is not None:
            restarts = self._engines.restarts()
            self._totals.report(services.endpoint.ua.counters, services.store.counters, restarts)
        return self.metrics_store.render()

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "calls": [call.dump() for call in self._calls.values()],
            "sip": self._endpoint.ua.dump() if self._endpoint is not None else None,
            "ports": self._services.ports.dump() if self._services is not None else None,
            "clock": self._services.clock.dump() if self._services is not None else None,
        }

    # Signalling.

    def _on_event(self, event: Event) -> None:
        if isinstance(event, IncomingCall):
            self._incoming(event)
            return
        call = self._calls.get(event.call)
        if call is None:
            return
        match event:
            case CallConfirmed(sdp=sdp):
                call.confirmed(sdp)
            case CallCancelled():
                call.cancelled()
            case ReinviteConfirmed(sdp=sdp):
                call.confirmed(sdp)
            case ReinviteReceived(sdp=sdp):
                call.reinvited(sdp)
            case CallEnded(cause=cause):
                call.ended(cause)

    def _incoming(self, event: IncomingCall) -> None:
        endpoint, services = self._endpoint, self._services
        if endpoint is None or services is None:
            return
        if self._draining or not self._ready:
            endpoint.run(lambda ua, now: ua.reject(event.call, 503, now, headers=(("Retry-After", "10"),)))
            self.metrics_store.call_refused("inbound", "udp", "rejected")
            return
        if len(self._calls) >= self.config.max_calls:
            endpoint.run(lambda ua, now: ua.reject(event.call, 486, now))
            self.metrics_store.call_refused("inbound", "udp", "busy")
            return
        call = InboundCall(services, event, self._on_over)
        self._calls[event.call] = call
        self._empty.clear()
        call.accept()

    def _on_over(self, call: InboundCall) -> None:
        self._calls.pop(call.handle, None)
        if not self._calls:
            self._empty.set()
