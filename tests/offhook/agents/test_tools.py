"""What a function is as a tool: its schema, its values, its results."""

import asyncio
import json
from datetime import date
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from offhook import Agent, Call, tool
from offhook.agents.tools import MAX_RESULT_CHARS, ToolError, tool_of
from offhook.testing import SimulatedCall
from tests.offhook.agents.models import ScriptedModel


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
