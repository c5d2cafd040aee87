"""Calls over media streams against `offhook serve` as it is run, with several workers."""

import asyncio
import json
from pathlib import Path

import pytest

from offhook.testing.carrier import Carrier
from offhook.testing.sip_caller import CallFailedError
from tests.e2e.conftest import BotProcess

WITHIN_S = 10.0


async def dial(bot: BotProcess) -> Carrier:
    call = await Carrier.dial(f"ws://{bot.http}/twilio/media", parameters={"from": "+1555"})
    await asyncio.wait_for(call.listen_for(0.2), WITHIN_S)
    return call


async def test_calls_are_spread_over_the_workers(tmp_path: Path) -> None:
    bot = await asyncio.to_thread(BotProcess, tmp_path, "--bench-engines", "--workers", "2")
    try:
        calls = [await dial(bot) for _ in range(4)]
        logged = [json.loads(line) for line in bot.log().splitlines() if line.startswith("{")]
        assert {line["worker"] for line in logged if line["event"] == "answered"} == {0, 1}
        assert all(call.buffer.gaps_s == [] for call in calls)
        for call in calls:
            await call.hang_up()
        await asyncio.to_thread(bot.wait_for, lambda: sum(row["end"] is not None for row in bot.records()) == 4)
        assert {(row["transport"], row["src"], row["ended_by"]) for row in bot.records()} == {("ws", "+1555", "caller")}
        one = await Carrier.dial(f"ws://{bot.http}/twilio/media", call_sid="CAsame")
        await asyncio.wait_for(one.listen_for(0.2), WITHIN_S)
        for _ in range(3):  # whichever worker gets it
            other = await Carrier.dial(f"ws://{bot.http}/twilio/media", call_sid="CAsame")
            assert await other.closed_by_bot(WITHIN_S) == (1008, "the call has a stream already")
        assert not one.over.is_set()
        await one.hang_up()
        late = await dial(bot)
        bot.process.terminate()
        await asyncio.to_thread(bot.wait_for, lambda: bot.readiness()[1] == "draining")
        with pytest.raises(CallFailedError, match="503"):
            await Carrier.dial(f"ws://{bot.http}/twilio/media")
        assert not late.over.is_set()
        await late.hang_up()
        assert await asyncio.to_thread(bot.process.wait, WITHIN_S) == 0
    finally:
        bot.close()
