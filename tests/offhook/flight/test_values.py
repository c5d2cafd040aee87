"""Values of an event log."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from offhook.flight.values import from_json, to_json
from offhook.pipeline.asr.engine import RecognisedWord, Thresholds, Transcript
from offhook.pipeline.events import Answer, AnswerKind, Choice, Question


def _dataclasses_in(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for each in get_args(hint):
        yield from _dataclasses_in(each)


def test_a_transcript_comes_back_as_it_was() -> None:
    words = (RecognisedWord("my", 0.1, 0.2, 0.9), RecognisedWord("balance", 0.2, 0.6))
    transcript = Transcript("my balance", 0.603, words, ("my ballads",), False, Thresholds(0.4, 0.7, 0.15))
    assert from_json(json.loads(json.dumps(to_json(transcript)))) == transcript


def test_whatever_a_transcript_may_have_can_be_read() -> None:
    hints = get_type_hints(Transcript)
    for kind in {found for field in fields(Transcript) for found in _dataclasses_in(hints[field.name])}:
        needed = {field.name: "x" for field in fields(kind) if field.name in ("word", "text")}
        times = {field.name: 1.0 for field in fields(kind) if field.name in ("start_s", "end_s")}
        made = kind(**needed, **times)
        assert from_json(to_json(made)) == made, kind.__name__


def test_a_question_in_several_languages_comes_back_as_it_was() -> None:
    question = Question(choices=(Choice("no", ("no",)),), language="en", others=(("fr", (Choice("no", ("non",)),)),))
    assert from_json(json.loads(json.dumps(to_json(question)))) == question
    answer = Answer(AnswerKind.SPEECH, "non", "no", language="fr")
    assert from_json(json.loads(json.dumps(to_json(answer)))) == answer
