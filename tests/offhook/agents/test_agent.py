"""Conversations with a scripted model, in virtual time."""

from typing import Any

import pytest

from offhook import Agent
from offhook.agents.limits import AgentLimits
from offhook.llm.history import OPENING
from offhook.llm.model import FailureKind, ModelError
from offhook.pipeline.trace import EngineFailed, ModelAsked, ModelReplied
from offhook.testing import SimulatedCall, run
from tests.offhook.agents.models import Says, ScriptedModel, last, told


def test_it_greets_and_answers_each_turn() -> None:
    model = ScriptedModel("We open at nine. Anything else?", "Goodbye then.")

    async def talk() -> None:
        async with SimulatedCall(Agent("Be brief.", model=model, greeting="Hello, how can I help?")) as caller:
            await caller.hears("Hello, how can I help?")
            await caller.says("when do you open")
            await caller.hears("We open at nine. Anything else?")
            await caller.says("no thank you")
            await caller.hears("Goodbye then.")

    run(talk())
    assert model.requests[0].messages[0].text == "Be brief."
    assert told(model.requests[1]) == [
        ("user", OPENING),
        ("assistant", "Hello, how can I help?"),
        ("user", "when do you open"),
        ("assistant", "We open at nine. Anything else?"),
        ("user", "no thank you"),
    ]
    assert model.open == 0
    assert model.started == 1


def test_without_a_greeting_the_model_speaks_first() -> None:
    async def talk() -> None:
        async with SimulatedCall(Agent("Be brief.", model=ScriptedModel("Hello there."))) as caller:
            await caller.hears("Hello there.", within_s=3)

    run(talk())


LONG = "Your balance is two hundred dollars and fifty cents. You also have three new letters in your inbox today."


class AwayModel(ScriptedModel):
    """Cannot be reached when it is started."""

    async def start(self) -> None:
        raise ModelError("scripted", "away", "cannot be reached")


def test_a_model_that_is_away_at_the_start_is_asked_again_and_the_caller_is_greeted() -> None:
    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=AwayModel("It is back."), greeting="Hello.")) as caller:
            await caller.hears("Hello.")
            await caller.says("are you there")
            await caller.hears("It is back.")

    run(talk())


@pytest.mark.parametrize("kind", ["key", "model", "request"])
def test_what_is_wrong_for_good_is_no_fault_of_the_callers_words(kind: FailureKind) -> None:
    model = ScriptedModel(Says(fails=ModelError("scripted", kind, "refused")))

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hello.")) as caller:
            await caller.hears("Hello.")
            await caller.says("my balance")
            await caller.hears("Please call again later.")
            await caller.over.wait()
            assert caller.bot_hung_up

    run(talk())
    assert len(model.requests) <= 2  # begun early, and once more


@pytest.mark.parametrize("unheard", ["drop", "note", "offer_to_resume"])
def test_history_has_what_was_heard(unheard: str) -> None:
    model = ScriptedModel(LONG, "All right.")

    async def talk() -> str:
        agent = Agent("x", model=model, greeting="Hi.", unheard=unheard)  # type: ignore[arg-type]
        async with SimulatedCall(agent) as caller:
            await caller.hears("Hi.")
            await caller.says("my balance")
            await caller.begins_to_hear("Your balance")
            await caller.waits(1.5)
            await caller.says("stop that please")
            heard = await caller.hears("Your balance")
            await caller.hears("All right.")
            return heard

    heard = run(talk())
    assert LONG.startswith(heard)
    assert heard != LONG
    assistant = [text for role, text in told(model.requests[-1]) if role == "assistant"]
    assert assistant[1] == f"{heard} —"
    answer = last(model.requests[-1])
    assert answer.endswith("stop that please")
    assert ("did not hear" in answer) == (unheard != "drop")
    assert ("offer" in answer) == (unheard == "offer_to_resume")
    if unheard != "drop":
        assert LONG.removeprefix(heard).strip() in answer


def test_an_interruption_closes_the_request() -> None:
    model = ScriptedModel(Says(LONG, every_s=1.0), "Yes.")

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.")) as caller:
            await caller.hears("Hi.")
            await caller.says("my balance")
            await caller.waits(3.0)
            await caller.says("something else")
            await caller.hears("Yes.")
            assert model.open == 0

    run(talk())


