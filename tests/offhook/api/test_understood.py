"""What follows an answer before the dialog gets it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import time

import pytest

from offhook.api.understood import Understanding
from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.dialog.wording import wording_in
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Prompt, Question
from offhook.pipeline.turn.answers import answer_to
from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.confirm import confirmation
from offhook.pipeline.understanding.kinds import Digits, Text, Time
from offhook.pipeline.understanding.match import Match
from offhook.pipeline.understanding.valid import Valid

MENU = Question((Choice("sales", ("sales",)), Choice("support", ("support",))), language="en")
ODD = Answer(AnswerKind.NO_MATCH, "my goldfish needs a doctor")


class Oracle:
    """A matcher that always knows, or fails as it is told to."""

    def __init__(self, found: object = None, error: Exception | None = None, delay_s: float = 0.0) -> None:
        self.found, self.error, self.delay_s = found, error, delay_s
        self.asked: list[tuple[str, tuple[str, ...], str]] = []

    async def match(self, text: str, choices: Sequence[Choice], language: str) -> Match | None:
        self.asked.append((text, tuple(choice.name for choice in choices), language))
        await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        return self.found  # type: ignore[return-value]  # what it should not return is part of the test


class Caller:
    """Answers what is asked back."""

    def __init__(self, reply: str = "yes") -> None:
        self.reply = reply
        self.heard: list[str] = []

    async def ask(self, prompt: Prompt, question: Question) -> Answer:
        self.heard.append(prompt.text)
        return Answer(AnswerKind.SPEECH, self.reply)


async def settle(understanding: Understanding, answer: Answer, caller: Caller | None = None) -> Answer:
    return await understanding.settle(MENU, answer, (caller or Caller()).ask, None)


async def test_a_matcher_is_asked_what_the_rules_do_not_know() -> None:
    oracle = Oracle(Match("support", 0.9))
    answer = await settle(Understanding(matcher=oracle), ODD)
    assert (answer.kind, answer.choice, answer.confidence) == (AnswerKind.SPEECH, "support", 0.9)
    assert oracle.asked == [("my goldfish needs a doctor", ("sales", "support"), "en")]


@pytest.mark.parametrize(
    "answer", [Answer(AnswerKind.SPEECH, "sales", "sales"), Answer(AnswerKind.NO_MATCH), Answer(AnswerKind.NO_INPUT)]
)
async def test_it_is_not_asked_where_there_is_nothing_to_ask(answer: Answer) -> None:
    oracle = Oracle(Match("support"))
    assert await settle(Understanding(matcher=oracle), answer) == answer
    assert not oracle.asked


@pytest.mark.parametrize(
    "oracle",
    [
        Oracle(None),
        Oracle(Match("marketing")),
        Oracle("support"),
        Oracle(error=RuntimeError("no quota")),
        Oracle(Match("support"), delay_s=5.0),
    ],
)
async def test_a_matcher_that_finds_nothing_or_fails_changes_nothing(oracle: Oracle) -> None:
    assert await settle(Understanding(matcher=oracle, matcher_timeout_s=0.01), ODD) == ODD


class Polyglot(Oracle):
    """A matcher that finds something else in each language."""

    def __init__(self, by_language: dict[str, Match]) -> None:
        super().__init__()
        self._by_language = by_language

    async def match(self, text: str, choices: Sequence[Choice], language: str) -> Match | None:
        await super().match(text, choices, language)
        return self._by_language.get(language)


BOTH = Question((Choice("book", ("book",)),), language="en", others=(("es", (Choice("book", ("reservar",)),)),))


@pytest.mark.parametrize(
    ("by_language", "choice", "language"),
    [
        ({"es": Match("book", 0.7)}, "book", "es"),
        ({"en": Match("book", 0.7)}, "book", "en"),
        ({"en": Match("book", 0.7), "es": Match("book", 0.9)}, "book", "es"),
        ({"en": Match("book", 0.7), "es": Match("book", 0.7)}, "book", None),
        ({"es": Match("marketing")}, None, None),
        ({}, None, None),
    ],
)
async def test_a_matcher_is_asked_in_each_language_of_a_question(
    by_language: dict[str, Match], choice: str | None, language: str | None
) -> None:
    oracle, said = Polyglot(by_language), Answer(AnswerKind.NO_MATCH, "quisiera una cama")
    answer = await Understanding(matcher=oracle).settle(BOTH, said, Caller().ask, None)
    assert (answer.choice, answer.language) == (choice, language)
    assert oracle.asked == [(said.text, ("book",), "en"), (said.text, ("book",), "es")]


async def test_what_the_matcher_is_unsure_of_is_asked_back() -> None:
    caller = Caller("yes")
    understanding = Understanding(0.6, Oracle(Match("support", 0.55)))
    assert (await settle(understanding, ODD, caller)).choice == "support"
    assert caller.heard == ["Did you say support?"]


async def test_a_certain_answer_is_taken_at_once() -> None:
    caller = Caller()
    sure = Answer(AnswerKind.SPEECH, "sales", "sales", confidence=0.9)
    assert await settle(Understanding(0.6), sure, caller) == sure
    assert not caller.heard


GUESSED = replace(ODD, guess=Answer(AnswerKind.SPEECH, "sails", "sales", confidence=0.2))


@pytest.mark.parametrize(("reply", "choice"), [("yes", "sales"), ("no", None), ("no, support", "support")])
async def test_a_guess_is_asked_back(reply: str, choice: str | None) -> None:
    caller = Caller(reply)
    answer = await settle(Understanding(0.6), GUESSED, caller)
    assert caller.heard == ["Did you say sales?"]
    assert answer.choice == choice
    assert (answer.kind is AnswerKind.NO_MATCH) == (choice is None)


EITHER = replace(
    ODD, guess=Answer(AnswerKind.SPEECH, "support about sales", confidence=0.9, either=("support", "sales"))
)


@pytest.mark.parametrize("reply", [Answer(AnswerKind.SPEECH, "sales", "sales"), Answer(AnswerKind.NO_MATCH, "neither")])
async def test_which_of_two_is_asked(reply: Answer) -> None:
    asked: list[tuple[str, list[str]]] = []

    async def ask(prompt: Prompt, question: Question) -> Answer:
        asked.append((prompt.text, [choice.name for choice in question.choices]))
        return reply

    answer = await Understanding(0.6).settle(MENU, EITHER, ask, None)
    assert asked == [("Did you mean support, or sales?", ["support", "sales"])]
    assert (answer.kind, answer.choice) == (reply.kind, reply.choice)
    assert await Understanding(0.0).settle(MENU, EITHER, ask, None) == ODD
    assert len(asked) == 1


async def test_a_guess_is_no_match_where_nothing_is_asked_back_or_the_matcher_knows() -> None:
    caller = Caller()
    assert await settle(Understanding(0.0), GUESSED, caller) == ODD
    assert (await settle(Understanding(0.6, Oracle(Match("support", 0.9))), GUESSED, caller)).choice == "support"
    assert not caller.heard


async def test_what_was_hardly_heard_is_asked_back_or_no_match() -> None:
    """Also where a matcher knows what it would mean, or the words have two readings."""
    hardly = replace(ODD, confidence=0.1, too_uncertain=True)
    caller, knows = Caller("yes"), Oracle(Match("support", 0.9))
    assert (await settle(Understanding(0.6, knows), hardly, caller)).choice == "support"
    assert caller.heard == ["Did you say support?"]
    assert await settle(Understanding(0.0, knows), hardly, caller) == hardly
    at_four = Ambiguous((time(4, 30), time(16, 30)))
    guess = Answer(AnswerKind.SPEECH, "half past four", value=at_four, confidence=0.1)
    when, unsure = Question(value=Time(), language="en"), replace(hardly, guess=guess)
    assert await Understanding(0.0).settle(when, unsure, caller.ask, None) == unsure
    assert len(caller.heard) == 1


@pytest.mark.parametrize(
    ("confidence", "kind"), [(0.55, AnswerKind.NO_MATCH), (0.6, AnswerKind.SPEECH), (None, AnswerKind.SPEECH)]
)
def test_an_uncertain_correction_is_no_answer(confidence: float | None, kind: AnswerKind) -> None:
    late = Answer(AnswerKind.SPEECH, "sails", "sales", confidence=confidence)
    found = Understanding(confirm_below=0.6).certain(MENU, late, None)
    assert (found.kind, found.choice) == (kind, "sales" if kind is AnswerKind.SPEECH else None)


ACCOUNT = Question(digits=DigitRule(3, 3), value=Digits(3, 3), language="en", read_back=True)
SPOKEN = Answer(AnswerKind.SPEECH, "one two three", value="123", confidence=0.95)
KEYED = Answer(AnswerKind.DTMF, digits="123", value="123")


class Replies:
    """Answers what is read back as the core would, one reply after the other."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.heard: list[str] = []

    async def ask(self, prompt: Prompt, question: Question) -> Answer:
        self.heard.append(prompt.text)
        reply = self.replies.pop(0)
        if not reply:
            return Answer(AnswerKind.NO_INPUT)
        return answer_to(question, Transcript(reply, 0.9), 0.5, typed=reply.isdigit())


