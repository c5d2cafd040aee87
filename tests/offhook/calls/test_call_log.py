"""The log of one call: record, transcript, metrics."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from prometheus_client.parser import text_string_to_metric_families

from offhook.calls.call_log import CallLog
from offhook.observe.metrics import Metrics
from offhook.observe.refusals import Reason, Refusal
from offhook.pipeline.chain.spending import EngineUse, Outcome, Spent
from offhook.pipeline.events import Answer, AnswerKind, Playback
from offhook.pipeline.trace import (
    GIVEN_UP,
    BargedIn,
    BotHeard,
    BotResumed,
    BotSpoke,
    CallerAnswered,
    CallerIgnored,
    EngineFailed,
    EngineUsed,
    Mark,
    ModelReplied,
    SecretKeyed,
    Speculated,
    ToolRan,
    TurnTrace,
    TurnTraced,
)
from offhook.records import CallRecord, Disposition, EndedBy, RecordingResult, RecordStore
from offhook.records.outbox import TRANSFERRED, Subscription, listed
from offhook.transfer.outcome import Transferred


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    crm = Subscription("crm", frozenset({TRANSFERRED}))
    one = RecordStore.open(str(tmp_path / "calls.db"), subscriptions=[crm])
    yield one
    one.close()


class LoggedCall:
    def __init__(self, store: RecordStore) -> None:
        self.store = store
        self.metrics = Metrics()
        self.call_log = CallLog(store, self.metrics, src="sip:alice@a", dst="sip:bot@b", call_id="x@a")

    def record(self) -> CallRecord:
        assert self.store.flush()
        record = self.store.call(self.call_log.uniqueid)
        assert record is not None
        return record

    def value(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.metrics.render().decode())
        values = [s.value for f in families for s in f.samples if s.name == name and labels.items() <= s.labels.items()]
        return sum(values)


@pytest.fixture
def logged(store: RecordStore) -> LoggedCall:
    return LoggedCall(store)


def trace(response_s: float) -> TurnTrace:
    made = TurnTrace()
    made.mark(Mark.SPEECH_ENDED, 100.0)
    made.mark(Mark.TURN_ENDED, 100.0 + response_s / 2)
    made.mark(Mark.SENT, 100.0 + response_s)
    return made


def test_what_engines_did_is_in_the_record(logged: LoggedCall) -> None:
    call_log, now = logged.call_log, monotonic()
    call_log.answered()
    broken = "deepgram: it was silent for too long"
    for use in (
        EngineUse("tts", "cartesia", Outcome.ANSWERED, Spent(0.0, 17, 0.0005)),
        EngineUse("asr", "deepgram", Outcome.LATE, Spent(2.0, 0, 0.001)),
        EngineUse("asr", "vosk", Outcome.ANSWERED, Spent(2.0), broken),
    ):
        call_log.on_event(EngineUsed(use, now))
    call_log.on_event(BotHeard(Playback("Balance or hours?", "", False), now, engine="cartesia"))
    call_log.on_event(CallerAnswered(Answer(AnswerKind.SPEECH, "my balance", "balance"), now))
    call_log.on_event(BotHeard(Playback("Given audio.", "", False), now))
    call_log.on_event(CallerAnswered(Answer(AnswerKind.SPEECH, digits="12"), now))
    assert call_log.ended(EndedBy.CALLER, "caller hung up").result(5)
    record = logged.record()
    assert [line.engine for line in record.transcript] == ["cartesia", "vosk", None, None]
    assert [(each["part"], each["engine"], each["uses"]) for each in record.engines] == [
        ("tts", "cartesia", {"answered": 1}),
        ("asr", "deepgram", {"late": 1}),
        ("asr", "vosk", {"answered": 1}),
    ]
    assert record.engines[1]["cost"] == 0.001


def test_secrets_are_turns_of_which_only_the_outcome_is_kept(logged: LoggedCall) -> None:
    call_log, now = logged.call_log, monotonic()
    call_log.answered()
    for outcome in ("no_input", "no_match", "entered"):
        call_log.on_event(SecretKeyed("card", outcome, now))
    assert call_log.ended(EndedBy.CALLER, "caller hung up").result(5)
    record = logged.record()
    assert record.turns == 2
    assert [(line.who, line.text, line.rejected) for line in record.transcript] == [
        ("caller", "[secret: card]", True),
        ("caller", "[secret: card]", False),
    ]


def test_what_an_agent_did_is_in_the_record_and_in_metrics(logged: LoggedCall) -> None:
    call_log, now = logged.call_log, monotonic()
    call_log.answered()
    for event in (
        ModelReplied("openai/m", "Hello.", 0.2, 0.5, now, 100, 80, 3, 0.001),
        ModelReplied("openai/m", "And", 0.3, 0.4, now, error=GIVEN_UP),
        ModelReplied("openai/m", "", None, 0.1, now, error="openai/m: 503", retried=True),
        ModelReplied("openai/m", "", None, 4.0, now, error="openai/m: it was late"),
        Speculated(used=True, tokens=3, saved_s=0.25, at=now),
        Speculated(used=False, tokens=7, saved_s=0.0, at=now),
        ToolRan("look_up", "{}", "found", 0.5, now),
        ToolRan("look_up", "{}", "error: no", 1.5, now, "no"),
        ToolRan("'; drop tables", "{}", "error: none", 0.0, now, "there is no such tool", known=False),
    ):
        call_log.on_event(event)
    assert call_log.ended(EndedBy.CALLER, "caller hung up").result(5)
    agent = logged.record().agent
    assert agent is not None
    assert (agent["input_tokens"], agent["output_tokens"], agent["cost"]) == (100, 3, 0.001)
    tokens = {"input_tokens": 100, "cached_tokens": 80, "output_tokens": 3}
    counts = {"model": "openai/m", "replies": 4, "failed": 1, "retried": 1}
    assert agent["models"] == [{**counts, **tokens, "cost": 0.001}]
    assert agent["tools"] == [
        {"tool": "look_up", "runs": 2, "failed": 1, "seconds": 2.0},
        {"tool": "other", "runs": 1, "failed": 1, "seconds": 0.0},
    ]
    assert agent["speculation"] == {"used": 1, "dropped": 1, "wasted_tokens": 7, "saved_s": 0.25}
    for outcome in ("answered", "given_up", "retried", "failed"):
        assert logged.value("offhook_model_replies_total", model="openai/m", outcome=outcome) == 1
    assert logged.value("offhook_model_first_token_seconds_count", model="openai/m") == 2
    assert logged.value("offhook_model_tokens_total", kind="input") == 20
    assert logged.value("offhook_model_tokens_total", kind="cached_input") == 80
    assert logged.value("offhook_model_tokens_total", kind="output") == 3
    assert logged.value("offhook_model_cost_total") == 0.001
    assert logged.value("offhook_tool_seconds_sum", tool="look_up") == 2.0
    assert logged.value("offhook_tool_seconds_count", tool="other", outcome="failed") == 1
    assert "drop tables" not in logged.metrics.render().decode()
    assert logged.value("offhook_speculations_total", used="yes") == 1
    assert logged.value("offhook_speculation_wasted_tokens_total") == 7
    assert logged.value("offhook_speculation_saved_seconds_total") == 0.25


def test_a_server_that_counts_wrongly_harms_no_metric(logged: LoggedCall) -> None:
    logged.call_log.answered()
    logged.call_log.on_event(ModelReplied("openai/m", "Hi.", 0.1, 0.2, monotonic(), 10, 500, -3, -1.0))
    assert logged.value("offhook_model_tokens_total", kind="input") == 0
    assert logged.value("offhook_model_cost_total") == 0


def test_a_call_without_an_agent_says_so(logged: LoggedCall) -> None:
    logged.call_log.answered()
    assert logged.call_log.ended(EndedBy.CALLER, "caller hung up").result(5)
    assert logged.record().agent is None


def test_a_call_from_its_answer_to_its_end(logged: LoggedCall, tmp_path: Path) -> None:
    call_log, now = logged.call_log, monotonic()
    assert not call_log.begun
    path = tmp_path / f"{call_log.uniqueid}.wav"
    assert call_log.answered(path).result(5)
    assert call_log.begun
    assert (logged.record().recording, logged.record().end) == (str(path), None)
    assert logged.value("offhook_calls_active") == 1
    call_log.on_event(BotSpoke("Balance or hours?", now))
    call_log.on_event(BotHeard(Playback("Balance", "or hours?", True), now))
    call_log.on_event(BargedIn(90.0, Playback("Balance", "or hours?", True), now))
    call_log.on_event(CallerAnswered(Answer(AnswerKind.SPEECH, "my balance", "balance"), now))
    call_log.on_event(TurnTraced(trace(0.5), now))
    rtp = {"packets_received": 100.0, "packets_sent": 50.0, "lost": 2.0}
    result = RecordingResult(path, 3.0, True, "the disk was too slow")
    assert call_log.ended(EndedBy.CALLER, "caller hung up", rtp=rtp, recording=result).result(5)
    record = logged.record()
    assert (record.disposition, record.ended_by, record.turns, record.barge_ins) == ("ANSWERED", "caller", 1, 1)
    assert record.answer is not None
    assert (record.recording, record.recording_truncated) == (str(path), True)
    assert record.response_p50_ms == pytest.approx(500)
    lines = [(line.who, line.text, line.heard, line.unheard) for line in record.transcript]
    assert lines == [("bot", "Balance or hours?", "Balance", "or hours?"), ("caller", "my balance", None, None)]
    assert logged.value("offhook_calls_active") == 0
    assert logged.value("offhook_calls_total", outcome="completed") == 1
    assert logged.value("offhook_turn_response_seconds_sum", stage="total") == pytest.approx(0.5)
    assert logged.value("offhook_turn_response_seconds_sum", stage="endpoint") == pytest.approx(0.25)
    assert logged.value("offhook_bargein_stop_seconds_sum") == pytest.approx(0.09)
    assert logged.value("offhook_rtp_packets_total", direction="received") == 100
    assert logged.value("offhook_rtp_lost_packets_total") == 2
    assert logged.value("offhook_recordings_truncated_total") == 1


def test_others_get_to_know_of_a_transfer(logged: LoggedCall) -> None:
    logged.call_log.transferred(Transferred("desk", "bridge", returned=True, talked_s=61.234))
    assert logged.store.flush()
    (row,) = logged.store.read(lambda conn: listed(conn, "crm", 10))
    data = json.loads(row.body)["data"]
    assert (data["uniqueid"], data["src"]) == (logged.call_log.uniqueid, "sip:alice@a")
    assert (data["target"], data["by"], data["returned"], data["talked_s"]) == ("desk", "bridge", True, 61.2)


def test_digits_are_counted_and_not_written_down(logged: LoggedCall) -> None:
    logged.call_log.answered().result(5)
    logged.call_log.on_event(CallerAnswered(Answer(AnswerKind.DTMF, digits="4711"), monotonic()))
    logged.call_log.ended(EndedBy.BOT, "bot hung up").result(5)
    assert [line.text for line in logged.record().transcript] == ["[keys: 4]"]
    assert logged.record().recording is None


def test_lines_say_what_was_typed_and_what_was_no_answer(logged: LoggedCall) -> None:
    logged.call_log.answered().result(5)
    now = monotonic()
    for event in (
        CallerAnswered(Answer(AnswerKind.NO_MATCH, "banana", confidence=0.2), now),
        CallerAnswered(Answer(AnswerKind.SPEECH, "balance", "balance", confidence=1.0, typed=True), now),
        CallerIgnored("what a day", now, now, 0.7),
        CallerIgnored("hello", now, now, 1.0, typed=True),
    ):
        logged.call_log.on_event(event)
    logged.call_log.ended(EndedBy.BOT, "bot hung up").result(5)
    record = logged.record()
    assert record.turns == 2
    assert [(line.text, line.confidence, line.typed, line.rejected) for line in record.transcript] == [
        ("banana", 0.2, False, True),
        ("balance", 1.0, True, False),
        ("what a day", 0.7, False, True),
        ("hello", 1.0, True, True),
    ]


def test_silence_leaves_no_line_and_failures_are_counted(logged: LoggedCall) -> None:
    logged.call_log.answered().result(5)
    for kind in (AnswerKind.NO_INPUT, AnswerKind.FAILED):
        logged.call_log.on_event(CallerAnswered(Answer(kind), monotonic()))
    logged.call_log.on_event(EngineFailed("test", "broken", monotonic()))
    logged.call_log.on_event(BotResumed("go on", monotonic()))
    assert logged.record().transcript == ()
    assert logged.value("offhook_asr_failures_total") == 1
    assert logged.value("offhook_bargein_resumed_total") == 1


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (486, Reason.MAX_CALLS, "busy"),
        (488, Reason.OFFER, "rejected"),
        (503, Reason.PORTS, "rejected"),
    ],
)
def test_a_call_that_was_turned_away_has_no_row(logged: LoggedCall, status: int, reason: Reason, outcome: str) -> None:
    logged.call_log.refused(status, Refusal(reason, "for the test"))
    assert logged.store.flush()
    assert logged.store.calls() == []
    assert logged.value("offhook_calls_total", outcome=outcome) == 1
    assert logged.value("offhook_calls_refused_total", reason=reason) == 1
    assert logged.value("offhook_calls_active") == 0


def test_a_caller_who_gave_up_was_not_refused(logged: LoggedCall) -> None:
    logged.call_log.cancelled()
    assert logged.value("offhook_calls_total", outcome="cancelled") == 1
    assert logged.value("offhook_calls_refused_total") == 0
    assert logged.value("offhook_calls_active") == 0


@pytest.mark.parametrize(
    ("by", "disposition", "outcome"),
    [(EndedBy.CALLER, Disposition.NO_ANSWER, "cancelled"), (EndedBy.OPERATOR, Disposition.FAILED, "rejected")],
)
def test_a_call_that_ends_just_before_its_answer_was_not_answered(
    logged: LoggedCall, by: EndedBy, disposition: Disposition, outcome: str
) -> None:
    logged.call_log.answered().result(5)
    assert logged.call_log.ended(by, "too late", answered=False).result(5)
    record = logged.record()
    assert (record.disposition, record.answer, record.billsec) == (disposition, None, 0.0)
    assert record.end is not None
    assert logged.value("offhook_calls_total", outcome=outcome) == 1
    assert logged.value("offhook_calls_active") == 0


@pytest.mark.parametrize(
    ("by", "outcome"),
    [(EndedBy.BOT, "completed"), (EndedBy.OPERATOR, "completed"), (EndedBy.NETWORK, "failed")],
)
def test_outcomes(logged: LoggedCall, by: EndedBy, outcome: str) -> None:
    logged.call_log.answered().result(5)
    logged.call_log.ended(by, "over").result(5)
    assert logged.value("offhook_calls_total", outcome=outcome) == 1


@pytest.mark.parametrize(
    ("by", "refused", "disposition", "outcome"),
    [
        (EndedBy.CALLER, None, Disposition.NO_ANSWER, "cancelled"),
        (EndedBy.BOT, 480, Disposition.NO_ANSWER, "rejected"),
        (EndedBy.BOT, 486, Disposition.BUSY, "rejected"),
        (EndedBy.BOT, 500, Disposition.FAILED, "rejected"),
        (EndedBy.NETWORK, None, Disposition.FAILED, "rejected"),
    ],
)
def test_early_media_without_an_answer(
    logged: LoggedCall, by: EndedBy, refused: int | None, disposition: Disposition, outcome: str
) -> None:
    call_log = logged.call_log
    call_log.early_media()
    assert call_log.begun
    assert logged.record().answer is None  # the row is there already
    call_log.ended(by, "over", answered=False, refused=refused)
    record = logged.record()
    assert (record.disposition, record.sip_status, record.answer, record.billsec) == (disposition, refused, None, 0)
    assert record.early_media_s is not None and record.early_media_s <= record.duration
    assert logged.value("offhook_calls_active") == 0
    assert logged.value("offhook_calls_total", outcome=outcome) == 1


def test_early_media_and_then_the_answer_is_one_call(logged: LoggedCall) -> None:
    call_log = logged.call_log
    call_log.early_media()
    call_log.answered()
    assert logged.value("offhook_calls_active") == 1
    call_log.ended(EndedBy.CALLER, "caller hung up")
    record = logged.record()
    assert (record.disposition, record.sip_status) == (Disposition.ANSWERED, None)
    assert record.answer is not None and record.early_media_s is not None
    assert logged.value("offhook_calls_total", outcome="completed") == 1
