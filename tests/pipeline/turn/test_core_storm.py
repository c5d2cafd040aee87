"""The turn core with events at odd moments; whatever comes, it never gets stuck."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Interruption, Prompt, Question
from offhook.pipeline.turn.core import MAX_SKIPPED, TurnCore
from offhook.pipeline.turn.events import TurnIgnored, TurnOver
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Action, Floor
from tests.pipeline.turn.test_core import FIRM, FREE, MENU, PIN, PROMPT, Talk

BOTH = Question(choices=(Choice("a", ("yes",), "1"), Choice("b", ("no",), "12")), digits=DigitRule(2, 4))


@pytest.fixture
def talk() -> Talk:
    return Talk()


def abandon(talk: Talk) -> list[Action]:
    talk.core.abandon(talk.now)
    return talk.take()


def test_an_abandoned_step_leaves_nothing_open(talk: Talk) -> None:
    talk.begin()
    talk.start()
    talk.confirm()
    assert abandon(talk) == [Action.PAUSE, Action.ABANDON_PROMPT, Action.CANCEL_ASR]
    assert talk.core.floor is Floor.IDLE
    assert talk.core.get_timer() is None
    assert abandon(talk) == []
    talk.stop()
    assert talk.begin() == [Action.PLAY]


def test_undecided_speech_resumes_the_bot_and_counts_if_confirmed_later() -> None:
    talk = Talk(TurnSettings(max_undecided_ms=1_000))
    talk.begin()
    talk.start()
    assert talk.wait(0.9) == []
    assert talk.wait(0.2) == [Action.RESUME]
    assert talk.core.floor is Floor.SPEAKING
    assert talk.confirm() == [Action.PAUSE, Action.ABANDON_PROMPT, Action.RECOGNISE]


def test_undecided_speech_after_a_question_ends_as_no_input(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    assert talk.core.floor is Floor.MAYBE_SPEECH
    talk.wait(8.0)
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_speech_that_is_decided_late_is_an_answer(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.start()
    talk.wait(2.5)
    assert talk.core.dump()["floor"] == "listening"
    assert talk.confirm() == [Action.RECOGNISE]
    assert talk.core.dump()["floor"] == "user-turn"


@pytest.mark.parametrize(("sure", "floor"), [(False, Floor.BOT_PAUSED), (True, Floor.USER_TURN)])
def test_the_bot_does_not_talk_over_a_caller_who_speaks_again(talk: Talk, sure: bool, floor: Floor) -> None:
    talk.begin()
    talk.start()
    talk.confirm()
    talk.stop()
    talk.wait(0.5)
    talk.start()
    if sure:
        talk.confirm()
    assert talk.transcript("") == ([Action.RECOGNISE] if sure else [])
    assert talk.core.floor is floor


def test_a_turn_that_is_cut_for_its_length_ends_then() -> None:
    talk = Talk(TurnSettings(max_turn_ms=10_000))
    talk.begin()
    talk.spoken()
    talk.start()
    talk.confirm()
    talk.wait(10.0)
    assert talk.core.floor is Floor.RECOGNISING
    assert talk.core.speech_ended_at == pytest.approx(talk.now)


def test_a_failure_that_comes_too_late_changes_no_answer(talk: Talk) -> None:
    talk.begin()
    talk.spoken()
    talk.core.failed(talk.now)
    talk.wait(6.0)
    assert talk.answer == Answer(AnswerKind.NO_INPUT)


def test_a_prompt_is_over_only_while_it_is_being_said(talk: Talk) -> None:
    talk.begin()
    talk.keys("1")
    talk.start()
    talk.confirm()
    assert talk.spoken() == []
    assert talk.core.floor is Floor.IDLE


@pytest.mark.parametrize("by", ["key", "speech"])
def test_a_dialog_that_only_speaks_is_skipped_so_often_and_no_more(talk: Talk, by: str) -> None:
    talk.begin(PROMPT, None)
    if by == "key":
        talk.keys("9")
    else:
        talk.start()
        talk.confirm()
    for _ in range(MAX_SKIPPED):
        talk.begin(PROMPT, None)
        assert talk.core.floor is Floor.IDLE
    talk.begin(PROMPT, None)
    assert talk.core.floor is Floor.SPEAKING


EVENTS = (
    "start",
    "confirm",
    "click",
    "stop",
    "spoken",
    "key",
    "hash",
    "words",
    "nothing",
    "failed",
    "wait",
    "abandon",
    "type",
    "type keys",
    "likely",
    "resumed",
    "over",
    "forced",
    "unforced",
    "advised",
)
WAITS = {
    Floor.BOT_PAUSED,
    Floor.LISTENING,
    Floor.MAYBE_SPEECH,
    Floor.USER_TURN,
    Floor.PAUSING,
    Floor.RECOGNISING,
    Floor.COLLECTING_DTMF,
}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(EVENTS), st.floats(0, 3, allow_subnormal=False)),
        max_size=60,
    ),
    st.lists(
        st.tuples(st.sampled_from([None, PROMPT, FIRM]), st.sampled_from([None, MENU, FREE, PIN, BOTH])),
        min_size=1,
    ),
    st.booleans(),
)
def test_whatever_comes_it_never_waits_without_a_timer(
    events: list[tuple[str, float]], steps: list[tuple[Prompt | None, Question | None]], by_answer: bool
) -> None:
    talk = talking(by_answer=by_answer)
    count = 0
    for event, seconds in events:
        if talk.core.floor is Floor.IDLE:
            prompt, question = steps[count % len(steps)]
            count += 1
            talk.begin(prompt if question is not None else PROMPT, question)
        happen(talk, event, seconds)
        assert (talk.core.get_timer() is not None) or talk.core.floor not in WAITS, talk.core.dump()
        if talk.core.floor is Floor.IDLE:
            assert not talk.core.dump()["timers"], talk.core.dump()  # except for an unasked turn
    talk.core.close(talk.now)
    assert talk.core.get_timer() is None


def happen(talk: Talk, event: str, seconds: float) -> None:
    """One event, as the session would report it."""
    match event:
        case "start":
            talk.start()
        case "confirm":
            talk.confirm()
        case "click" | "stop":
            talk.stop(confirmed=event == "stop")
        case "spoken":
            talk.spoken()
        case "key" | "hash":
            talk.keys("1" if event == "key" else "#")
        case "type" | "type keys":
            talk.core.typed("yes" if event == "type" else "1234", talk.now)
            talk.take()
        case "abandon":
            abandon(talk)
        case "wait":
            talk.wait(seconds)
        case _:
            recogniser_reports(talk, event)


def recogniser_reports(talk: Talk, event: str) -> None:
    match event:
        case "words" | "nothing":
            talk.transcript("yes" if event == "words" else "")
        case "failed":
            talk.core.failed(talk.now)
            talk.take()
        case "likely" | "resumed" | "over":
            talk.core.endpoint(event, talk.now)
            talk.take()
        case "forced" | "unforced":
            talk.core.forced(Transcript("yes", 0.9) if event == "forced" else None, talk.now)
            talk.take()
        case "advised":
            talk.core.advised(0.99, talk.now)
            talk.take()


def talking(*, by_answer: bool) -> Talk:
    talk = Talk()
    if by_answer:
        talk.core = TurnCore(policy=AnswerPolicy(likely_ms=150))
    return talk


AGENT_EVENTS = (
    *EVENTS,
    "say",
    "say firm",
    "say keys",
    "say two words",
    "say hot",
    "say tolerant",
    "expect",
    "expect any",
    "expect keys",
    "withdraw",
    "cancel",
    "partial",
    "partial okay",
)
POLICIES = {
    "say": Interruption(),
    "say firm": Interruption(by="nobody"),
    "say keys": Interruption(by="keys", keys="1"),
    "say two words": Interruption(min_words=2, min_ms=400, resume="sentence"),
    "say hot": Interruption(by="hotwords", hotwords=("yes",)),
    "say tolerant": Interruption(ignore_back_channels=True, surely_ms=900),
}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from((*AGENT_EVENTS, "hold", "unhold", "forget")), st.floats(0, 3, allow_subnormal=False)),
        max_size=80,
    ),
    st.booleans(),
)
def test_whatever_an_agent_does_meanwhile_nothing_stands_still_and_no_turn_is_mixed_up(
    events: list[tuple[str, float]], by_answer: bool
) -> None:
    talk = talking(by_answer=by_answer)
    kept, done, held, typed = 0, 0, False, 0
    for event, seconds in events:
        if event in ("hold", "unhold"):
            held = event == "hold"
            (talk.core.hold if held else talk.core.unhold)(talk.now)
        elif event == "forget":
            talk.core.forget_unasked(talk.now)
        else:
            typed += event == "type" and not held
            act(talk, event, seconds)
        talk.take()
        for action in talk.actions[done:]:
            kept += (action is Action.KEEP_TURN) - (action in (Action.RECOGNISE_KEPT, Action.DROP_TURN))
            assert kept >= 0
        done = len(talk.actions)
        dump = talk.core.dump()
        assert dump["unasked"] in (kept, kept + 1), "the session has the audio of the turns that the core knows of"
        floor = talk.core.floor
        assert talk.core.get_timer() is not None or floor not in (WAITS | {Floor.WAITING}), dump
        assert floor not in (Floor.SPEAKING, Floor.BOT_PAUSED, Floor.WAITING) or dump["utterance"] is not None, dump
        assert floor is not Floor.IDLE or (dump["utterance"] is None and not dump["asked"] and not dump["timers"]), dump
        assert floor not in WAITS - {Floor.BOT_PAUSED} or dump["asked"], dump
        assert floor in (Floor.ON_HOLD, Floor.RECOGNISING) if held else floor is not Floor.ON_HOLD, dump
    talk.core.close(talk.now)
    talk.take()
    assert talk.core.get_timer() is None
    assert talk.core.dump()["unasked"] == talk.core.dump()["lines"] == 0
    used = sum(isinstance(event, TurnOver) and event.answer.typed and event.text != "" for event in talk.events)
    ignored = sum(isinstance(event, TurnIgnored) and event.typed for event in talk.events)
    assert used + ignored >= typed, "every line of words answers a question or is reported as ignored"


def act(talk: Talk, event: str, seconds: float) -> None:
    """What an agent may do at this moment."""
    match event:
        case "expect any":
            talk.core.expect(FREE, talk.now)
        case "partial" | "partial okay":
            talk.core.partial("yes please" if event == "partial" else "okay", talk.now)
        case "expect" | "expect keys":
            talk.core.expect(MENU if event == "expect" else PIN, talk.now)
        case "withdraw":
            talk.core.expect(None, talk.now)
        case "cancel":
            talk.core.cancel(talk.now)
        case _ if event in POLICIES:
            if talk.core.utterance is None:
                talk.ids += 1
                talk.core.say(talk.ids, POLICIES[event], talk.now)
        case _:
            happen(talk, event, seconds)
