"""The vendors' own clients work against the scripted model: they are the referees of what it sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as genai_errors
from google.genai import types

from offhook.testing.models import Asked, ModelServer, Reply, ScriptedCall

BALANCE = ScriptedCall("get_balance", {"account": "12", "note": "it is long enough for several pieces"})
SCHEMA = {"type": "object", "properties": {"account": {"type": "string"}}}


def openai_client(server: ModelServer, key: str = "test-key") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=key, base_url=server.openai_url, max_retries=0)


def anthropic_client(server: ModelServer, key: str = "test-key") -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=key, base_url=server.anthropic_url, max_retries=0)


@asynccontextmanager
async def gemini_client(server: ModelServer, key: str = "test-key") -> AsyncIterator[Any]:
    async with httpx2.AsyncClient() as http:  # without one of ours the client takes aiohttp where that is installed
        options = types.HttpOptions(base_url=server.gemini_url, httpx_async_client=http)
        client = genai.Client(api_key=key, http_options=options)
        yield client.aio
        client.close()


async def test_openai_streams_text_and_usage() -> None:
    async with ModelServer(["Good morning to you."]) as server, openai_client(server) as client:
        stream = await client.chat.completions.create(
            model="scripted",
            messages=[{"role": "user", "content": "hello there"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
        assert "".join(texts) == "Good morning to you."
        assert sum(map(bool, texts)) == 4
        usage = chunks[-1].usage
        assert usage is not None
        assert usage.completion_tokens == 4
        assert usage.prompt_tokens > 2
        whole = await client.chat.completions.create(
            model="scripted", messages=[{"role": "user", "content": "hello there"}]
        )
        assert whole.choices[0].message.content == "Good morning to you."
        assert whole.choices[0].finish_reason == "stop"
        assert whole.usage is not None
        assert whole.usage.prompt_tokens_details is not None
        assert whole.usage.prompt_tokens_details.cached_tokens == whole.usage.prompt_tokens
        assert [each.id async for each in client.models.list()] == ["scripted"]


async def test_openai_calls_a_tool_and_goes_on() -> None:
    replies = [Reply("One moment.", calls=(BALANCE,)), Reply("You have {result}.", after="get_balance")]
    tool: Any = {"type": "function", "function": {"name": "get_balance", "parameters": SCHEMA}}
    async with ModelServer(replies) as server, openai_client(server) as client:
        messages: list[Any] = [{"role": "user", "content": "my balance"}]
        async with client.chat.completions.stream(model="scripted", messages=messages, tools=[tool]) as events:
            message = (await events.get_final_completion()).choices[0].message
        assert message.tool_calls is not None
        call = message.tool_calls[0]
        assert (call.type, call.function.name, call.function.arguments) == ("function", "get_balance", BALANCE.json)
        messages += [message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "5 euros"}]
        answer = await client.chat.completions.create(model="scripted", messages=messages, tools=[tool])
        assert answer.choices[0].message.content == "You have 5 euros."
        messages.pop()
        with pytest.raises(openai.BadRequestError, match="must be followed by tool messages"):
            await client.chat.completions.create(model="scripted", messages=messages)


async def test_anthropic_streams_text_tools_and_usage() -> None:
    replies = [Reply("One moment.", calls=(BALANCE,)), Reply("You have {result}.", after="get_balance")]
    tool: Any = {"name": "get_balance", "input_schema": SCHEMA}
    system: Any = [{"type": "text", "text": "You are a bank.", "cache_control": {"type": "ephemeral"}}]
    options: dict[str, Any] = {"model": "scripted", "max_tokens": 100, "tools": [tool], "system": system}
    async with ModelServer(replies) as server, anthropic_client(server) as client:
        messages: list[Any] = [{"role": "user", "content": "my balance"}]
        async with client.messages.stream(messages=messages, **options) as events:
            text = "".join([each async for each in events.text_stream])
            message = await events.get_final_message()
        assert text == "One moment."
        assert message.stop_reason == "tool_use"
        block = message.content[1]
        assert block.type == "tool_use"
        assert block.input == BALANCE.arguments
        assert message.usage.cache_read_input_tokens == 0
        result = {"type": "tool_result", "tool_use_id": block.id, "content": "5 euros"}
        content = [each.model_dump(include={"type", "text", "id", "name", "input"}) for each in message.content]
        messages += [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
        answer = await client.messages.create(messages=messages, **options)
        assert answer.content[0].type == "text"
        assert answer.content[0].text == "You have 5 euros."
        assert answer.stop_reason == "end_turn"
        assert answer.usage.cache_read_input_tokens
        assert [each.id async for each in client.models.list()] == ["scripted"]
        messages.pop()
        with pytest.raises(anthropic.BadRequestError, match="without `tool_result` blocks immediately after"):
            await client.messages.create(messages=messages, **options)


async def test_gemini_streams_text_tools_and_usage() -> None:
    replies = [Reply("One moment.", calls=(BALANCE,)), Reply("You have {result}.", after="get_balance")]
    declared = types.FunctionDeclaration(name="get_balance", parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        system_instruction="You are a bank.",
        tools=[types.Tool(function_declarations=[declared])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    async with ModelServer(replies) as server, gemini_client(server) as client:
        contents: list[Any] = [types.UserContent("my balance")]
        parts: list[Any] = []
        async for chunk in await client.models.generate_content_stream(
            model="scripted", contents=contents, config=config
        ):
            parts += chunk.candidates[0].content.parts
        assert "".join(part.text or "" for part in parts) == "One moment."
        (call,) = [part for part in parts if part.function_call]
        assert call.function_call.args == BALANCE.arguments
        assert chunk.usage_metadata.candidates_token_count > 2
        result = types.Part.from_function_response(name="get_balance", response={"output": "5 euros"})
        contents += [types.ModelContent([call]), types.UserContent([result])]
        answer = await client.models.generate_content(model="scripted", contents=contents, config=config)
        assert answer.text == "You have 5 euros."
        unsigned = call.model_copy(update={"thought_signature": None})
        with pytest.raises(genai_errors.ClientError, match="thought_signature"):
            await client.models.generate_content(
                model="scripted", contents=[contents[0], types.ModelContent([unsigned]), contents[2]], config=config
            )
        with pytest.raises(genai_errors.ClientError, match="number of function response parts"):
            await client.models.generate_content(model="scripted", contents=contents[:2], config=config)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("key", "AuthenticationError"), ("busy", "RateLimitError"), ("broken", "InternalServerError")],
)
async def test_errors_are_the_vendors_own(fault: Any, expected: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    async with ModelServer([Reply("Hello.", fault=fault, retry_after_s=7)]) as server, AsyncExitStack() as stack:
        of_openai = await stack.enter_async_context(openai_client(server))
        with pytest.raises(getattr(openai, expected)) as error:
            await of_openai.chat.completions.create(model="scripted", messages=messages)
        if fault == "busy":
            assert error.value.response.headers["retry-after"] == "7"
        of_anthropic = await stack.enter_async_context(anthropic_client(server))
        with pytest.raises(getattr(anthropic, expected)):
            await of_anthropic.messages.create(model="scripted", max_tokens=10, messages=messages)
        client = await stack.enter_async_context(gemini_client(server))
        with pytest.raises(genai_errors.APIError) as refused:
            await client.models.generate_content(model="scripted", contents="hello")
        assert refused.value.code == {"key": 400, "busy": 429, "broken": 500}[fault]


@pytest.mark.parametrize("fault", ["die", "error-in-stream"])
async def test_a_reply_that_breaks_off(fault: Any) -> None:
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    async with ModelServer([Reply("one two three four five six", fault=fault)]) as server:
        async with openai_client(server) as client:
            stream = await client.chat.completions.create(model="scripted", messages=messages, stream=True)
            with pytest.raises(openai.APIError):
                assert [chunk async for chunk in stream] == []
        async with anthropic_client(server) as other:
            with pytest.raises((anthropic.APIError, httpx2.HTTPError)):
                async with other.messages.stream(model="scripted", max_tokens=9, messages=messages) as events:
                    assert [each async for each in events.text_stream] == []
        assert [each.end for each in server.exchanges] == ["faulty", "faulty"]


@pytest.mark.parametrize("fault", ["hang", "stall", "endless"])
async def test_a_client_that_goes_is_seen(fault: Any) -> None:
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    asked = asyncio.Event()

    def answer(_: Asked) -> Reply:
        asked.set()
        return Reply("one two three four", fault=fault)

    async def ask(client: openai.AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(model="scripted", messages=messages, stream=True)
        async for _ in stream:
            pass

    async with ModelServer(answer) as server, openai_client(server) as client:
        task = asyncio.create_task(ask(client))
        await asked.wait()
        assert not server.exchanges[0].over.is_set()
        task.cancel()
        async with asyncio.timeout(2):
            await server.exchanges[0].over.wait()
        assert server.exchanges[0].end == "closed"


async def test_paths_and_bodies_that_are_not_there() -> None:
    async with ModelServer(strict_models=True) as server, openai_client(server) as client:
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            await client.chat.completions.create(model="other", messages=[{"role": "user", "content": "hello"}])
        with pytest.raises(openai.NotFoundError, match="no /v1/embeddings here"):
            await client.embeddings.create(model="scripted", input="hello")
        with pytest.raises(openai.BadRequestError, match="empty array"):
            await client.chat.completions.create(model="scripted", messages=[])
