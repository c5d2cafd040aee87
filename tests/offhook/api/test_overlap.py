"""Callers who speak while the bot does: what goes on, what is given up, and where."""

import random

import pytest

from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.pipeline.trace import BargedIn, BotResumed, EngineFailed, OverlapJudged
from offhook.pipeline.turn.events import TurnIgnored, TurnOver
from offhook.testing import SimulatedCall, run

LONG = "Your order left the warehouse in the morning and it will arrive on Monday in the afternoon."


class Teller:
    """Says one thing, and keeps what it is told."""

    def __init__(self, text: str = LONG) -> None:
        self.text = text
        self.turns: list[str] = []
        self.ignored: list[str] = []
        self.overlaps: list[tuple[str, str, str]] = []
        self.verdict: str | None = None
        self.hooked = False

    def on_overlap(self, said: str, unsaid: str, words: str) -> str | None:
        self.overlaps.append((said, unsaid, words))
        return self.verdict

    async def run(self, call: Call) -> Outcome:
        if self.hooked:
            call.on_overlap = self.on_overlap  # type: ignore[assignment]
        turns = call.turns()
        call.expect()
        call.start_saying(self.text).finish()
        async for event in turns:
            if isinstance(event, TurnOver):
                self.turns.append(event.text)
            elif isinstance(event, TurnIgnored):
                self.ignored.append(event.text)
        return Outcome()


def spoken_over(teller: Teller, words: str, *, after_s: float = 2.0, seconds: float | None = None) -> SimulatedCall:
    async def conversation() -> SimulatedCall:
        async with SimulatedCall(teller) as caller:
            await caller.waits(after_s)
            await caller.says(words, seconds=seconds)
            await caller.waits(8.0)
        return caller

    return run(conversation())


def test_a_back_channel_costs_a_word_at_most_and_nothing_answers_it() -> None:
    rng = random.Random(13)
    for _ in range(30):
        teller = Teller()
        caller = spoken_over(teller, "mm-hm", after_s=rng.uniform(0.3, 4.5), seconds=rng.uniform(0.2, 0.6))
        (resumed,) = [event for event in caller.events if isinstance(event, BotResumed)]
        assert LONG.endswith(resumed.text)
        assert (teller.turns, teller.ignored) == ([], ["mm-hm"])
        (said,) = [line for line in caller.transcript if line.who == "bot"]
        assert (said.text, said.interrupted) == (LONG, False)


def test_a_resumed_utterance_is_played_in_full_with_a_word_repeated_at_most() -> None:
    rng = random.Random(7)
    whole = run(_length(None))
    longest = max(len(word) for word in LONG.split()) * 60 * 8
    for _ in range(30):
        more = run(_length(rng.uniform(0.3, 4.5))) - whole
        assert 0 <= more <= longest, "exactly where it was cut, or from the start of the word"


async def _length(after_s: float | None) -> int:
    async with SimulatedCall(Teller()) as caller:
        if after_s is not None:
            await caller.waits(after_s)
            await caller.says("okay", seconds=0.3)
        await caller.waits(10.0)
        return caller.line.sent_ticks


def test_a_real_interruption_is_one() -> None:
    teller = Teller()
    caller = spoken_over(teller, "no stop that is not what I ordered")
    assert teller.turns == ["no stop that is not what I ordered"]
    (cut,) = [event for event in caller.events if isinstance(event, BargedIn)]
    assert cut.silent_ms <= 250
    assert [line.interrupted for line in caller.transcript if line.who == "bot"] == [True]


def test_yes_is_an_answer_where_the_bot_asks() -> None:
    teller = Teller("Your order left today. Shall I send you a note when it arrives?")
    spoken_over(teller, "yes", after_s=3.0)
    assert teller.turns == ["yes"]


@pytest.mark.parametrize(("verdict", "turns"), [("interrupt", ["mm-hm"]), ("continue", []), (None, [])])
def test_the_hook_is_given_what_was_said_and_decides(verdict: str | None, turns: list[str]) -> None:
    teller = Teller()
    teller.hooked, teller.verdict = True, verdict
    caller = spoken_over(teller, "mm-hm")
    assert teller.turns == turns
    said, unsaid, words = teller.overlaps[0]
    assert f"{said} {unsaid}" == LONG
    assert words == "mm-hm"
    judged = [event.verdict for event in caller.events if isinstance(event, OverlapJudged)]
    assert set(judged) == ({verdict} if verdict else set())


def test_a_hook_that_fails_is_not_asked_again() -> None:
    class Broken(Teller):
        def on_overlap(self, said: str, unsaid: str, words: str) -> str | None:
            self.overlaps.append((said, unsaid, words))
            raise LookupError("no such table")

    teller = Broken()
    teller.hooked = True
    caller = spoken_over(teller, "mm-hm")
    (failed,) = [event for event in caller.events if isinstance(event, EngineFailed)]
    assert failed.engine == "on_overlap"
    assert "no such table" in failed.error
    assert len(teller.overlaps) == 1
    assert teller.ignored == ["mm-hm"], "the policy decides"


def test_a_dialog_may_ask_meanwhile() -> None:
    """`ask` suspends the standing question: every word over its prompt counts."""

    async def dialog(call: Call) -> None:
        call.expect()
        answer = await call.ask("What is it that you would like to know about the order?")
        await call.say(f"You said {answer.text}.")

    async def conversation() -> None:
        async with SimulatedCall(dialog) as caller:
            await caller.waits(1.0)
            await caller.says("okay")
            await caller.hears("You said okay.")

    run(conversation())


def test_of_200_interruptions_the_words_that_were_heard_are_known_to_the_word() -> None:
    rng = random.Random(200)
    exact = 0
    for _ in range(200):
        credited, heard = run(_credited(rng.uniform(0.2, 5.0)))
        assert len(credited) <= len(heard), "no word is credited that was not sent"
        assert heard[: len(credited)] == credited
        exact += len(heard) - len(credited) <= 1
    assert exact >= 196


async def _credited(after_s: float) -> tuple[list[str], list[str]]:
    """The words that the history credits, and those whose audio was sent in full: 480 ticks a character."""
    async with SimulatedCall(Teller()) as caller:
        await caller.waits(after_s)
        await caller.says("no stop that is wrong")
        await caller.waits(1.0)
        sent, words, at = caller.line.sent_ticks, [], 0
        for word in LONG.split():
            at += len(word)
            if 480 * at <= sent:
                words.append(word)
            at += 1
    said = (
        next(line.text for line in caller.transcript if line.who == "bot") if caller.transcript[0].who == "bot" else ""
    )
    return said.split(), words
