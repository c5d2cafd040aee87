"""What an agent may do to its call: hang up, transfer, hand back, press keys."""

import asyncio
from datetime import date

from offhook import Agent, Call, Outcome
from offhook.testing import SimulatedCall, run
from tests.offhook.agents.models import Says, ScriptedModel, call, last


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
