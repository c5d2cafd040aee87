"""The supervisor, a real caller, and scripted workers."""

import asyncio
import errno
import socket
from dataclasses import replace
from time import monotonic

import pytest

from offhook.observe.health import Readiness
from offhook.process import worker_handle
from offhook.process.channel import channel_pair
from offhook.process.messages import (
    Begin,
    Claim,
    Claimed,
    Exited,
    Failed,
    Over,
    Report,
    Stream,
    Welcome,
    Written,
)
from offhook.process.supervisor import Supervisor
from offhook.records import CallClock, CallRecord
from offhook.sip.commands import Bye, Cancel, CommandFailed, Ring
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallRejected,
    IncomingCall,
)
from offhook.sip.sdp.negotiate import LocalMedia, make_offer
from offhook.usererror import Problem, UserError
from tests.offhook.process.scripted import HOST, ForkServer, Phone, Start, answer, forker, phone, start, until

__all__ = ["forker", "phone", "start"]


async def test_a_call_from_its_invite_to_its_end(start: Start, forker: ForkServer, phone: Phone) -> None:
    supervisor: Supervisor = await start()
    assert supervisor.status.ready().state is Readiness.READY
    assert (await forker.until(2)).reported[0] == Welcome(supervisor.sip_address)
    await phone.call(supervisor)
    worker = forker.workers[0]
    invite = await worker.until(IncomingCall)
    worker.channel.send(answer(invite))
    assert isinstance(await phone.event(), CallAnswered)
    assert (await worker.until(CallConfirmed)).call == invite.call
    assert supervisor.status.ready().details["calls"] == 1
    worker.channel.send(Bye(invite.call))
    assert isinstance(await phone.event(), CallEnded)
    await worker.until(CallEnded)
    worker.channel.send(Over(invite.call))
    assert await supervisor.drain(5)
    assert supervisor.status.ready().details["calls"] == 0


async def test_calls_go_to_the_worker_with_the_fewest(start: Start, forker: ForkServer, phone: Phone) -> None:
    supervisor = await start(3)
    for _ in range(6):
        await phone.call(supervisor)
    for worker in forker.workers:
        await worker.until(IncomingCall, 2)


async def test_a_call_that_a_dying_worker_has_not_answered_goes_to_another_one(
    start: Start, forker: ForkServer, phone: Phone
) -> None:
    supervisor = await start()
    await phone.call(supervisor)
    first = await forker.workers[0].until(IncomingCall)
    forker.workers[0].channel.close()
    second = await forker.workers[1].until(IncomingCall)
    assert second == replace(first, uniqueid=second.uniqueid)
    assert len({first.uniqueid, second.uniqueid, ""}) == 3, "each has a record of its own"
    forker.workers[1].channel.send(answer(second))
    assert isinstance(await phone.event(), CallAnswered)


async def test_an_answer_that_was_written_down_and_not_sent_is_none(
    start: Start, forker: ForkServer, phone: Phone
) -> None:
    supervisor = await start()
    await phone.call(supervisor)
    worker = forker.workers[0]
    invite = await worker.until(IncomingCall)
    clock = CallClock.started(monotonic())
    begun = CallRecord.begun(clock, src="a", dst="b", call_id=invite.call_id, uniqueid=invite.uniqueid)
    answered = begun.answered(clock, monotonic())
    worker.channel.send(Begin(1, answered))
    worker.channel.send(Begin(2, replace(answered, uniqueid="of the same Call-ID")))
    await worker.until(Written, 2)
    worker.channel.close()
    await forker.workers[1].until(IncomingCall)
    store = supervisor.status.store
    assert store is not None
    await asyncio.to_thread(store.flush)
    lost, other = store.call(invite.uniqueid), store.call("of the same Call-ID")
    assert lost is not None and (lost.answer, lost.disposition) == (None, "FAILED")
    assert other is not None and (other.answer, other.disposition) == (answered.answer, "ANSWERED")


async def test_a_call_that_a_dying_worker_has_answered_is_hung_up(
    start: Start, forker: ForkServer, phone: Phone
) -> None:
    supervisor = await start()
    await phone.call(supervisor)
    worker = forker.workers[0]
    worker.channel.send(answer(await worker.until(IncomingCall)))
    assert isinstance(await phone.event(), CallAnswered)
    await worker.until(CallConfirmed)
    worker.channel.close()
    forker.channel.send(Exited(0, 1_000_001, -9))
    assert isinstance(await phone.event(), CallEnded)
    assert (await forker.until(3)).index == 0
    assert "offhook_worker_restarts_total" in (await supervisor.status.metrics()).decode()
    assert supervisor.status.ready().details["calls"] == 0


