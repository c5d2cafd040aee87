"""Keys: entries, keys after a complete one, ahead of a prompt, and those that no question can use."""

from dataclasses import replace

import pytest

from offhook.pipeline.events import (
    Answer,
    AnswerKind,
    Choice,
    DigitRule,
    Interruption,
    Prompt,
    Question,
)
from offhook.pipeline.turn.keypad import MAX_TYPED_AHEAD
from offhook.pipeline.turn.tables import Action, Floor
from tests.pipeline.turn.test_core import FIRM, PIN, PROMPT, Talk

ANNOUNCEMENT = Prompt("Your balance is nine dollars.")


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.mark.parametrize("when", ["speaking", "listening", "caller"])
def test_a_key_takes_precedence_over_everything(talk: Talk, when: str) -> None:
    talk.begin()
    if when != "speaking":
        talk.spoken()
    if when == "caller":
        talk.start()
        talk.confirm()
    actions = talk.keys("1")
    assert actions == [Action.PAUSE, Action.ABANDON_PROMPT, Action.CANCEL_ASR, Action.FINISH]
    assert talk.answer == Answer(AnswerKind.DTMF, choice="balance", digits="1")


def test_a_key_that_means_nothing_is_a_no_match(talk: Talk) -> None:
    talk.begin()
    talk.keys("9")
    assert talk.answer == Answer(AnswerKind.NO_MATCH, digits="9")


def test_digits_are_collected(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("471")
    assert talk.core.floor is Floor.COLLECTING_DTMF
    talk.keys("1")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")


def test_too_few_digits_are_a_no_match_in_time(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("47")
    assert talk.wait(2.4) == []
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.NO_MATCH, digits="47")


def test_the_terminator_ends_digits_early(talk: Talk) -> None:
    talk.begin(PROMPT, Question(digits=DigitRule(1, 10, "#")))
    talk.keys("12#")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="12")


def test_keys_are_kept_for_the_next_question(talk: Talk) -> None:
    talk.keys("2")
    assert talk.begin() == [Action.PLAY, Action.PAUSE, Action.ABANDON_PROMPT, Action.CANCEL_ASR, Action.FINISH]
    assert talk.answer is not None and talk.answer.choice == "hours"


def test_keys_over_a_firm_prompt_wait_for_its_end(talk: Talk) -> None:
    talk.begin(FIRM, PIN)
    assert talk.keys("4711") == []
    talk.spoken()
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")


def test_a_key_interrupts_a_prompt_and_answers_its_question(talk: Talk) -> None:
    talk.begin(PROMPT, None)
    assert Action.FINISH in talk.keys("1")
    talk.begin()
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_a_flood_of_keys_is_bounded(talk: Talk) -> None:
    talk.keys("1" * 10_000)
    talk.begin(PROMPT, Question(digits=DigitRule(1, 64, "")))
    talk.wait(3.0)
    assert talk.answer is not None and len(talk.answer.digits) == MAX_TYPED_AHEAD


@pytest.mark.parametrize("after_s", [0.0, 0.4, 2.4])
def test_the_terminator_behind_a_complete_entry_belongs_to_it(talk: Talk, after_s: float) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("4711")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")
    talk.begin(ANNOUNCEMENT, None)
    talk.wait(after_s)
    assert talk.keys("#") == []
    assert talk.core.floor is Floor.SPEAKING
    talk.spoken()
    talk.begin(PROMPT, PIN)
    assert talk.core.floor is Floor.SPEAKING


def test_a_terminator_that_comes_much_later_is_another_key(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("4711")
    talk.wait(2.6)
    talk.begin(ANNOUNCEMENT, None)
    assert Action.FINISH in talk.keys("#")


def test_digits_beyond_the_maximum_are_dropped(talk: Talk) -> None:
    talk.begin(PROMPT, Question(speech=False, digits=DigitRule(6, 10, "#", 2_500)))
    for digit in "123456789012":
        talk.keys(digit)
        talk.wait(0.3)
    talk.keys("#")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="1234567890")
    assert talk.begin() == [Action.PLAY]


@pytest.mark.parametrize("when", ["before both", "before the second", "during the second"])
@pytest.mark.parametrize("keys", ["1234", "1234#"])
def test_digits_beyond_the_maximum_that_are_the_next_entry_are_kept_for_it(talk: Talk, keys: str, when: str) -> None:
    account = Question(speech=False, digits=DigitRule(10, 10, "#", 2_500))
    if when == "before both":
        talk.keys("1234567897" + keys)
        talk.begin(PROMPT, account)
    else:
        talk.begin(PROMPT, account)
        talk.keys("1234567897" + (keys if when == "before the second" else ""))
    assert talk.answer == Answer(AnswerKind.DTMF, digits="1234567897")
    talk.begin(PROMPT, PIN)
    if when == "during the second":
        talk.keys(keys)
    assert talk.answer == Answer(AnswerKind.DTMF, digits="1234")
    assert talk.begin() == [Action.PLAY]


