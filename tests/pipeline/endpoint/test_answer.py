import random
from dataclasses import replace

import pytest

from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.endpoint.pauses import UsualPauses
from offhook.pipeline.events import Choice, DigitRule, EndpointPolicy, Question, TurnSoFar, Verdict

MENU = Question((Choice("hours", ("opening hours",)), Choice("sales", ("sales",)), Choice("team", ("sales team",))))
PIN = Question(digits=DigitRule(4, 4))
ACCOUNT = Question(digits=DigitRule(10, 16))
POLICY = AnswerPolicy()


def ends_after_ms(turn: TurnSoFar, policy: EndpointPolicy = POLICY) -> int:
    """The silence that ends the turn if nothing changes: the policy is asked when it wants to be."""
    silence_ms = 0.0
    for _ in range(10):
        verdict = policy.decide(replace(turn, silence_ms=silence_ms), 0.0)
        if verdict.kind == "over":
            return round(silence_ms)
        assert verdict.ask_again_ms > silence_ms
        silence_ms = verdict.ask_again_ms
    raise AssertionError("it never ends")


def turn(
    question: Question | None, partial: str = "", final: str | None = None, confidence: float | None = None
) -> TurnSoFar:
    return TurnSoFar(question, partial, 0, 1_200, final=final, confidence=confidence)


@pytest.mark.parametrize(
    ("question", "partial", "final", "confidence", "silence_ms"),
    [
        (MENU, "", "opening hours", 0.9, 100),
        (MENU, "opening", "opening hours", None, 100),
        (MENU, "", "sales", 0.9, 500),  # "sales team" is another choice
        (MENU, "", "opening hours", 0.2, 400),
        (MENU, "opening hours", "opening hours", 0.4, 100),  # twice the same
        (MENU, "", "", None, 500),
        (MENU, "opening hours", None, None, 500),  # its final is on the way
        (PIN, "one two three four", "one two three four", 0.9, 100),
        (PIN, "one two three", "one two three four", 0.99, 100),
        (PIN, "one two three", "one two three four", 0.95, 1_800),  # the grammar knows no three digits
        (PIN, "one two three five", "one two three four", 0.95, 400),
        (PIN, "one two three four", "one two three four", 0.4, 400),
        (PIN, "one two three four", "one two three five", 0.7, 400),
        (PIN, "one two three four", "one two three five", 0.4, 1_500),
        (PIN, "one two three four", "one two three four", 0.2, 1_500),
        (PIN, "one two three", None, None, 1_800),
        (PIN, "", None, None, 1_500),  # the recogniser is slow
        (PIN, "one two three four", None, None, 1_500),
        (PIN, "", "one two three four", 0.1, 1_500),
        (PIN, "", "", None, 500),
        (ACCOUNT, "one two three", "one two three", 0.9, 1_800),
        (ACCOUNT, "", "one two three four five six seven eight nine ten", 0.9, 1_500),
        (Question(), "I need a table", None, None, 500),
        (Question(), "I need a table for", None, None, 1_800),
        (Question(silence_ms=50), "I need a table", None, None, 50),
        (Question(silence_ms=4_000), "I need a table for", None, None, 4_000),
        (None, "", None, None, 500),
    ],
)
def test_how_long_the_silence_is(
    question: Question | None, partial: str, final: str | None, confidence: float | None, silence_ms: int
) -> None:
    assert ends_after_ms(turn(question, partial, final, confidence)) == silence_ms


@pytest.mark.parametrize(
    ("question", "said", "confidence", "silence_ms"),
    [
        (MENU, "opening hours", 0.4, 400),
        (MENU, "opening hours", 0.9, 100),
        (PIN, "one two three four", 0.95, 1_500),
        (PIN, "one two three four", 0.99, 100),
    ],
)
def test_a_partial_that_is_the_final_itself_is_no_second_opinion(
    question: Question, said: str, confidence: float, silence_ms: int
) -> None:
    assert ends_after_ms(replace(turn(question, said, said, confidence), repeats=True)) == silence_ms


def test_a_closed_question_forces_the_final_at_once() -> None:
    assert POLICY.decide(turn(MENU), 0.0) == Verdict("wait", 500, force=True)
    assert not POLICY.decide(turn(Question()), 0.0).force
    assert not POLICY.decide(turn(None), 0.0).force


def test_an_engine_whose_final_cannot_be_forced_has_its_partial_accepted() -> None:
    stuck = replace(turn(MENU, "opening hours"), can_force=False)
    assert ends_after_ms(stuck) == 250
    assert not POLICY.decide(stuck, 0.0).force