async def test_commands_for_a_call_that_another_worker_has_are_not_executed(
    start: Start, forker: ForkServer, phone: Phone
) -> None:
    supervisor = await start()
    await phone.call(supervisor)
    invite = await forker.workers[0].until(IncomingCall)
    forker.workers[1].channel.send(Bye(invite.call))
    forker.workers[1].channel.send(Over(invite.call))
    forker.workers[0].channel.send(answer(invite))
    assert isinstance(await phone.event(), CallAnswered)
    await forker.workers[0].until(CallConfirmed)


@pytest.mark.parametrize("sdp", [None, make_offer(LocalMedia(HOST, 41_000, 1, 1))])
async def test_early_media_ties_a_call_to_its_worker(
    start: Start, forker: ForkServer, phone: Phone, sdp: bytes | None
) -> None:
    """One that only rings is another worker's when its own is lost; one that has heard where our media is, is not."""
    supervisor = await start()
    await phone.call(supervisor)
    invite = await forker.workers[0].until(IncomingCall)
    forker.workers[0].channel.send(Ring(invite.call, 183, sdp))
    assert isinstance(await phone.event(), CallProgress)
    forker.workers[0].channel.close()
    if sdp is None:
        assert (await forker.workers[1].until(IncomingCall)).call == invite.call
    else:
        rejected = await phone.event()
        assert isinstance(rejected, CallRejected) and rejected.status == 503


async def test_a_caller_who_gives_up(start: Start, forker: ForkServer, phone: Phone) -> None:
    supervisor = await start(1)
    handle = await phone.call(supervisor)
    invite = await forker.workers[0].until(IncomingCall)
    assert phone.endpoint is not None
    phone.endpoint.do(Cancel(handle))
    assert await phone.event() == CallRejected(handle, 487, "Request Terminated")
    await forker.workers[0].until(CallCancelled)
    crossed = answer(invite)
    forker.workers[0].channel.send(crossed)
    failed = await forker.workers[0].until(CommandFailed)
    assert failed.command == crossed and "no call" in failed.why
    forker.workers[0].channel.send(Over(invite.call))
    assert await supervisor.drain(5)


async def test_more_calls_than_allowed_are_busy(start: Start, forker: ForkServer, phone: Phone) -> None:
    supervisor = await start(1, max_calls=1)
    await phone.call(supervisor)
    await forker.workers[0].until(IncomingCall)
    assert supervisor.status.ready().state is Readiness.FULL
    await phone.call(supervisor)
    event = await phone.event()
    assert isinstance(event, CallRejected) and event.status == 486
    assert supervisor.streams.stream_refusal() is not None


async def test_without_room_calls_are_refused_for_a_while(start: Start, forker: ForkServer, phone: Phone) -> None:
    supervisor = await start(1)
    forker.workers[0].channel.send(Report(0, 0.0, 0.0, 0.0, 0, room=0, ports=100))
    await phone.call(supervisor)
    event = await phone.event()
    assert isinstance(event, CallRejected) and event.status == 503
    numbers = await supervisor.status.metrics()
    assert b'outcome="rejected",transport="udp"} 1.0' in numbers
    assert b'offhook_calls_refused_total{reason="resources"} 1.0' in numbers
    assert not [message for message in forker.workers[0].reported if isinstance(message, IncomingCall)]
    assert (await supervisor.status.status())["sip"]["transactions"] == []


async def test_what_a_dead_worker_has_counted_is_not_lost(start: Start, forker: ForkServer) -> None:
    supervisor = await start()
    for worker in forker.workers:
        worker.metrics.asr_failure()
        worker.metrics.call_started()
    assert b"offhook_asr_failures_total 2.0" in await supervisor.status.metrics()
    forker.workers[0].channel.close()
    await forker.until(3)
    text = await supervisor.status.metrics()
    assert b"offhook_asr_failures_total 2.0" in text
    assert b"offhook_calls_active 1.0" in text


async def test_a_socket_is_handed_over(start: Start, forker: ForkServer) -> None:
    supervisor = await start(1)
    ours, its = socket.socketpair()
    with ours:
        assert supervisor.streams.stream_refusal() is None
        assert supervisor.streams.take_stream(its, b"GET /", {"call_sid": "CA1"})
        stream = await forker.workers[0].until(Stream)
        assert (stream.initial, stream.meta) == (b"GET /", {"call_sid": "CA1"})
        assert supervisor.status.ready().details["calls"] == 1
        # The test's worker and the supervisor have both closed their copies.
        assert ours.recv(1) == b""
        forker.workers[0].channel.send(Over(stream.call))
        assert await supervisor.drain(5)
        assert not supervisor.streams.take_stream(ours.dup(), b"", {})


