"""A request that fails before its first token is asked once more: in virtual time, and by the vendors' clients."""

from typing import Any

import pytest

from offhook import Agent
from offhook.agents.limits import AgentLimits
from offhook.agents.reply_stream import ReplyStream
from offhook.calls.agent_totals import AgentTotals
from offhook.llm.model import FailureKind, Message, ModelError, ModelRequest, TextDelta
from offhook.llm.registry import make_model
from offhook.pipeline.trace import BotSpoke, ModelAsked, ModelReplied, SessionEvent, Speculated
from offhook.testing import SimulatedCall, run
from offhook.testing.models import ModelServer, Reply
from tests.offhook.agents.models import Says, ScriptedModel


def failing(kind: FailureKind = "away", retry_after_s: float | None = None, text: str = "") -> Says:
    return Says(text, first_s=0.05, fails=ModelError("scripted", kind, "503", retry_after_s))


def answered(*script: Says | str, speculate: bool = False, limits: AgentLimits | None = None) -> SimulatedCall:
    """A call in which the caller says one thing, after which the bot has said another."""
    model = ScriptedModel(*script)

    async def talk() -> SimulatedCall:
        agent = Agent("x", model=model, greeting="Hello.", speculate=speculate, limits=limits)
        async with SimulatedCall(agent) as caller:
            await caller.hears("Hello.")
            await caller.says("where is my order")
            await caller.waits(6.0)
            return caller

    return run(talk())


def replies(caller: SimulatedCall) -> list[tuple[str, str, bool]]:
    return [(e.text, e.error, e.retried) for e in caller.events if isinstance(e, ModelReplied)]


def said_at(caller: SimulatedCall, text: str) -> float:
    return next(e.at for e in caller.events if isinstance(e, BotSpoke) and e.text.startswith(text))


@pytest.mark.parametrize("kind", ["away", "busy"])
def test_the_caller_does_not_notice(kind: FailureKind) -> None:
    caller = answered(failing(kind), "It is nine.")
    assert [line.text for line in caller.transcript if line.who == "bot"] == ["Hello.", "It is nine."]
    assert replies(caller) == [("", "scripted: 503", True), ("It is nine.", "", False)]
    asked = [e.at for e in caller.events if isinstance(e, ModelAsked)]
    assert asked[1] - asked[0] == pytest.approx(0.05 + 0.25, abs=0.03)
    totals = AgentTotals()
    for event in caller.events:
        if isinstance(event, ModelReplied):
            totals.add(event)
    used = totals.models["scripted"]
    assert (used.replies, used.failed, used.retried) == (2, 0, 1)


def test_the_server_says_when() -> None:
    caller = answered(failing("busy", 1.5), "It is nine.")
    asked = [e.at for e in caller.events if isinstance(e, ModelAsked)]
    assert asked[1] - asked[0] == pytest.approx(1.55, abs=0.03)
    assert said_at(caller, "It is nine.") > asked[1]


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (failing("busy", 5.0), "503"),  # too late for this caller
        (failing("key"), "503"),
        (failing("request"), "503"),
        (failing("away", text="It is"), "503"),  # what was said cannot be taken back
    ],
)
def test_what_is_not_asked_again(says: Says, error: str) -> None:
    caller = answered(says, "It is nine.")
    ((_, found, retried),) = replies(caller)
    assert (error in found, retried) == (True, False)


def test_it_is_asked_once_more_and_not_twice() -> None:
    caller = answered(failing(), failing(), "It is nine.")
    assert replies(caller) == [("", "scripted: 503", True), ("", "scripted: 503", False)]
    assert said_at(caller, "I am sorry, that did not work.")


def test_not_with_a_limit_that_forbids_it() -> None:
    caller = answered(failing(), "It is nine.", limits=AgentLimits(retry_within_s=0.1))
    assert [retried for _, _, retried in replies(caller)] == [False]


def test_a_reply_that_was_begun_early_is_asked_for_again_and_used() -> None:
    caller = answered(failing(), "It is nine.", speculate=True)
    assert [e.used for e in caller.events if isinstance(e, Speculated)] == [True]
    assert replies(caller)[-1] == ("It is nine.", "", False)


def test_a_caller_who_speaks_meanwhile_ends_it() -> None:
    model = ScriptedModel(failing("busy", 1.9), "All right.")

    async def talk() -> SimulatedCall:
        async with SimulatedCall(Agent("x", model=model, greeting="Hello.", speculate=False)) as caller:
            await caller.hears("Hello.")
            await caller.says("where is my order")
            await caller.waits(0.2)
            await caller.says("no wait")
            await caller.hears("All right.")
            return caller

    caller = run(talk())
    assert len(model.requests) == 2
    assert replies(caller) == [("", "scripted: 503", True), ("All right.", "", False)]


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("fault", ["busy", "broken"])
async def test_with_the_vendors_clients(vendor: str, fault: Any) -> None:
    events: list[SessionEvent] = []
    async with ModelServer([Reply(fault=fault, retry_after_s=0.3), "It is nine."]) as server:
        options = {"model": "scripted", "base_url": getattr(server, f"{vendor}_url"), "api_key": "test-key"}
        model = make_model(vendor, options)
        request = ModelRequest((Message("user", "what time is it"),))
        stream = ReplyStream(model, request, events.append, retry_within_s=2.0)
        first = await stream.next(5.0)
        assert isinstance(first, TextDelta)
        stream.close()
        await stream.closed()
        await model.close()
        assert len(server.requests) == 2
    failed, replied = (event for event in events if isinstance(event, ModelReplied))
    assert (failed.retried, failed.text) == (True, "")
    assert replied.text.startswith("It")
    asked = [event.at for event in events if isinstance(event, ModelAsked)]
    assert asked[1] - asked[0] >= (0.3 if fault == "busy" else 0.25)
