"""A worker's records are written by the supervisor, which closes them when the worker dies."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from offhook.process import journal_proxy
from offhook.process.channel import Channel, channel_pair
from offhook.process.journal_proxy import JournalProxy
from offhook.process.messages import Begin, Complete, Finish, Lines, Notify, Timeline, Written
from offhook.process.remote import RemoteJournal
from offhook.records import CallClock, CallRecord, EndedBy, RecordStore, TranscriptLine
from offhook.records.cdr import MAX_TEXT_CHARS
from offhook.records.outbox import MESSAGE, OutboxEvent, Subscription, listed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    crm = Subscription("crm", frozenset({MESSAGE, "call.ended"}))
    one = RecordStore.open(str(tmp_path / "calls.db"), subscriptions=[crm])
    yield one
    one.close()


@pytest.fixture
async def journal(store: RecordStore) -> tuple[RemoteJournal, JournalProxy]:
    """The worker's end, joined to the supervisor's."""

    def send(message: object) -> None:
        assert isinstance(message, Begin | Lines | Finish | Notify | Complete)
        proxy.take(message)

    remote = RemoteJournal(send)
    proxy = JournalProxy(store, remote.written)
    return remote, proxy


def answered(ago_s: float = 0.0) -> tuple[CallRecord, CallClock]:
    now = monotonic() - ago_s
    clock = CallClock.started(now)
    record = CallRecord.begun(clock, src="sip:a@b", dst="sip:c@d", call_id="x")
    return record.answered(clock, now + 1.0), clock


async def test_rows_and_lines_arrive_and_are_acknowledged(
    journal: tuple[RemoteJournal, JournalProxy], store: RecordStore
) -> None:
    remote, proxy = journal
    record, clock = answered()
    assert await asyncio.wait_for(asyncio.wrap_future(remote.begin(record)), 5)
    assert store.call(record.uniqueid) is not None
    lines = (
        TranscriptLine(1.0, "bot", "Hello."),
        TranscriptLine(2.0, "caller", "Hello.", confidence=1.0, typed=True, rejected=True),
    )
    for line in lines:
        remote.turn(record.uniqueid, line)
    done = record.ended(clock, monotonic(), answered_now=None, ended_by=EndedBy.CALLER, end_reason="caller hung up")
    assert await asyncio.wait_for(asyncio.wrap_future(remote.finish(done)), 5)
    found = store.call(record.uniqueid)
    assert found is not None and found.ended_by == "caller"
    assert found.transcript == lines
    assert proxy.crashed() == []


async def test_events_for_others_arrive_and_those_of_a_crash_are_made(
    journal: tuple[RemoteJournal, JournalProxy], store: RecordStore
) -> None:
    remote, proxy = journal
    record, _ = answered()
    assert await asyncio.wait_for(asyncio.wrap_future(remote.begin(record)), 5)
    event = OutboxEvent(record.uniqueid, MESSAGE, "evt_m", {"uniqueid": record.uniqueid}, hold_s=60.0)
    assert await asyncio.wait_for(asyncio.wrap_future(remote.notify(event)), 5)
    assert await asyncio.wait_for(asyncio.wrap_future(remote.complete("evt_m", {"transcript": "Hello."})), 5)
    proxy.crashed()
    store.flush()
    message, ended = store.read(lambda conn: listed(conn, "crm", 10))
    assert (message.id, message.type) == ("evt_m", MESSAGE) and '"Hello."' in message.body
    assert ended.type == "call.ended" and '"ended_by":"crash"' in ended.body


async def test_lines_wait_for_company_but_come_before_the_rest() -> None:
    sent: list[object] = []
    remote = RemoteJournal(sent.append)
    first, second = TranscriptLine(1.0, "bot", "Hello."), TranscriptLine(2.0, "caller", "Hello.")
    remote.turn("a", first)
    remote.turn("b", second)
    assert sent == []
    remote.flush()
    remote.flush()
    assert sent == [Lines((("a", first), ("b", second)))]
    record, _ = answered()
    remote.turn("a", first)
    remote.timeline("a", [{"kind": "turn"}])
    remote.turn("a", second)
    remote.finish(record)
    assert [type(message) for message in sent[1:]] == [Lines, Timeline, Lines, Finish]


async def test_many_and_long_lines_arrive_whole_or_as_far_as_they_are_kept(store: RecordStore) -> None:
    ours, theirs = channel_pair()
    arrived = asyncio.Event()
    proxy = JournalProxy(store, lambda _written: None)

    def on_message(message: Lines, _fds: list[int]) -> None:
        proxy.take(message)
        if message.lines[-1][1].at_s == 99:
            arrived.set()

    worker = Channel(ours, lambda _message, _fds: None, lambda: None)
    supervisor = Channel(theirs, on_message, lambda: None)
    try:
        remote = RemoteJournal(worker.send)
        text = "\N{EURO SIGN}" * 100_000
        for n in range(100):
            remote.turn("a", TranscriptLine(float(n), "bot", text, heard=text, unheard=text))
        remote.flush()
        await asyncio.wait_for(arrived.wait(), 5)
    finally:
        worker.close()
        supervisor.close()
    assert store.flush()
    lines = store.transcript("a")
    assert [line.at_s for line in lines] == list(range(100))
    assert {len(line.text) for line in lines} == {MAX_TEXT_CHARS}


async def test_a_call_that_the_worker_could_not_end(
    journal: tuple[RemoteJournal, JournalProxy], store: RecordStore
) -> None:
    remote, proxy = journal
    record, _ = answered()
    record = replace(record, recording="/somewhere.wav")
    await asyncio.wait_for(asyncio.wrap_future(remote.begin(record)), 5)
    await asyncio.sleep(0.05)
    (closed,) = proxy.crashed()
    assert store.flush()
    found = store.call(record.uniqueid)
    assert found is not None
    assert (found.ended_by, found.end_reason, found.disposition) == ("crash", "crash", "ANSWERED")
    assert found.end is not None and found.end > str(found.answer)
    assert found.billsec >= 0.05
    assert found.duration == pytest.approx(found.billsec + 1.0, abs=0.002)  # it rang for a second
    assert found.recording_truncated
    assert closed.uniqueid == record.uniqueid
    assert proxy.crashed() == []


async def test_a_call_whose_answer_was_not_sent_has_none(
    journal: tuple[RemoteJournal, JournalProxy], store: RecordStore
) -> None:
    remote, proxy = journal
    for uniqueid in ("lost", "held"):  # of one Call-ID, which is the far end's
        record, _ = answered()
        await asyncio.wait_for(asyncio.wrap_future(remote.begin(replace(record, uniqueid=uniqueid))), 5)
    proxy.not_answered("lost")
    proxy.crashed()
    assert store.flush()
    lost, held = store.call("lost"), store.call("held")
    assert lost is not None and held is not None
    assert (lost.ended_by, lost.disposition, lost.answer, lost.billsec) == ("crash", "FAILED", None, 0.0)
    assert lost.end is not None and lost.end >= lost.start
    assert (held.ended_by, held.disposition, held.answer is None) == ("crash", "ANSWERED", False)


async def test_what_becomes_known_later_makes_a_call_no_younger(
    journal: tuple[RemoteJournal, JournalProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, proxy = journal
    record, _ = answered()
    now = monotonic()
    monkeypatch.setattr(journal_proxy, "monotonic", lambda: now)
    await asyncio.wait_for(asyncio.wrap_future(remote.begin(record)), 5)
    now += 60.0
    await asyncio.wait_for(asyncio.wrap_future(remote.begin(replace(record, consent="given"))), 5)
    now += 10.0
    (closed,) = proxy.crashed()
    assert closed.billsec == pytest.approx(70.0) and closed.duration == pytest.approx(71.0, abs=0.002)
    assert closed.consent == "given"


async def test_an_answer_that_nobody_waits_for(journal: tuple[RemoteJournal, JournalProxy]) -> None:
    remote, _ = journal
    record, _ = answered()
    future = remote.begin(record)
    future.cancel()
    await asyncio.wait_for(asyncio.wrap_future(remote.begin(record)), 5)
    remote.written(Written(999, True))  # nor one nobody waits for
    assert future.cancelled()


async def test_a_call_out_that_nobody_had_answered_yet(
    journal: tuple[RemoteJournal, JournalProxy], store: RecordStore
) -> None:
    remote, proxy = journal
    clock = CallClock.started(monotonic() - 5.0)
    placed = CallRecord.begun(clock, src="", dst="+15551234567", call_id="x", direction="outbound", trunk="provider")
    await asyncio.wait_for(asyncio.wrap_future(remote.begin(replace(placed, outcome="failed"))), 5)
    (closed,) = proxy.crashed()
    assert (closed.ended_by, closed.outcome, closed.billsec, closed.trunk) == ("crash", "failed", 0.0, "provider")
    await asyncio.to_thread(store.flush)
    kept = store.call(placed.uniqueid)
    assert kept is not None
    assert (kept.answer, kept.disposition, kept.outcome) == (None, "NO ANSWER", "failed")