def right(digits: str) -> str:
    return f"I understood {digits}. Is that right?"


@pytest.mark.parametrize(
    ("answer", "replies", "heard", "kind", "value"),
    [
        (SPOKEN, ["yes"], [right("1 2 3")], AnswerKind.SPEECH, "123"),
        (KEYED, ["1"], [right("1 2 3")], AnswerKind.DTMF, "123"),
        (KEYED, ["that's right"], [right("1 2 3")], AnswerKind.DTMF, "123"),
        (SPOKEN, ["no"], [right("1 2 3")], AnswerKind.NO_MATCH, None),
        (SPOKEN, ["2"], [right("1 2 3")], AnswerKind.NO_MATCH, None),
        (SPOKEN, ["no not one two three"], [right("1 2 3")], AnswerKind.NO_MATCH, None),
        (SPOKEN, ["no, one two four", "yes"], [right("1 2 3"), right("1 2 4")], AnswerKind.SPEECH, "124"),
        (KEYED, ["one two four", "1"], [right("1 2 3"), right("1 2 4")], AnswerKind.SPEECH, "124"),
        (SPOKEN, ["the weather is nice"], [right("1 2 3")], AnswerKind.NO_MATCH, None),
        (SPOKEN, [""], [right("1 2 3")], AnswerKind.NO_INPUT, None),
        (
            SPOKEN,
            ["one two four", "one two five", "one two six", "one two seven"],
            [right("1 2 3"), right("1 2 4"), right("1 2 5"), right("1 2 6")],
            AnswerKind.NO_MATCH,
            None,
        ),
    ],
)
async def test_a_value_is_read_back(
    answer: Answer, replies: list[str], heard: list[str], kind: AnswerKind, value: str | None
) -> None:
    caller = Replies(*replies)
    found = await Understanding().settle(ACCOUNT, answer, caller.ask, None)
    assert (caller.heard, found.kind, found.value) == (heard, kind, value)
    assert not caller.replies


