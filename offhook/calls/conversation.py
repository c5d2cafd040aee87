"""A call independent of its carrier: dialog, session, recording, record, time limit.

The carrier's call (SIP, a stream) owns one `Conversation`: `prepare` before the answer, `attach` the line, `begin` when
both sides may talk, `end` when the call is gone. Either side may call `hang_up`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from functools import partial
from time import monotonic
from typing import Any

import structlog

from offhook.api.agent import CallAgent, as_agent
from offhook.api.call import Call
from offhook.api.early_media import speaks_early
from offhook.api.understood import Understanding
from offhook.calls.answering import Answering
from offhook.calls.call_events import CallEvents
from offhook.calls.call_log import CallLog
from offhook.calls.call_records import CallRecords
from offhook.calls.dead_air import DeadAir
from offhook.calls.dialog_task import EndsWithCall, clean_up, is_call_ended
from offhook.calls.early_media import EarlyMedia
from offhook.calls.kept_message import keep_message
from offhook.calls.last_words import last_words
from offhook.calls.line import CallLine
from offhook.calls.outcome import SipOutcome
from offhook.calls.parties import Parties
from offhook.calls.privacy import Privacy
from offhook.calls.services import Services
from offhook.calls.shield import shielded
from offhook.calls.time_limit import TimeLimit
from offhook.calls.transfers import CallQueues, CallTransfers
from offhook.calls.turn_core import CallAbout, make_core
from offhook.calls.with_others import WithOthers
from offhook.calls.without_words import reason_without_words
from offhook.observe import in_call
from offhook.observe.live_feed import LiveCall
from offhook.observe.refusals import NO_CAPACITY, Reason, Refusal
from offhook.pipeline.session import Session
from offhook.pipeline.trace import CallerPartial, ConsentNoted, DialogState, EngineUsed, SessionEvent
from offhook.records import EndedBy
from offhook.telephony.listeners import DtmfHandler
from offhook.transfer.outcome import Transferred

SERVER_ERROR = 500


class Conversation:
    """One call's dialog and records.

    `disconnect()` ends the call at the far end; it may call `end` before it returns. `on_over()` is called once, when
    everything is released. `transfers` None: the carrier cannot transfer calls; `queues` None: nor have them wait.
    """

    def __init__(
        self,
        services: Services,
        parties: Parties,
        *,
        disconnect: Callable[[], None],
        on_over: Callable[[], None],
        transfers: CallTransfers | None = None,
        queues: CallQueues | None = None,
    ) -> None:
        self._services = services
        self._parties = parties
        self._disconnect = disconnect
        self._on_over = on_over
        self._call_log = CallLog(
            services.store,
            services.metrics,
            src=parties.caller,
            dst=parties.called,
            call_id=parties.call_id,
            transport=parties.transport,
            direction=parties.direction,
            trunk=parties.trunk,
            uniqueid=parties.uniqueid,
            part_of=parties.part_of,
            transcribed=services.config.records.transcripts,
        )
        leave = partial(self.end, EndedBy.BOT)
        self._others = WithOthers(services.config, self._call_log, transfers, queues, leave)
        self.id = self._call_log.uniqueid
        self.log = structlog.get_logger("offhook.call").bind(call=self.id)
        if parties.trunk:
            self.log = self.log.bind(trunk=parties.trunk)
        self.answered = False
        """Whether the far end was sent the answer; the record shows it."""
        self.outcome: SipOutcome | None = None
        """Of a call out, which leaves a record in any case: what became of it, so far."""
        self.early: EarlyMedia | None = None
        """Of a call that the bot speaks in before it answers."""
        self.held = False
        self.hold_listeners: list[Callable[[bool], None]] = []
        """Each is called when that changes."""
        self.over = False
        self._suspended = False
        self._lingers = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._line: CallLine | None = None
        self._answering: Answering | None = None
        if parties.direction == "outbound":
            given = next((value for name, value in parties.headers if name == "AnsweredBy"), "")
            self._answering = Answering(services.config.answering, self._on_event, given)
        self._session: Session | None = None
        self._call: Call | None = None
        self._dialog: asyncio.Task[None] | None = None
        self._records = CallRecords(self._call_log, services.recordings, self.log)
        self._events = CallEvents(services, self._call_log, self.log)
        self.privacy = Privacy(withheld=services.config.records.record_consent)
        """For those who keep the call's packets, and for a leg that hears the call."""
        self._limit: TimeLimit | None = None
        self._expired = False  # and the caller hears the last words
        self._why: tuple[EndedBy, str] | None = None  # our side hangs up
        self._bot_reason = "bot hung up"
        self._hung_up = False  # the dialog did
        self._closing: asyncio.Task[None] | None = None

    @property
    def begun(self) -> bool:
        """Whether the dialog has been started, or never will be."""
        return self._call is not None or self.over

    # Start.

    def placed(self) -> None:
        """A call out begins: its row survives a crash, answered or not."""
        self._call_log.placed()

    def rang(self) -> None:
        """A call out rings, or its network is heard."""
        self._call_log.rang()

    @property
    def speaks_early(self) -> bool:
        """Whether the dialog begins before the call is answered."""
        return speaks_early(self._services.dialog, self._parties.called, self._parties.trunk)

    async def prepare(self, early: EarlyMedia | None = None) -> bool:
        """Before the answer, or before what is said `early`: write a row that survives a crash. False when the call
        ended meanwhile."""
        self.early = early
        if self.outcome is not None:
            self._call_log.came_out(self.outcome)
        await self._records.begin(early=early is not None)
        return not self.over

    def attach(self, line: CallLine) -> None:
        """Set the call's line, which closes with the call; without media on it the call is hung up."""
        self.attach_early(line)
        self.watch_media(line)

    def attach_early(self, line: CallLine) -> None:
        """Set the line of a call that is not answered yet: it may be silent."""
        self._line = line
        if self._answering is not None:
            self._answering.attach(line)

    def watch_media(self, line: CallLine) -> None:
        """From now on the call is hung up without media."""
        services = self._services
        DeadAir(
            line,
            services.config,
            services.engines.voice,
            services.metrics,
            self.log,
            self.spawn,
            lambda reason: self.hang_up(EndedBy.NETWORK, reason),
        )

    def begin(self) -> None:
        """Start the dialog on the attached line. Raises EngineError."""
        line, services, config = self._line, self._services, self._services.config
        assert line is not None, "the line comes before the dialog"
        about = CallAbout(self.id, self._call_log.started_at, self._call_log.record.start)
        core, event_log = make_core(config, services.event_logs, about, recorded=services.recordings is not None)
        self._events.event_log = event_log
        core.cover_dialog(True, monotonic())
        if self._parties.direction == "inbound":
            core.owe_greeting(monotonic())
        engines = services.engines.for_call(config, lambda use: self._on_event(EngineUsed(use, monotonic())))
        self._session = Session(line, engines, core, self._on_event, fillers=config.turn.fillers)
        if event_log is not None:
            self._session.watch_detector(event_log.on_frame)
        watch = self._events.watch = services.feed.begin(self.id, self._about(), self._call_log.started_at)
        watch.report("answered" if self.early is None else "early_media")  # the recording starts here
        self._records.record(line, self.privacy)
        watch.attach(line)
        self._call = self._make_call(self._session, line)
        if self._answering is not None:
            self._answering.answered()
        limit_s = config.calls.max_call_s
        why = f"the call lasted {limit_s:g} s, the most that is allowed"
        self._limit = TimeLimit(limit_s, partial(self._run_out, why))
        self._pause_limit()
        self._call.keep_history()
        self._session.hold(self.held or self._suspended)
        self._dialog = self.spawn(self._run_dialog(as_agent(services.dialog), self._call))

    def _pause_limit(self) -> None:
        if self._limit is not None:
            self._limit.pause(self._suspended or self._lingers)

    def _make_call(self, session: Session, line: CallLine) -> Call:
        services, config, parties = self._services, self._services.config, self._parties
        return Call(
            session,
            call_id=self.id,
            caller=parties.caller,
            called=parties.called,
            headers=parties.headers,
            identities=parties.identities,
            trunk=parties.trunk,
            direction=parties.direction,
            variables=parties.variables,
            route=parties.route,
            silence_ms=config.turn.silence_ms,
            no_input_ms=config.turn.no_input_ms,
            language=config.dialog.language,
            languages=services.engines.languages,
            understanding=Understanding(
                config.asr.confirm_below, services.engines.matcher(config), config.dialog.matcher_timeout_s
            ),
            on_hangup=lambda: self.hang_up(EndedBy.BOT, self._leaves_because),
            on_state=lambda name, by: self._on_event(DialogState(name, monotonic(), by)),
            on_transfer=partial(self._others.transfer, session) if self._others.has_transfers else None,
            on_queue=self._others.queue if self._others.has_queues else None,
            on_take=self._others.take if self._others.has_queues else None,
            on_record=self._pause_recording,
            on_record_call=self._record_call,
            on_shield=self._shield,
            on_dtmf=line.send_dtmf,
            model=services.engines.model,
            answering=self._answering,
            early_media=self.early,
            on_message=partial(keep_message, config, services.engines.asr, self._call_log, key=services.key),
            mailboxes=config.mail.boxes,
            switches=services.switches.positions,
        )

    def early_answered(self) -> None:
        """A call that the bot has spoken in is being answered."""
        self.answered = True
        self._call_log.answered()
        if self._events.watch is not None:
            self._events.watch.report("answered")

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Start a task that is cancelled when the call ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _pause_recording(self, paused: bool) -> None:
        if self._session is not None:
            self._session.silence.mute(paused)
        self.privacy.pause(paused)

    def _record_call(self, kept: bool, consent: str | None) -> None:
        """The dialog wants the call to be recorded from now on, or not. A refusal counts for what there is, too."""
        self.privacy.withhold(not kept)
        if consent is not None:
            self._on_event(ConsentNoted(consent, monotonic()))
        if consent == "refused":
            self._records.discard_recording()

    def _shield(self, keys: DtmfHandler | None) -> str:
        return shielded(self._line, self.privacy, keys, alone=not self._suspended)

    def hold(self, held: bool) -> None:
        """The far end has held or resumed the call. While held, its media is not the caller's and nothing times out."""
        if held == self.held:
            return
        self.held = held
        self.log.info("held" if held else "no longer held")
        if self._session is not None:
            self._session.hold(held or self._suspended)
        for listener in list(self.hold_listeners):
            listener(held)

    def suspend(self, suspended: bool) -> None:
        """While the caller is with somebody else, or about to be: the bot neither listens nor waits for anything, and
        the call may last."""
        self._suspended = suspended
        self._pause_limit()
        if self._session is not None:
            self._session.hold(self.held or suspended)
            if suspended:
                self._session.forget_unasked()  # it is no answer to what the bot asks after the talk with somebody else

    def linger(self, lingers: bool) -> None:
        """While a caller or an agent waits for somebody, whatever the bot says meanwhile, the call may last."""
        self._lingers = lingers
        self._pause_limit()

    def keep_elsewhere(self, elsewhere: bool) -> None:
        """What is said is kept with another call alone from now on, or no longer: neither its sound nor what the bot
        says is with this one."""
        self.privacy.follow(elsewhere)
        self._events.said_elsewhere = elsewhere

    def talked(self, result: Transferred) -> None:
        """A talk with somebody else is over, in which the bot stayed between the two. Who hung up does not count, nor
        what began it, the dialog or a queue."""
        self._call_log.transferred(result)

    @property
    def about(self) -> dict[str, object]:
        """What every event of the call has."""
        return self._call_log.about

    @property
    def line(self) -> CallLine | None:
        """The call's line, until the call is over."""
        return self._line

    @property
    def why(self) -> tuple[EndedBy, str]:
        """Who ends the call, and why, while our side hangs up."""
        return self._why or (EndedBy.BOT, self._bot_reason)

    def leaving(self, reason: str | None) -> None:
        """If the far end ends the call from now on, it is the bot's doing, and this is why. None: no longer."""
        self._why = None if reason is None else (EndedBy.BOT, reason)

    @property
    def _leaves_because(self) -> str:
        if self.early is None or self.answered:
            return (self._call.end_reason if self._call is not None else "") or self._bot_reason
        return f"not answered, but refused with {self.early.status}"

    # End.

    def _run_out(self, why: str) -> None:
        """The call has lasted as long as it may: the dialog begins nothing any more."""
        call = self._call
        if call is None or call.hung_up:
            self.hang_up(EndedBy.OPERATOR, why)
        else:
            self._expired = call.hung_up = True
            self.spawn(self._say_last_words(why))

    async def _say_last_words(self, why: str) -> None:
        if self._session is not None:
            services = self._services
            await last_words(self._session, services.engines.voice, services.config.calls.goodbye, self.log)
        self.hang_up(EndedBy.OPERATOR, why)

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End the call from our side."""
        if self.over:
            return
        # What follows from our own BYE is not the reason.
        self._why = by, reason
        self._disconnect()
        if not self._call_log.begun and self.outcome is None:
            why = Reason.DRAINING if by is EndedBy.OPERATOR else Reason.FAILED
            self._call_log.refused(NO_CAPACITY, Refusal(why, reason))
        self.end(by, reason)

    def refused(self, status: int, refusal: Refusal) -> None:
        """The call is refused: it leaves no row, and is over."""
        if not self.over:
            self._call_log.refused(status, refusal)
            self.over = True
            self._free()
            self._release()

    def cancelled(self) -> None:
        """The caller gave up before the answer."""
        if not self._call_log.begun:
            self._call_log.cancelled()
        self.end(EndedBy.CALLER, "cancelled before it was answered")

    def end(self, by: EndedBy, reason: str) -> None:
        """The call is gone. A reason given to `hang_up` takes precedence. Idempotent."""
        if self.over:
            return
        self.over = True
        by, reason = self._why or (by, reason)
        if self._call is not None:
            self._hung_up = self._call.hung_up and not self._expired
            self._call.end(by_bot=by is EndedBy.BOT)
        if self._session is not None:
            self._session.close()
        self._events.end(str(by), reason)
        stats = asdict(self._line.stats()) if self._line is not None else {}
        numbers = {name: float(value) for name, value in stats.items() if isinstance(value, int | float)}
        self._free()
        # Not one of the call's tasks: it runs after they are cancelled.
        self._closing = asyncio.get_running_loop().create_task(self._close_records(by, reason, numbers))

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "id": self.id,
            "caller": self._call_log.record.src,
            "called": self._call_log.record.dst,
            "transport": self._parties.transport,
            "age_s": round(monotonic() - self._call_log.started_at, 1),
            "answered": self.answered,
            "session": self._session.dump() if self._session is not None else None,
            "line": self._line.dump() if self._line is not None else None,
        }

    # Inside.

    def _about(self) -> LiveCall:
        parties, record = self._parties, self._call_log.record
        return LiveCall(record.src, record.dst, record.call_id, parties.transport, record.start)

    async def _run_dialog(self, agent: CallAgent, call: Call) -> None:
        reason = ""
        in_call.enter(self.id)
        try:
            await EndsWithCall(self._talk(agent, call), lambda: self.over)
        except Exception as error:
            # A dialog is user code: any exception ends this call only.
            if not is_call_ended(error):
                self.log.exception("the dialog failed")
                reason = "the dialog failed"
                if self.early is not None:
                    self.early.refuse_with(SERVER_ERROR)
        finally:
            # A dialog may also cancel itself: nothing would talk to the caller.
            if not self._expired:
                self.hang_up(EndedBy.BOT, reason or self._leaves_because)

    async def _talk(self, agent: CallAgent, call: Call) -> None:
        outcome = await agent.run(call)
        keeps = self._services.config.records.transcripts
        self._bot_reason = outcome.reason if keeps else reason_without_words(outcome.reason)
        await call.hangup()

    def _on_event(self, event: SessionEvent) -> None:
        if isinstance(event, CallerPartial) and self._answering is not None:
            self._answering.words(event.text)
        self._events.report(event)

    async def _close_records(self, by: EndedBy, reason: str, rtp: dict[str, float]) -> None:
        refused = None if self.answered or self.early is None or by is not EndedBy.BOT else self.early.status
        await self._records.end(by, reason, rtp=rtp, answered=self.answered, outcome=self.outcome, refused=refused)
        dialog, self._dialog = self._dialog, None
        if dialog is not None and not self._hung_up:  # a dialog that hung up itself may run on without a limit
            await clean_up(dialog, self._services.config.calls.cleanup_s, self.log)
        self._release()

    def _free(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        if self._answering is not None:
            self._answering.close()
        if self.early is not None:
            self.early.close()
        if self._line is not None:
            self._line.close()
        # These refer back to us: without the cycles the call is freed now, not by a collection with hundreds of others.
        self._line = self._session = self._call = self._answering = None
        self._others.close()
        # The task that transferred the call runs on.
        spared = asyncio.current_task(), self._others.transferring
        for task in self._tasks:
            if task not in spared:
                task.cancel()

    def _release(self) -> None:
        """Report the end, and drop the references to the owner."""
        on_over, self._on_over, self._disconnect = self._on_over, _nothing, _nothing
        on_over()


def _nothing() -> None:
    """Callback of an ended call."""
