"""The supervisor owns what a bot has once: SIP socket and dialogs, HTTP, records, admission.

Its workers carry the calls. It talks to them by messages only, whether they are processes or run beside it
(`worker_source`).
"""

import asyncio
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from offhook.calls.captures import CaptureCall, SipTap
from offhook.calls.directory import CallDirectory, MemoryDirectory
from offhook.carriers.place_call import PlaceCall
from offhook.observe.debug_log import sip_message
from offhook.observe.live_events import LiveEvent
from offhook.observe.metrics import Metrics
from offhook.observe.refusals import Reason, Refusal, RefusalLog
from offhook.pipeline.chain.table import Cells
from offhook.process.admission import LoadLimits
from offhook.process.bot_status import BotStatus
from offhook.process.calls_out import CallsOut
from offhook.process.capture_orders import CaptureOrders
from offhook.process.messages import (
    Admit,
    Admitted,
    CallMessage,
    Claim,
    Claimed,
    Closing,
    Over,
    Stream,
    StreamStatus,
    Watch,
)
from offhook.process.signalling_log import SignallingLog
from offhook.process.sockets import open_endpoint, open_store
from offhook.process.source_shares import Capacity, SourceShares
from offhook.process.trunks import Trunks
from offhook.process.worker_handle import WorkerHandle
from offhook.process.worker_pool import WorkerPool
from offhook.process.worker_source import WorkerSource
from offhook.records import RecordStore
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Bye, Cancel, Command, CommandFailed, Invite, Reject
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import (
    CallCancelled,
    CallConfirmed,
    CallRefused,
    Event,
    IncomingCall,
    RegistrationEvent,
    UserRegistered,
)
from offhook.sip.message.identities import untrusted
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address, numeric
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Target
from offhook.sip.uas_checks import Refusal as SipRefusal
from offhook.version import __version__
from offhook.web.app import create_app
from offhook.web.call_api import CallApi
from offhook.web.captures import capture_routes
from offhook.web.live import LiveHub
from offhook.web.media_streams import server_with_streams
from offhook.web.server import WebServer
from offhook.web.sip import sip_routes
from offhook.web.site import add_site
from offhook.web.status import status_routes

LAST_REGISTERS_S = 2.0
"""For the answers to the removal of registrations."""
LAST_BYES_S = 0.5
"""For the responses to the last BYEs."""

_WORKER_GONE = Refusal(Reason.WORKER, "its worker is gone")


@dataclass(slots=True)
class Placement:
    """The worker that has a call. `invite` is kept until it is answered: another worker could still take it."""

    worker: WorkerHandle
    invite: IncomingCall | None
    outgoing: bool = False
    trunk: str = ""
    host: str = ""
    """Where the call came from."""


