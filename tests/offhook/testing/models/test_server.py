"""The scripted model's script, file, faults and cache. Its protocols: test_referees.py."""

import asyncio
import os
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import openai
import pytest

from offhook.testing.models import Asked, ModelServer, Reply, ScriptedCall
from offhook.testing.models.file import server_of
from offhook.testing.models.script import Script
from offhook.usererror import UserError

YAML = r"""
first_token_s: 0
models: [tiny]
replies:
  - when: "(?i)order (\\d+)"
    call: {name: order_status, arguments: {number: "{1}", count: 2}}
  - after: order_status
    text: "It is {result}. {unknown}"
  - text: Good morning.
  - {text: "You said {said}.", fault: slow}
"""


def client_of(server: ModelServer) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="test-key", base_url=server.openai_url, max_retries=0)


async def ask(client: openai.AsyncOpenAI, said: str, **options: Any) -> Any:
    messages: list[Any] = [{"role": "user", "content": said}]
    return await client.chat.completions.create(model="scripted", messages=messages, **options)


def test_the_order_of_replies() -> None:
    call = ScriptedCall("order_status", {"number": "{1}", "count": 2})
    script = Script(
        [Reply(when=r"order (\d+)", calls=(call,)), Reply("It is {result}.", after="order_.*"), "One.", "Two."]
    )
    texts = [script.reply(Asked(said)).text for said in ("hello", "hello", "hello")]
    assert texts == ["One.", "Two.", "Two."]
    assert script.reply(Asked("my order 17")).calls == (ScriptedCall("order_status", {"number": "17", "count": 2}),)
    assert script.reply(Asked("my order 17", "order_status", "on its way")).text == "It is on its way."
    assert Script(lambda asked: asked.said.upper()).reply(Asked("hello")).text == "HELLO"


async def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(YAML)
    server = server_of(path)
    assert (server.models, server.api_key) == (("tiny",), None)
    (call,) = server.script.reply(Asked("Order 12 please")).calls
    assert call.arguments == {"number": "12", "count": 2}
    assert server.script.reply(Asked("", "order_status", "late")).text == "It is late. {unknown}"
    server.script.reply(Asked("hello"))
    assert server.script.reply(Asked("hello")) == Reply("You said hello.", fault="slow")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("replies: [{text: a, fault: odd}]", "`replies.0.fault` cannot be that"),
        ("replies: [", "is not YAML"),
        ("[]", "cannot be that"),
    ],
)
def test_a_wrong_file(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        server_of(path)
    assert words in error.value.render()
    with pytest.raises(UserError, match="cannot be read"):
        server_of(tmp_path / "none.yaml")


async def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text("replies: [{text: Good morning.}]")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "offhook.testing.models",
        str(path),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    try:
        lines = [(await process.stdout.readline()).decode().strip() for _ in range(4)]
        found = dict(line.removeprefix("export ").split("=", 1) for line in lines if not line.startswith("#"))
        assert found["OFFHOOK_LLM__OPENAI__MODEL"] == "scripted"
        async with openai.AsyncOpenAI(api_key="any", base_url=found["OFFHOOK_LLM__OPENAI__BASE_URL"]) as client:
            assert (await ask(client, "hello")).choices[0].message.content == "Good morning."
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.alone
async def test_the_pace() -> None:
    paced = ModelServer(["one two three four five"], first_token_s=0.1, tokens_per_s=50)
    async with paced as server, client_of(server) as client:
        await ask(client, "hello")  # with its first answer the client imports, for a tenth of a second
        began_at, times = monotonic(), []
        async for chunk in await ask(client, "hello", stream=True):
            if chunk.choices[0].delta.content:
                times.append(monotonic() - began_at)
        assert len(times) == 5
        assert 0.1 <= times[0] < 0.2
        assert times[-1] >= 0.18
        assert times[-1] - times[0] < 0.16


async def test_tool_calls_that_are_wrong() -> None:
    tool = {"type": "function", "function": {"name": "get_balance", "parameters": {"type": "object"}}}
    replies = [Reply(fault="bad-arguments"), Reply(fault="unknown-tool")]
    async with ModelServer(replies) as server, client_of(server) as client:
        found = [(await ask(client, "hello", tools=[tool])).choices[0].message.tool_calls[0] for _ in range(2)]
    assert [each.function.name for each in found] == ["get_balance", "launch_rocket"]
    assert found[0].function.arguments == '{"a": 1'


async def test_what_only_warms_the_prompt_leaves_the_script_alone() -> None:
    async with ModelServer(["One.", "Two."]) as server, client_of(server) as client:
        first = await ask(client, "hello", max_tokens=1)
        assert first.usage.prompt_tokens_details.cached_tokens == 0
        second = await ask(client, "hello")
        assert second.choices[0].message.content == "One."
        assert second.usage.prompt_tokens_details.cached_tokens == second.usage.prompt_tokens
        assert [each.warm for each in server.exchanges] == [True, False]
        assert len(server.requests) == 1
        assert second.usage.completion_tokens == 1


async def test_nothing_is_cached_that_differs_before_it() -> None:
    async with ModelServer() as server, client_of(server) as client:
        await ask(client, "hello")
        other = await ask(client, "goodbye")
        assert other.usage.prompt_tokens_details.cached_tokens == 1  # no tools: their part is the same
