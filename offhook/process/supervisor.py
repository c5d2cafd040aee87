"""The supervisor: the one SIP socket with all dialogs, the one HTTP port, the records, and who may come in."""

import asyncio
import secrets
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from offhook.calls.captures import SipTap
from offhook.observe.live_events import LiveEvent
from offhook.observe.loop_watch import LoopWatch
from offhook.observe.metrics import Metrics
from offhook.observe.metrics_snapshot import Snapshot, lasting, merged, render, snapshot
from offhook.observe.refusals import Reason, Refusal, RefusalLog
from offhook.observe.totals import Totals
from offhook.process.admission import LoadLimits
from offhook.process.messages import CallMessage, Claim, Claimed, Closing, Over, Stream, StreamStatus, Watch
from offhook.process.node import GOODBYE_S, open_endpoint, open_store
from offhook.process.worker_handle import WorkerHandle, WorkerState
from offhook.process.worker_pool import WorkerPool
from offhook.records import RecordStore
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Bye, Command, CommandFailed, Reject
from offhook.sip.errors import LocalError
from offhook.sip.events import CallCancelled, CallRefused, Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.uas_checks import Refusal as SipRefusal
from offhook.version import __version__
from offhook.web.app import create_app
from offhook.web.live import LiveHub
from offhook.web.media_streams import server_with_streams
from offhook.web.server import WebServer
from offhook.web.site import add_site
from offhook.web.status import HealthStatus, Readiness, ReadyStatus

NUMBERS_S = 0.5
"""For workers to tell their metrics; of one that is slower the last ones are shown."""

_WORKER_GONE = Refusal(Reason.WORKER, "its worker is gone")


@dataclass(slots=True)
class Placement:
    """A call's place: the worker that has it. `invite` until it has been answered: it can be given to another one.
    `call_sid` is the carrier's name for a call over a stream."""

    link: WorkerHandle
    invite: IncomingCall | None
    call_sid: str = ""


