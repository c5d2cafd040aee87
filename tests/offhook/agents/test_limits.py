"""What a call with a language model may use, and what it costs."""

from collections.abc import AsyncIterator

import pytest

from offhook import Agent
from offhook.agents.limits import AgentLimits
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.llm.model import Ended, ModelEvent, ModelRequest, TextDelta, Usage
from offhook.pipeline.trace import ModelReplied
from offhook.testing import SimulatedCall, run
from tests.offhook.agents.models import Says, ScriptedModel


class PricedModel(ScriptedModel):
    """Each reply is 100 tokens and costs 0.02."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        yield TextDelta("Yes, of course.")
        yield Ended("stop", Usage(90, 0, 10), 0.02, "the second")


def talk(limits: AgentLimits, *, outcomes: tuple[str, ...] = (), on_failure: str = "apologise") -> SimulatedCall:
    model, ends = PricedModel(), []
    agent = Agent(
        "x",
        model=model,
        greeting="Hi.",
        limits=limits,
        outcomes=outcomes,
        on_failure=on_failure,
        transfer_to={"desk": "+15550100"},
    )

    class Watched:
        async def run(self, call: Call) -> Outcome:
            ends.append(await agent.run(call))
            return ends[0]

    async def conversation() -> SimulatedCall:
        async with SimulatedCall(Watched(), transfers=True) as caller:
            await caller.hears("Hi.")
            while not caller.over.is_set():
                await caller.says("and another one")
                await caller.waits(5.0)
            return caller

    caller = run(conversation())
    caller.ended = ends[0]  # type: ignore[attr-defined]
    caller.asked = len(model.requests)  # type: ignore[attr-defined]
    return caller


def replies(caller: SimulatedCall) -> list[ModelReplied]:
    return [event for event in caller.events if isinstance(event, ModelReplied)]


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (AgentLimits(max_tokens=250), "the call has reached 250 tokens"),
        (AgentLimits(max_cost=0.05), "the call has reached a cost of 0.05"),
    ],
)
def test_a_call_that_has_used_up_its_limits_ends_politely(limits: AgentLimits, why: str) -> None:
    caller = talk(limits)
    assert caller.asked == 3  # type: ignore[attr-defined]
    assert caller.ended == Outcome(why)  # type: ignore[attr-defined]
    assert caller.transcript[-1].text == "I am sorry, I have to end our conversation here. Goodbye."
    assert [(event.cost, event.model) for event in replies(caller)] == [(0.02, "the second")] * 3


def test_or_after_a_time() -> None:
    caller = talk(AgentLimits(max_s=15.0))
    assert caller.ended == Outcome("the call has reached 15 s")  # type: ignore[attr-defined]


def test_or_is_handed_back() -> None:
    caller = talk(AgentLimits(max_tokens=150), outcomes=("limit", "done"))
    assert caller.ended.name == "limit"  # type: ignore[attr-defined]
    assert "Goodbye" not in caller.transcript[-1].text


def test_or_is_transferred() -> None:
    caller = talk(AgentLimits(max_tokens=150), on_failure="transfer desk")
    assert caller.transferred_to == "+15550100"


def test_tokens_of_a_reply_that_was_given_up_are_estimated() -> None:
    model = ScriptedModel(Says("This is a very long sentence of many words that goes on.", every_s=0.5), "Yes.")

    async def conversation() -> SimulatedCall:
        async with SimulatedCall(Agent("x" * 400, model=model, greeting="Hi.", speculate=False)) as caller:
            await caller.hears("Hi.")
            await caller.says("tell me everything")
            await caller.waits(2.5)
            await caller.says("stop that please")
            await caller.hears("Yes.")
            return caller

    given_up, _ = replies(run(conversation()))
    assert given_up.error == "given up"
    assert given_up.input_tokens > 100
    assert given_up.output_tokens > 0
