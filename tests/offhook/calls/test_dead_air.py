"""The caller's media stops: the bot says something, waits, and hangs up."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from offhook.api.call import Call
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.testing.sip_caller import Caller
from tests.offhook.bots import LIGHT_ENGINES, record_of
from tests.ports import own_rtp

HOST = "127.0.0.1"
SILENT_S, PATIENCE_S = 1.0, 1.0
HALF_A_SECOND = bytes(2 * 4_000)


async def waiting(call: Call) -> None:
    """A dialog that says nothing: all audio is the dead-air prompt."""
    await asyncio.Event().wait()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[LocalBot]:
    config = Config.load(
        None,
        {
            "sip": {"host": HOST, "port": 0},
            "http": {"enabled": False},
            "rtp": {**own_rtp(), "media_timeout_s": SILENT_S},
            "calls": {"dead_air_s": PATIENCE_S},
            **LIGHT_ENGINES,
            "records": {"dir": tmp_path},
        },
    )
    node = LocalBot(config, waiting)
    await node.start()
    yield node
    await node.stop()


async def test_the_caller_is_asked_once_and_then_hung_up(node: LocalBot) -> None:
    caller = await asyncio.wait_for(Caller.dial(HOST, node.sip_address), 5)
    try:
        await caller.say(HALF_A_SECOND)
        fell_silent = monotonic()
        await asyncio.wait_for(caller.listen_for(0.1), 5)
        assert monotonic() - fell_silent > SILENT_S
        await asyncio.wait_for(caller.over.wait(), 5)
        assert monotonic() - fell_silent > SILENT_S + PATIENCE_S - 0.1
    finally:
        caller.close()
    record = await record_of(node)
    assert (record.ended_by, record.end_reason) == ("network", "no media for 2 s")


async def test_a_caller_whose_media_returns_stays(node: LocalBot) -> None:
    caller = await asyncio.wait_for(Caller.dial(HOST, node.sip_address), 5)
    try:
        await caller.say(HALF_A_SECOND)
        await asyncio.wait_for(caller.listen_for(0.1), 5)
        for _ in range(4):  # longer than they would have waited
            await caller.say(HALF_A_SECOND)
        assert not caller.over.is_set()
    finally:
        caller.close()
    assert (await record_of(node)).end_reason == "caller hung up"
