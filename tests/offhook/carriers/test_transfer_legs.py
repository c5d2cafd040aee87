"""The call to an agent is a call out like any other: password, caller id, limits, redirection, servers, early media."""

import asyncio
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.calls.registry import Calls
from offhook.carriers.place_call import LegWanted, PlaceCall
from offhook.carriers.sip_carrier import SipCarrier
from offhook.carriers.sip_leg import AgentLeg
from offhook.carriers.sip_resources import SipResources
from offhook.records import CallRecord
from offhook.sip.commands import Invite, Reject, Ring
from offhook.sip.events import CallCancelled, CallConfirmed, Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Target, Transport
from offhook.transfer.outcome import TransferError, TransferFailure
from tests.offhook.carriers.parties import HOST, Party
from tests.offhook.carriers.test_sip_media import Bench, bench
from tests.offhook.carriers.test_sip_transfer import AGENT_HZ, CALLER_HZ, Scene, failed, scene

__all__ = ["bench", "scene"]


async def begin(scene: Scene, tmp_path: Path, *, trunk: dict[str, object]) -> None:
    """A bot whose agent, 200, is at a trunk, and is bridged."""

    async def dialog(call: Call) -> None:
        try:
            scene.results.put_nowait(await call.transfer("200", mode="bridge", ring_s=5))
        except TransferError as error:
            scene.results.put_nowait(error)

    trunks: dict[str, object] = {"pbx": {"host": HOST, "port": scene.agent.address.port, **trunk}}
    await scene.begin(tmp_path, dialog, trunks=trunks, allow=["2*"])


async def leg_record(scene: Scene) -> CallRecord:
    assert scene.bot is not None
    await asyncio.wait_for(scene.bot.idle(), 5)
    await asyncio.to_thread(scene.bot.store.flush)
    return next(each for each in await asyncio.to_thread(scene.bot.store.calls) if each.direction == "outbound")


def refuses_first(agent: Party, status: int, *headers: tuple[str, str]) -> None:
    """Refuse the first call, and answer the next one."""
    agent.answers = None

    def on_event(event: Event) -> None:
        if isinstance(event, IncomingCall) and event.sdp is not None:
            if len(agent.of(IncomingCall)) == 1:
                agent.do(Reject(event.call, status, headers))
            else:
                agent.answer(event.call, event.sdp)

    agent.on_event = on_event


def rings_with_media(agent: Party) -> None:
    """The agent's network is heard, and nobody answers."""
    agent.answers = None

    def on_event(event: Event) -> None:
        if isinstance(event, IncomingCall) and event.sdp is not None:
            agent.do(Ring(event.call, 183, agent.early(event.call, event.sdp)))

    agent.on_event = on_event


async def test_the_trunks_password_and_caller_id(scene: Scene, tmp_path: Path) -> None:
    refuses_first(scene.agent, 407, ("Proxy-Authenticate", 'Digest realm="pbx", nonce="1", algorithm=MD5, qop="auth"'))
    trunk: dict[str, object] = {
        "user": "bot",
        "password": "secret",
        "caller_id": "+15550001111",
        "caller_id_header": "p-asserted-identity",
    }
    await begin(scene, tmp_path, trunk=trunk)
    first, second = await scene.agent.next(IncomingCall), await scene.agent.next(IncomingCall, 2)
    assert first.headers.get("Proxy-Authorization") is None
    assert 'username="bot"' in (second.headers.get("Proxy-Authorization") or "")
    assert second.from_uri == f"sip:bot@{HOST}"
    assert second.headers.get("P-Asserted-Identity") == f"<sip:+15550001111@{HOST}>"
    await scene.agent.hears(CALLER_HZ)


async def test_its_record_names_the_callers(scene: Scene, tmp_path: Path) -> None:
    await begin(scene, tmp_path, trunk={})
    await scene.agent.hears(CALLER_HZ)
    scene.caller.hang_up(scene.handle)
    leg = await leg_record(scene)
    assert scene.bot is not None
    (caller,) = [each for each in await asyncio.to_thread(scene.bot.store.calls) if each.direction == "inbound"]
    assert (leg.part_of, caller.part_of) == (caller.uniqueid, None)


