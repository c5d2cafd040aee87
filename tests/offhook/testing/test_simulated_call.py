"""Whole conversations in virtual time, and that they are quick and always the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import process_time

import pytest

from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.api.flow_dialog import FlowAgent
from offhook.api.turns import Said
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import AnswerKind, Interruption, Playback
from offhook.pipeline.trace import BargedIn
from offhook.pipeline.turn.events import Interrupted, TurnOver, UtterancePlayed
from offhook.settings.flow_file import load_flow
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import NothingHappensError, run

CHOICES = {"balance": "my balance", "hours": "opening hours"}


async def shop(call: Call) -> None:
    """Greets, thinks, asks, answers, over and over."""
    await call.say("Welcome to the shop.")
    while True:
        await asyncio.sleep(2.0)  # a look into a database
        answer = await call.ask("Balance or opening hours?", choices=CHOICES, keys={"1": "balance"})
        if answer.kind is AnswerKind.NO_INPUT:
            break
        await call.say(f"You want {answer.choice or 'nothing that I know'}.")
    await call.say("Goodbye.")


def test_a_conversation_of_a_minute_takes_less_than_a_second_and_is_always_the_same() -> None:
    async def talk() -> tuple[float, list[object]]:
        async with SimulatedCall(shop) as caller:
            while caller.now < 50:
                await caller.hears("Balance or opening hours?")
                await caller.says("opening hours")
                await caller.hears("You want hours.")
            await caller.over.wait()
            assert caller.bot_hung_up
            return caller.now, [str(event) for event in caller.events]

    began = process_time()  # other work on the machine does not count
    seconds, events = run(talk())
    assert 60 < seconds < 75
    assert process_time() - began < 1.0
    assert run(talk()) == (seconds, events)


def test_what_is_said_while_the_bot_thinks_answers_the_next_question() -> None:
    async def talk() -> tuple[Said, ...]:
        async with SimulatedCall(shop) as caller:
            await caller.hears("Welcome to the shop.")
            await caller.says("opening hours")
            await caller.hears("You want hours.")
            return caller.transcript

    assert run(talk()) == (
        Said("bot", "Welcome to the shop."),
        Said("caller", "opening hours"),
        Said("bot", "You want hours."),
    )


def test_the_bot_does_not_talk_over_a_caller_who_is_talking() -> None:
    said: list[Playback] = []

    async def thinks_then_speaks(call: Call) -> None:
        await asyncio.sleep(1.0)
        said.append(await call.say("I have found your order."))
        said.append((await call.ask(None)).prompt)

    async def talk() -> None:
        async with SimulatedCall(thinks_then_speaks) as caller:
            await caller.says("and one more thing that I wanted to say")
            ended = caller.now
            await caller.begins_to_hear("I have found")
            await caller.hears("I have found your order.")
            assert caller.now - ended > 0.5
            await caller.over.wait()
            assert caller.transcript[-1] == Said("caller", "and one more thing that I wanted to say")

    run(talk())
    assert said[0] == Playback("I have found your order.")


def test_an_utterance_grows_while_it_is_said_and_stops_when_it_is_interrupted() -> None:
    made: list[str] = []
    results: list[Playback] = []

    async def tokens() -> AsyncIterator[str]:
        for number in range(1, 100):
            made.append(f"{number}")
            yield f"This is sentence {number}. "
            await asyncio.sleep(0.5)

    async def streams(call: Call) -> None:
        results.append(await call.say(tokens()))
        answer = await call.ask(None)
        await call.say(f"You said {answer.text}.")

    async def talk() -> None:
        async with SimulatedCall(streams) as caller:
            await caller.begins_to_hear("This is sentence 1.")
            await caller.waits(4.0)
            await caller.says("please stop talking")
            assert not caller.line.queued_ticks
            count = len(made)
            await caller.hears("You said please stop talking.")
            assert len(made) == count, "nothing more is asked for"
            assert len(caller.voice.asked) < 12

    run(talk())
    assert results[0].interrupted
    assert results[0].text_played.startswith("This is sentence 1. This is sentence 2.")
    assert results[0].text_unplayed


def test_a_source_of_words_that_fails_is_the_dialogs_to_know() -> None:
    async def breaks() -> AsyncIterator[str]:
        yield "This is all. "
        raise ConnectionError("the model is away")

    async def bot(call: Call) -> None:
        with pytest.raises(ConnectionError):
            await call.say(breaks())
        await call.say("Sorry.")

    async def talk() -> None:
        async with SimulatedCall(bot) as caller:
            await caller.hears("Sorry.")

    run(talk())


def test_an_agent_that_listens_all_the_time() -> None:
    seen: list[object] = []

    class Echo:
        async def run(self, call: Call) -> Outcome:
            turns = call.turns()
            call.expect()
            reply = call.start_saying("Go on. ")
            reply.append("I am listening.")
            reply.finish()
            async for event in turns:
                seen.append(event)
                if isinstance(event, TurnOver):
                    if event.text == "goodbye":
                        break
                    call.start_saying(f"You said {event.text}. And I could say a lot more about that.").finish()
            return Outcome("said goodbye")

    async def talk() -> tuple[Said, ...]:
        async with SimulatedCall(Echo()) as caller:
            await caller.hears("I am listening.")
            await caller.says("one two")
            await caller.begins_to_hear("You said one two.")
            await caller.waits(1.5)
            await caller.says("three four")
            await caller.hears("You said three four.")
            await caller.says("goodbye")
            await caller.over.wait()
            return caller.transcript

    lines = run(talk())
    assert [line.text for line in lines if line.who == "caller"] == ["one two", "three four", "goodbye"]
    assert any(line.interrupted for line in lines if line.who == "bot")
    assert any(isinstance(event, Interrupted) for event in seen)
    assert any(isinstance(event, UtterancePlayed) for event in seen)


def test_a_question_between_turns_of_an_agent_that_listens() -> None:
    answers: list[str | None] = []

    async def bot(call: Call) -> None:
        turns = call.turns()
        call.expect()
        playback = await call.say("Tell me what you want.")
        assert not playback.interrupted
        async for event in turns:
            if isinstance(event, TurnOver):
                if event.text == "goodbye":
                    return
                answers.append((await call.ask("Really?", choices={"yes": "yes", "no": "no"})).choice)
                await call.say("All right.")

    async def talk() -> None:
        async with SimulatedCall(bot) as caller:
            await caller.hears("Tell me what you want.")
            await caller.says("a pizza")
            await caller.hears("Really?")
            await caller.says("yes")
            await caller.hears("All right.")
            await caller.says("goodbye")
            await caller.over.wait()

    run(talk())
    assert answers == ["yes"]


def test_an_assent_does_not_interrupt_who_wants_two_words() -> None:
    async def bot(call: Call) -> None:
        await call.ask(
            "Here is a long explanation of everything that there is to know.", interruption=Interruption(min_words=2)
        )

    async def talk() -> None:
        async with SimulatedCall(bot) as caller:
            await caller.begins_to_hear("Here is")
            await caller.waits(1.0)
            await caller.says("mhm", seconds=0.4)
            await caller.hears("everything that there is to know.")
            assert not any(isinstance(event, BargedIn) for event in caller.events)

    run(talk())


# How a call ends.


@pytest.mark.parametrize("where", ["say", "ask", "sleep", "stream", "group"])
def test_the_end_of_a_call_is_call_ended_wherever_the_dialog_waits(where: str) -> None:
    saved: list[str] = []

    async def forever() -> AsyncIterator[str]:
        while True:
            yield "And on. "
            await asyncio.sleep(1.0)

    async def bot(call: Call) -> None:
        try:
            match where:
                case "say":
                    await call.say("A very long sentence that goes on and on and on for many seconds.")
                case "ask":
                    await call.ask(None, no_input_ms=60_000)
                case "sleep":
                    await asyncio.sleep(1_000)
                case "stream":
                    await call.say(forever())
                case _:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(asyncio.sleep(1_000))
                        await call.ask(None, no_input_ms=60_000)
        except* CallEnded:
            async with asyncio.timeout(5):
                await asyncio.sleep(1.0)  # to the customer database
            saved.append("saved")

    async def talk() -> None:
        async with SimulatedCall(bot) as caller:
            await caller.waits(1.0)
            await caller.hangs_up()

    run(talk())
    assert saved == ["saved"]


def test_a_task_of_the_dialog_gets_call_ended_too() -> None:
    results: list[object] = []

    async def bot(call: Call) -> None:
        asking = asyncio.create_task(call.ask(None, no_input_ms=60_000))
        try:
            await asyncio.sleep(100)
        finally:
            results.extend(await asyncio.gather(asking, return_exceptions=True))

    async def talk() -> None:
        async with SimulatedCall(bot) as caller:
            await caller.waits(1.0)
            await caller.hangs_up()

    run(talk())
    assert isinstance(results[0], CallEnded)


def test_a_voice_that_fails_is_no_interruption() -> None:
    results: list[Playback] = []

    async def bot(call: Call) -> None:
        results.append(await call.say("This cannot be said."))
        await call.say("But this can.")

    async def talk() -> None:
        async with SimulatedCall(bot) as caller:
            caller.voice.fails["This cannot be said."] = EngineError("voice", "speaking", "out of breath")
            await caller.hears("But this can.")

    run(talk())
    (playback,) = results
    assert not playback.interrupted
    assert playback.failed == "voice: speaking: out of breath"
    assert playback.text_unplayed == "This cannot be said."


# Flows.

NOTICE = """
name: notice
start: menu
steps:
  menu:
    collect: Please enter your account number and the pound key.
    into: account
    digits: 4
    next: notice
    no_input: {then: bye}
    no_match: {then: sorry}
  notice:
    say: Your case number is four seven one one, please write it down now.
    next: bye
  sorry:
    say: I did not get that.
    next: menu
  bye:
    hang_up: Goodbye.
