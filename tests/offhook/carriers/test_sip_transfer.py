"""Transfers over real SIP and RTP: who hears whom, and that nobody's phone rings on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.sip.commands import Reject
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallRejected,
    Event,
    IncomingCall,
    ReinviteAnswered,
)
from offhook.sip.events import CallEnded as LegEnded
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferReceived, ReferRefused
from offhook.transfer.outcome import TransferError, TransferFailure, Transferred
from tests.offhook.bots import LIGHT_ENGINES, record_of
from tests.offhook.carriers.parties import HOST, Party
from tests.offhook.records.pcapfile import read
from tests.ports import own_rtp

CALLER_HZ, AGENT_HZ = 700.0, 1_300.0

Talk = Callable[[Call], Awaitable[None]]


class Scene:
    """A caller, an agent and a bot; `result` is what the dialog's transfer came to."""

    def __init__(self, caller: Party, agent: Party) -> None:
        self.caller = caller
        self.agent = agent
        self.bot: LocalBot | None = None
        self.results: asyncio.Queue[object] = asyncio.Queue()
        self.handle = ""

    async def result(self) -> object:
        return await asyncio.wait_for(self.results.get(), 10)

    async def begin(
        self,
        tmp_path: Path,
        dialog: Talk,
        trunks: dict[str, object] | None = None,
        records: dict[str, object] | None = None,
        **transfer: object,
    ) -> None:
        settings: dict[str, dict[str, object]] = {
            "sip": {"host": HOST, "port": 0},
            "http": {"enabled": False},
            "rtp": own_rtp(),
            "records": {"dir": tmp_path, **(records or {})},
            **LIGHT_ENGINES,
            "transfer": {"targets": {"desk": f"sip:desk@{self.agent.address}"}, **transfer},
        }
        if trunks is not None:
            settings |= {"trunks": trunks}
            settings["transfer"] = {"allow": [f"*@{HOST}"], **settings["transfer"]}
        self.bot = LocalBot(Config.load(None, settings), dialog)
        await self.bot.start()
        self.handle = self.caller.call(f"sip:bot@{self.bot.sip_address}")
        await self.caller.next(CallAnswered)

    def transfers(self, **options: object) -> Talk:
        return self.transfers_to("desk", **options)

    def transfers_to(self, target: str | list[str], **options: object) -> Talk:
        async def dialog(call: Call) -> None:
            try:
                self.results.put_nowait(await call.transfer(target, **options))  # type: ignore[arg-type]
            except (TransferError, CallEnded) as error:
                self.results.put_nowait(error)
                if isinstance(error, CallEnded):
                    raise
            if not call.hung_up:
                await call.say("Here I am again.")
                await asyncio.sleep(30)

        return dialog


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene(Party(CALLER_HZ), Party(AGENT_HZ))
    await scene.caller.open()
    await scene.agent.open()
    yield scene
    if scene.bot is not None:
        await scene.bot.stop()
    await scene.caller.close()
    await scene.agent.close()


def failed(result: object) -> TransferFailure:
    assert isinstance(result, TransferError), result
    return result.reason


async def test_a_refer_that_succeeds_ends_the_bots_call(scene: Scene, tmp_path: Path) -> None:
    def on_event(event: Event) -> None:
        if isinstance(event, ReferReceived):
            scene.caller.do(AcceptRefer(event.call))
            scene.caller.do(NotifyRefer(event.call, 200))

    scene.caller.on_event = on_event
    await scene.begin(tmp_path, scene.transfers(user_to_user="41;encoding=hex"))
    asked = await scene.caller.next(ReferReceived)
    assert asked.target.uri == f"sip:desk@{scene.agent.address}"
    assert asked.target.get("User-to-User") == "41;encoding=hex"
    assert await scene.result() == Transferred("desk", "refer")
    await scene.caller.next(LegEnded)
    assert scene.bot is not None
    record = await record_of(scene.bot)
    assert (str(record.ended_by), record.end_reason) == ("bot", "transferred to desk")


async def test_a_busy_agent_brings_the_caller_back_to_the_bot(scene: Scene, tmp_path: Path) -> None:
    def on_event(event: Event) -> None:
        if isinstance(event, ReferReceived):
            scene.caller.do(AcceptRefer(event.call))
            scene.caller.do(NotifyRefer(event.call, 486, "Busy Here"))

    scene.caller.on_event = on_event
    await scene.begin(tmp_path, scene.transfers())
    assert failed(await scene.result()) is TransferFailure.BUSY
    assert not scene.caller.of(LegEnded)


