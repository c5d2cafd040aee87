"""An agent over SIP: a real client of a language model's server, real recogniser and voice."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from offhook.testing.carrier.call import Carrier
from offhook.testing.models import ModelServer, Reply, ScriptedCall
from tests.e2e.conftest import BotProcess, speech

AGENT = """
instructions: You answer the phone.
greeting: Hello.
model: scripted
base_url: {url}
"""


@pytest.mark.alone  # it recognises what it says to itself, by the clock
async def test_the_demo(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", "demo", "--agent", "--json"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    result = json.loads(out)
    assert result["problem"] is None
    said = [line["text"] for line in result["transcript"] if line["who"] == "bot"]
    assert said[0].startswith("Hello")
    assert said[-1].startswith("Thank you for calling")
    assert result["barge_in"]["unheard"]
    assert result["record"]["end_reason"].startswith("the agent hung up")


async def test_serve_an_agent_with_fixed_engines(tmp_path: Path) -> None:
    replies = [Reply("One second please."), Reply("Goodbye.", (ScriptedCall("hang_up", {"reason": "done"}),))]
    async with ModelServer(replies, api_key=None, first_token_s=0.15, tokens_per_s=40) as server:
        (tmp_path / "agent.yaml").write_text(AGENT.format(url=server.openai_url))
        started = asyncio.to_thread(BotProcess, tmp_path, "--bench-engines", "--agent", "agent.yaml")
        bot = await started
        try:
            call = await Carrier.dial(f"ws://{bot.http}/twilio/media", parameters={"from": "+1555"})
            async with asyncio.timeout(30):
                for _ in range(2):
                    await call.listen()
                    await call.say(speech("check-my-balance"))
                await call.over.wait()
            await call.close()
            await asyncio.to_thread(bot.wait_for, lambda: any(row["end"] for row in bot.records()))
            (record,) = bot.records()
        finally:
            await asyncio.to_thread(bot.stop)
    assert record["end_reason"] == "the agent hung up: done"
    assert server.requests[-1].end == "complete"
    lines = bot.lines(record, "bot")
    assert (lines[0], lines[-1]) == ("Hello.", "Goodbye.")
