"""A caller says digits, and a bot whose recogniser is Vosk repeats them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess
from tests.toys import spoken

FLOW = """
name: parcel
start: number
steps:
  number:
    collect: Which number?
    digits: 3
    into: parcel
    spoken: true
    next: repeat
    no_input: {attempts: 2, then: goodbye}
    no_match: {attempts: 2, then: goodbye}
  repeat:
    say: Your parcel {parcel} is on its way.
    next: goodbye
  goodbye: {hang_up: Goodbye.}
"""


async def say_the_number(bot: BotProcess) -> None:
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    try:
        async with asyncio.timeout(40):
            await caller.listen()  # the question
            await caller.say(spoken("four_two_seven"))
            await caller.over.wait()
    finally:
        caller.close()


def test_digits_are_recognised_in_a_call(start_bot: Callable[..., BotProcess], vosk_toy: Path, tmp_path: Path) -> None:
    flow, settings = tmp_path / "parcel.yaml", tmp_path / "offhook.toml"
    flow.write_text(FLOW)
    settings.write_text(f'[asr]\nengine = "vosk"\nworkers = 1\n[asr.vosk]\nmodel = "{vosk_toy}"\nlanguages = ["en"]\n')
    bot = start_bot("--config", str(settings), "--flow", str(flow), "--workers", "1")
    asyncio.run(say_the_number(bot))
    bot.wait_for(lambda: bool(bot.records()) and bot.records()[0]["end"] is not None)
    lines = [str(line.get("text", "")) for line in bot.transcript()]
    assert "four two seven" in lines
    assert any("4 2 7" in line and "on its way" in line for line in lines)