async def test_where_refer_is_refused_both_are_bridged(scene: Scene, tmp_path: Path) -> None:
    def on_event(event: Event) -> None:
        if isinstance(event, ReferReceived):
            scene.caller.do(RejectRefer(event.call, 403))

    scene.caller.on_event = on_event
    await scene.begin(tmp_path, scene.transfers())
    leg = await scene.agent.next(IncomingCall)
    await scene.caller.hears(AGENT_HZ)
    await scene.agent.hears(CALLER_HZ)
    # Keys pass, either way.
    scene.caller.quiet(scene.handle).send_dtmf("42#")
    await scene.agent.when(lambda: scene.agent.keys == "42#")
    scene.agent.quiet(leg.call).send_dtmf("7")
    await scene.caller.when(lambda: scene.caller.keys == "7")
    # The agent hangs up: the caller is back.
    scene.agent.hang_up(leg.call)
    assert await scene.result() == Transferred("desk", "bridge", returned=True)
    assert not scene.caller.of(LegEnded)


async def test_a_caller_who_hangs_up_takes_the_agent_along(scene: Scene, tmp_path: Path) -> None:
    await scene.begin(tmp_path, scene.transfers(mode="bridge"))
    await scene.agent.hears(CALLER_HZ)
    scene.caller.hang_up(scene.handle)
    await scene.agent.next(LegEnded)
    assert isinstance(await scene.result(), CallEnded)


async def test_a_caller_who_hangs_up_stops_the_ringing(scene: Scene, tmp_path: Path) -> None:
    scene.agent.answers = None
    await scene.begin(tmp_path, scene.transfers(mode="bridge"))
    await scene.agent.next(IncomingCall)
    scene.caller.hang_up(scene.handle)
    await scene.agent.next(CallCancelled)
    assert isinstance(await scene.result(), CallEnded)
    assert scene.bot is not None
    await asyncio.wait_for(scene.bot.idle(), 5)


@pytest.mark.parametrize(
    ("status", "reason"), [(486, "busy"), (603, "declined"), (404, "unreachable"), (480, "no_answer")]
)
async def test_an_agent_who_does_not_answer(scene: Scene, tmp_path: Path, status: int, reason: str) -> None:
    scene.agent.answers = None
    scene.agent.on_event = lambda event: (
        scene.agent.do(Reject(event.call, status)) if isinstance(event, IncomingCall) else None
    )
    await scene.begin(tmp_path, scene.transfers(mode="bridge"))
    assert failed(await scene.result()) == reason


async def test_a_phone_that_rings_too_long(scene: Scene, tmp_path: Path) -> None:
    scene.agent.answers = None
    await scene.begin(tmp_path, scene.transfers(mode="bridge", ring_s=1))
    assert failed(await scene.result()) is TransferFailure.NO_ANSWER
    await scene.agent.next(CallCancelled)


async def test_a_key_brings_the_caller_back(scene: Scene, tmp_path: Path) -> None:
    await scene.begin(tmp_path, scene.transfers(mode="bridge", return_key="*"))
    leg = await scene.agent.next(IncomingCall)
    await scene.agent.hears(CALLER_HZ)
    scene.agent.quiet(leg.call).send_dtmf("*")
    assert await scene.result() == Transferred("desk", "bridge", returned=True)
    await scene.agent.next(LegEnded)
    assert not scene.caller.keys


async def test_an_agent_takes_the_call_by_key_and_is_bridged(scene: Scene, tmp_path: Path) -> None:
    scene.caller.on_event = lambda event: (
        scene.caller.do(RejectRefer(event.call, 405)) if isinstance(event, ReferReceived) else None
    )
    await scene.begin(tmp_path, scene.transfers(mode="attended", summary="A caller with a flat tyre."))
    leg = await scene.agent.next(IncomingCall)
    await scene.agent.next(CallConfirmed)
    scene.agent.quiet(leg.call).send_dtmf("1")
    await scene.caller.next(ReferReceived)
    await scene.agent.hears(CALLER_HZ)
    scene.caller.hang_up(scene.handle)
    await scene.agent.next(LegEnded)


async def test_an_agent_declines_by_key(scene: Scene, tmp_path: Path) -> None:
    await scene.begin(tmp_path, scene.transfers(mode="attended"))
    leg = await scene.agent.next(IncomingCall)
    await scene.agent.next(CallConfirmed)
    scene.agent.quiet(leg.call).send_dtmf("2")
    assert failed(await scene.result()) is TransferFailure.DECLINED
    await scene.agent.next(LegEnded)
    assert not scene.caller.of(LegEnded)


