"""Where nobody keeps words, what is kept of a call has none."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

import pytest

from offhook.api.agent import AGENT_HUNG_UP
from offhook.calls.without_words import NOT_KEPT, reason_without_words, without_words
from offhook.observe.live_events import describe
from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.chain.spending import EngineUse, Outcome, Spent
from offhook.pipeline.events import Answer, AnswerKind, Playback
from offhook.pipeline.trace import (
    BotSpoke,
    CallerAnswered,
    CallerPartial,
    CallerTyped,
    Mark,
    ModelWrote,
    SessionEvent,
    ToolRan,
    TurnTrace,
)
from offhook.pipeline.tts.engine import Word

SAID = "my name is Quirinius"

KEPT_TEXTS = {
    *("by", "consent", "engine", "model", "stage", "verdict", "why"),
    *("DialogState.name", "EngineFailed.error", "SecretKeyed.outcome", "SecretKeyed.secret", "ToolRan.name"),
}
"""Texts that are the bot's own names and reasons. What is in any other may be what somebody has said."""


def trace() -> TurnTrace:
    made = TurnTrace()
    made.mark(Mark.SPEECH_ENDED, 1.0)
    made.mark(Mark.SENT, 2.0)
    return made


PLAYED = Playback(SAID, SAID, words=())
ANSWER = Answer(AnswerKind.SPEECH, SAID, "one", prompt=PLAYED, value=SAID, guess=Answer(AnswerKind.SPEECH, SAID))
VALUES: Mapping[str, Any] = {
    "answer": ANSWER,
    "was": ANSWER,
    "playback": PLAYED,
    "trace": trace(),
    "use": EngineUse("asr", "fixed", Outcome.ANSWERED, Spent()),
}


def example(kind: type[Any]) -> SessionEvent:
    """One of the kind, with the words in every text that may have them."""
    given: dict[str, Any] = {}
    for each in fields(kind):
        if each.name in VALUES:
            given[each.name] = VALUES[each.name]
        elif each.name == "words":
            given["words"] = (RecognisedWord(SAID, 0.0, 1.0),) if kind is CallerAnswered else (Word(SAID, 0, 2, 0, 80),)
        elif each.type in (str, "str"):
            is_kept = {each.name, f"{kind.__name__}.{each.name}"} & KEPT_TEXTS
            given[each.name] = "own" if is_kept else SAID
        elif each.type in (bool, "bool"):
            given[each.name] = True
        elif each.type in (int, "int"):
            given[each.name] = 1
        else:
            given[each.name] = 1.0
    made: SessionEvent = kind(**given)
    return made


@pytest.mark.parametrize("kind", get_args(SessionEvent))
def test_no_kind_of_event_has_words(kind: type[Any]) -> None:
    event = example(kind)
    kept = without_words(event)
    if kept is None:
        assert kind in (CallerPartial, ModelWrote)
        return
    assert "Quirinius" not in repr(kept)
    shown = json.dumps(describe(kept, 0.0))
    assert "Quirinius" not in shown and describe(kept, 0.0)["at"] == describe(event, 0.0)["at"]


def test_the_rest_stays() -> None:
    kept = without_words(CallerAnswered(Answer(AnswerKind.SPEECH, SAID, "one", confidence=0.9), 2.0, began_at=1.0))
    assert isinstance(kept, CallerAnswered) and kept.began_at == 1.0
    assert (kept.answer.text, kept.answer.choice, kept.answer.confidence) == (NOT_KEPT, "one", 0.9)
    assert without_words(CallerAnswered(Answer(AnswerKind.NO_INPUT), 2.0)) == CallerAnswered(
        Answer(AnswerKind.NO_INPUT), 2.0
    )
    assert without_words(BotSpoke("", 1.0)) == BotSpoke("", 1.0)
    assert without_words(CallerTyped(SAID, 1.0)) == CallerTyped(NOT_KEPT, 1.0)


def test_a_tool_that_is_none_has_a_name_of_the_models() -> None:
    kept = without_words(ToolRan(SAID, "{}", "", 0.1, 1.0, error="no such tool", known=False))
    assert kept == ToolRan(NOT_KEPT, NOT_KEPT, "", 0.1, 1.0, error=NOT_KEPT, known=False)


def test_what_a_model_says_of_its_reason_is_left_out() -> None:
    assert reason_without_words(f"{AGENT_HUNG_UP}: {SAID}") == AGENT_HUNG_UP
    assert reason_without_words("caller hung up") == "caller hung up"