async def test_a_choice_in_place_of_the_value_is_not_read_back() -> None:
    answer = Answer(AnswerKind.DTMF, choice="operator", digits="0")
    assert await Understanding().settle(ACCOUNT, answer, Replies().ask, None) == answer


@pytest.mark.parametrize("answer", [SPOKEN, KEYED])
@pytest.mark.parametrize("reply", ["operator", "no, operator"])
async def test_a_choice_in_reply_takes_the_place_of_the_value(answer: Answer, reply: str) -> None:
    asked = replace(ACCOUNT, choices=(Choice("operator", ("operator",), "0"),))
    found = await Understanding().settle(asked, answer, Replies(reply).ask, None)
    assert (found.kind, found.choice, found.value, found.digits) == (AnswerKind.SPEECH, "operator", None, "")


async def test_words_that_are_read_back_are_not_replaced_by_the_reply() -> None:
    asked = Question(value=Text(), any_words=True, language="en", read_back=True)
    caller = Replies("yes that's right")
    found = await Understanding().settle(asked, Answer(AnswerKind.SPEECH, "my bill", value="my bill"), caller.ask, None)
    assert (found.kind, found.value) == (AnswerKind.SPEECH, "my bill")


async def test_a_correction_has_to_be_valid_too() -> None:
    checked = replace(ACCOUNT, value=Valid(Digits(3, 3), lambda digits: digits != "124"))
    found = await Understanding().settle(checked, SPOKEN, Replies("no, one two four").ask, None)
    assert found.kind is AnswerKind.NO_MATCH


def test_a_recogniser_with_grammars_hears_yes_no_and_a_correction() -> None:
    asked = confirmation(ACCOUNT, SPOKEN, 0.0, wording_in("en"))
    assert asked is not None and asked.question.grammar is not None
    (public,) = [line for line in asked.question.grammar.splitlines() if line.startswith("public")]
    assert " yes |" in public
    assert public.endswith("] <digits>;")


def test_a_recogniser_with_grammars_hears_a_choice_in_reply_too() -> None:
    with_choice = replace(ACCOUNT, choices=(Choice("operator", ("operator",), "0"),))
    asked = confirmation(with_choice, SPOKEN, 0.0, wording_in("en"))
    assert asked is not None and asked.question.grammar is not None
    (public,) = [line for line in asked.question.grammar.splitlines() if line.startswith("public")]
    assert " operator |" in public
    assert [choice.dtmf for choice in asked.question.choices] == ["1", "2", None]
