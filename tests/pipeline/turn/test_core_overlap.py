"""What interrupts an utterance where only words can tell, in virtual time."""

import pytest

from offhook.pipeline.events import Interruption, Prompt, Question
from offhook.pipeline.turn.events import TurnIgnored, TurnOver
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.overlap import OverlapVerdict
from offhook.pipeline.turn.tables import Action, Floor
from tests.pipeline.turn.test_core import FREE, MENU, PROMPT, Talk

TOLERANT = Prompt("Your order has left.", interruption=Interruption(ignore_back_channels=True))
HOT = Prompt("Your order has left.", interruption=Interruption(by="hotwords", hotwords=("stop", "an agent")))


class Judge:
    """An Overlap with a fixed opinion."""

    def __init__(self, verdict: OverlapVerdict | None = None, *, asking: bool = False, is_asked: bool = False) -> None:
        self.verdict, self.asking, self.is_asked = verdict, asking, is_asked
        self.judged: list[str] = []

    def judge(self, caller_words: str) -> OverlapVerdict | None:
        self.judged.append(caller_words)
        return self.verdict

    def asks(self) -> bool:
        return self.asking


@pytest.fixture
def talk() -> Talk:
    return Talk(TurnSettings(ignore_back_channels=True))


def speaking_over(talk: Talk, prompt: Prompt = PROMPT, question: Question = FREE) -> None:
    talk.begin(None, question)
    talk.begin(prompt, None)
    talk.start()
    talk.wait(0.2)
    talk.confirm()


def partial(talk: Talk, text: str) -> list[Action]:
    talk.core.partial(text, talk.now)
    return talk.take()


def test_a_back_channel_pauses_the_bot_which_goes_on_when_it_is_over(talk: Talk) -> None:
    speaking_over(talk)
    assert talk.actions[-2:] == [Action.PAUSE, Action.RECOGNISE]
    assert partial(talk, "mm-hm") == []
    talk.wait(0.2)
    talk.stop()
    assert talk.wait(0.2) == [Action.CANCEL_ASR, Action.RESUME]
    assert talk.core.floor is Floor.SPEAKING
    assert [event.text for event in talk.events if isinstance(event, TurnIgnored)] == ["mm-hm"]
    assert not any(isinstance(event, TurnOver) for event in talk.events)
    talk.spoken()
    assert talk.core.dump()["floor"] == "listening"


def test_a_partial_that_comes_after_the_sound_lets_the_bot_go_on_as_well(talk: Talk) -> None:
    speaking_over(talk)
    talk.stop()
    talk.wait(0.3)
    assert talk.core.floor is Floor.PAUSING
    partial(talk, "okay")
    assert talk.wait(0.01) == [Action.CANCEL_ASR, Action.RESUME]


def test_words_interrupt_at_once_and_so_does_what_follows_a_back_channel(talk: Talk) -> None:
    speaking_over(talk)
    partial(talk, "yeah")
    talk.stop()
    talk.wait(0.1)
    assert partial(talk, "yeah but") == [Action.ABANDON_PROMPT]
    assert talk.wait(0.3) == []
    assert talk.core.floor is Floor.PAUSING, "it does not go on"
    talk.wait(0.4)
    talk.transcript("yeah but when")
    assert talk.answer is not None
    assert talk.answer.text == "yeah but when"


def test_a_recogniser_without_partials_is_not_waited_for(talk: Talk) -> None:
    speaking_over(talk)
    assert talk.wait(0.4) == []
    assert talk.wait(0.1) == [Action.ABANDON_PROMPT], "700 ms after the first sound"
    talk.stop()
    talk.wait(0.5)
    talk.transcript("yeah")
    assert talk.answer is not None
    assert talk.answer.text == "yeah", "it was given up, so somebody must answer"


def test_a_short_sound_without_partials_is_judged_by_the_final(talk: Talk) -> None:
    speaking_over(talk)
    talk.stop()
    talk.wait(0.5)
    assert talk.core.floor is Floor.RECOGNISING
    assert talk.transcript("mhm") == [Action.RESUME]