async def test_a_call_s_name_is_one_worker_s(start: Start, forker: ForkServer) -> None:
    supervisor: Supervisor = await start(2)
    streams = []
    for worker in forker.workers:
        ours, its = socket.socketpair()
        with ours:
            assert supervisor.streams.take_stream(its, b"GET /", {})
        streams.append(await worker.until(Stream))
    (first, one), (second, two) = zip(streams, forker.workers, strict=True)
    for stream, worker, granted in ((first, one, True), (second, two, False), (first, one, True)):
        worker.reported.clear()
        worker.channel.send(Claim(stream.call, "CA1"))
        assert await worker.until(Claimed) == Claimed(stream.call, granted)
    one.channel.send(Over(first.call))
    await supervisor.status.metrics()  # every worker replies after its earlier messages
    two.reported.clear()
    two.channel.send(Claim(second.call, "CA1"))
    assert await two.until(Claimed) == Claimed(second.call, True)


async def test_a_stream_needs_no_ports(start: Start, forker: ForkServer, phone: Phone) -> None:
    supervisor: Supervisor = await start(1)
    forker.workers[0].channel.send(Report(0, 0.0, 0.0, 0.0, 0, room=10, ports=0))
    await phone.call(supervisor)
    event = await phone.event()
    assert isinstance(event, CallRejected) and event.status == 503
    assert supervisor.streams.stream_refusal() is None
    ours, its = socket.socketpair()
    with ours:
        assert supervisor.streams.take_stream(its, b"GET /", {})


async def test_workers_that_cannot_start(start: Start, forker: ForkServer) -> None:
    forker.first = Failed(problems=(Problem("no voice", "it is not there", "pip install it"),))
    starting = asyncio.create_task(start(1))
    (await forker.until(1)).channel.close()
    with pytest.raises(UserError, match="no voice"):
        await asyncio.wait_for(starting, 5)
    assert len(forker.workers) == 1


async def test_a_worker_that_cannot_be_made_now_is_made_later(
    start: Start, forker: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = await start(1)
    refused = 2

    def exhausted() -> tuple[socket.socket, socket.socket]:
        nonlocal refused
        if refused:
            refused -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return channel_pair()

    monkeypatch.setattr(worker_handle, "channel_pair", exhausted)
    forker.workers[0].channel.close()
    await forker.until(2)
    assert not refused
    await until(lambda: supervisor.status.ready().state is Readiness.READY)


async def test_health_says_no_when_a_missing_worker_stays_missing(start: Start, forker: ForkServer) -> None:
    supervisor = await start(2)
    forker.channel.close()
    await asyncio.sleep(0)
    assert supervisor.status.health().alive, "nothing is missing yet"
    forker.workers[0].channel.close()
    await until(lambda: not supervisor.status.health().alive)
    assert "1 of 2 workers are left" in supervisor.status.health().why
    assert supervisor.status.ready().state is Readiness.READY, "the other one takes calls"


async def test_the_status_has_what_each_worker_says_of_itself(start: Start, forker: ForkServer) -> None:
    supervisor = await start(2)
    forker.workers[1].mute = True
    status = await supervisor.status.status()
    first, second = status["workers"]
    assert first["host"] == {"calls": []} and first["load"]["room"] == 100
    assert second["host"] is None and second["state"] == "ready"
    assert (status["state"], status["calls"], status["workers_ready"]) == ("ready", 0, 2)


async def test_a_call_by_a_trunk_is_marked_and_counted(start: Start, forker: ForkServer, phone: Phone) -> None:
    trunks = {"office": {"host": HOST, "calls_at_once": 1}}
    supervisor: Supervisor = await start(1, trunks=trunks)
    await phone.call(supervisor)
    invite = await forker.workers[0].until(IncomingCall)
    assert invite.trunk == "office"
    await phone.call(supervisor)
    refused = await phone.event()
    assert isinstance(refused, CallRejected)
    assert refused.status == 486
    forker.workers[0].channel.send(Over(invite.call))
    await until(lambda: supervisor.calls == 0)
    await phone.call(supervisor)
    await forker.workers[0].until(IncomingCall, 2)
