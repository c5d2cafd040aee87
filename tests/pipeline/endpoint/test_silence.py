import pytest

from offhook.pipeline.endpoint.policy import EndpointPolicy
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import Question


def test_the_question_says_how_long() -> None:
    policy: EndpointPolicy = SilencePolicy(700)
    assert policy.wait_ms(Question(silence_ms=300), 1_200, "yes") == 300
    assert policy.wait_ms(Question(silence_ms=0), 1_200, "") == 0


def test_without_a_question_its_own_silence_counts() -> None:
    assert SilencePolicy(700).wait_ms(None, 0, "") == 700


def test_a_silence_is_not_negative() -> None:
    assert SilencePolicy().wait_ms(Question(silence_ms=-1), 0, "") == 0
    with pytest.raises(ValueError, match="-5 ms"):
        SilencePolicy(-5)
