"""Our client of Chat Completions, against the scripted model that OpenAI's own client has judged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.llm.history import PENDING
from offhook.llm.model import (
    Ended,
    Message,
    ModelError,
    ModelEvent,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from offhook.llm.openai import OpenAiModel, OpenAiReader
from offhook.llm.options import OpenAiOptions
from offhook.testing.models import Asked, ModelServer, Reply, ScriptedCall
from offhook.testing.vendors.http_server import HttpResponse, HttpServer, json_response
from offhook.usererror import UserError

HELLO = ModelRequest((Message("system", "You are a bank."), Message("user", "hello")))
BALANCE = ToolSpec("get_balance", "The balance.", {"type": "object", "properties": {"account": {"type": "string"}}})


@asynccontextmanager
async def model_of(server: ModelServer, **options: Any) -> AsyncIterator[OpenAiModel]:
    given = {"model": "scripted", "base_url": server.openai_url, "api_key": "test-key", **options}
    model = OpenAiModel("openai", OpenAiOptions(**given))
    try:
        yield model
    finally:
        await model.close()


async def events_of(model: Any, request: ModelRequest = HELLO) -> list[ModelEvent]:
    return [event async for event in model.stream(request)]


def text_of(events: list[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_text_usage_and_cost() -> None:
    async with (
        ModelServer(["Good morning to you."]) as server,
        model_of(server, price_input=3, price_output=15) as model,
    ):
        events = await events_of(model)
        assert text_of(events) == "Good morning to you."
        ended = events[-1]
        assert isinstance(ended, Ended)
        assert (ended.reason, ended.usage.output, ended.model) == ("stop", 4, "openai/scripted")
        assert ended.cost == pytest.approx((3 * ended.usage.input + 15 * 4) / 1e6)
        again = (await events_of(model))[-1]
        assert isinstance(again, Ended)
        assert again.usage.cached_input == again.usage.input


async def test_a_tool_and_its_result() -> None:
    calls = (ScriptedCall("get_balance", {"account": "12"}), ScriptedCall("get_balance", {"account": "13"}))
    replies = [Reply("One moment.", calls=calls), Reply("You have {result}.", after="get_balance")]
    async with ModelServer(replies) as server, model_of(server) as model:
        request = ModelRequest((*HELLO.messages, Message("user", "my balance")), (BALANCE,))
        events = await events_of(model, request)
        found = tuple(event for event in events if isinstance(event, ToolCall))
        assert [(call.name, call.arguments) for call in found] == [(each.name, each.json) for each in calls]
        ended = events[-1]
        assert isinstance(ended, Ended)
        assert ended.reason == "tools"
        results = tuple(Message("tool", "5 euros", tool_call_id=call.id) for call in found)
        more = ModelRequest((*request.messages, Message("assistant", "One moment.", found), *results), (BALANCE,))
        assert text_of(await events_of(model, more)) == "You have 5 euros."
        first, second = server.requests
        assert second.prompt[: len(first.prompt)] == first.prompt  # what a cache wants


async def test_a_result_that_comes_late_leaves_the_prefix() -> None:
    call = ToolCall("a", "get_balance", '{"account": "12"')
    asked = (*HELLO.messages, Message("assistant", "", (call,)), Message("user", "and the weather?"))
    later = (*asked, Message("assistant", "Rain."), Message("tool", "5 euros", tool_call_id="a"))
    async with ModelServer() as server, model_of(server) as model:
        await events_of(model, ModelRequest(asked, (BALANCE,)))
        await events_of(model, ModelRequest(later, (BALANCE,)))
        first, second = server.requests
        assert second.prompt[: len(first.prompt)] == first.prompt
        messages = second.body["messages"]
        assert messages[3] == {"role": "tool", "content": PENDING, "tool_call_id": "a"}
        assert messages[2]["tool_calls"][0]["function"]["arguments"] == "{}"
        assert "get_balance answered: 5 euros" in messages[-1]["content"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("key", "key"),
        ("busy", "busy"),
        ("broken", "away"),
        ("die", "away"),
        ("cut", "away"),
        ("error-in-stream", "away"),
    ],
)
async def test_failures(fault: Any, kind: str) -> None:
    async with ModelServer([Reply("one two three four", fault=fault, retry_after_s=7)]) as server:
        async with model_of(server) as model:
            with pytest.raises(ModelError) as error:
                await events_of(model)
        assert error.value.kind == kind
        assert error.value.retry_after_s == (7 if fault == "busy" else None)
        assert "test-key" not in str(error.value)
        assert len(server.exchanges) == 1


async def test_a_request_that_is_refused() -> None:
    async with ModelServer(strict_models=True) as server, model_of(server, model="other") as model:
        with pytest.raises(ModelError, match="The model `other` does not exist") as error:
            await events_of(model)
        assert error.value.kind == "model"


async def test_a_server_that_is_away() -> None:
    async with ModelServer() as server:
        url = server.openai_url
    model = OpenAiModel("mine", OpenAiOptions(model="m", base_url=url))
    for work in (model.start(), events_of(model)):
        with pytest.raises(ModelError, match="cannot be reached") as error:
            await work
        assert error.value.kind == "away"
    await model.warm(HELLO)
    await model.close()


@pytest.mark.parametrize(("fault", "reason"), [("filtered", "filtered"), (None, "length")])
async def test_other_ends(fault: Any, reason: str) -> None:
    replies = [Reply("one two three four", fault=fault)]
    async with ModelServer(replies) as server, model_of(server, max_output_tokens=3) as model:
        ended = (await events_of(model))[-1]
        assert isinstance(ended, Ended)
        assert ended.reason == reason


@pytest.mark.parametrize("fault", ["hang", "stall", "endless"])
async def test_closing_ends_the_request_at_once(fault: Any) -> None:
    asked = asyncio.Event()

    def answer(_: Asked) -> Reply:
        asked.set()
        return Reply("one two three four", fault=fault)

    async with ModelServer(answer) as server, model_of(server) as model:
        stream = model.stream(HELLO)
        first = asyncio.ensure_future(anext(stream))
        await asked.wait()
        if fault == "hang":
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        else:
            assert isinstance(await first, TextDelta)
        await stream.aclose()
        async with asyncio.timeout(1):
            await server.exchanges[0].over.wait()
        assert server.exchanges[0].end == "closed"


async def test_one_connection_is_opened_ahead_and_kept() -> None:
    async with ModelServer(["One.", "Two."]) as server, model_of(server) as model:
        await model.start()
        assert server.connections == 1
        for _ in range(5):
            await events_of(model)
        assert server.connections == 1


async def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async with ModelServer() as server, model_of(server) as model:
        await events_of(model)
        port = int(server.url.rpartition(":")[2])
        await server.close()
        await server.start(port)
        assert text_of(await events_of(model)) == "Yes."


async def test_warming_caches_the_prompt_and_is_throttled() -> None:
    async with ModelServer(["Hello."]) as server, model_of(server) as model:
        await model.warm(HELLO)
        await model.warm(ModelRequest((*HELLO.messages, Message("user", "my"))))
        assert [each.warm for each in server.exchanges] == [True]
        await model.warm(ModelRequest((Message("system", "You are a shop."), Message("user", "hello"))))
        assert len(server.exchanges) == 2
        events = await events_of(model)
        assert text_of(events) == "Hello."
        ended = events[-1]
        assert isinstance(ended, Ended)
        assert ended.usage.cached_input == ended.usage.input
    async with ModelServer() as server, model_of(server, warm=False) as model:
        await model.start()
        await model.warm(HELLO)
        assert not server.exchanges


async def test_a_key_is_needed_by_openai_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="export OPENAI_API_KEY="):
        OpenAiModel("openai", OpenAiOptions(model="m"))
    async with ModelServer(api_key=None) as server, model_of(server, api_key=None) as model:
        await model.start()
        assert text_of(await events_of(model)) == "Yes."


async def test_a_server_that_sends_nonsense() -> None:
    nested = b"data: " + b"[" * 200_000 + b"\n\n"
    bodies = [b"data: {not json\n\n", b'data: {"choices": [5]}\n\n', nested, b'data: "text"\n\n', b"\x00\xff\n\n", b""]

    async def answer(_: Any) -> HttpResponse:
        return HttpResponse(content_type="text/event-stream", body=bodies.pop())

    server = HttpServer(answer)
    await server.start()
    url = f"http://127.0.0.1:{server.port}/v1"
    model = OpenAiModel("mine", OpenAiOptions(model="m", base_url=url))
    for _ in range(len(bodies)):
        with pytest.raises(ModelError) as error:
            await events_of(model)
        assert error.value.kind == "away"
    await model.close()
    await server.close()


async def test_a_server_that_does_not_stream() -> None:
    async def answer(_: Any) -> HttpResponse:
        return json_response(200, {"object": "chat.completion", "choices": []})

    server = HttpServer(answer)
    await server.start()
    model = OpenAiModel("mine", OpenAiOptions(model="m", base_url=f"http://127.0.0.1:{server.port}/v1"))
    with pytest.raises(ModelError, match="does not stream"):
        await events_of(model)
    await model.close()
    await server.close()


def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"id": "1", "object": "chat.completion.chunk", "choices": [{"delta": delta, "finish_reason": reason}]}


def test_whole_calls_under_one_index() -> None:
    reader = OpenAiReader()
    calls = [{"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}} for name in ("a", "b")]
    found = reader.read(chunk({"tool_calls": calls}))
    found += reader.read(chunk({"content": ""}, "stop")) + reader.end()
    assert found == [ToolCall("a", "a", "{}"), ToolCall("b", "b", "{}"), Ended("tools")]


@pytest.mark.parametrize(
    ("tokens", "spoken"),
    [
        (["<th", "ink>", "hm, 5 < 6", "</thi", "nk>", "\n\n", "Five", "."], "Five."),
        (["<", "b>yes"], "<b>yes"),
        ([" ", "Yes", " <think>"], "Yes <think>"),
        (["<think>for ever"], ""),
        (["<"], "<"),
    ],
)
def test_thoughts_are_not_spoken(tokens: list[str], spoken: str) -> None:
    reader = OpenAiReader()
    found = [event for token in tokens for event in reader.read(chunk({"content": token}))]
    found += reader.read(chunk({}, "stop")) + reader.end()
    assert text_of(found) == spoken


def test_a_tool_call_without_end_is_nonsense() -> None:
    reader = OpenAiReader()
    piece = {"index": 0, "id": "a", "function": {"name": "pay", "arguments": "x" * 10_000}}
    with pytest.raises(ValueError, match="tool call"):
        for _ in range(11):
            reader.read({"choices": [{"delta": {"tool_calls": [piece]}}]})
