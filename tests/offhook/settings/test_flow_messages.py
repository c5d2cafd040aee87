"""What to type: the mistakes that people make in a flow, and what they are told to write instead."""

import pytest

from offhook.settings.flow_file import parse_flow
from offhook.usererror import Problem, UserError

FLOW = """\
name: test
start: menu
no_input: {then: close}
no_match: {then: close}
steps:
  menu:
    ask: Yes or no?
    choices:
      yes: {phrases: [yes], key: 1, next: pin}
      no: {phrases: [no], key: 2, next: close}
  pin:
    collect: Your PIN?
    into: pin
    digits: 4
    next: close
  close: {hang_up: Goodbye.}
"""


def only(old: str, new: str) -> Problem:
    """The only problem of the flow with `new` in place of `old`."""
    assert old in FLOW
    with pytest.raises(UserError) as caught:
        parse_flow(FLOW.replace(old, new, 1).encode(), "f.yaml")
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("old", "new", "line", "todo"),
    [
        # characters that YAML keeps for itself, within braces
        ("key: 1", "key: *", 9, 'put it in quotes: `key: "*"`'),
        ("key: 2", "key: #", 10, 'put it in quotes: `key: "#"`'),
        ("[yes]", "[yes, is it? yes]", 9, "put the text in quotes"),
        ("{hang_up: Goodbye.}", "{hang_up: Is that all? Goodbye.}", 16, "put the text in quotes"),
        # lines that are neither a key nor a value
        ("ask: Yes", "ask:Yes", 8, "type `ask: Yes or no?`, with a colon and a space"),
        ("ask: Yes", "ask Yes", 8, "type `ask: Yes or no?`, with a colon and a space"),
        ("ask: Yes", "ask = Yes", 8, "type `ask: Yes or no?`, with a colon and a space"),
        ("    ask:", "\u00a0\u00a0\u00a0\u00a0ask:", 8, "put plain spaces in its place"),
        ("ask: Yes or no?", 'ask: "Yes \\or no?"', 7, "put the text in single quotes"),
        ("ask: Yes", "ask: !Yes", 7, "remove the tag, or put the text in quotes if it begins with !"),
        # one value where several belong, and the other way round
        ("no_input: {then: close}", "no_input: close", 3, "type `{then: close}`"),
        ("no: {phrases: [no], key: 2, next: close}", "no: close", 10, "type `no: {phrases: [no], next: …}`"),
        ("[yes]", "[[yes, yeah]]", 9, "type `[one, two]`"),
        ("[yes]", "{a: yes}", 9, "type `[one, two]`"),
        # numbers
        ("digits: 4", "digits: 4-6", 14, "type `digits: {min: 4, max: 6}`"),
        ("digits: 4", "digits: [4, 6]", 14, "type `digits: {min: 4, max: 6}`"),
        ("digits: 4", "digits: 4 digits", 14, "type `digits: 4`"),
        ("into:", "inter_digit_ms: 3\n    into:", 13, "type `inter_digit_ms: 3000`: it is in milliseconds"),
        ("into:", "inter_digit_ms: 2.5\n    into:", 13, "type `2500`"),
        ("into:", "inter_digit_ms: 3,000\n    into:", 13, "type `3000`"),
        ("into:", "timeout_s: 5000\n    into:", 13, "type `timeout_s: 5`: it is in seconds"),
        ("into:", "timeout_s: 5,5\n    into:", 13, "type `5.5`"),
        ("into:", "min_confidence: 70\n    into:", 13, "type `min_confidence: 0.7`: it is in parts of 1"),
        ("into:", "min_confidence: 70%\n    into:", 13, "type `0.7`"),
        ("into:", "min_confidence: high\n    into:", 13, "type a number from 0 to 1, such as `0.7`"),
        # other systems' ways
        ("next: pin", "next: hang_up", 9, "a call ends at a step that hangs up: add one, such as "),
        ("[yes]", "['ye(s|ah)']", 9, "list every way to say it: `[yes, yeah, of course]`"),
        ("[yes]", "['{pin}']", 9, "write the words themselves: phrases have no variables"),
        ("into:", "numDigits: 4\n    into:", 13, "did you mean `digits`?"),
        ("into:", "finishOnKey: '*'\n    into:", 13, "did you mean `terminator`?"),
        ("into:", "secret: true\n    into:", 13, "remove it"),
        ("ask: Yes", "intent: book\n    ask: Yes", 7, "list what callers say below `phrases`"),
        ("{hang_up: Goodbye.}", "{fax: x}", 16, "write the dialog in Python, see the README"),
        ("{hang_up: Goodbye.}", "{beep: x}", 16, "did you mean `play`?"),
        # nothing to say, or something that nobody wants to be said
        ("Yes or no?", "'...'", 7, "write what to say"),
        ("Yes or no?", "👍", 7, "write what to say"),
        ("Yes or no?", "Yes <![CDATA[or]]> no?", 7, "remove it"),
        ("steps:", "variables: {bank: ''}\nsteps:", 5, "write what to say"),
        ("steps:", "variables: {a: 'Dear {b}'}\nsteps:", 5, "write the text itself here"),
        ("steps:", "wording: {apology: 'Sorry {name}.'}\nsteps:", 5, "write the text itself here"),
    ],
)
def test_what_to_type(old: str, new: str, line: int, todo: str) -> None:
    problem = only(old, new)
    assert problem.todo.startswith(todo)
    assert problem.where.startswith(f"f.yaml:{line}")
    assert problem.what and problem.why and "while scanning" not in problem.why


def test_a_dollar_in_front_of_a_variable_is_doubted() -> None:
    doubts: list[Problem] = []
    flow = FLOW.replace("next: close\n  close", "next: found\n  found: {say: 'It is ${pin}.', next: close}\n  close")
    parse_flow(flow.encode(), "f.yaml", on_doubt=doubts.append)
    todo = "type `{pin}`, or with a space `$ {pin}` for an amount"
    assert [(doubt.what, doubt.todo) for doubt in doubts] == [("the $ of `${pin}` is read aloud", todo)]
    doubts.clear()
    parse_flow(flow.replace("${pin}", "$ {pin}").encode(), "f.yaml", on_doubt=doubts.append)
    assert doubts == []
