"""Several phones that ring at the same time for one caller, over real SIP and RTP."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.sip.commands import Reject, Ring
from offhook.sip.events import CallCancelled, CallConfirmed, Event, IncomingCall
from offhook.sip.events import CallEnded as LegEnded
from offhook.transfer.outcome import TransferError, TransferFailure, Transferred, failure_of
from tests.offhook.carriers.parties import Party
from tests.offhook.carriers.test_sip_transfer import AGENT_HZ, CALLER_HZ, Scene, failed, scene

__all__ = ["scene"]

OTHER_HZ = 1_700.0


@pytest.fixture
async def other() -> AsyncIterator[Party]:
    """The second phone."""
    party = Party(OTHER_HZ)
    await party.open()
    yield party
    await party.close()


def rings(party: Party) -> None:
    """Nobody answers it."""
    party.answers = None

    def on_event(event: Event) -> None:
        if isinstance(event, IncomingCall):
            party.do(Ring(event.call))

    party.on_event = on_event


def refuses(party: Party, status: int) -> None:
    party.answers = None

    def on_event(event: Event) -> None:
        if isinstance(event, IncomingCall):
            party.do(Reject(event.call, status))

    party.on_event = on_event


@dataclass
class Told:
    """What a dialog learns of its targets."""

    called: list[str] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    failed: dict[str, TransferFailure] = field(default_factory=dict)

    def on_failure(self, target: str, error: TransferError) -> None:
        assert target not in self.failed
        self.failed[target] = error.reason


async def begin(scene: Scene, other: Party, tmp_path: Path, *more: str, **options: object) -> Told:
    """Both ring."""
    told = Told()
    names = ["desk", "other", *more]
    options |= {"on_call": told.called.append, "on_ringing": told.rung.append}
    options |= {"on_answer": told.answered.append, "on_failure": told.on_failure}

    async def dialog(call: Call) -> None:
        try:
            got = await call.transfer(names, **options)  # type: ignore[arg-type]
            scene.results.put_nowait(got)
        except (TransferError, CallEnded) as error:
            scene.results.put_nowait(error)
            if isinstance(error, CallEnded):
                raise
        await asyncio.sleep(30)

    targets = {"desk": f"sip:desk@{scene.agent.address}", "other": f"sip:other@{other.address}"}
    await scene.begin(tmp_path, dialog, targets=targets, ringing_tone="none")
    return told


async def test_the_first_who_answers_has_the_caller(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(scene.agent)
    told = await begin(scene, other, tmp_path)
    leg = await other.next(CallConfirmed)
    await scene.agent.next(CallCancelled)
    await other.hears(CALLER_HZ)
    await scene.caller.hears(OTHER_HZ)
    assert (told.called, told.answered, told.failed) == (["desk", "other"], ["other"], {})
    other.hang_up(leg.call)
    result = await scene.result()
    assert isinstance(result, Transferred)
    assert (result.target, result.by, result.returned) == ("other", "bridge", True)
    assert result.talked_s > 0
    assert not scene.caller.of(LegEnded)


async def test_a_busy_one_does_not_count_while_another_rings(scene: Scene, other: Party, tmp_path: Path) -> None:
    refuses(scene.agent, 486)
    await begin(scene, other, tmp_path)
    await scene.caller.hears(OTHER_HZ)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (486, 480, TransferFailure.NO_ANSWER),
        (404, 486, TransferFailure.BUSY),
        (404, 404, TransferFailure.UNREACHABLE),
    ],
)
async def test_when_nobody_answers_the_caller_is_back(
    scene: Scene, other: Party, tmp_path: Path, first: int, second: int, reason: TransferFailure
) -> None:
    refuses(scene.agent, first)
    refuses(other, second)
    told = await begin(scene, other, tmp_path)
    assert failed(await scene.result()) is reason
    assert (told.rung, told.failed) == ([], {"desk": failure_of(first), "other": failure_of(second)})
    assert not scene.caller.of(LegEnded)


async def test_all_stop_ringing_after_their_time(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(scene.agent)
    rings(other)
    told = await begin(scene, other, tmp_path, ring_s=1)
    assert failed(await scene.result()) is TransferFailure.NO_ANSWER
    assert sorted(told.rung) == ["desk", "other"]
    await scene.agent.next(CallCancelled)
    await other.next(CallCancelled)


async def test_a_caller_who_hangs_up_stops_all_phones(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(scene.agent)
    rings(other)
    told = await begin(scene, other, tmp_path)
    await scene.agent.next(IncomingCall)
    await other.next(IncomingCall)
    scene.caller.hang_up(scene.handle)
    await scene.agent.next(CallCancelled)
    await other.next(CallCancelled)
    assert isinstance(await scene.result(), CallEnded)
    assert (told.answered, told.failed) == ([], {})


async def test_one_that_may_not_be_called_is_left_out_and_named(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(scene.agent)
    with capture_logs() as logs:
        told = await begin(scene, other, tmp_path, "+19005550000")
        await scene.caller.hears(OTHER_HZ)
    assert (told.called, told.failed) == (["desk", "other"], {"+19005550000": TransferFailure.NOT_ALLOWED})
    (line,) = [each for each in logs if each["event"] == "not called"]
    assert (line["to"], line["log_level"]) == ("+19005550000", "warning")
    assert "transfer.allow" in line["why"]


async def test_where_none_may_be_called_the_first_is_the_error(scene: Scene, tmp_path: Path) -> None:
    told, refused = Told(), ["+19005550000", "+19005550001"]
    with capture_logs() as logs:
        await scene.begin(tmp_path, scene.transfers_to(refused, on_failure=told.on_failure))
        assert failed(await scene.result()) is TransferFailure.NOT_ALLOWED
    assert list(told.failed) == refused
    assert [each["to"] for each in logs if each["event"] == "not called"] == refused[1:]


async def test_the_caller_is_with_whom_they_talk_until_they_hang_up(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(other)
    await begin(scene, other, tmp_path)
    await scene.caller.hears(AGENT_HZ)
    scene.caller.hang_up(scene.handle)
    await scene.agent.next(LegEnded)
