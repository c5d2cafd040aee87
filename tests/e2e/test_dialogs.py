"""What may be agreed on around a call, with SIPp in both roles: PRACK, UPDATE, session timers."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST, Sipp

pytestmark = pytest.mark.peer


async def dial(sipp: Sipp) -> Caller:
    return await asyncio.wait_for(Caller.dial(HOST, Address(HOST, sipp.port)), 10)


@pytest.fixture
def ringing_bot(start_bot: Callable[..., BotProcess]) -> BotProcess:
    return start_bot("--bench-engines", OFFHOOK_CALLS__ANSWER_DELAY_MS="1200")


def test_ringing_is_acknowledged_and_updates_hold_and_resume(ringing_bot: BotProcess, tmp_path: Path) -> None:
    with Sipp("uac_prack.xml", tmp_path, target=ringing_bot.address) as sipp:
        outcome = sipp.wait().check()
    # Once more after half a second, and not after the PRACK.
    assert outcome.received("SIP/2.0 180") == 2
    assert ringing_bot.record(sipp.port)["end_reason"] == "caller hung up"


def test_an_interval_that_is_too_short(bench_bot: BotProcess, tmp_path: Path) -> None:
    with Sipp("uac_session_too_short.xml", tmp_path, target=bench_bot.address) as sipp:
        sipp.wait().check()
    assert bench_bot.record(sipp.port)["end_reason"] == "caller hung up"


async def test_early_media_is_acknowledged(tmp_path: Path) -> None:
    with Sipp("uas_reliable.xml", tmp_path) as sipp:
        caller = await dial(sipp)
        caller.hang_up()
        outcome = (await asyncio.to_thread(sipp.wait)).check()
        caller.close()
    assert outcome.received("PRACK") == outcome.received("ACK") == 1


@pytest.mark.parametrize(("scenario", "refreshes"), [("uas_refresh_update.xml", 3), ("uas_refresh_invite.xml", 2)])
async def test_sessions_of_a_few_seconds_are_refreshed(tmp_path: Path, scenario: str, refreshes: int) -> None:
    with Sipp(scenario, tmp_path) as sipp:
        caller = await dial(sipp)
        # In the end nobody refreshes any more, and we hang up.
        await asyncio.wait_for(caller.over.wait(), 20)
        outcome = (await asyncio.to_thread(sipp.wait)).check()
        caller.close()
    method = "UPDATE" if "update" in scenario else "INVITE"
    assert outcome.received(method) == refreshes
    assert outcome.received("BYE") == 1