async def test_numbers_are_written_as_the_trunk_wants_them(scene: Scene, tmp_path: Path) -> None:
    async def dialog(call: Call) -> None:
        await call.transfer("+15557654321", mode="bridge")

    trunks: dict[str, object] = {
        "pbx": {"host": HOST, "port": scene.agent.address.port, "number_format": "national", "country_code": "1"}
    }
    await scene.begin(tmp_path, dialog, trunks=trunks, allow=["+1555*"])
    assert (await scene.agent.next(IncomingCall)).request_uri == f"sip:05557654321@{scene.agent.address}"


async def test_it_counts_towards_the_trunks_calls(scene: Scene, tmp_path: Path) -> None:
    await begin(scene, tmp_path, trunk={"calls_at_once": 1})
    result = await scene.result()
    assert failed(result) is TransferFailure.UNREACHABLE
    assert "all 1 calls" in str(result)
    assert not scene.agent.of(IncomingCall)


@pytest.mark.parametrize(("contact", "followed"), [("201", True), ("+19005550000", False)])
async def test_a_redirection_goes_where_transfers_may(
    scene: Scene, tmp_path: Path, contact: str, followed: bool
) -> None:
    refuses_first(scene.agent, 302, ("Contact", f"<sip:{contact}@elsewhere.example>"))
    # What others may call by this trunk does not count here.
    await begin(scene, tmp_path, trunk={"allowed_numbers": ["+1900*"]})
    if followed:
        assert (await scene.agent.next(IncomingCall, 2)).request_uri == f"sip:201@{scene.agent.address}"
        await scene.agent.hears(CALLER_HZ)
    else:
        assert failed(await scene.result()) is TransferFailure.UNREACHABLE
        assert len(scene.agent.of(IncomingCall)) == 1


async def test_an_overloaded_trunk_is_asked_again(scene: Scene, tmp_path: Path) -> None:
    refuses_first(scene.agent, 503, ("Retry-After", "1"))
    await begin(scene, tmp_path, trunk={})
    await scene.agent.hears(CALLER_HZ)


async def test_the_record_has_what_became_of_it(scene: Scene, tmp_path: Path) -> None:
    scene.agent.answers = None
    scene.agent.on_event = lambda event: (
        scene.agent.do(Reject(event.call, 486)) if isinstance(event, IncomingCall) else None
    )
    await begin(scene, tmp_path, trunk={})
    assert failed(await scene.result()) is TransferFailure.BUSY
    record = await leg_record(scene)
    assert (record.dst, record.trunk, record.outcome, record.sip_status) == ("200", "pbx", "busy", 486)


async def test_ringing_that_ends_is_no_answer(scene: Scene, tmp_path: Path) -> None:
    scene.agent.answers = None
    await scene.begin(tmp_path, scene.transfers(mode="bridge", ring_s=1))
    assert failed(await scene.result()) is TransferFailure.NO_ANSWER
    cancelled = await scene.agent.next(CallCancelled)
    assert [(each.protocol, each.cause) for each in cancelled.reasons] == [("Q.850", 19)]
    scene.caller.hang_up(scene.handle)
    assert (await leg_record(scene)).outcome == "no_answer"


async def test_the_caller_hears_early_media(scene: Scene, tmp_path: Path) -> None:
    """The agent's network says something before it answers: in place of our ringing tone."""
    agent, rung = scene.agent, list[str]()
    rings_with_media(agent)
    await scene.begin(tmp_path, scene.transfers(mode="bridge", on_ringing=rung.append))
    await scene.caller.hears(AGENT_HZ)
    assert not agent.of(CallConfirmed)
    assert rung == ["desk"]
    scene.caller.hang_up(scene.handle)
    await agent.next(CallCancelled)