def test_silence_is_told_then_asked_then_ends_the_call() -> None:
    model = ScriptedModel("Take your time.")

    async def talk() -> SimulatedCall:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.")) as caller:
            await caller.hears("Take your time.")
            await caller.hears("Are you still there?")
            await caller.hears("Goodbye.")
            await caller.over.wait()
            assert caller.bot_hung_up
            return caller

    run(talk())
    assert "[the caller says nothing]" in last(model.requests[0])
    assert len(model.requests) == 1


def test_keys_reach_the_model_and_stay_off_the_record() -> None:
    model = ScriptedModel("Thank you, 4711.", "Yes.")

    async def talk(hide: bool) -> SimulatedCall:
        async with SimulatedCall(Agent("x", model=model, greeting="Your PIN?", hide_keys=hide)) as caller:
            await caller.hears("Your PIN?")
            await caller.presses("4711#")
            await caller.hears("Thank you")
            return caller

    caller = run(talk(False))
    assert last(model.requests[0]) == "[keys: 4711]"
    events = [event for event in caller.events if isinstance(event, ModelAsked | ModelReplied)]
    assert len(events) == 2
    assert "4711" not in repr(events)


def test_hidden_keys_are_only_counted() -> None:
    model = ScriptedModel("Thank you.")

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Your PIN?", hide_keys=True)) as caller:
            await caller.hears("Your PIN?")
            await caller.presses("4711#")
            await caller.hears("Thank you")

    run(talk())
    assert last(model.requests[0]) == "[4 keys pressed]"


def test_200_turns_stay_in_the_window() -> None:
    model = ScriptedModel(reply=lambda request: Says(f"I heard {last(request)[-3:]}."))

    async def talk() -> None:
        agent = Agent("x" * 100, model=model, greeting="Hi.", limits=AgentLimits(turns=20, chars=4_000))
        async with SimulatedCall(agent) as caller:
            await caller.hears("Hi.")
            for turn in range(200):
                await caller.says(f"turn {turn:03}")
                await caller.hears(f"I heard {turn:03}.")

    run(talk())
    sizes = [len(request.messages) for request in model.requests]
    assert max(sizes) <= 2 * 20 + 3
    for request in model.requests:
        assert request.messages[0].role == "system"
        assert request.messages[1].role == "user"
        assert request.messages[-1].role == "user"
    # The prefix is that of the request before, but for one in ten, where a block was dropped.
    pairs = zip(model.requests, model.requests[1:], strict=False)
    stable = sum(later.messages[: len(one.messages)] == one.messages for one, later in pairs)
    assert stable >= 0.85 * (len(model.requests) - 1)


# What stalls.


def test_tokens_too_slow_for_a_clause_are_spoken_as_they_are() -> None:
    model = ScriptedModel(Says("one two three four five six seven eight nine ten.", every_s=0.5))

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.")) as caller:
            await caller.hears("Hi.")
            await caller.says("count please")
            began = caller.now
            await caller.begins_to_hear("one", within_s=2.0)
            assert caller.now - began <= 2.0
            await caller.hears("nine ten.")

    run(talk())


@pytest.mark.parametrize(
    "fault",
    [
        Says(first_s=10_000),
        Says(fails=ModelError("scripted", "away", "down")),
        Says(""),
    ],
)
def test_a_model_that_fails_is_apologised_for(fault: Says) -> None:
    again = [fault] if fault.fails is not None else []
    model = ScriptedModel(fault, *again, "It is nine.")

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", speculate=False)) as caller:
            await caller.hears("Hi.")
            await caller.says("when is it")
            began = caller.now
            await caller.begins_to_hear("I am sorry", within_s=10)
            assert caller.now - began < 0.5 + 4.3
            await caller.hears("I am sorry")
            await caller.says("when is it")
            await caller.hears("It is nine.")

    run(talk())
    assert model.open == 0


def test_a_reply_that_dies_stays_as_heard() -> None:
    model = ScriptedModel(Says("We open at nine. On Sun", fails=ModelError("scripted", "away", "down")), "Yes.")

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", speculate=False)) as caller:
            await caller.hears("Hi.")
            await caller.says("when is it")
            await caller.hears("We open at nine. On Sun")
            await caller.hears("I lost my thread")
            await caller.says("please go on")
            await caller.hears("Yes.")

    run(talk())
    assert ("assistant", "We open at nine. On Sun") in told(model.requests[-1])


