"""Tools in conversations, in virtual time; and what a function's signature makes of it."""

import asyncio
import json
import random
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field
from structlog.testing import capture_logs

from offhook import Agent, Call, Outcome, Tool, tool
from offhook.agents.limits import AgentLimits
from offhook.agents.tools import MAX_RESULT_CHARS, OnInterrupt, ToolError, tool_of
from offhook.llm.model import ModelRequest, ToolCall
from offhook.pipeline.trace import ToolRan
from offhook.testing import SimulatedCall, run
from offhook.transfer.outcome import Transferred
from offhook.transfer.request import TransferRequest
from tests.offhook.agents.models import Says, ScriptedModel, call, last, told


def order(
    number: Annotated[str, Field(pattern="^[0-9]{4}$", description="four digits")], day: date | None = None
) -> str:
    """The state of an order."""
    return f"order {number} ships on {day}"


def test_the_schema_is_that_of_the_signature() -> None:
    spec = tool_of(order).spec
    assert spec.name == "order"
    assert spec.description == "The state of an order."
    assert spec.parameters["required"] == ["number"]
    assert spec.parameters["additionalProperties"] is False
    properties = spec.parameters["properties"]
    assert isinstance(properties, dict)
    assert properties["number"] == {"type": "string", "pattern": "^[0-9]{4}$", "description": "four digits"}
    json.dumps(spec.parameters)


class Item(BaseModel):
    """What is bought."""

    title: str
    sizes: list[int] | None = None


def test_a_schema_has_no_titles_of_its_own() -> None:
    def buy(items: list[Item], title: str | None = None) -> None:
        """Buy."""

    text = json.dumps(tool_of(buy).spec.parameters)
    assert '"title": "' not in text
    assert text.count('"title": {') == 2, "properties of that name stay"


async def test_a_plain_function_runs_in_a_thread_with_its_values(call_: Call) -> None:
    made = tool_of(order)
    assert await made.answer('{"number": "4711", "day": "2026-12-01"}', call_) == "order 4711 ships on 2026-12-01"


WRONG = (
    *("", "[]", "null", "{", '{"number": 4711}', '{"number": "47"}', '{"number": "4711", "to": "x"}', "[" * 5_000),
    *('{"number": "4711", "day": "soon"}', '{"number": "' + "4" * 10_000 + '"}', '{"number": {"a": {}}}'),
)


@pytest.mark.parametrize("arguments", WRONG)
async def test_wrong_arguments_are_the_models_fault(arguments: str, call_: Call) -> None:
    with pytest.raises(ToolError, match="argument") as error:
        await tool_of(order).answer(arguments, call_)
    assert len(str(error.value)) <= 400


async def test_results_become_text(call_: Call) -> None:
    @tool(name="many")
    async def listed(count: int) -> list[dict[str, int]]:
        return [{"n": n} for n in range(count)]

    @tool
    async def nothing() -> None: ...

    assert await listed.answer('{"count": 2}', call_) == '[{"n":0},{"n":1}]'
    assert len(await listed.answer('{"count": 9999}', call_)) == MAX_RESULT_CHARS
    assert await nothing.answer("", call_) == "done"
    assert listed.name == "many"


async def test_a_function_that_raises_is_told_the_model(call_: Call) -> None:
    async def broken(call: Call) -> str:
        raise ValueError(f"no database for {call.id}")

    made = tool_of(broken)
    assert made.spec.parameters["properties"] == {}
    with pytest.raises(ToolError, match="ValueError: no database for simulated"):
        await made.answer("{}", call_)


def test_functions_without_a_schema_are_refused() -> None:
    def untyped(a): ...  # type: ignore[no-untyped-def]
    def starred(*a: int) -> None: ...
    def odd(a: asyncio.Queue[int]) -> None: ...

    for function in (untyped, starred, odd, lambda: None):
        with pytest.raises(TypeError):
            tool_of(function)
    with pytest.raises(ValueError, match="two tools"):
        Agent("x", model=ScriptedModel("x"), tools=[order, order])


@pytest.fixture
async def call_() -> Call:
    async def waits(call: Call) -> None: ...

    return SimulatedCall(waits).call


# In a conversation.


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


# Built in.


def ends(agent: Agent, *, transfers: bool = True, says: str = "goodbye then") -> tuple[SimulatedCall, Outcome | None]:
    """A conversation that the agent ends."""
    outcomes: list[Outcome] = []

    class Keeps:
        async def run(self, call: Call) -> Outcome:
            outcomes.append(await agent.run(call))
            return outcomes[0]

    async def talk() -> SimulatedCall:
        async with SimulatedCall(Keeps(), transfers=transfers) as caller:
            await caller.hears("Hi.")
            await caller.says(says)
            async with asyncio.timeout(60):
                await caller.over.wait()
            return caller

    return run(talk()), outcomes[0] if outcomes else None


