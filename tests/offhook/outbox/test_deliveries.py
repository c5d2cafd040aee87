"""Events of calls arrive: in order, signed, once more where that is needed, whatever the receiver does."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from offhook.outbox import queue as queue_module
from offhook.outbox import receiver as receiver_module
from offhook.outbox.receiver import Attempt
from offhook.outbox.webhook import Webhook
from offhook.records import RecordStore, TranscriptLine
from offhook.records import outbox as outbox_module
from offhook.records.outbox import (
    MESSAGE,
    OutboxEvent,
    OutboxRow,
    Subscription,
    delivered,
    failed,
    retry,
    waiting_calls,
)
from offhook.settings.webhooks import WebhookConfig
from offhook.testing.webhook_receiver import Answer, WebhookReceiver
from tests.offhook.outbox.parts import SECRET, delivering, have_call, hook, settled, until, waiting
from tests.offhook.records.children import call, done

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver_module, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(receiver_module, "FIRST_BREAK_S", 0.05)
    monkeypatch.setattr(queue_module, "LOOK_S", 0.2)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver(secret=SECRET) as one:
        yield one


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many calls were found whenever a queue has looked what waits."""
    found: list[int] = []

    def counted(*args: Any, **values: Any) -> list[tuple[str, float]]:
        calls = waiting_calls(*args, **values)
        found.append(len(calls))
        return calls

    monkeypatch.setattr(queue_module, "waiting_calls", counted)
    return found


async def until_looked(looks: list[int]) -> None:
    """So often that what waits could have come."""
    enough = len(looks) + 3
    await until(lambda: len(looks) >= enough)


def send_again(store: RecordStore, now: float, events: int = 2) -> None:
    """As `offhook outbox retry` does it."""

    def job(conn: Connection) -> None:
        assert retry(conn, "crm", None, now) == events

    store.settle(job)


async def test_a_call_is_three_events_with_its_record(tmp_path: Path, receiver: WebhookReceiver) -> None:
    async with delivering(tmp_path, hook(receiver)) as (store, _):
        clock, record = call("alice")
        store.begin(record)
        store.turn(record.uniqueid, TranscriptLine(0.5, "bot", "Good morning."))
        store.finish(done(clock, record))
        first = await receiver.received(3)
        await settled(store)
    assert [each.type for each in first] == ["call.started", "call.answered", "call.ended"]
    assert [each.id for each in first] == [f"evt_{record.uniqueid}_{name}" for name in ("started", "answered", "ended")]
    started, _, ended = (each.event["data"] for each in first)
    assert (started["src"], started["end"], "transcript" in started) == ("alice", None, False)
    assert (ended["ended_by"], ended["billsec"]) == ("caller", pytest.approx(4.9))
    assert [line["text"] for line in ended["transcript"]] == ["Good morning."]
    assert receiver.unsigned == 0 and first[0].headers["content-type"] == "application/json"


async def test_only_what_is_wanted_is_sent_and_words_only_where_they_may(
    tmp_path: Path, receiver: WebhookReceiver
) -> None:
    async with delivering(tmp_path, hook(receiver, events=("call.ended",), transcript=False)) as (store, _):
        uniqueid = have_call(store)
        await settled(store)
    assert [(each.type, each.call) for each in receiver.requests] == [("call.ended", uniqueid)]
    assert "transcript" not in receiver.requests[0].event["data"]


async def test_events_of_a_call_stay_in_order_whatever_fails(tmp_path: Path, receiver: WebhookReceiver) -> None:
    tries: Counter[str] = Counter()

    def every_second(event: dict[str, Any]) -> Answer:
        key = f"{event['data']['uniqueid']} {event['type']}"
        tries[key] += 1
        return Answer(200 if tries[key] % 2 == 0 else 500)

    receiver.otherwise = every_second
    async with delivering(tmp_path, hook(receiver)) as (store, _):
        calls = [have_call(store) for _ in range(20)]
        await receiver.received(60, 60)
        await settled(store)
    for uniqueid in calls:
        types = [each.type for each in receiver.accepted if each.call == uniqueid]
        assert types == ["call.started", "call.answered", "call.ended"]
    assert receiver.most_at_once <= 8


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(500), "HTTP 500"),
        (Answer(404), "HTTP 404"),
        (Answer(302, (("Location", "http://127.0.0.1:1/"),)), "redirects"),
        (Answer(fault="hangs"), "no answer within 0.3 s"),
        (Answer(fault="hangs_up"), "broke off"),
    ],
    ids=["500", "404", "redirect", "hangs", "hangs up"],
)
async def test_whatever_fails_is_sent_again_with_the_same_id(
    tmp_path: Path, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch, answer: Answer, why: str
) -> None:
    receiver.answers.append(answer)
    async with delivering(tmp_path, hook(receiver, events=("call.ended",), timeout_s=0.3)) as (store, deliveries):
        problems: list[str] = []

        def noted(conn: Connection, **values: Any) -> None:
            problems.append(values["problem"])
            failed(conn, **values)

        monkeypatch.setattr(queue_module, "failed", noted)
        have_call(store)
        await settled(store)
        assert deliveries.queues[0].outcomes == {"failed": 1, "delivered": 1}
        assert len(problems) == 1 and why in problems[0]
    first, second = receiver.requests
    assert first.id == second.id and first.body == second.body


