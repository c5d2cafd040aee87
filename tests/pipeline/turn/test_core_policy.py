"""When a turn is over: policies, likely ends, silences that are counted."""

import pytest

from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import (
    Prompt,
    Question,
    TurnSoFar,
    Verdict,
)
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.events import (
    NoInput,
    TurnLikelyOver,
    TurnOver,
    TurnPartial,
    TurnResumed,
    TurnStarted,
)
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Action
from tests.pipeline.turn.test_core import Talk

ANNOUNCEMENT = Prompt("Your balance is nine dollars.")


@pytest.fixture
def talk() -> Talk:
    return Talk()


class Clever:
    """Waits for the word "please"."""

    def __init__(self) -> None:
        self.asked: list[TurnSoFar] = []

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        self.asked.append(turn)
        return Verdict("over") if "please" in turn.partial else Verdict("wait", 2_000)


def test_a_policy_is_asked_whenever_something_changes(talk: Talk) -> None:
    policy = Clever()
    talk.begin(None, Question(endpoint=policy))
    talk.start()
    talk.confirm()
    talk.core.partial("my", talk.now)
    talk.wait(1.0)
    talk.stop()
    talk.wait(0.3)
    talk.core.partial("my balance", talk.now)
    talk.wait(0.3)
    assert talk.take() == []
    talk.core.partial("my balance please", talk.now)
    assert talk.take() == [Action.END_SPEECH]
    assert [turn.partial for turn in policy.asked] == ["my", "my balance", "my balance please"]
    assert [turn.silence_ms for turn in policy.asked] == pytest.approx([64, 364, 664])


def test_a_turn_that_is_never_called_over_ends_with_the_longest_turn() -> None:
    talk = Talk(TurnSettings(max_turn_ms=10_000))
    talk.begin(None, Question(endpoint=Clever()))
    talk.start()
    talk.confirm()
    talk.stop()
    assert talk.wait(9.9) == []
    assert talk.wait(0.2) == [Action.END_SPEECH]


def test_a_policy_that_is_never_satisfied_does_not_keep_an_unasked_turn_open(talk: Talk) -> None:
    talk.core = TurnCore(policy=Clever())
    talk.begin(ANNOUNCEMENT, None)
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.stop()
    assert talk.wait(1.9) == []
    assert talk.wait(0.1) == [Action.KEEP_TURN]


def test_a_likely_end_and_its_withdrawal_are_reported() -> None:
    talk = Talk()
    talk.core = TurnCore(policy=None)
    talk.begin(None, Question(endpoint=SilencePolicy(500, likely_ms=200)))
    talk.start()
    talk.confirm()
    talk.core.partial("my", talk.now)
    talk.stop()
    talk.wait(0.3)
    talk.start()
    talk.stop()
    talk.core.partial("my balance", talk.now)
    talk.wait(0.6)
    talk.transcript("my balance")
    began = 99.95
    assert talk.events[:5] == [
        TurnStarted(began, asked=True),
        TurnPartial("my"),
        TurnLikelyOver("my"),
        TurnResumed(),
        TurnPartial("my balance"),
    ]
    assert talk.events[5] == TurnLikelyOver("my balance")
    assert isinstance(talk.events[6], TurnOver) and talk.events[6].text == "my balance"


def test_silences_are_counted_until_something_is_said(talk: Talk) -> None:
    for _ in range(2):
        talk.begin()
        talk.spoken()
        talk.wait(5.1)
    talk.begin()
    talk.spoken()
    talk.say("balance")
    talk.begin()
    talk.spoken()
    talk.wait(5.1)
    assert [event for event in talk.events if isinstance(event, NoInput)] == [NoInput(1), NoInput(2), NoInput(1)]