def test_it_hangs_up_once_its_words_were_heard() -> None:
    model = ScriptedModel(Says("Thank you for calling.", calls=(call("hang_up", reason="all done"),)))
    caller, outcome = ends(Agent("x", model=model, greeting="Hi."))
    assert caller.bot_hung_up
    assert caller.transcript[-1].text == "Thank you for calling."
    assert outcome == Outcome("the agent hung up: all done")


def test_it_transfers_to_names_only() -> None:
    model = ScriptedModel(Says("One second.", calls=(call("transfer", to="sales"),)))
    agent = Agent("x", model=model, greeting="Hi.", transfer_to={"sales": "+15550100", "desk": "+15550101"})
    caller, outcome = ends(agent)
    assert caller.transferred_to == "+15550100"
    assert outcome == Outcome("transferred to sales")
    spec = next(spec for spec in model.requests[0].tools if spec.name == "transfer")
    assert "+1555" not in repr(spec)
    assert spec.parameters["properties"] == {"to": {"type": "string", "enum": ["sales", "desk"]}}


def test_a_transfer_that_fails_goes_back_to_the_model() -> None:
    calls = Says("One second.", calls=(call("transfer", to="sales"),))
    model = ScriptedModel(calls, Says("That is not possible.", calls=(call("hang_up", reason="x"),)))
    caller, _ = ends(Agent("x", model=model, greeting="Hi.", transfer_to={"sales": "+15550100"}), transfers=False)
    assert caller.transcript[-1].text == "That is not possible."
    assert "cannot be transferred" in last(model.requests[1])


def test_it_hands_back_an_outcome_with_values() -> None:
    handed = call("hand_back", outcome="booked", values={"day": "2026-12-01", "people": 4})
    wrong = call("hand_back", outcome="booked", values={"day": "soon", "people": 4})
    model = ScriptedModel(Says(calls=(wrong,)), Says("Booked.", calls=(handed,)))
    outcomes = {"booked": {"day": date, "people": int}, "none": {}}
    _, outcome = ends(Agent("x", model=model, greeting="Hi.", outcomes=outcomes))
    assert "day" in last(model.requests[1])
    assert outcome == Outcome("handed back: booked", "booked", {"day": "2026-12-01", "people": "4"})


def test_it_presses_keys_if_it_may() -> None:
    says = Says(calls=(call("send_dtmf", "a", digits="12#"), call("hang_up", "b", reason="done")))
    assert ends(Agent("x", model=ScriptedModel(says), greeting="Hi.", dtmf=True))[0].sent_keys == "12#"
    assert ends(Agent("x", model=ScriptedModel(says), greeting="Hi."))[0].sent_keys == ""


def test_a_transfer_that_the_caller_interrupts_does_not_happen() -> None:
    long = "I am now connecting you to our sales department, where somebody will take care of you in a moment."
    model = ScriptedModel(Says(long, calls=(call("transfer", to="sales"),)), "All right.")

    async def talk() -> SimulatedCall:
        agent = Agent("x", model=model, greeting="Hi.", transfer_to={"sales": "+15550100"})
        async with SimulatedCall(agent, transfers=True) as caller:
            await caller.hears("Hi.")
            await caller.says("sales please")
            await caller.begins_to_hear("I am now")
            await caller.waits(1.0)
            await caller.says("no wait a second")
            await caller.hears("All right.")
            return caller

    assert run(talk()).transferred_to is None


# A model that means harm.