async def test_a_body_without_end_is_not_read(tmp_path: Path, receiver: WebhookReceiver) -> None:
    receiver.answers.append(Answer(fault="endless"))
    async with delivering(tmp_path, hook(receiver, events=("call.ended",))) as (store, _):
        have_call(store)
        await settled(store)
    assert len(receiver.requests) == 1


async def test_one_receiver_that_hangs_holds_up_nobody_else(tmp_path: Path, receiver: WebhookReceiver) -> None:
    async with WebhookReceiver() as stuck:
        stuck.otherwise = lambda event: Answer(fault="hangs")
        async with delivering(tmp_path, hook(stuck, "stuck"), hook(receiver)) as (store, _):
            for _ in range(20):
                have_call(store)
            await receiver.received(60)
            assert stuck.most_at_once == 8 and not stuck.accepted


async def test_a_receiver_that_is_gone_is_left_alone_until_events_are_sent_by_hand(
    tmp_path: Path, receiver: WebhookReceiver, looks: list[int]
) -> None:
    receiver.answers.append(Answer(410))
    async with delivering(tmp_path, hook(receiver, events=("call.ended",), at_once=1)) as (store, deliveries):
        have_call(store)
        await receiver.until(lambda: len(receiver.requests) == 1)
        await until(lambda: deliveries.queues[0].state == "gone")
        have_call(store)
        store.flush()
        await until_looked(looks)
        assert len(receiver.requests) == 1 and len(waiting(store)) == 2
        assert (await deliveries.dump())[0]["state"] == "gone"
        send_again(store, time.time())
        await receiver.received(2)
        await settled(store)


async def test_a_receiver_that_says_when_is_left_alone_until_then(tmp_path: Path, receiver: WebhookReceiver) -> None:
    receiver.answers.append(Answer(503, (("Retry-After", "1"),)))
    async with delivering(tmp_path, hook(receiver, events=("call.ended",), at_once=1)) as (store, _):
        have_call(store)
        have_call(store)
        await receiver.received(2)
    first, second, _ = receiver.requests
    assert second.at - first.at >= 0.9


async def test_what_is_sent_by_hand_does_not_wait_for_that(tmp_path: Path, receiver: WebhookReceiver) -> None:
    receiver.answers.append(Answer(503, (("Retry-After", "3600"),)))
    async with delivering(tmp_path, hook(receiver, events=("call.ended",))) as (store, deliveries):
        have_call(store)
        await until(lambda: deliveries.queues[0].state == "paused")
        store.flush()
        send_again(store, time.time(), events=1)
        await receiver.received(1)
        await settled(store)


