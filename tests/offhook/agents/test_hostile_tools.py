"""Tools that a model calls against its orders, in loops, and with arguments that mean harm."""

import json
import random
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import Field
from structlog.testing import capture_logs

from offhook import Agent, Call, Tool
from offhook.agents.limits import AgentLimits
from offhook.agents.tools import ToolError
from offhook.llm.model import ModelRequest, ToolCall
from offhook.testing import SimulatedCall, run
from tests.offhook.agents.models import Says, ScriptedModel, call
from tests.offhook.agents.test_tool_calls import ran, slow


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
