"""What a model wrote becomes steps, or is refused: it is not trusted."""

import json

import pytest

from offhook.llm.model import ToolCall
from offhook.qa.persona.actions import (
    MAX_ACTIONS,
    MAX_KEYS,
    MAX_SAID_CHARS,
    TOOLS,
    RefusedAnswerError,
    steps_of,
)
from offhook.qa.script.persona import Answer
from offhook.qa.script.steps import HangUp, Interrupt, Press, Say, Speech, Step, Wait


def call(name: str, arguments: object = None) -> ToolCall:
    return ToolCall("1", name, arguments if isinstance(arguments, str) else json.dumps(arguments or {}))


@pytest.mark.parametrize(
    ("calls", "steps"),
    [
        ([call("say", {"text": " two\n words\x1b "})], [Say(Speech("two words"))]),
        ([call("press", {"keys": "12 *#"})], [Press("12*#")]),
        ([call("wait")], [Wait(0)]),
        ([call("wait", {"seconds": 1.5}), call("hang_up", "")], [Wait(1_500), HangUp()]),
        ([call("interrupt", {"after_seconds": 2, "text": "stop"})], [Interrupt(2_000, Speech("stop"))]),
        ([call("interrupt", {"after_seconds": 0, "keys": "#"})], [Interrupt(0, keys="#")]),
        (
            [call("say", {"text": "no"}), call("interrupt", {"after_seconds": 1, "text": "no!"})],
            [Say(Speech("no")), Interrupt(1_000, Speech("no!"))],
        ),
    ],
)
def test_what_can_be_done(calls: list[ToolCall], steps: list[Step]) -> None:
    assert steps_of(Answer("a thought", tuple(calls))) == tuple(steps)


def test_a_text_without_a_tool_is_said() -> None:
    assert steps_of(Answer("Good morning.")) == (Say(Speech("Good morning.")),)


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        ([], "nothing to say"),
        ([call("say", {"text": "... —"})], "nothing to say"),
        ([call("say", {"text": 7})], "nothing to say"),
        ([call("say", {"text": "x" * (MAX_SAID_CHARS + 1)})], "too long"),
        ([call("say", {"text": "x", "to": "y"})], "no argument 'to'"),
        ([call("say", '{"text": "x')], "no JSON object"),
        ([call("say", "[" * 100_000)], "no JSON object"),
        ([call("say", "[]")], "no JSON object"),
        ([call("press", {"keys": "12a"})], "`keys` are"),
        ([call("press", {"keys": "A"})], "`keys` are"),
        ([call("press", {"keys": ""})], "`keys` are"),
        ([call("press", {"keys": "²"})], "`keys` are"),
        ([call("press", {"keys": "1" * (MAX_KEYS + 1)})], "`keys` are"),
        ([call("press", {"keys": 12})], "`keys` are"),
        ([call("wait", {"seconds": -1})], "a number from"),
        ([call("wait", '{"seconds": 1e999}')], "a number from"),
        ([call("wait", '{"seconds": NaN}')], "a number from"),
        ([call("wait", f'{{"seconds": {"9" * 400}}}')], "a number from"),
        ([call("wait", {"seconds": True})], "a number from"),
        ([call("wait", {"seconds": 3_600})], "a number from"),
        ([call("interrupt", {"text": "x"})], "a number from"),
        ([call("interrupt", {"after_seconds": 1})], "either `text` or `keys`"),
        ([call("interrupt", {"after_seconds": 1, "text": "x", "keys": "1"})], "either `text` or `keys`"),
        ([call("launch_rocket")], "no tool 'launch_rocket'"),
        ([call("hang_up"), call("say", {"text": "x"})], "nothing can follow"),
        ([call("interrupt", {"after_seconds": 1, "keys": "1"}), call("wait")], "interrupt comes last"),
        ([call("wait")] * (MAX_ACTIONS + 1), f"at most {MAX_ACTIONS}"),
    ],
)
def test_what_cannot_be_done_is_refused(calls: list[ToolCall], why: str) -> None:
    with pytest.raises(RefusedAnswerError, match=why):
        steps_of(Answer("", tuple(calls)))


def test_each_tool_that_is_explained_is_known() -> None:
    for tool in TOOLS:
        with pytest.raises(RefusedAnswerError, match="no argument 'no_such'"):
            steps_of(Answer("", (call(tool.name, {"no_such": 1}),)))
