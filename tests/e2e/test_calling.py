"""Our own caller, and SIPp as the one who is called."""

import asyncio
import time
from pathlib import Path

import pytest

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller, CallFailedError
from tests.e2e.peers import HOST, Sipp

pytestmark = pytest.mark.peer


async def dial(sipp: Sipp) -> Caller:
    return await asyncio.wait_for(Caller.dial(HOST, Address(HOST, sipp.port)), 10)


async def test_the_callee_rings_and_answers(tmp_path: Path) -> None:
    with Sipp("uas_answers.xml", tmp_path) as sipp:
        caller = await dial(sipp)
        try:
            assert not caller.over.is_set()
            caller.hang_up()
            outcome = (await asyncio.to_thread(sipp.wait)).check()
        finally:
            caller.close()
    assert outcome.received("INVITE") == outcome.received("ACK") == outcome.received("BYE") == 1


async def test_the_callee_is_busy(tmp_path: Path) -> None:
    with Sipp("uas_busy.xml", tmp_path) as sipp:
        with pytest.raises(CallFailedError, match="486 Busy Here"):
            await dial(sipp)
        outcome = (await asyncio.to_thread(sipp.wait)).check()
    assert outcome.received("ACK") == 1


async def test_the_callee_hangs_up(tmp_path: Path) -> None:
    with Sipp("uas_hangs_up.xml", tmp_path) as sipp:
        caller = await dial(sipp)
        try:
            began = time.monotonic()
            with pytest.raises(CallFailedError, match="hung up"):
                await asyncio.wait_for(caller.listen(), 10)
            assert 0.3 < time.monotonic() - began < 2
            (await asyncio.to_thread(sipp.wait)).check()
        finally:
            caller.close()


async def test_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Caller.dial(HOST, Address(HOST, 9)), 1.5)