def test_one_request_that_is_refused_does_not_end_a_call_in_which_others_were_answered() -> None:
    refused = Says(fails=ModelError("scripted", "request", "400"))
    model = ScriptedModel("It is nine.", refused, "It is ten.")

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", speculate=False)) as caller:
            await caller.hears("Hi.")
            for answer in ("It is nine.", "I am sorry, that did not work", "It is ten."):
                await caller.says("when is it")
                await caller.hears(answer)

    run(talk())


def test_a_model_that_hangs_while_the_caller_keeps_talking_is_given_up() -> None:
    model = ScriptedModel(Says(first_s=10_000))

    async def talk() -> SimulatedCall:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.")) as caller:
            await caller.hears("Hi.")
            for _ in range(4):
                await caller.says("are you there")
                await caller.waits(2.2)
            await caller.hears("something is wrong on our side")
            await caller.over.wait()
            return caller

    caller = run(talk())
    failed = [event.error for event in caller.events if isinstance(event, EngineFailed)]
    assert len(failed) == 3
    assert all("and the caller spoke" in each for each in failed)


def test_a_caller_who_is_quick_does_not_make_a_model_fail() -> None:
    model = ScriptedModel(Says("It is nine.", first_s=1.0))

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", speculate=False)) as caller:
            await caller.hears("Hi.")
            for _ in range(5):
                await caller.says("when is it")
                await caller.waits(0.8)
            await caller.says("well")
            await caller.hears("It is nine.")
            assert not [event for event in caller.events if isinstance(event, EngineFailed)]

    run(talk())


def test_failures_in_a_row_end_the_call() -> None:
    model = ScriptedModel(Says(fails=ModelError("scripted", "away", "401")))

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.")) as caller:
            await caller.hears("Hi.")
            for _ in range(2):
                await caller.says("when is it")
                await caller.hears("I am sorry, that did not work")
            await caller.says("when is it")
            await caller.hears("something is wrong on our side")
            await caller.over.wait()
            assert caller.bot_hung_up

    run(talk())


@pytest.mark.parametrize("on_failure", ["hang_up", "transfer desk"])
def test_a_failure_as_configured(on_failure: str) -> None:
    model = ScriptedModel(Says(fails=ModelError("scripted", "key", "401")))

    async def talk() -> SimulatedCall:
        agent = Agent("x", model=model, greeting="Hi.", on_failure=on_failure, transfer_to={"desk": "+15550100"})
        async with SimulatedCall(agent, transfers=True) as caller:
            await caller.hears("Hi.")
            await caller.says("when is it")
            await caller.over.wait()
            return caller

    caller = run(talk())
    assert caller.transferred_to == ("+15550100" if "transfer" in on_failure else None)


def test_a_correction_before_the_reply_asks_again() -> None:
    model = ScriptedModel(Says("Wrong.", first_s=2.0), "Right.")

    async def talk() -> None:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", speculate=False)) as caller:
            await caller.hears("Hi.")
            await caller.says("in Boston", misheard="in Austin", corrected_after_s=0.3)
            await caller.hears("Right.")

    run(talk())
    assert last(model.requests[-1]) == "in Boston"


def test_the_prompt_is_warmed_while_the_caller_listens_and_speaks() -> None:
    model = ScriptedModel("Yes.")

    async def talk() -> None:
        async with SimulatedCall(Agent("Be brief.", model=model, greeting="Hi.")) as caller:
            await caller.hears("Hi.")
            assert len(model.warmed) == 1
            await caller.says("are you open")
            await caller.hears("Yes.")

    run(talk())
    assert len(model.warmed) == 2
    asked = model.requests[0].messages
    assert all(asked[: len(each.messages) - 1] == each.messages[:-1] for each in model.warmed)
    assert told(model.warmed[1])[-1] == ("assistant", "Hi.")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"greeting": 5}, "greeting is a text, not 5"),
        ({"language": "klingon"}, "language is a BCP 47 tag such as en-GB, not 'klingon'"),
        ({"unheard": "forget"}, "unheard is one of drop, note, offer_to_resume, not 'forget'"),
        ({"limits": {"max_s": 60}}, "limits are AgentLimits"),
        ({"transfer_to": ["sales"]}, "transfer_to has a number for each name"),
        ({"on_failure": "transfer desk"}, "on_failure is"),
    ],
)
def test_mistakes_show_before_the_first_call(options: dict[str, Any], why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why):
        Agent("x", **options)


def test_a_limit_is_not_below_zero() -> None:
    with pytest.raises(ValueError, match="max_s is -1"):
        AgentLimits(max_s=-1)
