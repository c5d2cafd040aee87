"""Calls out over SIP, by a bot in this process, to a user agent on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.api.flow_dialog import flow_dialog
from offhook.calls.outcome import OutcomeReason
from offhook.carriers.call_out import CallOut, ForbiddenError
from offhook.carriers.sip_outbound import place_sip_call
from offhook.process.trunks import Trunks
from offhook.records import CallRecord
from offhook.settings.answering import AnsweringConfig
from offhook.settings.config import Config
from offhook.settings.flow_file import parse_flow
from offhook.sip.commands import Bye
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Target, Transport
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES
from tests.offhook.carriers.callee import (
    HOST,
    CallCancelled,
    Callee,
    CallEnded,
    answers,
    callee,
    refuses,
    rings,
)
from tests.ports import own_rtp


@pytest.fixture
async def far() -> AsyncIterator[Callee]:
    async with callee() as one:
        yield one


def settings(directory: Path, far: Callee, **trunk: object) -> Config:
    return Config.load(
        None,
        {
            "sip": {"host": HOST, "port": 0},
            "rtp": own_rtp(),
            "records": {"dir": directory},
            **LIGHT_ENGINES,
            "trunks": {"provider": {"host": HOST, "port": far.address.port, **trunk}},
        },
    )


async def greets(call: Call) -> None:
    await call.say("Hello.")


async def place(config: Config, to: str = "+15551234567", **wanted: object) -> CallRecord:
    outcome = await asyncio.wait_for(place_sip_call(config, greets, CallOut(to, **wanted)), 20)  # type: ignore[arg-type]
    assert outcome.record is not None
    return outcome.record


async def test_a_call_is_answered_and_the_dialog_knows_it(tmp_path: Path, far: Callee) -> None:
    seen: list[Call] = []

    async def talk(call: Call) -> None:
        seen.append(call)
        await call.say("Hello.")

    wanted = CallOut("tel:+1-555-123-4567", variables={"name": "Ada"}, headers={"X-Order": "4711"})
    config = settings(tmp_path, far, user="bot", caller_id="+15550001111")
    outcome = await asyncio.wait_for(place_sip_call(config, talk, wanted), 20)
    assert (outcome.reason, outcome.answered) == ("answered", True)
    (invite,) = far.invites
    assert invite.request_uri == f"sip:+15551234567@{HOST}:{far.address.port}"
    assert invite.from_uri == f"sip:+15550001111@{HOST}"
    assert invite.headers.get("X-Order") == "4711"
    (call,) = seen
    assert (call.direction, call.called, call.trunk) == ("outbound", "+15551234567", "provider")
    assert dict(call.variables) == {"name": "Ada"}
    record = outcome.record
    assert record is not None
    assert (record.direction, record.trunk, record.outcome, record.sip_status) == (
        "outbound",
        "provider",
        "answered",
        200,
    )
    assert (record.call_id, record.uniqueid) == (invite.call_id, call.id)
    assert record.disposition == "ANSWERED"
    await far.until(CallEnded)


@pytest.mark.parametrize(
    ("status", "headers", "reason", "q850"),
    [
        (486, (), "busy", None),
        (480, (), "unavailable", None),
        (480, (("Reason", 'Q.850;cause=17;text="User busy"'),), "busy", 17),
        (603, (), "declined", None),
        (404, (), "not_found", None),
        (408, (), "no_answer", None),
        (403, (), "not_allowed", None),
        (488, (), "not_acceptable", None),
        (503, (("Retry-After", "3600"), ("Reason", "SIP;cause=503, Q.850 ; cause=34")), "congested", 34),
        (600, (), "busy", None),
    ],
)
async def test_what_the_far_end_says_is_told_apart(
    tmp_path: Path, far: Callee, status: int, headers: tuple[tuple[str, str], ...], reason: str, q850: int | None
) -> None:
    far.says = refuses(status, *headers)
    record = await place(settings(tmp_path, far))
    assert (record.outcome, record.sip_status, record.q850) == (reason, status, q850)
    assert record.answer is None
    assert len(far.invites) == 1


async def test_it_rings_for_so_long_and_no_longer(tmp_path: Path, far: Callee) -> None:
    far.says = rings
    record = await place(settings(tmp_path, far), ring_s=0.3)
    assert (record.outcome, record.disposition) == ("no_answer", "NO ANSWER")
    assert record.end_reason == "not answered within 0.3 s"
    assert 0.2 < (record.ring_s or 0) < 1.0
    cancelled = await far.until(CallCancelled)
    assert isinstance(cancelled, CallCancelled)
    assert [str(reason) for reason in cancelled.reasons] == ['Q.850;cause=19;text="not answered within 0.3 s"']


async def test_a_flow_goes_by_who_answered(tmp_path: Path, far: Callee) -> None:
    flow = b"""
name: f
start: who
steps:
  who: {who_answered: {human: hello, silence: quiet}, within_s: 1.5, otherwise: bye}
  hello: {say: Hello., next: bye}
  quiet: {say: "It is {answered_by}.", next: bye}
  bye: {hang_up: }