def test_words_of_a_back_channel_do_not_hold_the_bot_for_ever(talk: Talk) -> None:
    speaking_over(talk)
    partial(talk, "okay")
    assert talk.wait(1.0) == []
    assert talk.wait(0.2) == [Action.ABANDON_PROMPT], "1.4 s after the first sound"


def test_a_sound_after_a_pause_gets_its_own_time(talk: Talk) -> None:
    speaking_over(talk)
    talk.stop()
    talk.wait(0.1)
    talk.start()
    talk.confirm()
    assert talk.core.floor is Floor.USER_TURN
    assert talk.wait(0.6) == []
    assert talk.wait(0.1) == [Action.ABANDON_PROMPT]


def test_a_yes_to_a_closed_question_is_an_answer(talk: Talk) -> None:
    speaking_over(talk, question=MENU)
    assert talk.actions[-2:] == [Action.ABANDON_PROMPT, Action.RECOGNISE]


def test_a_yes_while_the_bot_asks_is_an_answer(talk: Talk) -> None:
    talk.core.overlap = Judge(asking=True)
    speaking_over(talk)
    assert partial(talk, "yes") == [Action.ABANDON_PROMPT]


def test_in_a_question_with_its_own_prompt_every_word_counts_unless_it_says_otherwise(talk: Talk) -> None:
    talk.begin(PROMPT, FREE)
    talk.start()
    assert talk.confirm() == [Action.ABANDON_PROMPT, Action.RECOGNISE]
    other = Talk()
    other.begin(TOLERANT, FREE)
    other.start()
    assert other.confirm() == [Action.RECOGNISE]


def test_only_hot_words_interrupt_and_no_length(talk: Talk) -> None:
    speaking_over(talk, HOT)
    partial(talk, "what a lovely")
    assert talk.wait(3.0) == []
    assert partial(talk, "what a lovely day stop") == [Action.ABANDON_PROMPT]


def test_without_a_hot_word_the_bot_goes_on(talk: Talk) -> None:
    speaking_over(talk, HOT)
    partial(talk, "nonstop")
    talk.stop()
    assert talk.wait(0.2) == [Action.CANCEL_ASR, Action.RESUME]


def test_hot_words_are_not_heard_without_a_question_and_keys_do_not_interrupt(talk: Talk) -> None:
    talk.begin(HOT, None)
    assert talk.start() == talk.confirm() == talk.keys("1") == []
    assert talk.core.floor is Floor.SPEAKING


@pytest.mark.parametrize(
    ("verdict", "text", "floor"),
    [
        ("interrupt", "mm-hm", []),
        ("continue", "wait a moment", [Action.CANCEL_ASR, Action.RESUME]),
        (None, "mm-hm", [Action.CANCEL_ASR, Action.RESUME]),
    ],
)
def test_the_hook_goes_before_the_policy(
    talk: Talk, verdict: OverlapVerdict | None, text: str, floor: list[Action]
) -> None:
    judge = talk.core.overlap = Judge(verdict, is_asked=True)
    speaking_over(talk)
    assert partial(talk, text) == ([Action.ABANDON_PROMPT] if verdict == "interrupt" else [])
    talk.stop()
    assert talk.wait(0.2) == floor
    assert judge.judged[0] == text


def test_the_hook_also_judges_over_a_closed_question(talk: Talk) -> None:
    talk.core.overlap = Judge("continue", is_asked=True)
    talk.begin(PROMPT, MENU)
    talk.start()
    assert talk.confirm() == [Action.RECOGNISE]
    partial(talk, "balance")
    assert talk.wait(3.0) == [], "nor does the length interrupt what it lets go on"


@pytest.mark.parametrize("wrong", [{"by": "hotwords"}, {"hotwords": ("stop",)}, {"surely_ms": -1}])
def test_a_policy_that_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"hotwords|negative"):
        Interruption(**wrong)  # type: ignore[arg-type]
