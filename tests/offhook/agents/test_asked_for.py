"""What a model's question expects, by the schemas of its tools."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from offhook import Agent, tool
from offhook.agents.asked_for import asked_for
from offhook.agents.tools import tool_of
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.events import Expectation
from offhook.pipeline.trace import TurnTraced
from offhook.testing import SimulatedCall, run
from tests.offhook.agents.models import ScriptedModel


@tool
async def order(
    order_number: Annotated[str, Field(pattern="^[0-9]{4}$")],
    size: Literal["small", "large"] = "small",
    delivered: Annotated[bool, Field(description="whether it should come to their house")] = False,
    remarks: str = "",
) -> str:
    """The state of an order."""
    return order_number


SPECS = [tool_of(order).spec]
FOUR = Expectation("digits", 4, 4)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Of course. What is your order number?", "digits"),
        ("Please tell me the number.", "digits"),
        ("Which size would you like?", "choice"),
        ("Should we come to your house, or is that not what it should be?", "yes_no"),
        ("Do you have any remarks?", None),
        ("Your order number is known. Anything else?", None),
        ("Your order number is 4711.", None),
        ("What are the order number and the size?", "digits"),
        ("", None),
    ],
)
def test_a_question_by_its_words(said: str, kind: str | None) -> None:
    found = asked_for(said, SPECS)
    assert (found.kind if found is not None else None) == kind


def test_of_two_that_are_asked_for_alike_none_is_expected() -> None:
    assert asked_for("A number, and a size?", SPECS) is None


@pytest.mark.parametrize(("said", "after_ms"), [("four seven one one", 250), ("four seven one", 1_700)])
def test_the_turn_ends_as_the_parameter_says(said: str, after_ms: float) -> None:
    model = ScriptedModel("What is your order number?", "Thank you, I have it.")

    async def talk() -> SimulatedCall:
        agent = Agent("x", model=model, greeting="Hi.", tools=[order], speculate=False)
        async with SimulatedCall(agent, endpoint=AnswerPolicy()) as caller:
            await caller.hears("Hi.")
            await caller.says("where is my order")
            await caller.hears("What is your order number?")
            await caller.says(said)
            await caller.hears("Thank you")
            return caller

    *_, trace = [event.trace for event in run(talk()).events if isinstance(event, TurnTraced)]
    ended_ms = trace.marks_ms()["turn-ended"]
    assert ended_ms <= after_ms if after_ms < 500 else ended_ms >= after_ms
