"""Questions of a flow on the wire: a key that is cleared, a choice beside digits, and a value that is read back to a
recogniser that knows grammars only."""

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
name: meter
start: meter
no_input: {then: goodbye}
no_match: {then: goodbye}
steps:
  meter:
    collect: The three digits of your meter?
    into: meter
    digits: 3
    spoken: true
    clear: "*"
    confirm: yes
    choices:
      operator: {phrases: [operator], key: 0, next: goodbye}
    next: again
  again:
    collect: And the other one?
    into: other
    digits: 3
    spoken: true
    choices:
      operator: {phrases: [operator], key: 0, next: operator}
    next: goodbye
  operator:
    hang_up: The operator has {meter}.
  goodbye:
    hang_up: Goodbye.
"""

pytestmark = pytest.mark.peer


async def order(bot: BotProcess) -> None:
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    try:
        async with asyncio.timeout(60):
            await caller.listen()
            caller.press("99*471")
            await caller.listen()
            await caller.say(speak(VOICE, "no, four seven two").tobytes())
            await caller.listen()
            await caller.say(speak(VOICE, "yes").tobytes())
            await caller.listen()
            await caller.say(speak(VOICE, "operator").tobytes())
            await caller.over.wait()
    finally:
        caller.close()


def test_a_value_is_cleared_corrected_and_confirmed(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    if not is_installed(VOICE):
        pytest.skip("flite is not installed (make peers)")
    flow = tmp_path / "meter.yaml"
    flow.write_text(FLOW)
    bot = start_bot("--flow", str(flow), OFFHOOK_ASR__ENGINE="pocketsphinx")
    asyncio.run(order(bot))
    bot.wait_for(lambda: bool(bot.records()) and bot.records()[0]["end"] is not None)
    (record,) = bot.records()
    said = bot.lines(record, "bot")
    assert said == [
        "The three digits of your meter?",
        "I understood *****. Is that right?",  # it was keyed, as a secret may be
        "I understood 4 7 2. Is that right?",
        "And the other one?",
        "The operator has 4 7 2.",
    ]
    assert bot.stop() == 0
