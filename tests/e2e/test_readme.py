"""What the README shows does run."""

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path

from offhook.settings.flow_file import parse_flow
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess

README = (Path(__file__).parents[2] / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the README has no {language} block"
    return found[1]


def test_the_flow_is_a_flow() -> None:
    assert parse_flow(block("yaml").encode(), "README.md").name == "shop"


async def order_by_key(bot: BotProcess) -> None:
    caller = await Caller.dial("127.0.0.1", Address(bot.host, bot.port))
    try:
        await caller.listen()
        caller.press("1")
        await asyncio.wait_for(caller.over.wait(), 20)
    finally:
        caller.close()


def test_the_python_answers_the_phone(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    script = tmp_path / "pizza.py"
    script.write_text(block("python"))
    bot = start_bot(
        command=[sys.executable, str(script)],
        OFFHOOK_SIP__PORT="0",
        OFFHOOK_HTTP__PORT="0",
    )
    asyncio.run(order_by_key(bot))
    bot.wait_for(lambda: bot.records()[0]["end"] is not None)
    assert bot.records()[0]["end_reason"] == "bot hung up"
    said = [line["text"] for line in bot.transcript() if line["who"] == "bot"]
    assert said == [
        "Hello, this is the pizza line.",
        "Small or large?",
        "One small pizza it is. It will be with you in half an hour.",
    ]
    assert bot.stop() == 0
