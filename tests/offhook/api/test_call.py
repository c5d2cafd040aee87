"""What a dialog says and asks, and what happens once the call is over."""

import asyncio
from typing import Any, cast

import pytest

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.pipeline.events import AnswerKind, Choice, DigitRule, Expectation, Playback, Prompt, Question
from offhook.pipeline.trace import SpeechPrepared
from tests.pipeline.conversation import Talk


class Dial:
    """A call without a phone, and how often it was hung up."""

    def __init__(self, says: str = "my balance") -> None:
        self.talk = Talk(says=says)
        self.hangups = 0
        self.call = Call(
            self.talk.session,
            call_id="c0",
            caller="sip:alice@example.com",
            called="sip:bot@example.com",
            headers=[("X-Shop", "7")],
            silence_ms=70,
            no_input_ms=60_000,
            on_hangup=self._hung_up,
        )

    def _hung_up(self) -> None:
        self.hangups += 1

    async def spoken(self) -> None:
        await self.talk.playing()
        self.talk.line.send()


async def test_saying() -> None:
    dial = Dial()
    saying = asyncio.create_task(dial.call.say("Hello."))
    await dial.spoken()
    assert await asyncio.wait_for(saying, 1) == Playback("Hello.")
    assert (dial.call.id, dial.call.caller, dial.call.headers) == ("c0", "sip:alice@example.com", (("X-Shop", "7"),))


async def test_asking() -> None:
    dial = Dial()
    asking = asyncio.create_task(dial.call.ask("What?", choices={"balance": "my balance"}, keys={"1": "balance"}))
    await dial.spoken()
    await dial.talk.speak()
    await dial.talk.fall_silent()
    answer = await asyncio.wait_for(asking, 1)
    assert (answer.kind, answer.choice, answer.prompt) == (AnswerKind.SPEECH, "balance", Playback("What?"))


class Listener(Call):
    """Keeps what would be asked."""

    def __init__(self, session: Any) -> None:
        super().__init__(session, call_id="", caller="", called="", silence_ms=300, no_input_ms=4_000)
        self.steps: list[tuple[Prompt | None, Question | None]] = []

    async def step(self, prompt: Prompt | None, question: Question | None, wording: object = None) -> Any:
        self.steps.append((prompt, question))


@pytest.fixture
async def listener() -> Listener:
    return Listener(Talk().session)


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        ({}, Question(silence_ms=300, no_input_ms=4_000)),
        ({"silence_ms": 0, "no_input_ms": 9}, Question(silence_ms=0, no_input_ms=9)),
        ({"min_confidence": 0.8}, Question(silence_ms=300, no_input_ms=4_000, min_confidence=0.8)),
        ({"digits": 4}, Question(speech=False, digits=DigitRule(4, 4), silence_ms=300, no_input_ms=4_000)),
        (
            {"digits": DigitRule(1, 9)},
            Question(speech=False, digits=DigitRule(1, 9), silence_ms=300, no_input_ms=4_000),
        ),
        (
            {"digits": 2, "choices": (c for c in [Choice("no", ("no",))])},
            Question((Choice("no", ("no",)),), digits=DigitRule(2, 2), silence_ms=300, no_input_ms=4_000),
        ),
        (
            {"choices": {"no": "no", "yes": ["yes", "yeah"]}, "keys": {"1": "yes"}},
            Question((Choice("no", ("no",)), Choice("yes", ("yes", "yeah"), "1")), silence_ms=300, no_input_ms=4_000),
        ),
        (
            {"choices": {"yes": "yes"}, "keys": {"1": "yes", "10": "yes"}},
            Question((Choice("yes", ("yes",), "1", ("10",)),), silence_ms=300, no_input_ms=4_000),
        ),
        (
            {"expect": "digits(10..16)"},
            Question(silence_ms=300, no_input_ms=4_000, expect=Expectation("digits", 10, 16)),
        ),
        ({"grammar": "#JSGF V1.0;"}, Question(grammar="#JSGF V1.0;", silence_ms=300, no_input_ms=4_000)),
    ],
)
async def test_a_question_in_words(listener: Listener, asked: dict[str, Any], question: Question) -> None:
    await listener.ask("Well?", **asked)
    assert listener.steps == [(Prompt("Well?"), question)]


