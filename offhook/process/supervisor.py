"""The supervisor owns what a bot has once: SIP socket and dialogs, HTTP, records, admission.

Its workers carry the calls. It talks to them by messages only, whether they are processes or run beside it
(`worker_source`).
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import structlog

from offhook.calls.directory import CallDirectory, MemoryDirectory
from offhook.calls.switches import SwitchSettings, check_closed_by
from offhook.carriers.end_reasons import end_reasons
from offhook.carriers.pjsua2.room import most_callers
from offhook.carriers.place_call import PlaceCall
from offhook.encryption.key_holders import check_keys
from offhook.observe.debug_log import sip_message
from offhook.observe.live_events import LiveEvent
from offhook.observe.metrics import Metrics
from offhook.observe.refusals import Reason, Refusal, RefusalLog
from offhook.outbox.deliveries import Deliveries, receivers_of
from offhook.pipeline.chain.table import Cells
from offhook.pipeline.dialog.switches import Switch
from offhook.process.admission import LoadLimits
from offhook.process.bot_status import BotStatus
from offhook.process.bot_web import BotWeb
from offhook.process.call_admission import CallAdmission
from offhook.process.call_watch import CallWatch
from offhook.process.calls_out import CallsOut
from offhook.process.messages import CallMessage, Signalled, SignallingReady, SwitchesSet, Watch
from offhook.process.placements import WORKER_GONE, Placement, Placements
from offhook.process.queues import Queues
from offhook.process.remote_endpoint import RemoteEndpoint, blaming_pjsip, open_signalling
from offhook.process.retention import Retention
from offhook.process.sip_intake import SipIntake
from offhook.process.sockets import open_store
from offhook.process.source_shares import SourceShares
from offhook.process.stream_intake import StreamIntake
from offhook.process.switchboard import FILE as SWITCHES_FILE
from offhook.process.switchboard import Switchboard
from offhook.process.trunks import Trunks
from offhook.process.worker_handle import WorkerHandle
from offhook.process.worker_pool import WorkerPool
from offhook.process.worker_requests import WorkerRequests
from offhook.process.worker_source import WorkerSource
from offhook.records import EndedBy, RecordStore
from offhook.settings.config import Config
from offhook.sip.commands import Bye, Command, CommandFailed, Reject
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    CallCancelled,
    CallConfirmed,
    CallRefused,
    Event,
    IncomingCall,
    PasswordWithheld,
    RegistrationEvent,
    UserRegistered,
)
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.version import __version__

LAST_REGISTERS_S = 2.0
"""For the answers to the removal of registrations."""
LAST_EVENTS_S = 2.0
"""For events of the last calls to be delivered; what is not, is delivered after the next start."""
LAST_BYES_S = 0.5
"""For the responses to the last BYEs."""


class Supervisor:
    """A running bot. `start` opens everything, `drain` lets the calls end, `stop` ends the rest at once."""

    def __init__(
        self,
        config: Config,
        source: WorkerSource,
        workers: int,
        directory: CallDirectory | None = None,
        engines_table: Cells | None = None,
        switches: Mapping[str, Switch] = MappingProxyType({}),
    ) -> None:
        self.config = config
        self._engines_table = engines_table
        self.on_call_status: Callable[[str, str], None] | None = None
        """(call SID, Twilio's status): called with what a carrier reports about a call."""
        self._loop = asyncio.get_running_loop()
        self._placements = Placements()
        self._directory = directory or MemoryDirectory()
        self._metrics = Metrics(__version__)
        self._refusals = RefusalLog(self._metrics)
        calls, peers = config.calls, config.sip.peers
        self._shares = SourceShares(peers, held_share=calls.source_share, ringing_s=calls.answer_delay_ms / 1000)
        self._trunks = Trunks(
            config.trunks, self._metrics, lambda networks: self._shares.set_peers([*peers, *networks])
        )
        self.calls_out = CallsOut(config, self._trunks, do=self._do, send=self._placements.send, give=self._place)
        """The calls that the bot places over SIP."""
        check_closed_by(config.queues, switches)
        self.switches = Switchboard(switches, self.records_dir / SWITCHES_FILE, self._switched)
        """Those of the flows."""
        self.queues = Queues(config, self.calls_out, self._placements.send, self._metrics, self.switches)
        """Callers who wait."""
        slots = "calls of PJSIP" if config.sip.backend == "pjsua2" else "RTP ports"
        limits = LoadLimits(calls.max_cpu, calls.max_lag_ms / 1000, slots=slots)
        self._workers = WorkerPool(source, workers, limits, self, cleanup_s=config.calls.cleanup_s)
        self._admission = CallAdmission(
            self._workers, self._placements, self._shares, self._refusals, calls.max_calls, self._loop.time
        )
        self._call_watch = CallWatch(config, self._loop.time)
        self.captures = self._call_watch.orders
        """Which calls are captured."""
        self._sip = SipIntake(
            self._admission,
            self._placements,
            self._shares,
            self._trunks.sources,
            self._refusals,
            do=self._do,
            watch=self._call_watch.incoming,
            now=self._loop.time,
        )
        self.streams = StreamIntake(
            self._admission, self._placements, self._directory, self._refusals, self._on_call_status
        )
        """Calls over sockets."""
        self._requests = WorkerRequests(
            self._placements,
            self._admission,
            self.calls_out,
            self._directory,
            self._refusals,
            self.queues,
            self._do,
        )
        self._placements.on_removed += [
            self._shares.released,
            self._trunks.sources.released,
            self.calls_out.released,
            self._directory.release,
            self.queues.released,
            self._call_watch.removed,
        ]
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
        self.status.measure = self.queues.measure
        self._endpoint: Endpoint | None = None
        self._retention: Retention | None = None
        self._store: RecordStore | None = None
        self._deliveries: Deliveries | None = None
        self._web = BotWeb(
            config,
            self.status,
            self._directory,
            self.streams,
            self.calls_out,
            self.queues,
            self.captures,
            self.switches,
        )
        self._web.hub.on_watch = self._on_watch

    async def start(self) -> None:
        """Start everything: once this returns, calls can come in. Raises UserError, EngineError, OSError."""
        config = self.config
        check_keys(config.records.encrypt, config.records.key_file, self.records_dir)
        # Each is kept as soon as it exists, for `stop` after a failed start.
        receivers = receivers_of(config)
        self._store = self.status.store = await asyncio.to_thread(
            open_store, config, self._engines_table, [each.subscription for each in receivers]
        )
        self._deliveries = self.status.deliveries = Deliveries(self._store, receivers)
        self._deliveries.start()
        await self.switches.open()
        self._endpoint = self.status.endpoint = await open_signalling(
            config, self._on_event, self._admission.admit, self._shares.is_peer, self._trunks.sources.of, self._workers
        )
        self._endpoint.reads = self._shares.read
        signalling = self._call_watch.open(self._endpoint, self._store)
        if config.log.level == "debug":
            self._endpoint.message_listeners.append(sip_message)
        with blaming_pjsip(config):
            await self._workers.start(self._endpoint.address, self._store, lambda: SwitchesSet(self.switches.settings))
        self.status.watch.start()
        await self._web.start(self._endpoint, signalling, self._store)
        self._retention = Retention(self._store, self.records_dir, config.records)
        self._retention.start()
        self._admission.ready = True
        self.calls_out.start(self._endpoint)
        self._trunks.start(self._endpoint)
        self.queues.reports.notify = self._store.notify
        await self.queues.start()

    async def drain(self, timeout_s: float) -> bool:
        """Take no new calls and wait for the current ones; False if some were left."""
        self._admission.draining = True
        self._trunks.end()
        try:
            await asyncio.wait_for(self.idle(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def idle(self) -> None:
        """Wait until there are no calls."""
        await self._placements.idle()

    async def stop(self) -> None:
        """End everything: send BYEs, close records, stop workers, free ports. Also after a failed start."""
        self._admission.draining = True
        self._trunks.end()
        await self._workers.stop()
        await self.queues.stop()
        self.status.watch.stop()
        await self._web.stop()
        await self._trunks.ended(LAST_REGISTERS_S)
        if self._endpoint is not None:
            with suppress(TimeoutError):
                # Wait for the responses to the BYEs, but not for long.
                await asyncio.wait_for(self._endpoint.drained(), LAST_BYES_S)
            self._endpoint.close()
        self._call_watch.close()
        if self._retention is not None:
            await self._retention.stop()
        if self._deliveries is not None:
            await self._deliveries.stop(LAST_EVENTS_S)
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
        return self._web.address

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

    # Signalling.

    def _on_event(self, event: Event) -> None:
        if isinstance(event, IncomingCall):
            self._sip.incoming(event)
            return
        if isinstance(event, CallRefused):
            self._refusals.refused(Refusal.of(event), "udp")
            return
        if isinstance(event, RegistrationEvent | PasswordWithheld):
            self._trunks.on_event(event)
            return
        if isinstance(event, UserRegistered):
            log = structlog.get_logger("offhook.sip")
            log.info("registered with us", user=event.user, contacts=event.contacts, source=event.source.host)
            return
        if isinstance(event, CallConfirmed):
            self._shares.confirmed(event.call, self._loop.time())
        if self.calls_out.on_event(event):
            self._placements.send(event.call, event)

    def _on_call_status(self, call_sid: str, status: str) -> None:
        if self.on_call_status is not None:
            self.on_call_status(call_sid, status)

    def _place(self, place: PlaceCall) -> Refusal | None:
        """Give a call out to the worker that wants it, or to any; why none takes it."""
        before = self._placements.get(place.call)
        chosen = self._admission.choose() if before is None else before.worker
        if isinstance(chosen, Refusal):
            return chosen
        taken = self._call_watch.placed(place, chosen)
        if before is not None:
            is_given = chosen.deliver(place)
        elif is_given := chosen.give(place.call, place):
            self._placements.add(place.call, Placement(chosen, None, trunk=place.trunk))
        if not is_given or place.call not in self._placements:
            return WORKER_GONE
        taken()
        return None

    def _refusal(self) -> Refusal | None:
        """Why any call over SIP would be refused now."""
        chosen = self._admission.choose_for_caller()
        if isinstance(chosen, Refusal):
            return chosen
        why = self._endpoint.ua.overloaded if self._endpoint is not None else ""
        return Refusal(Reason.SIGNALLING, why) if why else None

    def _do(self, command: Command) -> None:
        """Have the user agent execute a command; the call's worker is notified of a failure."""
        if self._endpoint is None:
            return
        try:
            self._endpoint.do(command)
        except LocalError as error:
            # Usually the dialog ended while the command was on its way.
            self._placements.send(command.call, CommandFailed(command, str(error)))

    @staticmethod
    def _end(endpoint: Endpoint, call: str) -> None:
        """End a call without a worker, whatever its state."""
        try:
            endpoint.do(Bye(call, end_reasons(EndedBy.CRASH, "")))
        except LocalError:
            with suppress(LocalError):  # it has ended just now
                endpoint.do(Reject(call, WORKER_GONE.status))  # it wanted the place of another one

    # Workers.

    def _on_watch(self, details_of: frozenset[str] | None) -> None:
        self._placements.watched = details_of
        self._tell_all(Watch(details_of))

    def _switched(self, settings: SwitchSettings) -> None:
        self._tell_all(SwitchesSet(settings))
        self.queues.follow_switches()

    def _tell_all(self, message: object) -> None:
        for worker in self._workers:
            worker.send(message)

    def on_call_message(self, worker: WorkerHandle, message: CallMessage) -> None:
        """Handle a worker's message about one of its calls."""
        if not isinstance(message, Signalled | SignallingReady):
            self._requests.handle(worker, message)
        elif isinstance(self._endpoint, RemoteEndpoint):
            if isinstance(message, SignallingReady):
                self.status.most_calls = message.most_calls
                self._admission.most_callers = most_callers(self.config, message.most_calls)
            self._endpoint.from_worker(message)

    def on_happened(self, uniqueid: str, event: LiveEvent) -> None:
        """Handle an event of a watched call."""
        self._web.hub.publish(uniqueid, event)

    def on_silent(self, worker: WorkerHandle) -> None:
        """A worker has stalled: its unanswered calls go to others. Should it recover, they are over there."""
        for call in list(worker.calls):
            placement = self._placements.get(call)
            if placement is None or placement.worker is not worker:
                return  # it is gone by now: that it has no call was one message too many
            if placement.invite is not None:
                self._placements.remove(call)
                worker.send(CallCancelled(call))
                worker.not_answered(placement.invite.uniqueid)
                self._sip.incoming(placement.invite)

    def on_gone(self, worker: WorkerHandle) -> None:
        """A worker is gone: end its calls."""
        self.status.keep_metrics(worker)
        for call in list(worker.calls):
            invite = self._placements[call].invite
            placed = self.calls_out.lost(call)
            self._placements.remove(call)
            if placed:
                continue
            if invite is not None:
                worker.not_answered(invite.uniqueid)
            if invite is not None and not self._admission.draining:
                self._sip.incoming(invite)
            elif invite is not None:
                self._sip.refuse(call, WORKER_GONE)
            elif self._endpoint is not None:
                self._end(self._endpoint, call)
        crashed = worker.close_records()
        self._web.hub.lost([record.uniqueid for record in crashed])
        for record in crashed:
            self._metrics.call_refused("inbound", record.transport, "crash")
        if self._admission.ready and not self._admission.draining:
            self._metrics.worker_restarted(worker.index)
