"""Records one call: transcript, latencies, call record, metrics, log."""

import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from time import monotonic

import structlog

from offhook.calls.agent_totals import UNKNOWN, AgentTotals
from offhook.calls.engine_totals import EngineTotals
from offhook.calls.outcome import OutcomeReason, SipOutcome
from offhook.calls.queue_wait import QueueWait
from offhook.calls.transcript_lines import answer_line, bot_line, ignored_line, secret_line
from offhook.observe.metrics import Direction, Metrics, Stage
from offhook.observe.refusals import BUSY, Refusal
from offhook.pipeline.chain.spending import EngineUse, Outcome
from offhook.pipeline.events import Answer, AnswerKind
from offhook.pipeline.secret.entry import SecretOutcome
from offhook.pipeline.trace import (
    GIVEN_UP,
    BargedIn,
    BotHeard,
    BotResumed,
    CallerAnswered,
    CallerCorrected,
    CallerIgnored,
    ConsentNoted,
    EngineFailed,
    EngineUsed,
    ModelReplied,
    SecretKeyed,
    SessionEvent,
    SilenceFilled,
    Speculated,
    SpeechPrepared,
    StageStalled,
    ToolRan,
    TurnTraced,
    WhoAnswered,
)
from offhook.records import CallClock, CallRecord, Disposition, EndedBy, Journal, RecordingResult, TranscriptLine
from offhook.records.cdr import clean_text
from offhook.records.outbox import MESSAGE, TRANSFERRED, OutboxEvent
from offhook.transfer.outcome import Transferred

_STAGES: dict[str, Stage] = {
    "likely": "likely",
    "endpoint": "endpoint",
    "recogniser": "asr",
    "model": "model",
    "dialog": "dialog",
    "clause": "clause",
    "voice": "tts",
    "line": "playout",
    "onset": "onset",
    "arrival": "arrival",
}

_UNANSWERED = {
    OutcomeReason.BUSY: "busy",
    OutcomeReason.NO_ANSWER: "no_answer",
    OutcomeReason.UNAVAILABLE: "no_answer",
    OutcomeReason.CANCELLED: "cancelled",
    OutcomeReason.DECLINED: "rejected",
    OutcomeReason.NOT_FOUND: "rejected",
    OutcomeReason.NOT_ALLOWED: "rejected",
    OutcomeReason.NOT_ACCEPTABLE: "rejected",
    OutcomeReason.MOVED: "rejected",
}
"""The label of `offhook_calls_total`; `offhook_calls_out_total` tells them all apart."""


_REFUSED = {BUSY: Disposition.BUSY, 600: Disposition.BUSY, 500: Disposition.FAILED}
"""The dispositions of calls that the bot refused after early media; of others NO ANSWER."""


MAX_MESSAGE_CHARS = 20_000
"""Of a message's transcript."""


