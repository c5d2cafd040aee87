"""The dialogs that come with offhook, with a call that answers by a list."""

from pathlib import Path
from typing import Any

import pytest

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.api.dialogs import BENCH_SENTENCE, bench_dialog
from offhook.api.flow_dialog import flow_dialog
from offhook.pipeline.events import Answer, AnswerKind, Prompt, Question
from offhook.settings.flow_file import load_flow

FLOW = """
name: shop
start: hello
steps:
  hello:
    say: Welcome.
    next: menu
  menu:
    ask: Hours or place?
    choices:
      hours: {phrases: [opening hours], key: 1, next: bye}
    no_input: {then: end}
    no_match: {attempts: 2, then: end}
  bye:
    hang_up: Goodbye.
  end:
    hang_up:
"""


class Answers:
    """Stands in for the session: says what was asked, answers by the list, then hangs up."""

    def __init__(self, *answers: Answer) -> None:
        self.steps: list[tuple[str | None, bool]] = []
        self._answers = list(answers)

    async def step(self, prompt: Prompt | None, question: Question | None) -> Answer:
        self.steps.append((prompt.text if prompt else None, question is not None))
        if question is None:
            return Answer(AnswerKind.NO_INPUT)
        if not self._answers:
            raise CallEnded
        return self._answers.pop(0)

    expecting = False

    async def drained(self) -> None: ...


def call_of(session: Any) -> Call:
    return Call(session, call_id="c", caller="", called="")


async def test_a_flow_from_its_start_to_the_last_word(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(FLOW)
    dialog = flow_dialog(load_flow(path))
    said = [("Welcome.", False), ("Hours or place?", True), ("Goodbye.", False)]
    for _ in range(2):  # each call begins anew
        session = Answers(Answer(AnswerKind.SPEECH, "opening hours", "hours"))
        call = call_of(session)
        await dialog(call)
        assert session.steps == said
        assert call.hung_up


async def test_a_flow_that_ends_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(FLOW)
    session = Answers(*[Answer(AnswerKind.NO_MATCH)] * 2)
    call = call_of(session)
    await flow_dialog(load_flow(path))(call)
    assert [text for text, _ in session.steps] == ["Welcome.", "Hours or place?", "Hours or place?"]
    assert call.hung_up


async def test_the_bench_says_the_same_until_the_caller_hangs_up() -> None:
    session = Answers(*[Answer(AnswerKind.SPEECH, "anything")] * 3)
    with pytest.raises(CallEnded):
        await bench_dialog(call_of(session))
    assert session.steps == [(BENCH_SENTENCE, True)] * 4
