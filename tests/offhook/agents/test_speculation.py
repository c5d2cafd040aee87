"""Replies begun at a likely end of the turn."""

import pytest

from offhook import Agent, Call
from offhook.agents.speculation import normalised
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.trace import BotSpoke, Speculated, SpeechPrepared, TurnTraced
from offhook.pipeline.turn.events import TurnLikelyOver
from offhook.testing import SimulatedCall, run
from tests.offhook.agents.models import Says, ScriptedModel, call, last

LIKELY = SilencePolicy(800, likely_ms=200)


def speculated(caller: SimulatedCall) -> list[Speculated]:
    return [event for event in caller.events if isinstance(event, Speculated)]


def call_of(agent: Agent) -> SimulatedCall:
    return SimulatedCall(agent, endpoint=LIKELY, silence_ms=800)


def answered_after(caller: SimulatedCall, text: str) -> float:
    return next(event.at for event in caller.events if isinstance(event, BotSpoke) and event.text.startswith(text))


@pytest.mark.parametrize("speculate", [True, False])
def test_the_reply_is_there_at_the_end_of_the_turn(speculate: bool) -> None:
    model = ScriptedModel(Says("It is nine.", first_s=0.5))

    async def talk() -> tuple[float, SimulatedCall]:
        async with call_of(Agent("x", model=model, greeting="Hi.", speculate=speculate)) as caller:
            await caller.hears("Hi.")
            await caller.says("what time is it")
            ended = caller.now
            await caller.hears("It is nine.")
            return answered_after(caller, "It is") - ended, caller

    after_s, caller = run(talk())
    assert len(model.requests) == 1
    if not speculate:
        assert after_s > 0.8 + 0.5
        assert not speculated(caller)
        return
    assert after_s < 0.8 + 0.2
    (event,) = speculated(caller)
    assert event.used
    assert event.saved_s == pytest.approx(0.5, abs=0.05)


def test_a_caller_who_goes_on_leaves_no_trace() -> None:
    model = ScriptedModel(reply=lambda request: Says(f"Answer to {last(request)}."))

    async def talk() -> SimulatedCall:
        async with call_of(Agent("x", model=model, greeting="Hi.")) as caller:
            await caller.hears("Hi.")
            await caller.says("my number is")
            await caller.waits(0.5)
            await caller.says("four seven one one")
            await caller.hears("Answer to my number is four seven one one.")
            return caller

    caller = run(talk())
    first, *_, final = speculated(caller)
    assert not first.used
    assert first.tokens > 0
    assert final.used
    assert [entry.text for entry in caller.transcript] == [
        "Hi.",
        "my number is four seven one one",
        "Answer to my number is four seven one one.",
    ]
    assert all("Answer" not in text for request in model.requests for text in [m.text for m in request.messages])
    assert model.open == 0


def test_a_tool_of_a_speculation_runs_only_once_it_counts() -> None:
    ran: list[float] = []

    async def look_up() -> str:
        """Look it up."""
        ran.append(1.0)
        return "found"

    model = ScriptedModel(Says(calls=(call("look_up"),)), Says(calls=(call("look_up"),)), "It was found.")

    async def talk() -> SimulatedCall:
        async with call_of(Agent("x", model=model, greeting="Hi.", tools=[look_up])) as caller:
            await caller.hears("Hi.")
            await caller.says("find my")
            await caller.waits(0.6)
            assert not ran
            await caller.says("order please")
            await caller.hears("It was found.")
            return caller

    caller = run(talk())
    assert len(ran) == 1
    assert [event.used for event in speculated(caller)] == [False, True]


def test_an_interruption_is_speculated_about_with_what_was_heard() -> None:
    long = "Your balance is two hundred dollars and fifty cents, as of this morning at nine."
    model = ScriptedModel(long, Says("All right.", first_s=0.4))

    async def talk() -> SimulatedCall:
        async with call_of(Agent("x", model=model, greeting="Hi.")) as caller:
            await caller.hears("Hi.")
            await caller.says("my balance")
            await caller.begins_to_hear("Your balance")
            await caller.waits(1.5)
            await caller.says("stop that please")
            await caller.hears("All right.")
            return caller

    caller = run(talk())
    assert [event.used for event in speculated(caller)] == [True, True]