def test_the_next_entry_may_be_longer_than_its_least(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("4711")
    talk.begin(PROMPT, Question(speech=False, digits=DigitRule(3, 6, "#", 2_500)))
    talk.keys("12345#")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="12345")


def test_a_slip_is_no_entry_of_a_later_question(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("4711222")
    talk.begin(PROMPT, PIN)
    talk.wait(1.2)
    talk.keys("1234")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="1234")
    assert talk.begin(PROMPT, Question(digits=DigitRule(3, 3))) == [Action.PLAY]


def test_surplus_digits_that_are_forgotten_are_no_entry(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("47111234")
    talk.core.forget_unasked(talk.now)
    talk.take()
    assert talk.begin(PROMPT, PIN) == [Action.PLAY]


def test_a_digit_that_answers_the_next_prompt_is_kept(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("4711")
    talk.wait(1.2)
    talk.begin()
    talk.keys("1")
    assert talk.answer is not None and talk.answer.choice == "balance"


def test_keys_typed_ahead_of_a_menu_keep_their_places(talk: Talk) -> None:
    talk.keys("14711#")
    talk.begin()
    assert talk.answer is not None and talk.answer.choice == "balance"
    talk.begin(PROMPT, PIN)
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")
    assert talk.begin() == [Action.PLAY]


def test_an_early_key_that_the_question_does_not_have_is_not_a_wrong_answer(talk: Talk) -> None:
    talk.keys("9")
    assert talk.begin() == [Action.PLAY]
    assert talk.answer is None


def test_a_surplus_pound_key_is_not_an_empty_entry(talk: Talk) -> None:
    talk.begin()
    talk.keys("1")
    talk.keys("#")
    assert talk.begin(PROMPT, PIN) == [Action.PLAY]


MENU = Question((Choice("first", dtmf="1"), Choice("second", dtmf="2")))
OPERATOR = Question((Choice("operator", ("operator",), "0"),), digits=DigitRule(3, 4))
WITH_POUND = Question((Choice("first", dtmf="1"), Choice("again", dtmf="#")))


@pytest.mark.parametrize("after", [MENU, PIN, OPERATOR, None], ids=["menu", "digits", "both", "announcement"])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 2.4])
def test_a_pound_key_behind_the_key_of_a_menu_belongs_to_it(talk: Talk, after: Question | None, after_s: float) -> None:
    talk.begin(PROMPT, MENU)
    talk.keys("1")
    talk.begin(PROMPT, after)
    talk.wait(after_s)
    assert talk.keys("#") == []
    assert talk.core.floor is Floor.SPEAKING


def test_a_pound_key_that_the_next_menu_has_is_its_answer(talk: Talk) -> None:
    talk.begin(PROMPT, MENU)
    talk.keys("1")
    talk.begin(PROMPT, WITH_POUND)
    talk.keys("#")
    assert talk.answer is not None and talk.answer.choice == "again"


def test_keys_behind_a_pound_key_are_the_next_answers(talk: Talk) -> None:
    talk.begin(PROMPT, MENU)
    talk.keys("1#22")
    assert talk.answer is not None and talk.answer.choice == "first"
    for _ in range(2):
        talk.begin(PROMPT, MENU)
        assert talk.answer is not None and talk.answer.choice == "second"
    assert talk.begin(PROMPT, MENU) == [Action.PLAY]


def test_a_key_during_an_error_prompt_is_of_the_new_attempt(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.keys("47#")
    assert talk.answer is not None and talk.answer.kind is AnswerKind.NO_MATCH
    talk.begin(Prompt("That was not four digits."), PIN)
    talk.wait(0.3)
    talk.keys("4711")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")


@pytest.mark.parametrize("asked_after", [4, 5, 8, 16])
@pytest.mark.parametrize("least", [1, 5])
def test_a_longer_number_is_no_entry_of_the_next_question(talk: Talk, asked_after: int, least: int) -> None:
    """The last four digits of a card are asked for, and its sixteen keyed."""
    talk.begin(PROMPT, PIN)
    for count, digit in enumerate("4539148803436467", start=1):
        talk.keys(digit)
        talk.wait(0.1)
        if count == asked_after:
            talk.begin(PROMPT, Question(speech=False, digits=DigitRule(least, 12, "#", 2_500)))
    assert talk.core.floor is Floor.SPEAKING
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4539")
    talk.wait(1.2)
    talk.keys("98765#")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="98765")


def test_a_card_number_with_a_digit_too_many_leaves_the_next_question_alone(talk: Talk) -> None:
    talk.begin(PROMPT, Question(speech=False, digits=DigitRule(16, 16, "#", 2_500)))
    talk.keys("45391488034364671")
    assert talk.begin(PROMPT, PIN) == [Action.PLAY]
    talk.wait(1.2)
    talk.keys("4711")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")