class Supervisor:
    """A running bot. `start` opens everything, `drain` lets the calls end, `stop` ends the rest at once."""

    def __init__(
        self,
        config: Config,
        source: WorkerSource,
        workers: int,
        directory: CallDirectory | None = None,
        engines_table: Cells | None = None,
    ) -> None:
        self.config = config
        self._engines_table = engines_table
        self.on_call_status: Callable[[str, str], None] | None = None
        """(call SID, Twilio's status): called with what a carrier reports about a call."""
        self._metrics = Metrics(__version__)
        self._refusals = RefusalLog(self._metrics)
        calls, peers = config.calls, config.sip.peers
        self._shares = SourceShares(peers, held_share=calls.source_share, ringing_s=calls.answer_delay_ms / 1000)
        self._trunks = Trunks(
            config.trunks, self._metrics, lambda networks: self._shares.set_peers([*peers, *networks])
        )
        self.calls_out = CallsOut(config, self._trunks, do=self._do, send=self._send_to_call, give=self._place)
        """The calls that the bot places over SIP."""
        limits = LoadLimits(calls.max_cpu, calls.max_lag_ms / 1000)
        self._workers = WorkerPool(source, workers, limits, self, cleanup_s=config.calls.cleanup_s)
        self._placements: dict[str, Placement] = {}
        self._lookups: set[asyncio.Task[None]] = set()
        self._directory = directory or MemoryDirectory()
        self._loop = asyncio.get_running_loop()
        self.status = BotStatus(
            config,
            self._workers,
            self._metrics,
            self._refusals,
            self._shares,
            self._trunks,
            refusal=self._refusal,
            calls=lambda: len(self._placements),
        )
        self._empty = asyncio.Event()
        self._empty.set()
        self._ready = self._draining = False
        self._endpoint: Endpoint | None = None
        self._tap: SipTap | None = None
        self._signalling: SignallingLog | None = None
        self.captures = CaptureOrders(config, self._loop.time, self._prepare_captures)
        """Which calls are captured."""
        self._store: RecordStore | None = None
        self._web: WebServer | None = None
        self._hub = LiveHub()
        self._hub.on_watch = self._on_watch
        self._watched: frozenset[str] | None = None

    async def start(self) -> None:
        """Start everything: once this returns, calls can come in. Raises UserError, EngineError, OSError."""
        config = self.config
        # Each is kept as soon as it exists, for `stop` after a failed start.
        self._store = self.status.store = await asyncio.to_thread(open_store, config, self._engines_table)
        self._endpoint = self.status.endpoint = await open_endpoint(
            config, self._on_event, self._admit, self._shares.is_peer, self._trunks.sources.of
        )
        self._endpoint.reads = self._shares.read
        self._signalling = SignallingLog(self._endpoint, self._store, config.records.sip_days)
        if self.captures.may_come:
            self._prepare_captures()
        if config.log.level == "debug":
            self._endpoint.message_listeners.append(sip_message)
        await self._workers.start(self._endpoint.address, self._store)
        self.status.watch.start()
        if config.http.enabled:
            app = create_app(self.status)
            app.include_router(status_routes(self.status))
            app.include_router(sip_routes(self._endpoint, self._signalling))
            app.include_router(capture_routes(self.captures, self._store))
            add_site(app, self._hub, self._store, config)
            app.add_middleware(CallApi, token=config.outbound.token, calls=self.calls_out, records=self._store)
            self._web = server_with_streams(app, config, self, self._directory)
            await self._web.start(config.http.host, config.http.port)
        self._ready = True
        self.calls_out.start(self._endpoint)
        self._trunks.start(self._endpoint)

    async def drain(self, timeout_s: float) -> bool:
        """Take no new calls and wait for the current ones; False if some were left."""
        self._draining = True
        self._trunks.end()
        try:
            await asyncio.wait_for(self.idle(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def idle(self) -> None:
        """Wait until there are no calls."""
        await self._empty.wait()

    async def stop(self) -> None:
        """End everything: send BYEs, close records, stop workers, free ports. Also after a failed start."""
        self._draining = True
        self._trunks.end()
        await self._workers.stop()
        self.status.watch.stop()
        self._hub.close()
        if self._web is not None:
            await self._web.stop()
        await self._trunks.ended(LAST_REGISTERS_S)
        if self._endpoint is not None:
            with suppress(TimeoutError):
                # Wait for the responses to the BYEs, but not for long.
                await asyncio.wait_for(self._endpoint.drained(), LAST_BYES_S)
            self._endpoint.close()
        if self._signalling is not None:
            self._signalling.close()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    @property
    def sip_address(self) -> Address:
        """The bound SIP address."""
        if self._endpoint is None:
            raise RuntimeError("the bot has not been started")
        return self._endpoint.address

    @property
    def tls_address(self) -> Address | None:
        """The bound address for SIP over TLS, if there is a certificate."""
        return self._endpoint.tls_address if self._endpoint is not None else None

    @property
    def http_address(self) -> tuple[str, int] | None:
        """The bound HTTP address, if HTTP is enabled."""
        return self._web.address if self._web is not None else None

    @property
    def records_dir(self) -> Path:
        """The folder of the database and the recordings."""
        return self.config.records.dir.resolve()

    @property
    def store(self) -> RecordStore:
        """The call records."""
        if self._store is None:
            raise RuntimeError("the bot has not been started")
        return self._store

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return len(self._placements)

    # Calls over a socket.

    def stream_refusal(self) -> str | None:
        """Why a call over a stream would be refused now; None: it would be taken."""
        chosen = self._choose(ports=False)
        return chosen.why if isinstance(chosen, Refusal) else None

    def stream_refused(self) -> None:
        """Count a refused call over a stream."""
        chosen = self._choose(ports=False)
        self._refusals.refused(chosen if isinstance(chosen, Refusal) else _WORKER_GONE, "ws")

    def take_stream(self, sock: socket.socket, initial: bytes, meta: Mapping[str, str]) -> bool:
        """Hand a call over a connected, checked socket to a worker; False if none takes it. Closes the socket here.

        `initial` are the bytes already read from it.
        """
        with sock:
            name = meta.get("call_sid", "")
            before, call = self._named(name), secrets.token_hex(8)
            chosen = self._choose(ports=False) if before is None else before.worker
            if isinstance(chosen, Refusal) or not chosen.give(call, Stream(call, initial, dict(meta)), sock.fileno()):
                return False
            self._add(call, Placement(chosen, None))
            if before is None and name:
                self._directory.claim(name, call)
            return True

    def may_resume(self, call_sid: str) -> bool:
        """Whether a call that lost its stream may get another one."""
        return self._named(call_sid) is not None

    def call_status(self, call_sid: str, status: str) -> None:
        """Handle a call status that the carrier reports."""
        if (placement := self._named(call_sid)) is not None:
            placement.worker.send(StreamStatus(call_sid, status))
        if self.on_call_status is not None:
            self.on_call_status(call_sid, status)

    def _named(self, call_sid: str) -> Placement | None:
        return self._placements.get(self._directory.find(call_sid) or "")

    # Signalling.

    def _on_event(self, event: Event) -> None:
        if isinstance(event, IncomingCall):
            self._incoming(event)
            return
        if isinstance(event, CallRefused):
            self._refusals.refused(Refusal.of(event), "udp")
            return
        if isinstance(event, RegistrationEvent):
            self._trunks.on_event(event)
            return
        if isinstance(event, UserRegistered):
            log = structlog.get_logger("offhook.sip")
            log.info("registered with us", user=event.user, contacts=event.contacts, source=event.source.host)
            return
        if isinstance(event, CallConfirmed):
            self._shares.confirmed(event.call, self._loop.time())
        if self.calls_out.on_event(event):
            self._send_to_call(event.call, event)

    def _send_to_call(self, call: str, message: object) -> None:
        if (placement := self._placements.get(call)) is not None:
            placement.worker.send(message)

    def _place(self, place: PlaceCall) -> Refusal | None:
        """Give a call out to a worker; why none takes it."""
        chosen = self._choose()
        if isinstance(chosen, Refusal):
            return chosen
        destination = place.invite.destination
        host = destination.address.host if isinstance(destination, Target) else ""
        captured = self._capture(place.call, place.invite.call_id, chosen, host, place.trunk)
        if not chosen.give(place.call, place):
            return _WORKER_GONE
        self._add(place.call, Placement(chosen, None))
        self._trace(place.call, place.invite.call_id)
        captured()
        return None

    def _take_over(self, event: IncomingCall, trunk: str) -> None:
        """A call that wants another's place (RFC 3891 §5: only by who could have it anyway): of the same trunk, or from
        the same host."""
        placement = self._placements.get(event.replaces)
        if placement is None or placement.outgoing:
            self._do(Reject(event.call, 481))
            return
        same = trunk == placement.trunk if trunk else not placement.trunk and event.source.host == placement.host
        if not same:
            log = structlog.get_logger("offhook.process")
            log.warning("refused", why="it would take a call over that is not its own", source=str(event.source))
            self._do(Reject(event.call, 403))
        elif placement.worker.give(event.call, event):
            self._trunks.sources.taken(event.call, trunk, self._loop.time())
            self._add(event.call, Placement(placement.worker, None, trunk=trunk, host=event.source.host))
            self._trace(event.call, event.call_id, event.replaces)
            self._shares.accepted(event.call, event.source, self._loop.time())

    def _incoming(self, event: IncomingCall) -> None:
        trunk = self._trunks.sources.of(event.source, event.request_uri)
        if event.replaces:
            self._take_over(replace(event, trunk=trunk), trunk)
            return
        chosen = self._trunks.sources.refusal(trunk, self._loop.time()) or self._choose()
        believed = event.identities if self._shares.is_peer(event.source) else untrusted(event.identities)
        event = replace(event, trunk=trunk, identities=believed)
        if isinstance(chosen, Refusal):
            self._refuse(event.call, chosen)
            return
        captured = self._capture(event.call, event.call_id, chosen, event.source.host, trunk)
        if chosen.give(event.call, event):
            self._trunks.sources.taken(event.call, trunk, self._loop.time())
            self._add(event.call, Placement(chosen, event, trunk=trunk, host=event.source.host))
            self._trace(event.call, event.call_id)
            captured()
            self._shares.accepted(event.call, event.source, self._loop.time())
        else:
            self._refuse(event.call, _WORKER_GONE)

    def _admit(self, method: str, source: Address) -> SipRefusal | None:
        """Called before any other work on a new call, so that refusing a flood of calls costs little.

        OPTIONS only asks what a call would get, and is not counted.
        """
        is_call = method == "INVITE"
        refusal = self._closed() or self._shares.refusal(
            source, self._capacity(), self._loop.time(), asks_only=not is_call
        )
        if refusal is None and isinstance(chosen := self._workers.choose(), Refusal):
            refusal = chosen
        if refusal is None:
            return None
        if is_call:
            self._refusals.refused(refusal, "udp")
        return refusal.answer

    def _capacity(self) -> Capacity:
        capacity, most = self._workers.capacity(), self.config.calls.max_calls
        return replace(capacity, places=min(capacity.places, most - len(self._placements))) if most else capacity

    def _refuse(self, call: str, refusal: Refusal) -> None:
        self._do(Reject(call, refusal.status))
        self._refusals.refused(refusal, "udp")

    def _refusal(self) -> Refusal | None:
        """Why any call over SIP would be refused now."""
        chosen = self._choose()
        if isinstance(chosen, Refusal):
            return chosen
        why = self._endpoint.ua.overloaded if self._endpoint is not None else ""
        return Refusal(Reason.SIGNALLING, why) if why else None

    def _choose(self, *, ports: bool = True) -> WorkerHandle | Refusal:
        """The worker for a new call; one over a stream needs no ports."""
        return self._closed() or self._workers.choose(ports=ports)

    def _closed(self) -> Refusal | None:
        """Why the whole bot takes no more calls."""
        if self._draining:
            return Refusal(Reason.DRAINING, "the bot is stopping")
        if not self._ready:
            return Refusal(Reason.STARTING, "the workers are starting")
        most = self.config.calls.max_calls
        if most and len(self._placements) >= most:
            return Refusal(Reason.MAX_CALLS, f"all {most} allowed calls are in progress")
        return None

    def _do(self, command: Command) -> None:
        """Have the user agent execute a command; the call's worker is notified of a failure."""
        if self._endpoint is None:
            return
        try:
            self._endpoint.do(command)
        except LocalError as error:
            # Usually the dialog ended while the command was on its way.
            self._send_to_call(command.call, CommandFailed(command, str(error)))

    def _end_outgoing(self, call: str) -> None:
        """Whether it has been answered or not."""
        if self._endpoint is not None:
            for command in (Bye(call), Cancel(call)):
                with suppress(LocalError):
                    self._endpoint.do(command)
                    return

    # Placements.

    def _add(self, call: str, placement: Placement) -> None:
        self._placements[call] = placement
        self._empty.clear()
        if self._watched is not None:
            placement.worker.send(Watch(self._watched))  # the worker may have started after watching began

    def _remove(self, call: str) -> None:
        placement = self._placements.pop(call, None)
        if placement is not None:
            placement.worker.drop(call)
            self._shares.released(call)
            self._trunks.sources.released(call)
            self.calls_out.released(call)
            self._directory.release(call)
            if self._tap is not None:
                self._tap.end(call)
            if self._signalling is not None:
                self._signalling.traces.end(call)
        if not self._placements:
            self._empty.set()

    def _capture(self, call: str, call_id: str, worker: WorkerHandle, host: str, trunk: str) -> Callable[[], None]:
        """Have a new call captured, if it is to be: its worker knows before it gets the call, and gets the messages
        once the result is called."""
        tap = self._tap
        if tap is None or not self.captures.wants(call_id, host, trunk):
            return _nothing
        worker.send(CaptureCall(call))
        return lambda: tap.begin(call, call_id, worker.send)

    def _prepare_captures(self) -> None:
        """There may be calls to capture from now on: a call's first messages come before the call."""
        if self._tap is None and self._endpoint is not None:
            self._tap = SipTap(self._endpoint)

    def _trace(self, call: str, call_id: str, part_of: str = "") -> None:
        if self._signalling is not None:
            self._signalling.traces.begin(call, call_id, part_of)

    def _on_watch(self, details_of: frozenset[str] | None) -> None:
        self._watched = details_of
        for worker in self._workers:
            worker.send(Watch(details_of))

    # Workers.

    def on_call_message(self, worker: WorkerHandle, message: CallMessage) -> None:
        """Handle a worker's message about one of its calls."""
        if isinstance(message, Admit):
            self._on_admit(worker, message)
            return
        placement = self._placements.get(message.call)
        if placement is None and isinstance(message, Invite):
            self._outgoing(worker, message)
            return
        if placement is None or placement.worker is not worker:
            return  # the call was moved to another worker, or has ended
        match message:
            case Claim(call, name):
                worker.send(Claimed(call, self._directory.claim(name, call)))
            case Closing(call):
                self._directory.release(call)
            case Over(call):
                self._remove(call)
            case Answer():
                placement.invite = None
                self._do(message)
            case Invite() if message.call in self.calls_out:
                self.calls_out.invite(message)
            case Cancel() if message.call in self.calls_out:
                self.calls_out.cancel(message)
            case _:
                self._do(message)

    def _outgoing(self, worker: WorkerHandle, invite: Invite) -> None:
        """A worker calls somebody, for one of its calls."""
        worker.take(invite.call)
        self._add(invite.call, Placement(worker, None, outgoing=True))
        # Its record has the handle as its Call-ID.
        invite = replace(invite, call_id=invite.call_id or invite.call)
        self._trace(invite.call, invite.call_id, invite.part_of)
        try:
            uri = Uri.parse(invite.target)
        except ParseError as error:
            worker.send(CommandFailed(invite, str(error)))
            return
        if invite.destination is not None or numeric(uri.host) is not None:
            self._do(invite)
        else:
            task = self._loop.create_task(self._invite_by_name(worker, invite))
            self._lookups.add(task)
            task.add_done_callback(self._lookups.discard)

    async def _invite_by_name(self, worker: WorkerHandle, invite: Invite) -> None:
        if self._endpoint is None:
            return
        try:
            found = await self._endpoint.find(invite.target)
        except (OSError, LocalError) as error:
            worker.send(CommandFailed(invite, str(error)))
            return
        if invite.call in self._placements:  # not given up meanwhile
            first = found[0] if found else None  # nobody: a user who registers with us
            self._do(replace(invite, destination=first, others=found[1:]))

    def _on_admit(self, worker: WorkerHandle, message: Admit) -> None:
        refusal = self._closed() or worker.refusal(ports=False)
        if refusal is not None:
            self._refusals.refused(refusal, "other")
            worker.send(Admitted(message.call, refusal))
        elif worker.give(message.call, Admitted(message.call, None)):
            self._add(message.call, Placement(worker, None))

    def on_happened(self, uniqueid: str, event: LiveEvent) -> None:
        """Handle an event of a watched call."""
        self._hub.publish(uniqueid, event)

    def on_silent(self, worker: WorkerHandle) -> None:
        """A worker has stalled: its unanswered calls go to others. Should it recover, they are over there."""
        for call in list(worker.calls):
            invite = self._placements[call].invite
            if invite is not None:
                self._remove(call)
                worker.send(CallCancelled(call))
                self._incoming(invite)

    def on_gone(self, worker: WorkerHandle) -> None:
        """A worker is gone: end its calls."""
        self.status.keep_metrics(worker)
        for call in list(worker.calls):
            invite, outgoing = self._placements[call].invite, self._placements[call].outgoing
            placed = self.calls_out.lost(call)
            self._remove(call)
            if placed:
                continue
            if invite is not None and not self._draining:
                self._incoming(invite)
            elif invite is not None:
                self._refuse(call, _WORKER_GONE)
            elif outgoing:
                self._end_outgoing(call)
            else:
                self._do(Bye(call))
        crashed = worker.close_records()
        self._hub.lost([record.uniqueid for record in crashed])
        for record in crashed:
            self._metrics.call_refused("inbound", record.transport, "crash")
        if self._ready and not self._draining:
            self._metrics.worker_restarted(worker.index)


def _nothing() -> None:
    """For a call that is not captured."""