def test_the_first_clause_starts_at_once_after_a_speculation() -> None:
    async def talk() -> SimulatedCall:
        simulated = call_of(Agent("x", model=ScriptedModel("It is nine. Bye now."), greeting="Hi."))
        simulated.voice.first_s = 0.3
        async with simulated as caller:
            await caller.hears("Hi.")
            await caller.says("what time is it")
            await caller.hears("It is nine.")
        return simulated

    simulated = run(talk())
    assert simulated.voice.asked.count("It is nine.") == 1
    (prepared,) = [event for event in simulated.events if isinstance(event, SpeechPrepared)]
    assert prepared.used
    (trace,) = [event.trace for event in simulated.events if isinstance(event, TurnTraced)]
    ledger = trace.marks_ms()
    assert list(ledger)[:4] == ["speech-ended", "likely-ended", "first-token", "turn-ended"]
    assert ledger["first-token"] == pytest.approx(ledger["likely-ended"] + 150, abs=20)
    assert ledger["sent"] - ledger["turn-ended"] < 30, "neither the model nor the voice is waited for"


def test_a_first_clause_that_is_thrown_away_leaves_no_trace() -> None:
    model = ScriptedModel(reply=lambda request: Says(f"Answer to {last(request)}. And more."))

    async def talk() -> SimulatedCall:
        simulated = call_of(Agent("x", model=model, greeting="Hi."))
        simulated.voice.first_s = 0.1
        async with simulated as caller:
            await caller.hears("Hi.")
            await caller.says("my number")
            await caller.waits(0.7)
            assert "Answer to my number." in simulated.voice.asked
            assert not caller.call.is_audible
            await caller.says("is four")
            await caller.hears("Answer to my number is four.")
        return simulated

    simulated = run(talk())
    assert [event.used for event in simulated.events if isinstance(event, SpeechPrepared)] == [False, True]
    said = [event.text for event in simulated.events if isinstance(event, BotSpoke)]
    assert said == ["Hi.", "Answer to my number is four. And more."]
    assert [entry.text for entry in simulated.transcript] == [
        "Hi.",
        "my number is four",
        "Answer to my number is four. And more.",
    ]


@pytest.mark.parametrize("policy", [AnswerPolicy(), SilencePolicy()])
def test_an_agent_speculates_without_a_setting(policy: AnswerPolicy | SilencePolicy) -> None:
    async def talk() -> SimulatedCall:
        agent = Agent("x", model=ScriptedModel(Says("It is nine.", first_s=0.25)), greeting="Hi.")
        async with SimulatedCall(agent, endpoint=policy) as caller:
            await caller.hears("Hi.")
            await caller.says("what time is it")
            ended = caller.now
            await caller.hears("It is nine.")
            assert answered_after(caller, "It is") - ended < 0.5 + 0.1
            return caller

    (event,) = speculated(run(talk()))
    assert event.used
    assert event.saved_s == pytest.approx(0.25, abs=0.05)


def test_a_dialog_does_not_speculate() -> None:
    likely: list[TurnLikelyOver] = []

    async def dialog(call: Call) -> None:
        turns = call.turns()
        await call.ask("What is it?")
        await call.say("Thank you.")
        turns.close()
        likely.extend([event async for event in turns if isinstance(event, TurnLikelyOver)])

    async def talk() -> None:
        async with SimulatedCall(dialog, endpoint=AnswerPolicy()) as caller:
            await caller.hears("What is it?")
            await caller.says("a lamp")
            await caller.hears("Thank you.")

    run(talk())
    assert not likely


@pytest.mark.parametrize("other", ["Uh, what time is it?", "WHAT TIME IS IT", "what time, um, is it"])
def test_the_same_words(other: str) -> None:
    assert normalised(other) == normalised("what time is it")


@pytest.mark.parametrize("other", ["what time is it now", "what's time is it", ""])
def test_other_words(other: str) -> None:
    assert normalised(other) != normalised("what time is it")
