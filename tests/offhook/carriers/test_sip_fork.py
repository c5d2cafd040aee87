"""Several phones that ring at the same time for one caller, over real SIP and RTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.sip.commands import Reject, Ring
from offhook.sip.events import CallCancelled, CallConfirmed, Event, IncomingCall
from offhook.sip.events import CallEnded as LegEnded
from offhook.transfer.outcome import TransferError, TransferFailure, Transferred
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


async def begin(scene: Scene, other: Party, tmp_path: Path, *more: str, **options: object) -> list[str]:
    """Both ring; who has answered."""
    answered: list[str] = []
    names = ["desk", "other", *more]

    async def dialog(call: Call) -> None:
        try:
            got = await call.transfer(names, on_answer=answered.append, **options)  # type: ignore[arg-type]
            scene.results.put_nowait(got)
        except (TransferError, CallEnded) as error:
            scene.results.put_nowait(error)
            if isinstance(error, CallEnded):
                raise
        await asyncio.sleep(30)

    targets = {"desk": f"sip:desk@{scene.agent.address}", "other": f"sip:other@{other.address}"}
    await scene.begin(tmp_path, dialog, targets=targets, ringing_tone="none")
    return answered


async def test_the_first_who_answers_has_the_caller(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(scene.agent)
    answered = await begin(scene, other, tmp_path)
    leg = await other.next(CallConfirmed)
    await scene.agent.next(CallCancelled)
    await other.hears(CALLER_HZ)
    await scene.caller.hears(OTHER_HZ)
    assert answered == ["other"]
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
    await begin(scene, other, tmp_path)
    assert failed(await scene.result()) is reason
    assert not scene.caller.of(LegEnded)


async def test_all_stop_ringing_after_their_time(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(scene.agent)
    rings(other)
    await begin(scene, other, tmp_path, ring_s=1)
    assert failed(await scene.result()) is TransferFailure.NO_ANSWER
    await scene.agent.next(CallCancelled)
    await other.next(CallCancelled)


async def test_a_caller_who_hangs_up_stops_all_phones(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(scene.agent)
    rings(other)
    await begin(scene, other, tmp_path)
    await scene.agent.next(IncomingCall)
    await other.next(IncomingCall)
    scene.caller.hang_up(scene.handle)
    await scene.agent.next(CallCancelled)
    await other.next(CallCancelled)
    assert isinstance(await scene.result(), CallEnded)


async def test_one_that_may_not_be_called_is_left_out(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(scene.agent)
    await begin(scene, other, tmp_path, "+19005550000")
    await scene.caller.hears(OTHER_HZ)


async def test_the_caller_is_with_whom_they_talk_until_they_hang_up(scene: Scene, other: Party, tmp_path: Path) -> None:
    rings(other)
    await begin(scene, other, tmp_path)
    await scene.caller.hears(AGENT_HZ)
    scene.caller.hang_up(scene.handle)
    await scene.agent.next(LegEnded)