def test_a_key_that_no_question_to_come_can_use_interrupts_nothing(talk: Talk) -> None:
    talk.begin(Prompt("Nine dollars.", interruption=Interruption(keys="12")), None)
    assert talk.keys("5#") == []
    assert talk.core.floor is Floor.SPEAKING
    assert Action.FINISH in talk.keys("1")


FLOORS = Question(
    (Choice("first", dtmf="1", more_keys=("01",)), Choice("tenth", dtmf="10"), Choice("ground", dtmf="*"))
)
CLEARED = Question((Choice("back", dtmf="*"),), digits=DigitRule(4, 4, clear="*"))


@pytest.mark.parametrize(("keys", "choice"), [("10", "tenth"), ("01", "first"), ("*", "ground"), ("12", None)])
def test_a_key_of_several_digits_counts_when_no_other_is_longer(talk: Talk, keys: str, choice: str | None) -> None:
    talk.begin(PROMPT, FLOORS)
    talk.keys(keys)
    assert talk.answer is not None and (talk.answer.choice, talk.answer.digits) == (choice, keys)


@pytest.mark.parametrize(("keys", "choice"), [("1#", "first"), ("01#", "first"), ("10#", "tenth"), ("*#", "ground")])
@pytest.mark.parametrize("ahead", [False, True])
def test_a_pound_key_ends_the_key_of_a_menu_that_begins_another_one(
    talk: Talk, keys: str, choice: str, ahead: bool
) -> None:
    if ahead:
        talk.keys(keys)
    talk.begin(PROMPT, FLOORS)
    if not ahead:
        talk.keys(keys)
    assert talk.answer == Answer(AnswerKind.DTMF, choice=choice, digits=keys.removesuffix("#"))
    talk.begin(PROMPT, FLOORS)
    assert talk.core.floor is Floor.SPEAKING


def test_a_pound_key_behind_a_key_that_has_counted_in_time_belongs_to_it(talk: Talk) -> None:
    talk.begin(PROMPT, FLOORS)
    talk.keys("1")
    talk.wait(1.6)
    assert talk.answer is not None and talk.answer.choice == "first"
    talk.begin(PROMPT, MENU)
    assert talk.keys("#") == []
    assert talk.core.floor is Floor.SPEAKING


def test_a_pound_key_that_is_of_a_longer_key_ends_nothing(talk: Talk) -> None:
    talk.begin(PROMPT, Question((Choice("first", dtmf="1"), Choice("back", dtmf="1#"), Choice("tenth", dtmf="10"))))
    talk.keys("1#")
    assert talk.answer == Answer(AnswerKind.DTMF, choice="back", digits="1#")


def test_a_pound_key_behind_what_is_no_key_is_a_wrong_answer(talk: Talk) -> None:
    talk.begin(PROMPT, FLOORS)
    talk.keys("0#")
    assert talk.answer == Answer(AnswerKind.NO_MATCH, digits="0#")


def test_a_key_that_begins_another_one_counts_in_time(talk: Talk) -> None:
    talk.begin(PROMPT, FLOORS)
    talk.keys("1")
    assert talk.wait(1.4) == []
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.DTMF, choice="first", digits="1")


def test_an_entry_is_cleared_and_begun_anew(talk: Talk) -> None:
    talk.begin(PROMPT, CLEARED)
    talk.keys("99*")
    assert talk.core.floor is Floor.LISTENING
    talk.wait(3.0)  # more than between two keys
    talk.keys("4711")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")


def test_who_clears_an_entry_and_is_silent_has_said_nothing(talk: Talk) -> None:
    talk.begin(PROMPT, CLEARED)
    talk.keys("99*")
    talk.wait(CLEARED.no_input_ms / 1000 - 0.1)
    assert talk.core.floor is Floor.LISTENING
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_before_the_first_digit_the_same_key_is_a_choice(talk: Talk) -> None:
    talk.begin(PROMPT, CLEARED)
    talk.keys("*")
    assert talk.answer == Answer(AnswerKind.DTMF, choice="back", digits="*")


def test_a_key_to_clear_is_nothing_where_there_is_nothing_to_clear(talk: Talk) -> None:
    talk.begin(PROMPT, Question(digits=DigitRule(2, 2, clear="*")))
    talk.keys("*42")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="42")


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        ("0", Answer(AnswerKind.DTMF, choice="operator", digits="0")),
        ("0#", Answer(AnswerKind.DTMF, choice="operator", digits="0")),
        ("012#", Answer(AnswerKind.DTMF, digits="012")),
        ("0123", Answer(AnswerKind.DTMF, digits="0123")),
        ("01", Answer(AnswerKind.NO_MATCH, digits="01")),
    ],
)
def test_digits_or_a_choice(talk: Talk, keys: str, answer: Answer) -> None:
    talk.begin(PROMPT, OPERATOR)
    talk.keys(keys)
    talk.wait(2.6)
    assert talk.answer == answer