class Supervisor:
    """A running bot of several processes: the same interface as `Node`. `nursery` is the end of its channel."""

    def __init__(self, config: Config, nursery: socket.socket, workers: int) -> None:
        self.config = config
        self.metrics_store = Metrics(__version__)
        self._totals = Totals(self.metrics_store)
        self._refusals = RefusalLog(self.metrics_store)
        self._watch = LoopWatch(
            self.metrics_store.event_loop_lag, self.metrics_store.event_loop_stall, lambda: not self._legs
        )
        limits = LoadLimits(config.calls.max_cpu, config.calls.max_lag_ms / 1000)
        self._workers = WorkerPool(nursery, workers, limits, self)
        self._lasting: Snapshot = {}  # of workers that are gone
        self._legs: dict[str, Placement] = {}
        self._streams: dict[str, str] = {}  # the handles of calls over streams that are not about to end, by their SIDs
        self._empty = asyncio.Event()
        self._empty.set()
        self._ready = self._draining = False
        self._endpoint: Endpoint | None = None
        self._tap: SipTap | None = None
        self._store: RecordStore | None = None
        self._web: WebServer | None = None
        self._hub = LiveHub()
        self._hub.on_watch = self._on_watch
        self._watched: frozenset[str] | None = None
        self._log = structlog.get_logger("offhook.process")

    async def start(self) -> None:
        """Everything up: once this returns, calls can come in. Raises UserError, EngineError."""
        config = self.config
        # Kept at once, each: a start that fails half-way is undone by `stop`.
        self._store = await asyncio.to_thread(open_store, config)
        self._endpoint = await open_endpoint(config, self._on_event, self._admit)
        self._tap = SipTap(self._endpoint) if config.records.capture else None
        await self._workers.start(self._endpoint.address, self._store)
        self._watch.start()
        if config.http.enabled:
            app = create_app(self)
            add_site(app, self._hub, self._store, config)
            self._web = server_with_streams(app, config, self)
            await self._web.start(config.http.host, config.http.port)
        self._ready = True

    async def drain(self, timeout_s: float) -> bool:
        """Take no new calls and wait for those that are there; false when some were left."""
        self._draining = True
        try:
            await asyncio.wait_for(self._empty.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End what is left: BYE to every call, records closed, workers and ports gone. Also after a failed start."""
        self._draining = True
        await self._workers.stop()
        self._watch.stop()
        self._hub.close()
        if self._web is not None:
            await self._web.stop()
        if self._endpoint is not None:
            with suppress(TimeoutError):
                # The BYEs want their answers; who does not give them does not keep us.
                await asyncio.wait_for(self._endpoint.drained(), GOODBYE_S)
            self._endpoint.close()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    @property
    def sip_address(self) -> Address:
        """Where calls come in."""
        if self._endpoint is None:
            raise RuntimeError("the bot has not been started")
        return self._endpoint.address

    @property
    def http_address(self) -> tuple[str, int] | None:
        """Where the web pages are, if there are any."""
        return self._web.address if self._web is not None else None

    @property
    def records_dir(self) -> Path:
        """Where the database and the recordings are."""
        return self.config.records.dir.resolve()

    @property
    def store(self) -> RecordStore:
        """The call records."""
        if self._store is None:
            raise RuntimeError("the bot has not been started")
        return self._store

    # What the web pages ask.

    def health(self) -> HealthStatus:
        """Does the event loop run. A worker that stands still is replaced: that is no reason to end the whole."""
        return self._watch.health()

    def ready(self) -> ReadyStatus:
        """May calls come in."""
        ready = self._workers.ready
        details: dict[str, int | float | str] = {
            "calls": len(self._legs),
            "max_calls": self.config.max_calls,
            "workers": self._workers.wanted,
            "workers_ready": ready,
        }
        if self._draining:
            return ReadyStatus(Readiness.DRAINING, "no new calls: the bot is about to stop", details)
        if not self._ready or not ready:
            return ReadyStatus(Readiness.STARTING, "the workers are being started", details)
        chosen = self._choose()
        if isinstance(chosen, Refusal):
            return ReadyStatus(Readiness.FULL, chosen.why, details)
        return ReadyStatus(Readiness.READY, "", details)

    async def metrics(self) -> bytes:
        """The Prometheus text: of all processes together, those that have died included."""
        await asyncio.gather(*(link.ask(NUMBERS_S) for link in self._workers))
        if self._endpoint is not None and self._store is not None:
            self._totals.sip(self._endpoint.ua.counters)
            self._totals.records(self._store.counters)
        for link in self._workers:
            if (report := link.load.latest) is not None:
                ready = link.state is WorkerState.READY
                self.metrics_store.worker(link.index, ready, report.calls, report.cpu, report.lag_s)
        self.metrics_store.tasks(len(asyncio.all_tasks()))
        own = snapshot(self.metrics_store.registry)
        return render(merged((own, self._lasting, *(link.numbers for link in self._workers))))

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "workers": [link.dump() for link in self._workers],
            "sip": self._endpoint.ua.dump() if self._endpoint is not None else None,
        }

    # Calls over a socket.

    def stream_refusal(self) -> str | None:
        """Why no call may come over a stream now; None: it may."""
        chosen = self._choose(ports=False)
        return chosen.why if isinstance(chosen, Refusal) else None

    def stream_refused(self) -> None:
        """A call over a stream was turned away for that."""
        chosen = self._choose(ports=False)
        self._refusals.refused(chosen if isinstance(chosen, Refusal) else _WORKER_GONE, "ws")

    def take_stream(self, sock: socket.socket, initial: bytes, meta: Mapping[str, str]) -> bool:
        """A call over a socket that is connected and was checked; false when it is not taken. It is closed here.

        `initial` are the bytes that were read from it already.
        """
        with sock:
            before = self._stream_leg(meta.get("call_sid", ""))
            chosen, call = self._choose(ports=False) if before is None else before.link, secrets.token_hex(8)
            if isinstance(chosen, Refusal) or not chosen.give(call, Stream(call, initial, dict(meta)), sock.fileno()):
                return False
            self._add(call, Placement(chosen, None))
            if before is None and (call_sid := meta.get("call_sid")):
                self._name(call, call_sid)
            return True

    def may_resume(self, call_sid: str) -> bool:
        """Whether a call whose stream has ended is to get another one."""
        return self._stream_leg(call_sid) is not None

    def call_status(self, call_sid: str, status: str) -> None:
        """What the carrier says has become of a call."""
        if (leg := self._stream_leg(call_sid)) is not None:
            leg.link.send(StreamStatus(call_sid, status))

    def _name(self, call: str, call_sid: str) -> bool:
        """Whether the name is the call's now: another one may have it, of whatever worker."""
        granted = self._streams.setdefault(call_sid, call) == call
        if granted:
            self._legs[call].call_sid = call_sid
        return granted

    def _stream_leg(self, call_sid: str) -> Placement | None:
        return self._legs.get(self._streams.get(call_sid, ""))

    # Signalling.

    def _on_event(self, event: Event) -> None:
        if isinstance(event, IncomingCall):
            self._incoming(event)
        elif isinstance(event, CallRefused):
            self._refusals.refused(Refusal.of(event), "udp")
        elif (leg := self._legs.get(event.call)) is not None:
            leg.link.send(event)

    def _incoming(self, event: IncomingCall) -> None:
        chosen = self._choose()
        if isinstance(chosen, Refusal):
            self._refuse(event.call, chosen)
        elif chosen.give(event.call, event):
            self._add(event.call, Placement(chosen, event))
            if self._tap is not None:
                self._tap.begin(event, chosen.send)
        else:
            self._refuse(event.call, _WORKER_GONE)

    def _admit(self, method: str) -> SipRefusal | None:
        """Before anything is done for a new call: a storm of those that cannot be taken is to cost little.

        OPTIONS only asks how a call would fare, and is not counted.
        """
        chosen = self._choose()
        if not isinstance(chosen, Refusal):
            return None
        if method == "INVITE":
            self._refusals.refused(chosen, "udp")
        return chosen.answer

    def _refuse(self, call: str, refusal: Refusal) -> None:
        self._do(Reject(call, refusal.status))
        self._refusals.refused(refusal, "udp")

    def _choose(self, *, ports: bool = True) -> WorkerHandle | Refusal:
        """The worker for a call that comes now; one over a stream needs no ports."""
        if self._draining:
            return Refusal(Reason.DRAINING, "no new calls: the bot is about to stop")
        if not self._ready:
            return Refusal(Reason.STARTING, "the workers are being started")
        most = self.config.calls.max_calls
        if most and len(self._legs) >= most:
            return Refusal(Reason.MAX_CALLS, f"all {most} calls that are allowed are going on")
        return self._workers.choose(ports=ports)

    def _add(self, call: str, leg: Placement) -> None:
        self._legs[call] = leg
        self._empty.clear()
        if self._watched is not None:
            leg.link.send(Watch(self._watched))  # the worker may be younger than what is looked at

    def _remove(self, call: str) -> None:
        leg = self._legs.pop(call, None)
        if leg is not None:
            leg.link.drop(call)
            if self._streams.get(leg.call_sid) == call:
                del self._streams[leg.call_sid]
            if self._tap is not None:
                self._tap.end(call)
        if not self._legs:
            self._empty.set()

    def _do(self, command: Command) -> None:
        """Have the user agent execute it. What it does not execute, the call's worker hears of."""
        if self._endpoint is None:
            return
        try:
            self._endpoint.do(command)
        except LocalError as error:
            # As a rule the dialog has ended while the command was on its way.
            if (leg := self._legs.get(command.call)) is not None:
                leg.link.send(CommandFailed(command, str(error)))

    def _on_watch(self, details_of: frozenset[str] | None) -> None:
        self._watched = details_of
        for link in self._workers:
            link.send(Watch(details_of))

    # Workers.

    def on_call_message(self, link: WorkerHandle, message: CallMessage) -> None:
        """What a worker says about one of its calls."""
        leg = self._legs.get(message.call)
        if leg is None or leg.link is not link:
            return  # it was given to another one, or has ended
        match message:
            case Claim() | Closing():
                self._on_stream(leg, message)
            case Over(call):
                self._remove(call)
            case Answer():
                leg.invite = None
                self._do(message)
            case _:
                self._do(message)

    def _on_stream(self, leg: Placement, message: Claim | Closing) -> None:
        if isinstance(message, Claim):
            leg.link.send(Claimed(message.call, self._name(message.call, message.call_sid)))
        else:
            self._streams.pop(leg.call_sid, None)

    def on_happened(self, uniqueid: str, event: LiveEvent) -> None:
        """What happens in a call while somebody looks."""
        self._hub.publish(uniqueid, event)

    def on_silent(self, link: WorkerHandle) -> None:
        """It stands still: calls that it has not answered need not wait for it. Should it wake up, they are over."""
        for call in list(link.calls):
            invite = self._legs[call].invite
            if invite is not None:
                self._remove(call)
                link.send(CallCancelled(call))
                self._incoming(invite)

    def on_gone(self, link: WorkerHandle) -> None:
        """Nobody is left who could speak for its calls."""
        self._lasting = merged((self._lasting, lasting(link.numbers)))
        link.numbers = {}
        for call in list(link.calls):
            invite = self._legs[call].invite
            self._remove(call)
            if invite is not None and not self._draining:
                self._incoming(invite)
            else:
                self._send_away(call, invite is None)
        crashed = link.close_books()
        self._hub.lost([record.uniqueid for record in crashed])
        for record in crashed:
            self.metrics_store.call_refused("inbound", record.transport, "crash")
        if self._ready and not self._draining:
            self.metrics_store.worker_restarted(link.index)

    def _send_away(self, call: str, answered: bool) -> None:
        """End a call that no worker has any more."""
        if answered:
            self._do(Bye(call))
        else:
            self._refuse(call, _WORKER_GONE)
