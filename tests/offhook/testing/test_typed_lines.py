"""A caller who types instead of speaking, in virtual time: from the line to the dialog, the history and the events."""

import asyncio
from collections.abc import AsyncIterator

from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.turns import Said
from offhook.pipeline.events import Answer, AnswerKind, Playback
from offhook.pipeline.trace import BargedIn, CallerAnswered, CallerIgnored, CallerTyped, Mark, TurnTraced
from offhook.pipeline.turn.events import TurnOver
from offhook.testing import SimulatedCall, run

CHOICES = {"balance": "my balance", "hours": "opening hours"}


def test_a_whole_conversation_by_typing() -> None:
    async def bot(call: Call) -> None:
        answer = await call.ask("Balance or opening hours?", choices=CHOICES)
        pin = await call.ask("Your PIN, please.", digits=4)
        name = await call.ask("And your name?")
        await call.say(f"{answer.choice}, {len(pin.digits)} digits, {name.text}.")

    async def talk() -> tuple[tuple[Said, ...], list[str], list[TurnTraced]]:
        async with SimulatedCall(bot) as caller:
            await caller.hears("Balance or opening hours?")
            await caller.waits(1.0)
            await caller.types("Opening hours")
            await caller.hears("Your PIN")
            await caller.types("4711")
            await caller.hears("your name?")
            await caller.types("Ada")
            await caller.hears("hours, 4 digits, Ada.")
            traces = [event for event in caller.events if isinstance(event, TurnTraced)]
            return caller.transcript, [str(event) for event in caller.events], traces

    lines, events, traces = run(talk())
    assert [line for line in lines if line.who == "caller"] == [
        Said("caller", "Opening hours", typed=True),
        Said("caller", "[keys: 4]", typed=True),
        Said("caller", "Ada", typed=True),
    ]
    assert not any("CallerTyped" in event and "4711" in event for event in events)
    assert len(traces) == 3
    for traced in traces:
        assert Mark.TURN_ENDED not in traced.trace.marks
        assert traced.trace.response_ms < 100


def test_a_line_cuts_the_bot_short_and_is_known_at_once() -> None:
    async def bot(call: Call) -> None:
        await call.ask("Balance or opening hours, or anything else that you like?", choices=CHOICES)

    async def talk() -> list[object]:
        async with SimulatedCall(bot) as caller:
            await caller.begins_to_hear("Balance")
            await caller.waits(0.6)
            await caller.types("my balance")
            await caller.over.wait()
            return list(caller.events)

    events = run(talk())
    (typed,) = [event for event in events if isinstance(event, CallerTyped)]
    (cut,) = [event for event in events if isinstance(event, BargedIn)]
    (answered,) = [event for event in events if isinstance(event, CallerAnswered)]
    assert cut.silent_ms == 0
    assert cut.playback.text_unplayed
    assert (answered.at, answered.began_at, answered.answer.typed) == (typed.at, typed.at, True)


def test_a_line_typed_while_the_bot_thinks_answers_what_comes_next() -> None:
    answers: list[Answer] = []

    async def bot(call: Call) -> None:
        await asyncio.sleep(2.0)
        answers.append(await call.ask("Balance or opening hours?", choices=CHOICES))

    async def talk() -> list[object]:
        async with SimulatedCall(bot) as caller:
            await caller.types("hello there")
            await caller.types("my balance")
            await caller.over.wait()
            return list(caller.events)

    events = run(talk())
    (answer,) = answers
    assert (answer.kind, answer.choice, answer.typed) == (AnswerKind.SPEECH, "balance", True)
    assert answer.prompt.text_played == ""
    (ignored,) = [event for event in events if isinstance(event, CallerIgnored)]
    assert (ignored.text, ignored.began_at, ignored.typed) == ("hello there", 0.0, True)


def test_an_agent_that_listens_gets_lines_as_turns() -> None:
    class Parrot:
        async def run(self, call: Call) -> Outcome:
            turns = call.turns()
            call.expect()
            async for event in turns:
                if isinstance(event, TurnOver):
                    await call.say(self.reply(event.text))
            return Outcome()

        async def reply(self, text: str) -> AsyncIterator[str]:
            yield f"You typed {text}, and it took a while to read it. "
            await asyncio.sleep(0.5)
            yield "The end."

    async def talk() -> tuple[Said, ...]:
        async with SimulatedCall(Parrot()) as caller:
            await caller.types("one")
            await caller.begins_to_hear("You typed one")
            await caller.waits(1.0)
            await caller.types("two")
            await caller.hears("You typed two")
            return caller.transcript

    lines = run(talk())
    assert [line.text for line in lines if line.who == "caller"] == ["one", "two"]


def test_speech_and_lines_in_turn() -> None:
    async def bot(call: Call) -> None:
        while (await call.ask("Yes?", no_input_ms=2_000)).kind is not AnswerKind.NO_INPUT:
            pass

    async def talk() -> list[Said]:
        async with SimulatedCall(bot) as caller:
            await caller.hears("Yes?")
            await caller.says("spoken")
            await caller.types("typed while the pause lasts")
            await caller.hears("Yes?")
            await caller.says("spoken again")
            await caller.over.wait()
            return [line for line in caller.transcript if line.who == "caller"]

    assert run(talk()) == [Said("caller", "typed while the pause lasts", typed=True), Said("caller", "spoken again")]


def test_a_line_over_words_that_may_not_be_interrupted() -> None:
    results: list[Playback] = []

    async def bot(call: Call) -> None:
        results.append(await call.say("This call is recorded.", barge_in=False))
        results.append((await call.ask("Balance or opening hours?", choices=CHOICES)).prompt)

    async def talk() -> None:
        async with SimulatedCall(bot) as caller:
            await caller.begins_to_hear("This call")
            await caller.waits(0.5)
            await caller.types("opening hours")
            await caller.over.wait()

    run(talk())
    assert results == [Playback("This call is recorded."), Playback("", "Balance or opening hours?", interrupted=True)]


def test_after_the_call_a_line_is_nothing() -> None:
    async def bot(call: Call) -> None:
        await call.say("Goodbye.")

    async def talk() -> None:
        async with SimulatedCall(bot) as caller:
            await caller.over.wait()
            await caller.types("hello")

    run(talk())