class Hostile:
    """200 calls of tools, none of which is allowed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.made = 0

    def script(self, request: ModelRequest) -> Says:
        return Says("Yes.", first_s=0.05, calls=tuple(self.one() for _ in range(self.random.randint(1, 12))))

    def one(self) -> ToolCall:
        self.made += 1
        rnd = self.random
        name, arguments = rnd.choice(
            [
                ("transfer", '{"to": "+19005550199"}'),
                ("transfer", '{"to": "sip:evil@example.com"}'),
                ("transfer", '{"to": "sales", "number": "+19005550199"}'),
                ("transfer", '{"to": ["sales", "+19005550199"]}'),
                ("transfer", '{"to": "Sales"}'),
                ("transfer", '{"to": "sales\\n+19005550199"}'),
                ("transfer", '{"to": "' + "sales" * 4_000 + '"}'),
                ("transfer", '{"to": null}'),
                ("transfer", "sales"),
                ("Transfer", '{"to": "sales"}'),
                ("call.transfer", '{"number": "+19005550199"}'),
                ("send_dtmf", '{"digits": "1"}'),
                ("hand_back", '{"outcome": "paid", "values": {}}'),
                ("hand_back", '{"outcome": "booked", "values": {"day": "2026-12-01", "amount": 1}}'),
                ("hand_back", '{"outcome": "booked", "values": {"day": {"$ref": "/etc/passwd"}}}'),
                ("hang_up", '{"reason": "' + "x" * 300 + '"}'),
                ("hang_up", '{"reason": "x", "block": true}'),
                ("pay", '{"amount": "1 or 1=1"}'),
                ("pay", '{"amount": 1e999}'),
                ("pay", '{"amount": 5, "account": "mine"}'),
                ("pay", "{" * 3_000),
                ("pay", '{"amount": ' + "9" * 6_000 + "}"),
                ("pay", '{"amount": 5, "amount": "x"}'),
                ("__import__", '{"name": "os"}'),
                ("../../bin/sh", "{}"),
                ("", ""),
                ("x" * 10_000, "{}"),
                ("pay\x00", '{"amount": 5}'),
            ]
        )
        return ToolCall(rnd.choice(["", "a", "a", "é" * 50, "x" * 1_000]), name, arguments)


@pytest.mark.parametrize("seed", range(4))
def test_200_hostile_calls_do_nothing(seed: int) -> None:
    paid: list[float] = []

    async def pay(amount: Annotated[float, Field(gt=0, le=100)], currency: Literal["EUR"] = "EUR") -> str:
        """Pay."""
        paid.append(amount)
        return "paid"

    hostile = Hostile(seed)
    model = ScriptedModel(reply=hostile.script)
    agent = Agent(
        "x",
        model=model,
        greeting="Hi.",
        tools=[pay],
        transfer_to={"sales": "+15550100"},
        outcomes={"booked": {"day": date}},
        limits=AgentLimits(failures=1_000, tool_calls_per_minute=10_000),
    )

    async def talk() -> SimulatedCall:
        async with SimulatedCall(agent, transfers=True) as caller:
            await caller.hears("Hi.")
            while hostile.made < 200:
                await caller.says("please help me")
                await caller.hears("I lost my thread", within_s=120)
            assert not caller.over.is_set()
            return caller

    caller = run(talk())
    assert hostile.made >= 200
    assert not paid
    assert caller.transferred_to is None
    assert not caller.bot_hung_up
    assert caller.sent_keys == ""
    assert all(event.error for event in ran(caller))
    # What goes back to the model is sound: no orphan results, no huge arguments, names and ids as vendors take them.
    for request in model.requests:
        calls = [each for message in request.messages for each in message.tool_calls]
        results = [message.tool_call_id for message in request.messages if message.role == "tool"]
        assert [each.id for each in calls] == results
        assert all(each.name.replace("_", "a").replace("-", "a").isalnum() and len(each.name) <= 64 for each in calls)
        assert all(isinstance(json.loads(each.arguments), dict) for each in calls)
        assert sum(len(message.text) for message in request.messages) < 40_000


def test_a_loop_of_tools_is_cut_short_and_rated() -> None:
    count = 0

    async def look_up() -> str:
        """Look it up."""
        nonlocal count
        count += 1
        return "again"

    model = ScriptedModel(Says("", first_s=0.05, calls=(call("look_up"),)))
    limits = AgentLimits(tool_calls_per_minute=10, failures=100)

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[look_up], limits=limits)) as caller:
            await caller.hears("Hi.")
            for _ in range(3):
                await caller.says("please help me")
                await caller.hears("I am sorry")

    run(talk())
    assert count == 10


def test_the_log_says_why_a_tool_failed_without_what_a_server_said() -> None:
    async def refused(_values: dict[str, object], _call: Call) -> str:
        raise ToolError("HTTP 402: the card 4111 is not accepted")

    model = ScriptedModel(Says(calls=(call("look_up"),)), "I am sorry.")

    async def talk(made: Tool) -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[made])) as caller:
            await caller.hears("Hi.")
            await caller.says("look it up")
            await caller.hears("I am sorry.")

    with capture_logs() as logs:
        run(talk(replace(slow(0.0), run=refused)))
    (found,) = [each for each in logs if each["event"] == "a tool failed"]
    assert (found["tool"], found["why"], found["log_level"]) == ("look_up", "HTTP 402", "warning")
    assert found["call"]