"""


@pytest.mark.parametrize("disturbance", ["terminator", "key", "speech", "nothing"])
def test_the_last_announcement_of_a_flow_is_heard(tmp_path: Path, disturbance: str) -> None:
    path = tmp_path / "notice.yaml"
    path.write_text(NOTICE)

    async def talk() -> tuple[Said, ...]:
        async with SimulatedCall(FlowAgent(load_flow(path))) as caller:
            await caller.begins_to_hear("Please enter")
            await caller.waits(0.5)
            await caller.presses("1234#" if disturbance == "terminator" else "1234")
            await caller.begins_to_hear("Your case number")
            await caller.waits(1.0)
            if disturbance == "key":
                await caller.presses("5")
            if disturbance == "speech":
                await caller.says("okay let me write that down")
            await caller.over.wait()
            return caller.transcript

    lines = run(talk())
    assert lines[-2] == Said("bot", "Your case number is four seven one one, please write it down now.")
    assert lines[-1] == Said("bot", "Goodbye.")


def test_on_hold_nothing_is_the_callers() -> None:
    async def talk() -> tuple[Said, ...]:
        async with SimulatedCall(shop) as caller:
            await caller.begins_to_hear("Balance or")
            caller.session.hold(True)
            await caller.says("goodbye and opening hours and whatever the music says")
            await caller.waits(60.0)
            caller.session.hold(False)
            await caller.hears("opening hours?")
            await caller.says("my balance")
            await caller.hears("You want balance.")
            return caller.transcript

    assert [line.text for line in run(talk()) if line.who == "caller"] == ["my balance"]


def test_a_test_that_would_hang_says_so() -> None:
    with pytest.raises(NothingHappensError):
        run(asyncio.Event().wait())


@pytest.mark.parametrize("waits_for", ["hears", "begins_to_hear"])
def test_what_never_comes_is_an_assertion_that_names_what_came(waits_for: str) -> None:
    async def talk() -> None:
        async with SimulatedCall(shop) as caller:
            await getattr(caller, waits_for)("Sushi or noodles?", within_s=5.0)

    with pytest.raises(AssertionError, match=r"'Sushi or noodles\?', but \[.*Balance or opening hours"):
        run(talk())


@pytest.mark.parametrize("waits_for", ["hears", "begins_to_hear"])
def test_nothing_is_waited_for_after_the_end(waits_for: str) -> None:
    async def silent(call: Call) -> None:
        """Hangs up at once."""

    async def talk() -> float:
        async with SimulatedCall(silent) as caller:
            with pytest.raises(AssertionError, match="but nothing"):
                await getattr(caller, waits_for)("Hello", within_s=50.0)
            return caller.now

    assert run(talk()) < 10.0
