"""A flow asks for values: one is spoken to the recogniser that knows grammars only, one is keyed."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.phone_line import is_installed, speak
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess

VOICE = "flite:awb"
FLOW = """
name: table
start: day
no_input: {then: goodbye}
no_match: {then: goodbye}
steps:
  day:
    collect: Which day?
    as: date
    into: day
    next: people
  people:
    collect: How many people?
    as: number
    into: people
    next: clock
  clock:
    collect: At what time?
    as: time
    earliest: 12:00
    latest: 22:00
    into: time
    next: booked
  booked:
    say: A table for {people} on {day} at {time}.
    next: goodbye
  goodbye:
    hang_up: Goodbye.
"""

pytestmark = pytest.mark.peer


async def order(bot: BotProcess) -> None:
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    try:
        async with asyncio.timeout(60):
            await caller.listen()
            await caller.say(speak(VOICE, "january the twentieth").tobytes())
            await caller.listen()
            caller.press("4#")
            await caller.listen()
            await caller.say(speak(VOICE, "five thirty").tobytes())
            await caller.over.wait()
    finally:
        caller.close()


def test_values_by_voice_and_by_key(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    if not is_installed(VOICE):
        pytest.skip("flite is not installed (make peers)")
    flow = tmp_path / "table.yaml"
    flow.write_text(FLOW)
    bot = start_bot("--flow", str(flow), OFFHOOK_ASR__ENGINE="pocketsphinx", OFFHOOK_ASR__CONFIRM_BELOW="0")
    asyncio.run(order(bot))
    bot.wait_for(lambda: bool(bot.records()) and bot.records()[0]["end"] is not None)
    (record,) = bot.records()
    (booked,) = [text for text in bot.lines(record, "bot") if "A table" in text]
    assert booked.startswith("A table for 4 on ")
    assert "January 20" in booked
    assert "5:30 PM" in booked
    assert bot.stop() == 0