class CallLog:
    """The log of one call, from INVITE to its end. `transcribed` False: it has no transcript."""

    def __init__(  # noqa: PLR0913  # what a record begins with
        self,
        store: Journal,
        metrics: Metrics,
        *,
        src: str,
        dst: str,
        call_id: str,
        transport: str = "udp",
        direction: Direction = "inbound",
        trunk: str = "",
        uniqueid: str | None = None,
        part_of: str | None = None,
        transcribed: bool = True,
    ) -> None:
        self._direction: Direction = direction
        self._store = store
        self._metrics = metrics
        self._transcribed = transcribed
        self._transport = transport
        self._now = monotonic()
        self._clock = CallClock.started(self._now)
        self.record = CallRecord.begun(
            self._clock,
            src=src,
            dst=dst,
            call_id=call_id,
            direction=direction,
            transport=transport,
            trunk=trunk,
            uniqueid=uniqueid,
            part_of=part_of,
        )
        self._answered_now: float | None = None
        self._early_now: float | None = None
        self._rang_now: float | None = None
        self._queue_wait = QueueWait()
        self._responses_ms: list[float] = []
        self._engines = EngineTotals()
        self._agent = AgentTotals()
        self._log = structlog.get_logger("offhook.call").bind(call=self.record.uniqueid)

    @property
    def uniqueid(self) -> str:
        """The record's id, which also names the recording."""
        return self.record.uniqueid

    @property
    def started_at(self) -> float:
        """The call's start, monotonic seconds."""
        return self._now

    @property
    def begun(self) -> bool:
        """Whether a row was written that must be finished."""
        return self._answered_now is not None or self._early_now is not None

    def answered(self, recording: Path | None = None) -> "Future[bool]":
        """The call is being answered; the future is done when its row would survive a crash.

        `recording` is the path its recording will have: written now, so that a crash does not lose it.
        """
        began_before, self._answered_now = self.begun, monotonic()
        record = replace(self.record.answered(self._clock, self._answered_now), ring_s=self._ring_s(self._answered_now))
        self.record = replace(
            record,
            recording=record.recording if recording is None else str(recording),
            early_media_s=self._early_media_s(self._answered_now),
        )
        if not began_before:
            self._metrics.call_started()
        self._log.info("answered", src=self.record.src, dst=self.record.dst)
        return self._store.begin(self.record)

    def early_media(self, recording: Path | None = None) -> "Future[bool]":
        """The bot speaks before it answers the call; for `recording` and the future see `answered`."""
        self._early_now = monotonic()
        self.record = replace(self.record, recording=None if recording is None else str(recording))
        self._metrics.call_started()
        self._log.info("early media", src=self.record.src, dst=self.record.dst)
        return self._store.begin(self.record)

    def transferred(self, result: Transferred) -> None:
        """The caller was connected to somebody else."""
        data: dict[str, object] = {"target": result.target, "by": result.by, "returned": result.returned}
        if result.by == "bridge":
            data["talked_s"] = round(result.talked_s, 1)
        self._store.notify(OutboxEvent(self.uniqueid, TRANSFERRED, _new_id(), self.about | data))

    def queued(self, queue: str) -> None:
        """The caller waits in a queue."""
        self.record = self._queue_wait.began(self.record, queue, monotonic())
        self._store.begin(self.record)  # it survives a crash

    def with_agent(self, agent: str) -> None:
        """An agent of the queue talks to the caller; empty: not after all."""
        self.record = self._queue_wait.with_agent(self.record, agent, monotonic())
        self._store.begin(self.record)

    def queue_left(self) -> None:
        """The caller waits in no queue any more, and talks to none of its agents."""
        self.record = self._queue_wait.over(self.record, monotonic())

    def message_left(self, file: Path, message: Mapping[str, object], hold_s: float) -> tuple[str, "Future[bool]"]:
        """The caller has left a message, whose transcript follows within `hold_s`. The event's id, and a future that is
        done when others will get it, whatever happens."""
        event = OutboxEvent(self.uniqueid, MESSAGE, _new_id(), {**self.about, "file": file.name, **message}, hold_s)
        return event.id, self._store.notify(event)

    def message_transcribed(self, event_id: str, text: str) -> None:
        """What a message says; empty where that is not known."""
        self._store.complete(event_id, {"transcript": clean_text(text, MAX_MESSAGE_CHARS)})

    def refused(self, status: int, refusal: Refusal) -> None:
        """The call was refused before it was answered."""
        self._metrics.call_refused(self._direction, self._transport, "busy" if status == BUSY else "rejected")
        self._metrics.refusal(refusal.reason)
        self._log.info("refused", src=self.record.src, status=status, reason=str(refusal.reason), why=refusal.why)

    def cancelled(self) -> None:
        """The caller gave up before it was answered."""
        self._metrics.call_refused(self._direction, self._transport, "cancelled")
        self._log.info("cancelled", src=self.record.src)

    def placed(self) -> "Future[bool]":
        """The call is being placed; the future is done when its row would survive a crash."""
        return self._store.begin(replace(self.record, outcome=str(OutcomeReason.FAILED)))

    def rang(self) -> None:
        """The far end's phone rings, or its network is heard. The first time counts."""
        self._rang_now = self._rang_now or monotonic()

    def came_out(self, outcome: SipOutcome) -> None:
        """What became of a call that the bot placed, so far."""
        self.record = replace(self.record, outcome=str(outcome.reason), sip_status=outcome.status, q850=outcome.q850)

    def not_answered(
        self, outcome: SipOutcome, by: EndedBy, reason: str, *, rtp: dict[str, float] | None = None
    ) -> "Future[bool]":
        """The end of a call that the bot placed and nobody answered; the future is done when its record is written."""
        self.came_out(outcome)
        record = self.record.ended(
            self._clock,
            monotonic(),
            answered_now=None,
            ended_by=by,
            end_reason=reason,
            disposition=outcome.disposition,
        )
        self.record = replace(record, rtp=rtp or {}, ring_s=self._ring_s(monotonic()))
        self._metrics.call_refused(self._direction, self._transport, _UNANSWERED.get(outcome.reason, "failed"))
        self._metrics.call_out(self.record.trunk, outcome.reason)
        self._log.info("not answered", dst=self.record.dst, outcome=str(outcome.reason), reason=reason)
        return self._store.finish(self.record)

    def on_event(self, event: SessionEvent) -> None:  # noqa: C901, PLR0912  # one row an event
        """Handle an event of the session."""
        match event:
            case SilenceFilled() | StageStalled():
                self._silence(event)
            case BotHeard():
                at = event.at if event.began_at is None else event.began_at
                self._line(bot_line(event, self._at(at)))
            case CallerAnswered() | CallerCorrected():
                self._answered(event)
            case SecretKeyed():
                self._secret(event)
            case CallerIgnored():
                engine = None if event.typed else self._engines.take_recogniser()
                self._line(ignored_line(event, self._at(event.began_at), engine))
            case BargedIn(silent_ms, _, _):
                self.record = replace(self.record, barge_ins=self.record.barge_ins + 1)
                self._metrics.bargein_stop(silent_ms / 1000)
            case BotResumed():
                self._metrics.bargein_resumed()
            case TurnTraced(trace, _):
                self._responses_ms.append(trace.response_ms)
                self._metrics.turn_response("total", trace.response_ms / 1000)
                for stage, stage_ms in trace.ledger_ms().items():
                    self._metrics.turn_response(_STAGES[stage], stage_ms / 1000)
            case SpeechPrepared(characters, used):
                self._metrics.speech_prepared(characters, used=used)
            case WhoAnswered(by, _, _):
                self.record = replace(self.record, answered_by=by)
            case ConsentNoted(consent, _):
                self.record = replace(self.record, consent=consent)
                self._store.begin(self.record)  # it survives a crash
            case EngineFailed(engine, error, _):
                self._log.warning("engine failed", engine=engine, error=error)
            case EngineUsed(use):
                self._used(use)
            case ModelReplied() | Speculated() | ToolRan():
                self._agent_did(event)

    def _silence(self, event: SilenceFilled | StageStalled) -> None:
        if isinstance(event, StageStalled):
            self._metrics.stage_stalled(event.stage)
            self._log.warning("a stage stalled", stage=event.stage, seconds=round(event.seconds, 2))
            return
        self._metrics.silence_filled(event.stage)
        if event.text:
            self._line(TranscriptLine(self._at(event.at), "bot", event.text, event.text, ""))

    def ended(
        self,
        by: EndedBy,
        reason: str,
        *,
        rtp: dict[str, float] | None = None,
        recording: RecordingResult | None = None,
        answered: bool = True,
        refused: int | None = None,
    ) -> "Future[bool]":
        """The end of a call after `answered` or `early_media`; the future is done when its record is written. `refused`
        is the status by which the bot refused it after early media."""
        unanswered = Disposition.NO_ANSWER if by is EndedBy.CALLER else Disposition.FAILED
        if refused is not None:
            unanswered = _REFUSED.get(refused, Disposition.NO_ANSWER)
        now = monotonic()
        record = self._queue_wait.over(self.record, now).ended(
            self._clock,
            now,
            answered_now=self._answered_now if answered else None,
            ended_by=by,
            end_reason=reason,
            disposition=None if answered else unanswered,
        )
        self.record = replace(
            record.with_responses(self._responses_ms),
            answer=record.answer if answered else None,
            early_media_s=record.early_media_s if answered else self._early_media_s(now),
            sip_status=record.sip_status if refused is None else refused,
            rtp=rtp or {},
            recording=str(recording.path) if recording is not None and recording.path is not None else None,
            recording_truncated=recording is not None and recording.truncated,
            engines=self._engines.totals(),
            agent=self._agent.totals(),
        )
        self._metrics.call_ended(self._direction, self._transport, _outcome(by, answered))
        if record.outcome is not None:
            self._metrics.call_out(record.trunk, OutcomeReason(record.outcome))
        if rtp:
            self._metrics.rtp_packets("received", int(rtp.get("packets_received", 0)))
            self._metrics.rtp_packets("sent", int(rtp.get("packets_sent", 0)))
            self._metrics.rtp_lost(int(rtp.get("lost", 0)))
            self._metrics.media_breaks(int(rtp.get("underruns", 0)), int(rtp.get("stalls", 0)))
        if self.record.recording_truncated:
            self._metrics.recording_truncated()
        self._log.info("ended", by=str(by), reason=reason, duration_s=self.record.duration)
        return self._store.finish(self.record)

    def _used(self, use: EngineUse) -> None:
        self._engines.add(use)
        if use.outcome in (Outcome.FAILED, Outcome.LATE):
            self._log.warning("engine did not answer", part=use.part, engine=use.engine, outcome=str(use.outcome))
        elif use.why and use.outcome is Outcome.ANSWERED:
            self._log.info("another engine answered", part=use.part, engine=use.engine, why=use.why)

    def _agent_did(self, event: ModelReplied | Speculated | ToolRan) -> None:
        self._agent.add(event)
        metrics = self._metrics
        match event:
            case ModelReplied():
                metrics.model_replied(event.model, _of_reply(event), first_token_s=event.first_token_s, cost=event.cost)
                fresh = event.input_tokens - event.cached_tokens
                metrics.model_tokens(event.model, fresh, event.cached_tokens, event.output_tokens)
            case ToolRan():
                metrics.tool_ran(event.name if event.known else UNKNOWN, event.seconds, failed=bool(event.error))
            case Speculated():
                metrics.speculated(used=event.used, tokens=event.tokens, saved_s=event.saved_s)

    def _answered(self, event: CallerAnswered | CallerCorrected) -> None:
        at = event.at if event.began_at is None else event.began_at
        if isinstance(event, CallerAnswered):
            self._answer(event.answer, at)
        else:
            self._log.info("turn corrected", choice=event.answer.choice)
            self._said(event.answer, at, None)

    def _answer(self, answer: Answer, at: float) -> None:
        if answer.kind is not AnswerKind.NO_INPUT:
            self.record = replace(self.record, turns=self.record.turns + 1)
        if answer.kind is AnswerKind.FAILED:
            self._metrics.asr_failure()
            self._log.warning("turn not transcribed")
        if answer.text or answer.digits:
            engine = None if answer.typed or not answer.text else self._engines.take_recogniser()
            self._said(answer, at, engine)

    def _secret(self, event: SecretKeyed) -> None:
        if event.outcome != SecretOutcome.NO_INPUT:
            self.record = replace(self.record, turns=self.record.turns + 1)
            self._line(secret_line(event, self._at(event.at)))

    def _said(self, answer: Answer, at: float, engine: str | None) -> None:
        if answer.text or answer.digits:
            self._line(answer_line(answer, self._at(at), engine))

    @property
    def about(self) -> dict[str, object]:
        """What every event of the call has."""
        record = self.record
        return {name: getattr(record, name) for name in ("uniqueid", "part_of", "src", "dst", "direction")}

    def _ring_s(self, until: float) -> float | None:
        return None if self._rang_now is None else round(until - self._rang_now, 3)

    def _early_media_s(self, until: float) -> float | None:
        return None if self._early_now is None else round(until - self._early_now, 3)

    def _at(self, now: float) -> float:
        return self._clock.elapsed_s(now)

    def _line(self, line: TranscriptLine) -> None:
        if self._transcribed:
            self._store.turn(self.uniqueid, line)


def _new_id() -> str:
    return f"evt_{uuid.uuid4().hex}"


def _of_reply(event: ModelReplied) -> str:
    if event.error == GIVEN_UP:
        return "given_up"
    return "retried" if event.retried else "failed" if event.error else "answered"


def _outcome(by: EndedBy, answered: bool) -> str:
    if not answered:
        return "cancelled" if by is EndedBy.CALLER else "rejected"
    return "completed" if by in (EndedBy.CALLER, EndedBy.BOT, EndedBy.OPERATOR) else "failed"