async def test_the_caller_takes_the_agents_leg_over(scene: Scene, tmp_path: Path) -> None:
    """RFC 5589 §7.1, with the agent's phone releasing the bot when it gets the INVITE with Replaces."""
    agent, caller = scene.agent, scene.caller

    def on_agent(event: Event) -> None:
        if isinstance(event, IncomingCall) and event.replaces:
            agent.hang_up(event.replaces)

    def on_caller(event: Event) -> None:
        match event:
            case ReferReceived(call=call, target=target):
                caller.do(AcceptRefer(call))
                caller.call(target.uri, *target.headers)
            case CallAnswered() if len(caller.of(CallAnswered)) == 2:
                caller.do(NotifyRefer(scene.handle, 200))

    agent.on_event, caller.on_event = on_agent, on_caller
    await scene.begin(tmp_path, scene.transfers(mode="attended"))
    leg = await agent.next(IncomingCall)
    await agent.next(CallConfirmed)
    agent.quiet(leg.call).send_dtmf("1")
    taken = await agent.next(IncomingCall, 2)
    assert taken.replaces == leg.call
    assert await scene.result() == Transferred("desk", "replaces")
    await caller.hears(AGENT_HZ)
    await agent.hears(CALLER_HZ)
    assert scene.bot is not None
    await asyncio.wait_for(scene.bot.idle(), 5)


@pytest.mark.parametrize("target", ["nobody", "+19005550199", "sip:evil@192.0.2.66"])
async def test_whom_the_settings_do_not_list_is_not_called(scene: Scene, tmp_path: Path, target: str) -> None:
    async def dialog(call: Call) -> None:
        with pytest.raises(TransferError) as caught:
            await call.transfer(target)
        scene.results.put_nowait(caught.value)

    await scene.begin(tmp_path, dialog, allow=["+1555*"])
    assert failed(await scene.result()) is TransferFailure.NOT_ALLOWED
    assert not scene.caller.of(ReferReceived)


TRUNK: dict[str, object] = {"pbx": {"host": HOST, "refer": "accept"}}


async def stays(call: Call) -> None:
    """A dialog that goes on whoever is there."""
    await call.say("Hello.")
    await asyncio.sleep(30)


async def test_another_phone_takes_the_call_over(scene: Scene, tmp_path: Path) -> None:
    """RFC 3891: the bot talks to the one, then to the other; the conversation is the same."""
    caller, other = scene.caller, scene.agent

    async def dialog(call: Call) -> None:
        scene.results.put_nowait((await call.ask("Which one?", digits=1, no_input_ms=20_000)).digits)

    await scene.begin(tmp_path, dialog, records={"capture": True})
    dialog_id = next(iter(caller.endpoint.ua._core.dialogs))
    # At the bot its own tag comes first.
    value = f"{dialog_id[0]};to-tag={dialog_id[2]};from-tag={dialog_id[1]}"
    assert scene.bot is not None
    taken = other.call(f"sip:bot@{scene.bot.sip_address}", ("Replaces", value), ("Require", "replaces"))
    await other.next(CallAnswered)
    await caller.next(LegEnded)
    other.quiet(taken).send_dtmf("5")
    assert await scene.result() == "5"
    await other.next(LegEnded)
    record = await record_of(scene.bot)
    assert record.end_reason == "bot hung up"
    # Its capture has both dialogs.
    await scene.bot.stop()
    packets = read((tmp_path / "captures" / f"{record.uniqueid}.pcap").read_bytes())
    invites = [one.source[1] for one in packets if one.payload.startswith(b"INVITE ")]
    assert invites == [caller.address.port, other.address.port]


async def test_a_stranger_takes_no_call_over(scene: Scene, tmp_path: Path) -> None:
    await scene.begin(tmp_path, stays)
    assert scene.bot is not None
    dialog_id = next(iter(scene.caller.endpoint.ua._core.dialogs))
    placement = scene.bot._placements[next(iter(scene.bot._placements))]
    placement.host = "192.0.2.7"  # as if the call had come from there
    value = f"{dialog_id[0]};to-tag={dialog_id[2]};from-tag={dialog_id[1]}"
    scene.agent.call(f"sip:bot@{scene.bot.sip_address}", ("Replaces", value))
    assert (await scene.agent.next(CallRejected)).status == 403
    assert not scene.caller.of(LegEnded)