async def test_the_caller_hears_ringing_again_where_early_media_ends(scene: Scene, tmp_path: Path) -> None:
    agent = scene.agent
    rings_with_media(agent)
    await scene.begin(tmp_path, scene.transfers(mode="bridge"), ringing_tone="europe")
    await scene.caller.hears(AGENT_HZ)
    leg = agent.of(IncomingCall)[0].call
    agent.quiet(leg).close()
    agent.do(Ring(leg, 181))
    await scene.caller.hears(425.0)
    scene.caller.hang_up(scene.handle)
    await agent.next(CallCancelled)


async def test_early_media_that_goes_on_after_181_is_heard(scene: Scene, tmp_path: Path) -> None:
    """Networks that forward a call go on with its media."""
    agent, rung = scene.agent, list[str]()
    rings_with_media(agent)
    await scene.begin(tmp_path, scene.transfers(mode="bridge", on_ringing=rung.append))
    await scene.caller.hears(AGENT_HZ)
    scene.caller.heard.clear()
    agent.do(Ring(agent.of(IncomingCall)[0].call))
    agent.do(Ring(agent.of(IncomingCall)[0].call, 181))
    await scene.caller.when(lambda: len(scene.caller.heard) > 8_000)
    await scene.caller.hears(AGENT_HZ)
    assert rung == ["desk"]  # once
    scene.caller.hang_up(scene.handle)
    await agent.next(CallCancelled)


class Owner:
    def __init__(self) -> None:
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def agent_rings(self) -> None:
        raise AssertionError

    def agent_has_early_media(self) -> None:
        raise AssertionError

    def agent_forwarded(self) -> None:
        raise AssertionError

    def agent_answered(self) -> None:
        raise AssertionError

    def agent_failed(self, status: int, why: str) -> None:
        self.failed.set_result(why)

    def agent_gone(self) -> None:
        raise AssertionError

    def agent_decided(self, agrees: bool, why: str) -> None:
        raise AssertionError


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
async def test_an_agent_is_not_called_in_the_clear_where_encryption_is_required(
    bench: Bench, transport: Transport
) -> None:
    config = bench.services.config
    bench.services.config = config.model_copy(update={"rtp": config.rtp.model_copy(update={"srtp": "required"})})
    resources = SipResources(bench.do, Address(HOST, 5060), bench.ports, bench.clock)
    carrier, owner = SipCarrier(bench.services, Calls(), resources), Owner()
    leg = AgentLeg(bench.services, bench.do, carrier.place, owner, carrier.over)
    carrier.add(leg)
    leg.invite(LegWanted("", "sip:desk@127.0.0.1:9", "", HOST))
    (wanted,) = bench.commands
    assert isinstance(wanted, LegWanted)
    at = Target(transport, Address(HOST, 9))
    invite = Invite(wanted.to, b"", destination=at, transport=transport, call=wanted.call)
    carrier.on_event(PlaceCall(invite, "bot", wanted.to, is_leg=True))
    assert "can be read over" in await asyncio.wait_for(owner.failed, 8)
    assert bench.commands == [wanted]


async def test_a_leg_that_was_given_up_is_not_placed(bench: Bench) -> None:
    """The answer to its wish may have crossed that."""
    resources = SipResources(bench.do, Address(HOST, 5060), bench.ports, bench.clock)
    carrier, owner = SipCarrier(bench.services, Calls(), resources), Owner()
    leg = AgentLeg(bench.services, bench.do, carrier.place, owner, carrier.over)
    carrier.add(leg)
    leg.invite(LegWanted("", "sip:desk@127.0.0.1:9", "", HOST))
    leg.release()
    invite = Invite("sip:desk@127.0.0.1:9", b"", destination=Target(Transport.UDP, Address(HOST, 9)), call=leg.handle)
    carrier.on_event(PlaceCall(invite, "bot", "sip:desk@127.0.0.1:9", is_leg=True))
    assert len(bench.commands) == 1
    assert carrier.dump()["calls"] == 0
