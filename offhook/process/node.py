"""One process that answers calls: it opens the ports, starts the engines, and hands each call to its own object."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from offhook.api.call import Dialog
from offhook.calls.captures import Captures, SipTap
from offhook.calls.conversation import Listener, Services
from offhook.calls.registry import Calls
from offhook.carriers.sip_call import SipResources
from offhook.carriers.stream_call import Streams
from offhook.engines.engine_set import EngineSet
from offhook.observe.live_feed import LiveFeed
from offhook.observe.loop_watch import LoopWatch
from offhook.observe.metrics import Metrics
from offhook.observe.refusals import Reason, Refusal, RefusalLog
from offhook.observe.totals import Totals
from offhook.observe.tracing import Tracing, open_tracing
from offhook.records import EndedBy, RecordingWriter, RecordStore
from offhook.settings.config import Config
from offhook.settings.resolve import with_addresses
from offhook.sip.commands import Command, CommandFailed
from offhook.sip.errors import LocalError
from offhook.sip.events import CallRefused, Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.settings import UaSettings
from offhook.sip.uas import Admit
from offhook.sip.uas_checks import Refusal as SipRefusal
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.usererror import UserError
from offhook.version import __version__
from offhook.web.app import create_app
from offhook.web.live import LiveHub
from offhook.web.media_streams import server_with_streams
from offhook.web.server import WebServer
from offhook.web.site import add_site
from offhook.web.status import HealthStatus, Readiness, ReadyStatus

GOODBYE_S = 0.5

_READINESS = {Reason.DRAINING: Readiness.DRAINING, Reason.STARTING: Readiness.STARTING}
"""Of a bot that takes no calls for this reason; else it is full."""


class Node:
    """A running bot. `start` opens everything, `drain` lets the calls end, `stop` ends at once what is left."""

    def __init__(self, config: Config, dialog: Dialog, engines: EngineSet) -> None:
        self.config = config = with_addresses(config)
        self.metrics_store = Metrics(__version__)
        self.listeners: list[Listener] = []
        self.on_call_status: Callable[[str, str], None] | None = None
        """(call SID, Twilio's word): what a carrier says has become of a call."""
        self._tracing: Tracing | None = None
        self._totals = Totals(self.metrics_store)
        self._dialog = dialog
        self._engines = engines
        self._streams: Streams | None = None
        self._calls: Calls | None = None
        self._ready = False
        self._draining = False
        self._endpoint: Endpoint | None = None
        self._trunk: SipResources | None = None
        self._store: RecordStore | None = None
        self._recordings: RecordingWriter | None = None
        self._captures: Captures | None = None
        self._tap: SipTap | None = None
        self._web: WebServer | None = None
        self._hub = LiveHub()
        self._feed = LiveFeed(self._hub.publish)
        self._hub.on_watch = self._feed.watch
        self._watch = LoopWatch(self.metrics_store.event_loop_lag, self.metrics_store.event_loop_stall)
        self._refusals = RefusalLog(self.metrics_store)

    async def start(self) -> None:
        """Everything up: once this returns, calls can come in. Raises UserError, EngineError."""
        config = self.config
        # Kept at once, each: a start that fails half-way is undone by `stop`.
        self._tracing = open_tracing()
        if self._tracing is not None:
            self.listeners.append(self._tracing.on_event)
        store = self._store = open_store(config)
        if config.records.record_audio:
            self._recordings = RecordingWriter(self.records_dir / "recordings")
        if config.records.capture:
            self._captures = Captures(self.records_dir / "captures")
        await self._engines.start()
        endpoint = await open_endpoint(config, self._on_event, self._admit)
        self._endpoint = endpoint
        self._tap = SipTap(endpoint) if self._captures is not None else None
        services = Services(
            config=config,
            engines=self._engines,
            store=store,
            metrics=self.metrics_store,
            recordings=self._recordings,
            dialog=self._dialog,
            listeners=self.listeners,
            feed=self._feed,
        )
        ports = PortPool(config.rtp.port_min, config.rtp.port_max, endpoint.address.host)
        self._trunk = SipResources(self._do, endpoint.address, ports, MediaClock(), self._captures)
        self._calls = Calls(services, self._trunk, self._tap.end if self._tap is not None else None)
        self._streams = Streams(self._calls)
        self._watch.start()
        if config.http.enabled:
            app = create_app(self)
            add_site(app, self._hub, store, config)
            self._web = server_with_streams(app, config, self)
            await self._web.start(config.http.host, config.http.port)
        self._ready = True

    @property
    def records_dir(self) -> Path:
        """Where the database and the recordings are."""
        return self.config.records.dir.resolve()

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
        if self._calls is not None:
            await self._calls.idle()

    async def stop(self) -> None:
        """End what is left: BYE to every call, records and recordings closed, engines and ports freed.

        Also after a start that failed.
        """
        self._draining = True
        if self._calls is not None:
            self._calls.hang_up(EndedBy.OPERATOR, "the bot was stopped")
        await self.drain(2.0)
        self._watch.stop()
        self._hub.close()
        if self._web is not None:
            await self._web.stop()
        if self._endpoint is not None:
            with suppress(TimeoutError):
                # The BYEs want their answers; who does not give them does not keep us.
                await asyncio.wait_for(self._endpoint.drained(), GOODBYE_S)
            self._endpoint.close()
        await self._engines.close()
        if self._trunk is not None:
            self._trunk.clock.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        if self._recordings is not None:
            await asyncio.to_thread(self._recordings.close)
        if self._captures is not None:
            await asyncio.to_thread(self._captures.close)
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    @property
    def http_address(self) -> tuple[str, int] | None:
        """Where the web pages are, if there are any."""
        return self._web.address if self._web is not None else None

    @property
    def _active(self) -> int:
        return len(self._calls) if self._calls is not None else 0

    # What the web pages ask.

    def health(self) -> HealthStatus:
        """Does the event loop run."""
        return self._watch.health()

    def ready(self) -> ReadyStatus:
        """May calls come in."""
        details = {"calls": self._active, "max_calls": self.config.max_calls}
        refusal = self._refusal()
        if refusal is None:
            return ReadyStatus(Readiness.READY, "", details)
        return ReadyStatus(_READINESS.get(refusal.reason, Readiness.FULL), refusal.why, details)

    def _refusal(self, *, ports: bool = True) -> Refusal | None:
        """Why no call may come now; with `ports`, none that needs a pair of them."""
        if self._draining:
            return Refusal(Reason.DRAINING, "no new calls: the bot is about to stop")
        if not self._ready:
            return Refusal(Reason.STARTING, "the engines are being started")
        most = self.config.calls.max_calls
        if most and self._active >= most:
            return Refusal(Reason.MAX_CALLS, f"all {most} calls that are allowed are going on")
        pool = self._trunk.ports if self._trunk is not None else None
        if ports and pool is not None and pool.in_use >= pool.capacity:
            return Refusal(Reason.PORTS, "its RTP ports are used up")
        return None

    async def metrics(self) -> bytes:
        """The Prometheus text."""
        if self._endpoint is not None and self._store is not None:
            self._totals.sip(self._endpoint.ua.counters)
            self._totals.records(self._store.counters)
        self._totals.restarts(self._engines.restarts())
        if self._trunk is not None:
            self._totals.media(self._trunk.clock.counters)
        self.metrics_store.tasks(len(asyncio.all_tasks()))
        return self.metrics_store.render()

    # Calls over media streams.

    def stream_refusal(self) -> str | None:
        """Why no call may come over a stream now; None: it may."""
        refusal = self._refusal(ports=False)
        return refusal.why if refusal is not None else None

    def stream_refused(self) -> None:
        """A call over a stream was turned away for that."""
        nobody = Refusal(Reason.STARTING, "nobody is there to take the call")
        self._refusals.refused(self._refusal(ports=False) or nobody, "ws")

    def may_resume(self, call_sid: str) -> bool:
        """Whether a call whose stream has ended is to get another one."""
        return self._streams is not None and self._streams.goes_on(call_sid)

    def call_status(self, call_sid: str, status: str) -> None:
        """What the carrier says has become of a call."""
        if self._streams is not None:
            self._streams.on_status(call_sid, status)
        if self.on_call_status is not None:
            self.on_call_status(call_sid, status)

    def take_stream(self, sock: socket.socket, initial: bytes, meta: Mapping[str, str]) -> bool:
        """A call over a socket that is connected and was checked."""
        if self._streams is None:
            sock.close()
            return False
        self._streams.on_stream(secrets.token_hex(8), sock, initial, meta)
        return True

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "calls": self._calls.dump() if self._calls is not None else [],
            "sip": self._endpoint.ua.dump() if self._endpoint is not None else None,
            "ports": self._trunk.ports.dump() if self._trunk is not None else None,
            "clock": self._trunk.clock.dump() if self._trunk is not None else None,
        }

    # Signalling.

    def _on_event(self, event: Event) -> None:
        calls = self._calls
        if isinstance(event, CallRefused):
            self._refusals.refused(Refusal.of(event), "udp")
            return
        if calls is None:
            return
        calls.on_event(event)
        if not isinstance(event, IncomingCall) or event.call not in calls:
            return
        if self._tap is not None and self._captures is not None:
            self._tap.begin(event, self._captures.sip)

    def _do(self, command: Command) -> None:
        if self._endpoint is None or self._calls is None:
            return
        try:
            self._endpoint.do(command)
        except LocalError as error:
            self._calls.on_event(CommandFailed(command, str(error)))

    def _admit(self, method: str) -> SipRefusal | None:
        refusal = self._refusal()
        if refusal is None:
            return None
        if method == "INVITE":
            self._refusals.refused(refusal, "udp")
        return refusal.answer


def open_store(config: Config) -> RecordStore:
    """The records' database. Raises UserError."""
    return RecordStore.open(config.records.database_url or str(config.records.dir.resolve() / "calls.db"))


async def open_endpoint(config: Config, on_event: Callable[[Event], None], admit: Admit) -> Endpoint:
    """The SIP socket; `admit` says of a new call what keeps it out. Raises UserError."""
    host, port = config.sip.host, config.sip.port
    advertised = config.sip.advertised_host
    # Port 0 in `advertised` is the port that the socket gets.
    settings = UaSettings(advertised=Address(advertised, config.sip.advertised_port or port) if advertised else None)
    try:
        return await Endpoint.open(host, port, on_event, settings=settings, admit=admit)
    except OSError as error:
        raise UserError(
            f"SIP cannot use {host}:{port}",
            error.strerror or str(error),
            "offhook serve --sip HOST:PORT with an address of this machine and a port that is free",
        ) from error
