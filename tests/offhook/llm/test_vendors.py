"""All three vendors' models against the scripted model that the vendors' own clients have judged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.llm.history import OPENING
from offhook.llm.hosted import HostedModel
from offhook.llm.model import Ended, Message, ModelError, ModelEvent, ModelRequest, TextDelta, ToolCall, ToolSpec
from offhook.llm.registry import make_model
from offhook.testing.models import Asked, ModelServer, Reply, ScriptedCall
from offhook.testing.models.gemini import SIGNATURE
from offhook.usererror import UserError

VENDORS = ("openai", "anthropic", "gemini")
HELLO = ModelRequest((Message("system", "You are a bank."), Message("user", "hello")))
BALANCE = ToolSpec("get_balance", "The balance.", {"type": "object", "properties": {"account": {"type": "string"}}})
CALL = ScriptedCall("get_balance", {"account": "12"})


@asynccontextmanager
async def model_of(vendor: str, server: ModelServer, **options: Any) -> AsyncIterator[HostedModel]:
    url = getattr(server, f"{vendor}_url")
    model = make_model(vendor, {"model": "scripted", "base_url": url, "api_key": "test-key", **options})
    assert isinstance(model, HostedModel)
    try:
        yield model
    finally:
        await model.close()


async def events_of(model: Any, request: ModelRequest = HELLO) -> list[ModelEvent]:
    return [event async for event in model.stream(request)]


def text_of(events: list[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def ended(events: list[ModelEvent]) -> Ended:
    assert isinstance(events[-1], Ended)
    return events[-1]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_conversation_with_tools(vendor: str) -> None:
    replies = [Reply("One moment.", calls=(CALL, CALL)), Reply("You have {result}.", after="get_balance")]
    async with ModelServer(replies) as server, model_of(vendor, server, price_input=1, price_output=2) as model:
        await model.start()
        request = ModelRequest((*HELLO.messages, Message("user", "my balance")), (BALANCE,))
        events = await events_of(model, request)
        assert text_of(events) == "One moment."
        calls = tuple(event for event in events if isinstance(event, ToolCall))
        assert [(call.name, call.arguments) for call in calls] == [("get_balance", CALL.json)] * 2
        assert len({call.id for call in calls}) == 2
        assert ended(events).reason == "tools"
        usage = ended(events).usage
        assert usage.output > 2
        assert usage.cached_input == 0
        assert ended(events).cost == pytest.approx((usage.input + 2 * usage.output) / 1e6)
        results = tuple(Message("tool", "5 euros", tool_call_id=call.id) for call in calls)
        more = ModelRequest((*request.messages, Message("assistant", "One moment.", calls), *results), (BALANCE,))
        events = await events_of(model, more)
        assert text_of(events) == "You have 5 euros."
        assert 0 < ended(events).usage.cached_input < ended(events).usage.input
        first, second = server.requests
        assert second.prompt[: len(first.prompt)] == first.prompt
        assert server.connections == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_any_order_is_taken(vendor: str) -> None:
    """The bot speaks first, results are late or missing, a call's arguments are malformed, another vendor made it."""
    call = ToolCall("a", "get_balance", '{"account": ', "not base64!")
    other = ToolCall("b", "get_balance", "{}")
    messages = (
        Message("system", "You are a bank."),
        Message("system", "The caller is known."),
        Message("assistant", "Welcome."),
        Message("user", "my balance"),
        Message("assistant", "", (call, other)),
        Message("user", "and the weather?"),
        Message("system", "The caller did not hear: Rain."),
        Message("tool", "5 euros", tool_call_id="a"),
        Message("assistant", " "),
        Message("user", "and?"),
        Message("assistant", "", (ToolCall("c", "get_balance", "{}"),)),
    )
    async with ModelServer() as server, model_of(vendor, server) as model:
        assert text_of(await events_of(model, ModelRequest(messages, (BALANCE,)))) == "Yes."
        for length in range(len(messages)):
            await events_of(model, ModelRequest(messages[:length] or HELLO.messages))
        text = str(server.exchanges[0].body)
        assert "get_balance answered: 5 euros" in text
        assert "did not hear: Rain." in text
        assert (OPENING in text) == (vendor != "openai")