async def test_a_question_without_a_prompt_and_a_firm_one(listener: Listener) -> None:
    await listener.ask(None)
    await listener.ask("Well?", barge_in=False)
    assert [prompt for prompt, _ in listener.steps] == [None, Prompt("Well?", barge_in=False)]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"choices": {"yes": "yes"}, "keys": {"1": "no"}}, "'no', which is not among the choices"),
        ({"choices": [Choice("yes", ("yes",), "1", ("1x",))]}, "no key '1x'"),
        ({"digits": DigitRule(1, 9, clear="#")}, "not the terminator"),
        ({"choices": [Choice("yes")], "keys": {"1": "yes"}}, "its own `dtmf`"),
        ({"digits": 0}, "at least 1"),
        ({"digits": DigitRule(4, 2)}, "`digits: maximum` is at least 4, not 2"),
        ({"digits": DigitRule(0, 2)}, "`digits: minimum` is at least 1, not 0"),
        ({"digits": DigitRule(1, 2, "x")}, 'terminator` is "#", "\\*" or ""'),
        ({"choices": {"yes": "yes"}, "keys": {"x": "yes"}}, "no key 'x' on a phone"),
        ({"choices": {"yes": "yes"}, "keys": {"": "yes"}}, "no key '' on a phone"),
        (
            {"choices": {"yes": "Yes  please", "ok": ["fine", "yes please"]}},
            "'yes please' stands for 'yes' and for 'ok'",
        ),
        ({"choices": [Choice("a", (), "1"), Choice("b", (), "1")]}, "key '1' stands for 'a' and for 'b'"),
        ({"silence_ms": -1}, "`silence_ms` is at least 0, not -1"),
        ({"no_input_ms": -1}, "`no_input_ms` is at least 0, not -1"),
        ({"min_confidence": 80}, "`min_confidence` is from 0 to 1, not 80"),
        ({"expect": "colour"}, "`expect`: an answer is one of choice, yes_no"),
        ({"min_confidence": float("nan")}, "`min_confidence` is from 0 to 1, not nan"),
    ],
)
async def test_questions_that_make_no_sense(listener: Listener, asked: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        await listener.ask("Well?", **asked)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"choices": ["small", "large"]}, "`choices` maps names to phrases, such as"),
        ({"choices": "small"}, "`choices` maps names to phrases, such as"),
        ({"choices": {"small": 5}}, "a text or a list of texts, not 5"),
        ({"choices": {"small": [5]}}, "a phrase of the choice 'small' is a text, not 5"),
        ({"choices": [Choice("small", cast(Any, "small"))]}, "a tuple of texts, not 'small'"),
        ({"choices": {"small": "small"}, "keys": {1: "small"}}, 'a key is a text: "1", not 1'),
        ({"digits": True}, "`digits` is a number or a DigitRule, not True"),
        ({"digits": "4"}, "`digits` is a number or a DigitRule, not '4'"),
        ({"digits": 4.5}, "`digits` is a number or a DigitRule, not 4.5"),
        ({"silence_ms": "500"}, "`silence_ms` is a number, not '500'"),
        ({"expect": 4}, "`expect` is a text, such as"),
        ({"grammar": 7}, "`grammar` is JSGF text, not 7"),
        ({"endpoint": "silence"}, "an object with the method `decide`, not 'silence'"),
    ],
)
async def test_questions_of_the_wrong_type(listener: Listener, asked: dict[str, Any], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        await listener.ask("Well?", **asked)


@pytest.mark.parametrize("text", [5, b"Well?", ["Well?"]])
async def test_only_text_is_said(text: Any) -> None:
    dial = Dial()
    with pytest.raises(TypeError, match="the bot says text"):
        await dial.call.say(text)
    with pytest.raises(TypeError, match="the bot says text"):
        await dial.call.ask(text)
    dial.call.expect()
    with pytest.raises(TypeError, match="the bot says text"):
        await dial.call.say(text)


async def test_what_is_expected_is_checked_too() -> None:
    with pytest.raises(ValueError, match="no key 'x' on a phone"):
        Dial().call.expect(Question((Choice("a", (), "x"),)))


async def test_nothing_is_said_after_the_end() -> None:
    dial = Dial()
    dial.call.end()
    with pytest.raises(CallEnded):
        await dial.call.say("Hello?")
    await dial.call.hangup()
    assert dial.hangups == 0


async def test_hanging_up_waits_for_the_last_word_and_happens_once() -> None:
    dial = Dial()
    dial.talk.line.play(b"x")
    hanging_up = asyncio.create_task(dial.call.hangup())
    await asyncio.sleep(0)
    with pytest.raises(CallEnded):
        await dial.call.say("One more thing.")
    assert dial.hangups == 0
    dial.talk.line.send()
    await asyncio.wait_for(hanging_up, 1)
    await dial.call.hangup()
    assert dial.hangups == 1


async def test_a_line_that_does_not_move_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.api.call.HANG_UP_WAIT_S", 0.03)
    dial = Dial()
    dial.talk.line.play(b"x")
    await asyncio.wait_for(dial.call.hangup(), 1)
    assert dial.hangups == 1


async def test_a_text_is_prepared_in_the_language_of_the_call_until_it_is_over() -> None:
    dial = Dial()
    dial.call.prepare("Hello. How are you?")
    await asyncio.sleep(0.01)
    saying = asyncio.create_task(dial.call.say("Hello."))
    await dial.spoken()
    await asyncio.wait_for(saying, 1)
    (prepared,) = dial.talk.reported(SpeechPrepared)
    assert isinstance(prepared, SpeechPrepared)
    assert prepared.used
    dial.call.end()
    dial.talk.session.close()
    dial.call.prepare("Goodbye.")
    assert dial.talk.reported(SpeechPrepared) == [prepared]
