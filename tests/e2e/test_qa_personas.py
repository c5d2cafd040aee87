"""Personas as a user runs them: played by a scripted model in a real call, recorded, and replayed when it is gone."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from offhook.testing.models import ModelServer, Reply, ScriptedCall
from tests.e2e.conftest import BotProcess
from tests.whisper_model import model_folder, needs_whisper

pytestmark = [needs_whisper, pytest.mark.real_time]

FLOW = """
name: pizza
start: size
no_input: {then: bye}
no_match: {then: bye}
steps:
  size:
    ask: Would you like a small or a large pizza?
    timeout_s: 60
    choices:
      small: {phrases: [small, a small pizza], key: 1, next: count}
      large: {phrases: [large, a large pizza], key: 2, next: count}
  count:
    collect: How many? Press the number.
    into: count
    digits: {min: 1, max: 1}
    timeout_s: 60
    next: done
  done:
    hang_up: It is on its way.
  bye:
    hang_up: Goodbye.
"""
ORDER = """
name: order
call: {{max_s: 90}}
persona:
  goal: order two large pizzas
  temperament: in a hurry
  limits: {{turns: 8}}
  model: {{base_url: "{url}", name: scripted, api_key_env: PERSONA_KEY}}
adviser: {{question: "Was the customer treated politely?"}}
expect:
  ended_by: bot
  bot_said: [how many, on its way]
  keys_received: 2
"""
ONE = ("--workers", "1")
"""Enough for one call: each loads its own engines."""

BY_VOICE_AND_KEY = [
    Reply("It was polite.", when="The question:"),
    Reply(calls=(ScriptedCall("press", {"keys": "call the police"}),)),
    Reply(calls=(ScriptedCall("press", {"keys": "2"}),)),
]
AGENT = """
instructions: You answer the phone.
greeting: Hello. How can I help you?
model: scripted
base_url: {url}
"""
VISIT = """
name: visit
call: {{max_s: 90}}
persona:
  goal: learn the opening hours
  model: {{base_url: "{url}", name: scripted}}
expect: {{ended_by: caller, bot_said: [how can I help, nine to five]}}
"""


def settings(folder: Path) -> str:
    path = folder / "settings.toml"
    path.write_text(f'[asr]\nengine = "whisper"\ntimeout_s = 30\n\n[asr.whisper]\nmodel = "{model_folder()}"\n')
    return str(path)


async def qa(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, dict[str, Any]]:
    """The exit status, what was printed, and the first result."""
    out = folder / "out.json"
    out.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", "qa", "run", *arguments, "--json", str(out)),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 300)
    result = json.loads(out.read_text())["results"][0] if out.exists() else {}
    assert process.returncode is not None
    return process.returncode, said.decode(), result


def done(result: dict[str, Any]) -> list[Any]:
    return [each["do"] for each in result["persona"]["exchanges"]]


async def test_a_flow_is_called_by_a_persona_and_by_its_recording(tmp_path: Path) -> None:
    script, recording = tmp_path / "order.yaml", tmp_path / "order.persona.yaml"
    options = ("order.yaml", "--config", settings(tmp_path))
    async with bot_with(tmp_path, FLOW) as bot:
        async with ModelServer(BY_VOICE_AND_KEY, api_key="very-secret") as server:
            script.write_text(ORDER.format(url=server.openai_url))
            status, said, result = await qa(tmp_path, *options, *bot, PERSONA_KEY="very-secret")
        assert status == 0, said
        assert not result["persona"]["replayed"] and result["adviser"]["answer"] == "It was polite."
        heard = " ".join(text for each in result["persona"]["exchanges"] for text in each["heard"]).lower()
        assert "small or a large" in heard, "it heard the bot by its voice"
        text = recording.read_text()
        assert "very-secret" not in text and "call the police" in text, "what was refused is in it, the key is not"
        status, said, replayed = await qa(tmp_path, *options, *bot)  # the model's server is gone
    assert status == 0 and replayed["persona"]["replayed"] and done(replayed) == done(result), said
    assert replayed["adviser"]["answer"] == "It was polite." and replayed["adviser"]["of_recording"]
    async with bot_with(
        tmp_path, FLOW.replace("How many? Press the number.", "What is your telephone, please?")
    ) as bot:
        status, said, diverged = await qa(tmp_path, *options, *bot)
    assert status == 1, said
    (finding,) = diverged["findings"]
    assert finding["kind"] == "persona_diverged"
    assert "telephone" in finding["why"].lower() and "how many" in finding["why"].lower()


@asynccontextmanager
async def bot_with(folder: Path, flow: str) -> AsyncIterator[tuple[str, ...]]:
    """A bot with that flow, by keys alone: the options for who calls it."""
    (folder / "flow.yaml").write_text(flow)
    bot = await asyncio.to_thread(BotProcess, folder, *ONE, "--flow", "flow.yaml", OFFHOOK_ASR__ENGINE="fixed")
    try:
        yield "--target", bot.address, "--http", bot.http
    finally:
        await asyncio.to_thread(bot.stop)


async def test_an_agent_is_called_by_a_persona_and_by_its_recording(tmp_path: Path) -> None:
    """Two models that talk to each other; only the agent's is asked again."""
    agent = [Reply("We are open from nine to five."), Reply("You are welcome.")]
    caller = [
        Reply(calls=(ScriptedCall("say", {"text": "When are you open, please?"}),)),
        Reply(calls=(ScriptedCall("say", {"text": "Thank you very much."}),)),
        Reply(calls=(ScriptedCall("hang_up"),)),
    ]
    settings(tmp_path)
    async with ModelServer(caller, api_key=None) as server:
        (tmp_path / "visit.yaml").write_text(VISIT.format(url=server.openai_url))
        status, said, result = await called_agent(tmp_path, agent)
        assert status == 0, said
    status, said, replayed = await called_agent(tmp_path, agent)
    assert status == 0, said
    assert done(replayed) == done(result) and replayed["persona"]["replayed"]


async def called_agent(folder: Path, replies: list[Reply]) -> tuple[int, str, dict[str, Any]]:
    async with ModelServer(replies, api_key=None) as server:
        (folder / "agent.yaml").write_text(AGENT.format(url=server.openai_url))
        bot = await asyncio.to_thread(BotProcess, folder, *ONE, "--agent", "agent.yaml", "--config", "settings.toml")
        try:
            config = str(folder / "settings.toml")
            return await qa(folder, "visit.yaml", "--target", bot.address, "--http", bot.http, "--config", config)
        finally:
            await asyncio.to_thread(bot.stop)