def test_a_recogniser_that_ends_turns_goes_first() -> None:
    assert POLICY.decide(replace(turn(Question()), recogniser="over"), 0.0).kind == "over"
    assert POLICY.decide(replace(turn(Question()), recogniser="likely"), 0.0) == Verdict("likely", 500, force=True)


def test_a_likely_end_is_announced_on_the_way_and_its_final_forced() -> None:
    policy = AnswerPolicy(likely_ms=200)
    assert policy.decide(turn(Question()), 0.0) == Verdict("wait", 200)
    assert policy.decide(replace(turn(Question()), silence_ms=200), 0.0) == Verdict("likely", 500, force=True)


def test_the_question_says_when_its_turn_is_likely_over_where_the_setting_does_not() -> None:
    asked = Question(likely_ms=200)
    later = replace(turn(asked), silence_ms=200)
    assert AnswerPolicy().decide(turn(asked), 0.0) == Verdict("wait", 200)
    assert AnswerPolicy().decide(later, 0.0).kind == "likely"
    assert AnswerPolicy(likely_ms=300).decide(later, 0.0) == Verdict("wait", 300)
    assert AnswerPolicy(likely_ms=0).decide(later, 0.0).kind == "wait"
    assert AnswerPolicy().decide(replace(turn(Question()), silence_ms=499), 0.0).kind == "wait"


def test_half_an_answer_is_not_likely_over_before_most_of_its_pause() -> None:
    half = replace(turn(Question(likely_ms=200), "a table for"), silence_ms=300)
    assert AnswerPolicy().decide(half, 0.0).kind == "wait"
    assert AnswerPolicy().decide(replace(half, silence_ms=1_200), 0.0) == Verdict("likely", 1_800, force=True)


def test_a_callers_own_pauses_move_the_silence_within_bounds() -> None:
    free = turn(Question())
    assert ends_after_ms(replace(free, usual_pause_ms=350)) == 450
    assert ends_after_ms(replace(free, usual_pause_ms=50)) == 300
    assert ends_after_ms(replace(free, usual_pause_ms=900)) == 1_000
    assert ends_after_ms(replace(free, usual_pause_ms=9_000)) == 1_800
    # What an author has set stays.
    assert ends_after_ms(replace(turn(Question(silence_ms=700)), usual_pause_ms=50)) == 700


def test_an_adviser_counts_when_it_is_sure_and_the_words_say_nothing() -> None:
    free = turn(Question())
    assert ends_after_ms(replace(free, adviser=0.97)) == 300
    assert ends_after_ms(replace(free, adviser=0.05)) == 900
    assert ends_after_ms(replace(free, adviser=0.5)) == 500
    assert ends_after_ms(replace(turn(Question(), "a table for"), adviser=0.99)) == 1_800
    assert ends_after_ms(replace(turn(MENU, "", "opening hours"), adviser=0.01)) == 100


def test_with_an_adviser_of_noise_the_delay_stays_within_its_bounds() -> None:
    rng = random.Random(5)
    found = [ends_after_ms(replace(turn(Question()), adviser=rng.random())) for _ in range(1_000)]
    assert min(found) == 300
    assert max(found) == 900


def test_wrong_bounds() -> None:
    with pytest.raises(ValueError, match="300 to 200"):
        AnswerPolicy(min_silence_ms=300, max_silence_ms=200)
    with pytest.raises(ValueError, match="-5 ms"):
        AnswerPolicy(likely_ms=-5)


def test_pauses_say_nothing_until_enough_were_seen() -> None:
    pauses = UsualPauses()
    for _ in range(7):
        pauses.add(300)
    pauses.add(40)  # the gap of a stop consonant
    pauses.add(60_000)
    assert pauses.usual_ms is None
    pauses.add(300)
    assert pauses.usual_ms is not None and 300 < pauses.usual_ms < 500


def test_nearly_all_pauses_are_below_what_is_usual() -> None:
    rng = random.Random(6)
    pauses, over, count = UsualPauses(), 0, 2_000
    for _ in range(count):
        pause_ms = rng.gauss(500, 120)
        if pauses.usual_ms is not None and pause_ms > pauses.usual_ms:
            over += 1
        pauses.add(pause_ms)
    assert over < 0.04 * count
    assert pauses.usual_ms is not None and pauses.usual_ms < 1_000
