"""Tools in a conversation: what is said meanwhile, and what is on the record."""

import asyncio

import pytest

from offhook import Agent, Call, Tool, tool
from offhook.agents.tools import OnInterrupt
from offhook.llm.model import ToolCall
from offhook.pipeline.trace import ToolRan
from offhook.testing import SimulatedCall, run
from offhook.transfer.outcome import Transferred
from offhook.transfer.request import TransferRequest
from tests.offhook.agents.models import Says, ScriptedModel, call, last, told


def slow(seconds: float, timeout_s: float | None = None, on_interrupt: OnInterrupt = "keep") -> Tool:
    @tool(name="look_up", timeout_s=timeout_s, on_interrupt=on_interrupt)
    async def look_up(number: str = "") -> str:
        """Look an order up."""
        await asyncio.sleep(seconds)
        return "it ships today"

    return look_up


def ran(caller: SimulatedCall) -> list[ToolRan]:
    return [event for event in caller.events if isinstance(event, ToolRan)]


def test_a_tool_runs_and_its_result_is_spoken() -> None:
    model = ScriptedModel(Says("Let me see.", calls=(call("look_up", number="4711"),)), "It ships today.")

    async def talk() -> SimulatedCall:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[slow(0.3)])) as caller:
            await caller.hears("Hi.")
            await caller.says("where is my order")
            await caller.hears("Let me see.")
            await caller.hears("It ships today.")
            return caller

    caller = run(talk())
    *_, asked, result = model.requests[1].messages
    assert asked.role == "assistant"
    assert asked.text == "Let me see."
    assert [each.name for each in asked.tool_calls] == ["look_up"]
    assert (result.role, result.text, result.tool_call_id) == ("tool", "it ships today", asked.tool_calls[0].id)
    (event,) = ran(caller)
    assert event.seconds == pytest.approx(0.3, abs=0.01)


def test_a_call_keeps_what_its_vendor_wants_back() -> None:
    asked = ToolCall("not an id!", "look_up", '{"what": "hours"}', signature="c2lnbmVk")
    model = ScriptedModel(Says(calls=(asked,)), "We open at nine.")

    @tool
    async def look_up(what: str) -> str:
        return what

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[look_up])) as caller:
            await caller.hears("Hi.")
            await caller.says("when do you open")
            await caller.hears("We open at nine.")

    run(talk())
    (kept,) = (each.tool_calls[0] for each in model.requests[1].messages if each.tool_calls)
    assert (kept.signature, kept.arguments) == ("c2lnbmVk", asked.arguments)


def test_a_slow_tool_is_covered_by_fillers() -> None:
    model = ScriptedModel(Says(calls=(call("look_up"),)), "It ships today.")

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[slow(6.0)])) as caller:
            await caller.hears("Hi.")
            await caller.says("where is my order")
            began = caller.now
            await caller.begins_to_hear("One moment.")
            assert caller.now - began == pytest.approx(0.5 + 0.8, abs=0.3)
            await caller.hears("I am still working on it.")
            await caller.hears("It ships today.")

    run(talk())


def test_a_tool_has_a_time_limit() -> None:
    model = ScriptedModel(Says(calls=(call("look_up"),)), "I cannot see it.")

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[slow(99, timeout_s=2.0)])) as caller:
            await caller.hears("Hi.")
            await caller.says("where is my order")
            await caller.hears("I cannot see it.")

    run(talk())
    assert last(model.requests[1]) == "error: no result within 2 s"


@pytest.mark.parametrize("kept", [True, False])
def test_the_caller_may_speak_while_a_tool_runs(kept: bool) -> None:
    model = ScriptedModel(Says(calls=(call("look_up"),)), "We open at nine.", "And your order ships today.")
    look_up = slow(7.0, on_interrupt="keep" if kept else "cancel")

    async def talk() -> SimulatedCall:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[look_up], speculate=False)) as caller:
            await caller.hears("Hi.")
            await caller.says("where is my order")
            await caller.hears("One moment.")
            await caller.says("and when do you open")
            await caller.hears("We open at nine.")
            await (caller.hears("And your order") if kept else caller.waits(5.0))
            return caller

    run(talk())
    between = told(model.requests[1])
    assert between[-1] == ("user", "and when do you open")
    assert between[-2][0] == "tool"
    assert ("still running" in between[-2][1]) == kept
    assert ("cancelled" in between[-2][1]) == (not kept)
    if kept:
        assert last(model.requests[2]) == "[result of look_up: it ships today]"
        assert model.requests[2].messages[: len(model.requests[1].messages)] == model.requests[1].messages
    else:
        assert not any("it ships" in message.text for request in model.requests for message in request.messages)


def test_what_still_runs_at_the_end_of_a_call_is_on_its_record() -> None:
    model = ScriptedModel(Says(calls=(call("look_up"), call("find", "c2"))))

    @tool
    async def find() -> str:
        await asyncio.sleep(0.1)
        return "found"

    async def talk() -> SimulatedCall:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[slow(60.0), find])) as caller:
            await caller.hears("Hi.")
            await caller.says("where is my order")
            await caller.hears("One moment.")
            await caller.waits(2.0)
        return caller

    caller = run(talk())
    assert [(each.name, each.error) for each in ran(caller)] == [
        ("find", ""),
        ("look_up", "unfinished: the call ended"),
    ]
    assert ran(caller)[1].seconds == pytest.approx(3.5, abs=1.5)


def test_what_still_runs_when_the_agent_hands_back_is_too() -> None:
    model = ScriptedModel(Says(calls=(call("look_up"),)), Says(calls=(call("hand_back", "c2", outcome="done"),)))

    async def talk(call_: Call) -> None:
        agent = Agent("x", model=model, greeting="Hi.", tools=[slow(60.0)], outcomes=["done"], speculate=False)
        assert (await agent.run(call_)).name == "done"
        await call_.say("And now something else.")

    async def conversation() -> SimulatedCall:
        async with SimulatedCall(talk) as caller:
            await caller.hears("Hi.")
            await caller.says("where is my order")
            await caller.hears("One moment.")
            await caller.says("never mind")
            await caller.hears("And now something else.")
            return caller

    errors = {each.name: each.error for each in ran(run(conversation()))}
    assert errors == {"hand_back": "", "look_up": "unfinished: the agent has ended"}


def test_a_transfer_is_on_the_record_of_the_call_that_it_ends() -> None:
    model = ScriptedModel(Says(calls=(call("transfer", to="desk"),)))
    events: list[tuple[str, str]] = []
    agent = Agent("x", model=model, greeting="Hi.", transfer_to={"desk": "+15550100"})

    async def talk() -> None:
        async with SimulatedCall(agent, transfers=True) as caller:
            # As a carrier does: the call has ended when the transfer returns.
            transfer = caller.call._on_transfer
            assert transfer is not None

            async def and_end(request: TransferRequest) -> Transferred | None:
                result = await transfer(request)
                caller.call.end(by_bot=True)
                return result

            caller.call._on_transfer = and_end
            await caller.hears("Hi.")
            await caller.says("the desk please")
            await caller.waits(3.0)
            events.extend((each.name, each.result) for each in ran(caller))

    run(talk())
    assert events == [("transfer", "transferred")]
