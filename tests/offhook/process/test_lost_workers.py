"""What becomes of calls whose worker is lost in the middle of something."""

import asyncio
from dataclasses import replace

import pytest

from offhook.carriers.place_call import LegRefused, LegWanted, PlaceCall
from offhook.process import channel
from offhook.process.channel import MAX_MESSAGE_BYTES, encode
from offhook.process.messages import Watch
from offhook.process.supervisor import Supervisor
from offhook.process.worker_handle import WorkerHandle, WorkerState
from offhook.sip.commands import Invite
from offhook.sip.events import CallAnswered, CallCancelled, CallConfirmed, CallEnded, CallRejected, IncomingCall
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.negotiate import LocalMedia, make_offer
from tests.offhook.process.scripted import HOST, ForkServer, Phone, Start, answer, forker, phone, start, until

__all__ = ["forker", "phone", "start"]

LEG = LegWanted("leg", "sip:desk@127.0.0.1:9", "pbx", HOST)
TRUNKS = {"pbx": {"host": HOST, "port": 9, "calls_at_once": 1}}
TRANSFER = {"allow": [f"*@{HOST}"]}


def loses_the_next_message(supervisor: Supervisor, forker: ForkServer, monkeypatch: pytest.MonkeyPatch) -> WorkerHandle:
    """The first worker reads nothing any more, and whatever is sent to it next is one message too many."""
    theirs = forker.workers[0].channel
    asyncio.get_running_loop().remove_reader(theirs._sock.fileno())
    handle = next(iter(supervisor._workers))
    while not handle._channel._unsent:
        handle.send(Watch(frozenset({"x" * 10_000})))
    monkeypatch.setattr(channel, "MAX_QUEUED", 0)
    return handle


async def test_a_leg_that_is_given_to_a_worker_just_lost(
    start: Start, forker: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor: Supervisor = await start(1, trunks=TRUNKS, transfer=TRANSFER)
    worker = loses_the_next_message(supervisor, forker, monkeypatch)
    forker.workers[0].channel.send(LEG)
    await until(lambda: worker.state is WorkerState.GONE)
    await until(lambda: not supervisor.calls_out._looked_up)
    assert "leg" not in supervisor.calls_out
    assert supervisor._trunks.sources.calls("pbx") == 0
    assert supervisor.calls == 0


async def test_a_leg_that_is_too_long_for_a_message(start: Start, forker: ForkServer) -> None:
    supervisor: Supervisor = await start(1, trunks=TRUNKS, transfer=TRANSFER)
    worker = forker.workers[0]
    # `PlaceCall` says more than it.
    room = MAX_MESSAGE_BYTES - len(encode(LEG)) - 50
    worker.channel.send(replace(LEG, headers=(("X-Order", "x" * room),)))
    refused = await worker.until(LegRefused)
    assert refused.call == "leg"
    assert "cannot be placed" in refused.why
    assert supervisor._trunks.sources.calls("pbx") == 0
    # Another one goes.
    worker.channel.send(replace(LEG, call="next"))
    assert (await worker.until(PlaceCall)).call == "next"


async def test_the_phone_that_a_lost_worker_had_ring_is_told_why(
    start: Start, forker: ForkServer, phone: Phone
) -> None:
    events: asyncio.Queue[object] = asyncio.Queue()
    agent = await Endpoint.open(HOST, 0, events.put_nowait)
    await start(1, transfer=TRANSFER)
    worker = forker.workers[0]
    worker.channel.send(replace(LEG, to=f"sip:desk@{agent.address}", trunk=""))
    place = await worker.until(PlaceCall)
    worker.channel.send(replace(place.invite, sdp=make_offer(LocalMedia(HOST, 41_000, 1, 1))))
    assert isinstance(await asyncio.wait_for(events.get(), 5), IncomingCall)
    worker.channel.close()
    cancelled = await asyncio.wait_for(events.get(), 5)
    assert isinstance(cancelled, CallCancelled)
    assert [(each.protocol, each.cause) for each in cancelled.reasons] == [("Q.850", 41)]
    agent.close()


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_an_invite_with_replaces_whose_worker_goes_away(
    start: Start, forker: ForkServer, phone: Phone, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    supervisor: Supervisor = await start(1)
    first = await phone.call(supervisor)
    worker = forker.workers[0]
    worker.channel.send(answer(await worker.until(IncomingCall)))
    assert isinstance(await phone.event(), CallAnswered)
    await worker.until(CallConfirmed)
    assert phone.endpoint is not None
    call_id, ours, theirs = next(iter(phone.endpoint.ua._core.dialogs))
    value = f"{call_id};to-tag={theirs};from-tag={ours}"
    if lost == "before":
        loses_the_next_message(supervisor, forker, monkeypatch)
    offer, at = make_offer(LocalMedia(HOST, 40_002, 1, 1)), supervisor.sip_address
    second = phone.endpoint.do(Invite(f"sip:bot@{at}", offer, destination=at, headers=(("Replaces", value),)))
    if lost == "after":
        await worker.until(IncomingCall, 2)
        worker.channel.close()
    ends = [await phone.event(), await phone.event()]
    ended, refused = sorted(ends, key=lambda each: isinstance(each, CallRejected))
    assert isinstance(ended, CallEnded) and ended.call == first
    assert isinstance(refused, CallRejected) and (refused.call, refused.status) == (second, 503)
    await until(lambda: supervisor.calls == 0)


async def test_a_stalled_worker_that_is_lost_by_being_told(
    start: Start, forker: ForkServer, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor: Supervisor = await start(1)
    calls = {await phone.call(supervisor), await phone.call(supervisor)}
    await forker.workers[0].until(IncomingCall, 2)
    supervisor.on_silent(loses_the_next_message(supervisor, forker, monkeypatch))
    refused = [await phone.event(), await phone.event()]
    assert all(isinstance(each, CallRejected) and each.status == 503 for each in refused)
    assert {each.call for each in refused if isinstance(each, CallRejected)} == calls
    assert supervisor.calls == 0