@pytest.mark.parametrize("vendor", VENDORS)
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
async def test_failures(vendor: str, fault: Any, kind: str) -> None:
    async with ModelServer([Reply("one two three four", fault=fault, retry_after_s=7)]) as server:
        async with model_of(vendor, server) as model:
            with pytest.raises(ModelError) as error:
                await events_of(model)
        assert error.value.kind == kind
        assert error.value.retry_after_s == (7 if fault == "busy" else None)
        assert "test-key" not in str(error.value)
        assert len(server.exchanges) == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_other_ends(vendor: str) -> None:
    replies = [Reply("one two three four", fault="filtered"), Reply("one two three four")]
    async with ModelServer(replies) as server, model_of(vendor, server, max_output_tokens=3) as model:
        assert ended(await events_of(model)).reason == "filtered"
        events = await events_of(model)
        assert text_of(events) == "one two three"
        assert ended(events).reason == "length"


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("fault", ["hang", "stall", "endless"])
async def test_closing_ends_the_request_at_once(vendor: str, fault: Any) -> None:
    asked = asyncio.Event()

    def answer(_: Asked) -> Reply:
        asked.set()
        return Reply("one two three four", fault=fault)

    async with ModelServer(answer) as server, model_of(vendor, server) as model:
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


@pytest.mark.parametrize("vendor", VENDORS)
async def test_keys_and_models_are_tried_at_the_start(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ModelServer() as server, model_of(vendor, server, api_key="wrong-key") as model:
        with pytest.raises(ModelError) as error:
            await model.start()
        assert error.value.kind == "key"
        assert "wrong-key" not in str(error.value)
        await model.warm(HELLO)
    if vendor != "openai":
        monkeypatch.delenv(f"{vendor.upper()}_API_KEY", raising=False)
        with pytest.raises(UserError, match=f"export {vendor.upper()}_API_KEY="):
            make_model(vendor, {"model": "m"})


@pytest.mark.parametrize("vendor", ["anthropic", "gemini"])
async def test_prompts_are_not_sent_ahead_unless_told(vendor: str) -> None:
    async with ModelServer() as server:
        async with model_of(vendor, server) as model:
            await model.warm(HELLO)  # opens the connection
            assert not server.exchanges
            assert server.connections == 1
        async with model_of(vendor, server, warm=True) as model:
            await model.warm(HELLO)
            assert [each.warm for each in server.exchanges] == [True]


async def test_anthropic_marks_what_is_cached() -> None:
    async with ModelServer() as server, model_of("anthropic", server) as model:
        messages = (*HELLO.messages, Message("assistant", "Hello."), Message("user", "my balance"))
        await events_of(model, ModelRequest(messages, (BALANCE,)))
        body = server.exchanges[0].body
        assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
        marked = ["cache_control" in str(each) for each in body["messages"]]
        assert marked == [False, True, False]
        # What the caller says next may still change: it is not part of what is cached.
        changed = (*messages[:-1], Message("user", "my balance please"))
        usage = ended(await events_of(model, ModelRequest(changed, (BALANCE,)))).usage
        assert usage.cached_input > 5


async def test_gemini_gets_its_signatures_back() -> None:
    async with ModelServer([Reply(calls=(CALL,))]) as server, model_of("gemini", server) as model:
        (call,) = [event for event in await events_of(model) if isinstance(event, ToolCall)]
        assert call.signature == SIGNATURE
        more = ModelRequest((*HELLO.messages, Message("assistant", "", (call,)), Message("tool", "5", (), call.id)))
        await events_of(model, more)
        parts = server.exchanges[1].body["contents"][1]["parts"]
        assert parts[0]["thoughtSignature"] == SIGNATURE


async def test_extra_goes_into_the_request() -> None:
    async with ModelServer() as server:
        async with model_of("openai", server, extra={"reasoning_effort": "none"}) as model:
            await events_of(model)
        async with model_of("anthropic", server, extra={"metadata": {"user_id": "1"}}) as model:
            await events_of(model)
        async with model_of("gemini", server, extra={"thinking_config": {"thinking_budget": 0}}) as model:
            await events_of(model)
        bodies = [each.body for each in server.exchanges]
        assert bodies[0]["reasoning_effort"] == "none"
        assert bodies[1]["metadata"] == {"user_id": "1"}
        assert list(bodies[2]["generationConfig"]["thinkingConfig"].values()) == [0]