"""
    config = settings(tmp_path, far).model_copy(update={"answering": AnsweringConfig(silence_ms=1_000)})
    dialog = flow_dialog(parse_flow(flow, "f.yaml"))
    media = asyncio.create_task(far.send_silence())
    outcome = await asyncio.wait_for(place_sip_call(config, dialog, CallOut("+15551234567")), 20)
    media.cancel()
    record = outcome.record
    assert record is not None
    assert [line.text for line in record.transcript] == ["It is silence."]
    assert (record.answered_by, record.outcome, record.ring_s is not None) == ("silence", "answered", True)
    ended = await far.until(CallEnded)
    assert isinstance(ended, CallEnded)
    assert [str(reason) for reason in ended.reasons] == ['Q.850;cause=16;text="bot hung up"']


async def test_a_server_that_refuses_is_followed_by_the_next(
    tmp_path: Path, far: Callee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 3263 §4.3."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as closed:
        closed.bind((HOST, 0))
        deaf = Target(Transport.TCP, Address(*closed.getsockname()))

        async def find(trunks: Trunks, name: str) -> tuple[Target, ...]:
            return deaf, Target(Transport.UDP, far.address)

        monkeypatch.setattr(Trunks, "find", find)
        record = await place(settings(tmp_path, far))
    assert (record.outcome, len(far.invites)) == ("answered", 1)


async def test_the_far_end_hangs_up(tmp_path: Path, far: Callee) -> None:
    def says(callee: Callee, event: object) -> None:
        answers(callee, event)  # type: ignore[arg-type]
        asyncio.get_running_loop().call_later(0.3, callee.do, Bye(far.invites[0].call))

    async def waits(call: Call) -> None:
        await call.ask(None, no_input_ms=60_000)

    far.says = says
    outcome = await asyncio.wait_for(place_sip_call(settings(tmp_path, far), waits, CallOut("+15551234567")), 20)
    assert outcome.record is not None
    assert (outcome.reason, outcome.record.end_reason) == (OutcomeReason.ANSWERED, "the called party hung up")


async def test_a_redirection_is_followed_to_a_listed_number_only(tmp_path: Path, far: Callee) -> None:
    def says(callee: Callee, event: object) -> None:
        if len(callee.invites) == 1:
            contacts = "<sip:+19005550000@x.example>;q=1, <sip:+15557654321@y.example>;q=0.5"
            refuses(302, ("Contact", contacts))(callee, event)  # type: ignore[arg-type]
        else:
            answers(callee, event)  # type: ignore[arg-type]

    far.says = says
    config = settings(tmp_path / "1", far, allowed_numbers=("+1555*",))
    record = await place(config)
    assert record.outcome == "answered"
    assert [invite.request_uri.partition("@")[0] for invite in far.invites] == ["sip:+15551234567", "sip:+15557654321"]
    assert len({invite.call_id for invite in far.invites}) == 1  # RFC 3261 §8.1.3.4

    far.invites.clear()
    record = await place(settings(tmp_path / "2", far))
    assert (record.outcome, record.sip_status) == ("moved", 302)
    assert len(far.invites) == 1


async def test_an_overloaded_server_is_asked_again_after_the_time_it_wants(tmp_path: Path, far: Callee) -> None:
    def says(callee: Callee, event: object) -> None:
        (refuses(503, ("Retry-After", "1")) if len(callee.invites) == 1 else answers)(callee, event)  # type: ignore[arg-type]

    far.says = says
    record = await place(settings(tmp_path / "1", far))
    assert record.outcome == "answered"
    assert len(far.invites) == 2
    assert record.duration >= 1.0

    far.invites.clear()
    far.says = refuses(503, ("Retry-After", "3600"))
    record = await place(settings(tmp_path / "2", far))
    assert (record.outcome, record.sip_status, len(far.invites)) == ("congested", 503, 1)


async def test_what_the_list_does_not_have_is_not_called(tmp_path: Path, far: Callee) -> None:
    config = settings(tmp_path, far, allowed_numbers=("+1555*",))
    with pytest.raises(ForbiddenError, match="may not be called by the trunk provider"):
        await place(config, "+19005550000")
    assert not far.invites


async def test_numbers_without_a_trunk_are_a_mistake(tmp_path: Path, far: Callee) -> None:
    config = settings(tmp_path, far).model_copy(update={"trunks": {}})
    with pytest.raises(UserError, match="a number is called by a trunk"):
        await place(config)


async def test_a_direct_call_over_tcp(tmp_path: Path, far: Callee) -> None:
    config = settings(tmp_path, far).model_copy(update={"trunks": {}})
    record = await place(config, f"sip:alice@{far.address};transport=tcp", caller="100")
    assert (record.outcome, record.transport, record.trunk) == ("answered", "tcp", "")
    assert far.invites[0].from_uri == f"sip:100@{HOST}"
    assert far.invites[0].transport == "TCP"