async def test_why_a_trunk_that_is_bridged_is_not_asked_by_refer(scene: Scene, tmp_path: Path) -> None:
    trunks: dict[str, object] = {"pbx": {"host": HOST, "transfer": "bridge"}}
    await scene.begin(tmp_path, scene.transfers(mode="refer"), trunks=trunks)
    result = await scene.result()
    assert failed(result) is TransferFailure.NOT_POSSIBLE
    assert '`transfer = "bridge"` below `[trunks.pbx]`' in str(result)
    assert "Allow" not in str(result)
    assert not scene.caller.of(ReferReceived)


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_trunk_moves_the_bot_to_another_party(scene: Scene, tmp_path: Path, leaves: bool) -> None:
    caller, other = scene.caller, scene.agent
    await scene.begin(tmp_path, stays, trunks=TRUNK)
    headers = (("User-to-User", "41"), ("P-Asserted-Identity", "<sip:+19005550199@evil.example>"), ("Require", "x"))
    caller.do(Refer(scene.handle, f"sip:desk@{other.address}", target_headers=headers))
    await caller.next(ReferAccepted)
    if leaves:
        caller.hang_up(scene.handle)
    came = await other.next(IncomingCall)
    assert came.headers.get("User-to-User") == "41"
    assert came.headers.get("P-Asserted-Identity") is None and came.headers.get("Require") is None
    assert came.headers.get("Referred-By")
    await other.next(CallConfirmed)
    await caller.next(LegEnded)
    if not leaves:
        assert [each.status for each in caller.of(ReferProgress)][-1] == 200
    assert scene.bot is not None
    other.hang_up(came.call)
    record = await record_of(scene.bot)
    assert str(record.ended_by) == "caller"


async def test_who_holds_the_bot_before_moving_it_leaves_it_free(scene: Scene, tmp_path: Path) -> None:
    """As people do who ask the other party first."""
    caller, other = scene.caller, scene.agent

    async def dialog(call: Call) -> None:
        scene.results.put_nowait((await call.ask("Which one?", digits=1, no_input_ms=20_000)).digits)

    await scene.begin(tmp_path, dialog, trunks=TRUNK)
    caller.hold(scene.handle)
    await caller.next(ReinviteAnswered)
    caller.do(Refer(scene.handle, f"sip:desk@{other.address}"))
    came = await other.next(IncomingCall)
    await caller.next(LegEnded)
    other.quiet(came.call).send_dtmf("5")
    assert await scene.result() == "5"


async def test_a_trunk_moves_the_bot_to_a_number(scene: Scene, tmp_path: Path) -> None:
    trunk = {"host": HOST, "port": scene.agent.address.port, "refer": "accept"}
    await scene.begin(tmp_path, stays, trunks={"pbx": trunk}, allow=["+1555*"])
    scene.caller.do(Refer(scene.handle, "tel:+15557654321"))
    assert (await scene.agent.next(IncomingCall)).request_uri == f"sip:+15557654321@{scene.agent.address}"
    await scene.caller.next(LegEnded)


async def test_a_move_that_fails_leaves_the_caller_where_they_are(scene: Scene, tmp_path: Path) -> None:
    caller, other = scene.caller, scene.agent
    other.answers = None
    other.on_event = lambda event: other.do(Reject(event.call, 486)) if isinstance(event, IncomingCall) else None
    await scene.begin(tmp_path, stays, trunks=TRUNK)
    caller.do(Refer(scene.handle, f"sip:desk@{other.address}"))
    await caller.when(lambda: [each.status for each in caller.of(ReferProgress) if each.is_last] == [486])
    assert not caller.of(LegEnded)


@pytest.mark.parametrize(
    ("trunks", "target"),
    [
        (TRUNK, "sip:evil@192.0.2.66"),
        (TRUNK, f"sip:desk@{HOST};maddr=192.0.2.66"),
        ({"pbx": {"host": HOST}}, ""),
    ],
)
async def test_who_may_not_move_the_bot(scene: Scene, tmp_path: Path, trunks: dict[str, object], target: str) -> None:
    await scene.begin(tmp_path, stays, trunks=trunks)
    scene.caller.do(Refer(scene.handle, target or f"sip:desk@{scene.agent.address}"))
    assert (await scene.caller.next(ReferRefused)).status == 403
    assert not scene.agent.of(IncomingCall)


async def test_an_extension_is_called_at_the_trunk(scene: Scene, tmp_path: Path) -> None:
    trunks: dict[str, object] = {"pbx": {"host": HOST, "port": scene.agent.address.port, "user": "bot"}}

    async def dialog(call: Call) -> None:
        await call.transfer("200", mode="bridge")

    await scene.begin(tmp_path, dialog, trunks=trunks, allow=["2*"])
    came = await scene.agent.next(IncomingCall)
    assert came.request_uri == f"sip:200@{scene.agent.address}"
    assert came.from_uri == f"sip:bot@{HOST}"
    await scene.agent.hears(CALLER_HZ)