def test_keys_that_are_forgotten_answer_nothing_and_skip_no_announcement(talk: Talk) -> None:
    talk.begin(ANNOUNCEMENT, None)
    talk.keys("1")
    talk.core.forget_unasked(talk.now)
    talk.take()
    assert Action.PLAY in talk.begin(ANNOUNCEMENT, None)
    talk.spoken()
    talk.begin()
    talk.spoken()
    assert talk.core.floor is Floor.LISTENING


SLOW = replace(FLOORS, inter_digit_ms=4_000)


def test_how_long_a_further_digit_of_a_key_is_waited_for_is_the_questions(talk: Talk) -> None:
    talk.begin(PROMPT, SLOW)
    talk.keys("1")
    assert talk.wait(3.9) == []
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.DTMF, choice="first", digits="1")


def test_the_first_key_is_waited_for_from_the_end_of_the_prompt(talk: Talk) -> None:
    talk.begin(PROMPT, PIN)
    talk.wait(30.0)
    talk.spoken()
    assert talk.wait(PIN.no_input_ms / 1000 - 0.1) == []
    assert talk.wait(0.2) == [Action.FINISH]
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_or_from_its_interruption(talk: Talk) -> None:
    talk.begin(PROMPT, CLEARED)
    talk.wait(3.0)
    talk.keys("9*")  # cuts the prompt off, and takes the digit back
    assert talk.wait(CLEARED.no_input_ms / 1000 - 0.1) == []
    assert talk.wait(0.2) == [Action.FINISH]
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


@pytest.mark.parametrize(
    ("question", "keys", "answer"),
    [
        (PIN, "47", Answer(AnswerKind.NO_MATCH, digits="47")),
        (FLOORS, "1", Answer(AnswerKind.DTMF, choice="first", digits="1")),
        (OPERATOR, "0", Answer(AnswerKind.DTMF, choice="operator", digits="0")),
    ],
)
@pytest.mark.parametrize("firm", [False, True])
def test_the_rest_of_what_is_typed_ahead_is_waited_for_from_the_question_on(
    talk: Talk, question: Question, keys: str, answer: Answer, firm: bool
) -> None:
    """From the end of a prompt that cannot be interrupted: until then nobody knows that it has been heard."""
    wait_s = (question.inter_digit_ms if question.digits is None else question.digits.inter_digit_ms) / 1000
    talk.keys(keys)
    talk.wait(wait_s + 1.0)
    talk.begin(FIRM if firm else PROMPT, question)
    if firm:
        talk.wait(wait_s + 1.0)
        talk.spoken()
    assert talk.core.floor is Floor.COLLECTING_DTMF
    assert talk.wait(wait_s - 0.1) == []
    talk.wait(0.2)
    assert talk.answer == answer


@pytest.mark.parametrize("keys", ["11", "47", "0"])
def test_every_key_of_an_entry_has_the_same_time(talk: Talk, keys: str) -> None:
    talk.begin(PROMPT, PIN)
    for digit in keys:
        talk.keys(digit)
        assert talk.wait(2.4) == []
    talk.wait(0.2)
    assert talk.answer == Answer(AnswerKind.NO_MATCH, digits=keys)


@pytest.mark.parametrize("prompt", [None, PROMPT])
def test_an_entry_in_progress_is_of_the_question_that_replaces_its_own(talk: Talk, prompt: Prompt | None) -> None:
    talk.begin(None, Question(digits=DigitRule(1, 10)))
    talk.keys("47")
    talk.begin(prompt, PIN)
    assert talk.core.floor is Floor.COLLECTING_DTMF
    assert talk.wait(2.4) == []
    talk.keys("11")
    assert talk.answer == Answer(AnswerKind.DTMF, digits="4711")


def test_but_not_where_that_cannot_use_it(talk: Talk) -> None:
    talk.begin(None, Question(digits=DigitRule(1, 10)))
    talk.keys("47")
    assert Action.PLAY in talk.begin(PROMPT, MENU)
    assert talk.core.floor is Floor.SPEAKING
    talk.wait(10.0)
    talk.spoken()
    assert talk.wait(MENU.no_input_ms / 1000 - 0.1) == []
    talk.keys("2")
    assert talk.answer is not None and talk.answer.choice == "second"


def test_what_is_withdrawn_with_its_question_is_of_no_other(talk: Talk) -> None:
    talk.begin(None, Question(digits=DigitRule(1, 10)))
    talk.keys("47")
    talk.begin(None, None)
    assert talk.begin(PROMPT, PIN) == [Action.PLAY]