async def test_what_cannot_be_noted_is_not_sent_again_until_it_may_be(
    tmp_path: Path, receiver: WebhookReceiver, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with delivering(tmp_path, hook(receiver, events=("call.ended",))) as (store, _):
        lost: Future[bool] = Future()
        lost.set_result(False)
        jobs: list[Any] = []

        def not_noted(job: Any) -> "Future[bool]":
            jobs.append(job)
            return lost

        with monkeypatch.context() as full_disk:
            full_disk.setattr(RecordStore, "healthy", False)
            full_disk.setattr(store, "settle", not_noted)
            have_call(store)
            await until(lambda: any(getattr(job, "func", None) is delivered for job in jobs))
            await until_looked(looks)
            assert len(receiver.requests) == 1
        await receiver.received(2)
        await settled(store)
    first, second = receiver.requests
    assert first.id == second.id and first.body == second.body


async def test_an_error_of_ours_is_a_failure_like_any_other(
    tmp_path: Path, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = hook(receiver, events=("call.ended",))
    rows: list[OutboxRow] = []

    async def fails_first(row: OutboxRow) -> Attempt:
        rows.append(row)
        if len(rows) == 1:
            raise KeyError("data")
        return await Webhook.deliver(one, row)

    monkeypatch.setattr(one, "deliver", fails_first)
    async with delivering(tmp_path, one) as (store, deliveries):
        have_call(store)
        await receiver.received(1)
        await settled(store)
        assert deliveries.queues[0].outcomes == {"failed": 1, "delivered": 1}
    assert (rows[1].attempts, rows[1].problem) == (1, "an error of the bot (KeyError)")


async def test_what_is_too_old_is_given_up_and_can_be_sent_by_hand(
    tmp_path: Path, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "SWEEP_S", 0.1)
    receiver.otherwise = lambda event: Answer(500)
    events = ("call.started", "call.ended")
    async with delivering(tmp_path, hook(receiver, events=events, give_up_h=0.5 / 3_600)) as (store, deliveries):
        have_call(store)
        await until(lambda: deliveries.queues[0].outcomes["given_up"] == 2)
        assert [(each.type, each.given_up) for each in waiting(store)] == [
            ("call.started", True),
            ("call.ended", True),
        ]
        assert {each.problem for each in waiting(store)} == {"HTTP 500"}
        receiver.otherwise = lambda event: Answer()
        send_again(store, time.time() + 60)
        await receiver.received(2)
        await settled(store)


async def test_people_are_warned_before_events_are_given_up(
    tmp_path: Path, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "SWEEP_S", 0.05)
    monkeypatch.setattr(outbox_module, "MAX_WAITING", 7)
    receiver.otherwise = lambda event: Answer(500)
    with capture_logs() as logged:
        async with delivering(tmp_path, hook(receiver)) as (store, deliveries):

            def said(words: str) -> list[Any]:
                return [each["waiting" if "room" in words else "events"] for each in logged if words in each["event"]]

            for _ in range(2):
                have_call(store)
            await until(lambda: said("almost no room left") == [6])
            assert said("were given up") == [] and deliveries.queues[0].outcomes["given_up"] == 0
            have_call(store)
            await until(lambda: deliveries.queues[0].outcomes["given_up"] == 2)
            assert said("were given up") == [2] and said("almost no room left") == [6]
            (shown,) = await deliveries.dump()
            left = [len(each.body) for each in waiting(store) if not each.given_up]
            assert (shown["waiting"], shown["waiting_bytes"], shown["given_up"]) == (7, sum(left), 2)


@pytest.mark.parametrize("turns", range(4))
async def test_they_end_though_something_has_just_come(tmp_path: Path, receiver: WebhookReceiver, turns: int) -> None:
    async with delivering(tmp_path, hook(receiver, events=("call.ended",))) as (store, deliveries):
        have_call(store)
        await settled(store)
        await until(lambda: deliveries.queues[0].idle)
        deliveries.queues[0].wake()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await deliveries.stop()


async def test_a_private_address_has_to_be_allowed(
    tmp_path: Path, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(receiver.url.split(":")[2].split("/")[0])))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)  # as of a name that has got another address
    one = Webhook("crm", WebhookConfig(url="http://crm.example/events"))
    async with delivering(tmp_path, one) as (store, deliveries):
        have_call(store)
        await until(lambda: bool(deliveries.queues[0].problem))
        assert "private network" in deliveries.queues[0].problem
    assert receiver.requests == []


async def test_an_event_waits_for_what_is_still_missing(
    tmp_path: Path, receiver: WebhookReceiver, looks: list[int]
) -> None:
    async with delivering(tmp_path, hook(receiver, events=(MESSAGE, "call.ended"))) as (store, _):
        clock, record = call()
        store.begin(record)
        event = OutboxEvent(record.uniqueid, MESSAGE, "evt_m", {"uniqueid": record.uniqueid, "file": "a.wav"}, 60.0)
        assert await asyncio.wrap_future(store.notify(event))
        await asyncio.wrap_future(store.finish(done(clock, record)))
        await until_looked(looks)
        assert receiver.requests == []
        store.complete("evt_m", {"transcript": "Call me back."})
        first, second = await receiver.received(2)
        await settled(store)
    assert (first.type, first.event["data"]["transcript"]) == (MESSAGE, "Call me back.")
    assert second.type == "call.ended"


async def test_what_one_process_leaves_another_one_delivers(tmp_path: Path, receiver: WebhookReceiver) -> None:
    url = str(tmp_path / "calls.db")
    store = RecordStore.open(url, subscriptions=[Subscription("crm", frozenset({"call.started", "call.ended"}))])
    _, record = call("open")
    store.begin(record)
    store.close()  # the call is a crash now, and that is an event, too
    async with delivering(tmp_path, hook(receiver)) as (store, _):
        first = await receiver.received(2)
        await settled(store)
    assert {each.call for each in first} == {record.uniqueid}
    assert [each.type for each in first] == ["call.started", "call.ended"]
    assert first[1].event["data"]["ended_by"] == "crash"


async def test_deliveries_of_two_processes_are_their_own(tmp_path: Path, receiver: WebhookReceiver) -> None:
    async with (
        delivering(tmp_path, hook(receiver, events=("call.ended",))) as (one, _),
        delivering(tmp_path, hook(receiver, events=("call.ended",))) as (two, _),
    ):
        calls = [have_call(store) for store in (one, two) for _ in range(10)]
        await receiver.received(20)
        await settled(one)
    assert Counter(each.call for each in receiver.requests) == Counter(calls)
