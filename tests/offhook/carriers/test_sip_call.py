"""Calls over real SIP and RTP to a node in this process, at the moments where something else happens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import pytest

from offhook.api.call import Call, Dialog
from offhook.api.call_ended import CallEnded
from offhook.api.flow_dialog import flow_dialog
from offhook.engines.engine_set import EngineSet
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Answer, AnswerKind
from offhook.pipeline.trace import SessionEvent
from offhook.process.local_bot import LocalBot
from offhook.records import CallRecord, Disposition
from offhook.settings.config import Config
from offhook.settings.flow_file import parse_flow
from offhook.sip.commands import Cancel, Invite
from offhook.sip.events import CallRejected, Event
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.negotiate import LocalMedia, make_offer
from offhook.telephony import tones
from offhook.testing.sip_caller import Caller
from tests.offhook.bots import LIGHT_ENGINES, record_of
from tests.ports import own_rtp

HOST = "127.0.0.1"
BENCH: dict[str, dict[str, object]] = {
    "sip": {"host": HOST, "port": 0},
    "http": {"enabled": False},
    **LIGHT_ENGINES,
}

Start = Callable[[Dialog], Awaitable[LocalBot]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    nodes: list[LocalBot] = []

    async def begin(dialog: Dialog) -> LocalBot:
        config = Config.load(
            None, {**BENCH, "rtp": own_rtp(), "records": {"dir": tmp_path / str(len(nodes)), "record_audio": True}}
        )
        node = LocalBot(config, dialog)
        nodes.append(node)
        await node.start()
        return node

    yield begin
    for node in nodes:
        await node.stop()


async def dial(node: LocalBot) -> Caller:
    return await asyncio.wait_for(Caller.dial(HOST, node.sip_address), 5)


async def until_over(caller: Caller) -> None:
    try:
        await asyncio.wait_for(caller.over.wait(), 5)
    finally:
        caller.close()


async def test_a_dialog_that_returns_hangs_up(start: Start) -> None:
    async def dialog(call: Call) -> None:
        return None

    node = await start(dialog)
    await until_over(await dial(node))
    record = await record_of(node)
    assert (record.disposition, record.ended_by, record.end_reason) == (Disposition.ANSWERED, "bot", "bot hung up")


async def test_the_reason_of_a_flow_is_on_the_record(start: Start) -> None:
    flow = parse_flow(b"{name: f, start: end, steps: {end: {hang_up: , reason: paid}}}", "f.yaml")
    node = await start(flow_dialog(flow))
    await until_over(await dial(node))
    record = await record_of(node)
    assert (record.ended_by, record.end_reason) == ("bot", "paid")
    assert record.to_dict()["end_reason"] == "paid"  # which webhooks and the API have


async def test_a_dialog_that_fails_ends_its_call_and_no_other(start: Start) -> None:
    async def dialog(call: Call) -> None:
        raise KeyError("a bug")

    node = await start(dialog)
    await until_over(await dial(node))
    assert (await record_of(node)).end_reason == "the dialog failed"
    await until_over(await dial(node))


async def test_a_dialog_that_is_cancelled_from_within_does_not_leave_the_caller_alone(start: Start) -> None:
    async def dialog(call: Call) -> None:
        raise asyncio.CancelledError

    node = await start(dialog)
    await until_over(await dial(node))
    assert (await record_of(node)).end_reason == "bot hung up"


async def test_work_after_hanging_up(start: Start) -> None:
    over, worked = asyncio.Event(), asyncio.Event()

    async def dialog(call: Call) -> None:
        await call.hangup()
        with pytest.raises(CallEnded):
            await call.say("Too late.")
        await over.wait()
        worked.set()

    node = await start(dialog)
    await until_over(await dial(node))
    await record_of(node)
    over.set()
    await asyncio.wait_for(worked.wait(), 2)


async def test_a_listener_that_fails_does_not_break_the_call(start: Start) -> None:
    seen: list[str] = []

    async def dialog(call: Call) -> None:
        await call.ask(None, no_input_ms=1)

    def broken(call_id: str, event: SessionEvent) -> None:
        raise RuntimeError("a bug")

    node = await start(dialog)
    node.listeners += [broken, lambda call_id, event: seen.append(type(event).__name__)]
    await until_over(await dial(node))
    assert (await record_of(node)).end_reason == "bot hung up"
    assert seen == ["CallerAnswered"]


async def test_what_the_caller_hangs_up_on_is_in_the_transcript(start: Start) -> None:
    cancelled = asyncio.Event()

    async def dialog(call: Call) -> None:
        try:
            await call.say("It is a long story that nobody has ever heard to its end.")
        finally:
            cancelled.set()

    node = await start(dialog)
    caller = await dial(node)
    await asyncio.wait_for(caller.listen_for(0.2), 5)
    caller.close()
    record = await record_of(node)
    assert (record.ended_by, record.end_reason) == ("caller", "caller hung up")
    assert record.recording is not None and record.recording.endswith(".wav")
    (line,) = await asyncio.to_thread(node.store.transcript, record.uniqueid)
    assert line.heard is not None and line.unheard
    await asyncio.wait_for(cancelled.wait(), 2)


async def test_a_cancel_while_the_record_is_being_written(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dialog(call: Call) -> None:
        raise AssertionError("nobody is there")

    node = await start(dialog)
    writing, begin, rows = asyncio.Event(), node.store.begin, list[Future[bool]]()

    def slow(record: CallRecord) -> Future[bool]:
        rows.append(begin(record))
        writing.set()
        return Future()

    monkeypatch.setattr(node.store, "begin", slow)
    events: asyncio.Queue[Event] = asyncio.Queue()
    endpoint = await Endpoint.open(HOST, 0, events.put_nowait)
    try:
        offer = make_offer(LocalMedia(HOST, 40_000, 1, 1))
        target = node.sip_address
        handle = endpoint.do(Invite(f"sip:bot@{target}", offer, destination=target))
        await asyncio.wait_for(writing.wait(), 5)
        await asyncio.sleep(0.01)  # for the 100 that has to come first: a CANCEL waits for it
        endpoint.do(Cancel(handle))
        event = await asyncio.wait_for(events.get(), 5)
        assert isinstance(event, CallRejected) and event.status == 487
        assert rows[0].result(5)
        record = await record_of(node)
        assert (record.disposition, record.answer) == (Disposition.NO_ANSWER, None)
        assert record.end_reason == "cancelled before it was answered"
        assert b'outcome="cancelled",transport="udp"} 1.0' in await node.status.metrics()
    finally:
        endpoint.close()


async def test_stopping_ends_the_calls_that_are_left(start: Start) -> None:
    async def dialog(call: Call) -> None:
        await call.ask(None, no_input_ms=60_000)

    node = await start(dialog)
    caller = await dial(node)
    await node.stop()
    await until_over(caller)
    assert node.host.dump()["calls"] == []


async def test_an_engine_that_cannot_serve_another_call(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dialog(call: Call) -> None:
        raise AssertionError("it has nothing to hear with")

    node = await start(dialog)

    def broken(*_: object) -> None:
        raise EngineError("test", "listening", "no room")

    monkeypatch.setattr(EngineSet, "for_call", broken)
    await until_over(await dial(node))
    assert "no room" in str((await record_of(node)).end_reason)


async def test_a_caller_who_hangs_up_at_once(start: Start) -> None:
    async def dialog(call: Call) -> None:
        await call.say("Hello.")

    node = await start(dialog)
    (await dial(node)).close()
    assert (await record_of(node)).ended_by == "caller"
    assert node.host.dump()["calls"] == []


async def test_what_the_caller_says_between_two_steps_answers_the_next_question(start: Start) -> None:
    answers: list[Answer] = []
    thinking = asyncio.Event()

    async def dialog(call: Call) -> None:
        thinking.set()
        await asyncio.sleep(2.0)
        answers.append(await call.ask("What can I do for you?", no_input_ms=500))

    node = await start(dialog)
    caller = await dial(node)
    await asyncio.wait_for(thinking.wait(), 5)
    await caller.say(tones.noise(600, level_dbfs=-15))
    await until_over(caller)
    (answer,) = answers
    assert (answer.kind, answer.text) == (AnswerKind.SPEECH, "check my balance")


async def test_who_is_hung_up_on_has_time_to_clean_up_and_the_call_waits_for_it(start: Start) -> None:
    ended: list[str] = []

    async def dialog(call: Call) -> None:
        try:
            await asyncio.sleep(60)
        except CallEnded:
            ended.append("ended")
            await asyncio.sleep(0.3)
            ended.append("saved")

    node = await start(dialog)
    caller = await dial(node)
    await asyncio.sleep(0.1)
    caller.close()
    await record_of(node)
    assert ended == ["ended", "saved"]


async def test_a_dialog_that_does_not_end_with_its_call_is_cancelled_in_time(tmp_path: Path) -> None:
    cancelled = asyncio.Event()

    async def stubborn(call: Call) -> None:
        try:
            while True:
                with suppress(CallEnded):
                    await call.ask(None)
                await asyncio.sleep(0.01)
        finally:
            cancelled.set()

    config = Config.load(None, {**BENCH, "rtp": own_rtp(), "records": {"dir": tmp_path}, "calls": {"cleanup_s": 0.3}})
    node = LocalBot(config, stubborn)
    await node.start()
    try:
        caller = await dial(node)
        await asyncio.sleep(0.1)
        caller.close()
        await record_of(node)
        await asyncio.wait_for(cancelled.wait(), 2)
    finally:
        await node.stop()
