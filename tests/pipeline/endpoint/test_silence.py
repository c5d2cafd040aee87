import pytest

from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import EndpointPolicy, Question, TurnSoFar, Verdict


def after(silence_ms: float, question: Question | None) -> TurnSoFar:
    return TurnSoFar(question, "yes", silence_ms, 1_200)


def test_the_question_says_how_long() -> None:
    policy: EndpointPolicy = SilencePolicy(700)
    asked = Question(silence_ms=300)
    assert policy.decide(after(0, asked), 0.0) == Verdict("wait", 300)
    assert policy.decide(after(299.9, asked), 0.0) == Verdict("wait", 300)
    assert policy.decide(after(300, asked), 0.0).kind == "over"
    assert policy.decide(after(0, Question(silence_ms=0)), 0.0).kind == "over"


def test_without_a_question_the_default_silence_counts() -> None:
    assert SilencePolicy(700).decide(after(0, None), 0.0) == Verdict("wait", 700)


def test_a_likely_end_is_announced_on_the_way() -> None:
    policy = SilencePolicy(500, likely_ms=200)
    assert policy.decide(after(100, None), 0.0) == Verdict("wait", 200)
    assert policy.decide(after(200, None), 0.0) == Verdict("likely", 500)
    assert policy.decide(after(500, None), 0.0).kind == "over"
    assert policy.decide(after(0, Question(silence_ms=150)), 0.0) == Verdict("wait", 150)


def test_the_question_says_when_it_is_likely_where_the_setting_does_not() -> None:
    asked = Question(likely_ms=200)
    assert SilencePolicy().decide(after(200, asked), 0.0) == Verdict("likely", 500)
    assert SilencePolicy(likely_ms=0).decide(after(200, asked), 0.0) == Verdict("wait", 500)
    assert SilencePolicy().decide(after(200, Question()), 0.0) == Verdict("wait", 500)


def test_a_silence_is_not_negative() -> None:
    assert SilencePolicy().decide(after(0, Question(silence_ms=-1)), 0.0).kind == "over"
    with pytest.raises(ValueError, match="-5 ms"):
        SilencePolicy(-5)
    with pytest.raises(ValueError, match="-5 ms"):
        SilencePolicy(likely_ms=-5)
