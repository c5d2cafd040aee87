"""Commands, help and silence in flow files: what is read, and what is wrong with them, and where."""

from pathlib import Path

import pytest

from offhook.pipeline.dialog.commands import Does
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.steps.listening import ListeningStep, Silent
from offhook.settings.flow_file import parse_flow
from tests.offhook.settings.flow_yaml import only, problems

FLOW = """\
name: test
start: menu
no_input: {then: bye, keys_only_after: 1}
no_match: {then: bye}
silent: {most: 5, then: bye}
commands:
  repeat: {phrases: [repeat], key: "*", do: repeat}
  operator: {phrases: [operator], key: 0, next: person}
steps:
  menu:
    ask: Yes or no?
    choices:
      yes: {phrases: [yes], key: 1, next: bye}
      no: {phrases: [no], key: 2, next: pin}
    help: Say yes or no.
  pin:
    collect: Your PIN?
    into: pin
    digits: 4
    commands: no
    next: last
  last:
    collect: Another one?
    into: other
    digits: 4
    commands:
      help: {phrases: [help], do: help}
    next: part
  part: {call: part, next: bye}
  person: {say: A person., next: bye}
  bye: {hang_up: Goodbye.}
flows:
  part:
    start: more
    no_input: {then: done}
    no_match: {then: done}
    commands:
      repeat: {phrases: [once more], do: repeat}
    steps:
      more: {collect: More., into: more, digits: 1, next: done}
      done: {return: done}
"""


def commands(flow: Flow, step: str) -> dict[str, str | None]:
    found = flow.steps[step]
    assert isinstance(found, ListeningStep)
    return {each.choice.name: each.next or each.does for each in found.commands}


def test_the_flows_hold_in_all_questions_but_where_a_step_has_its_own() -> None:
    flow = parse_flow(FLOW.encode(), "f.yaml")
    assert commands(flow, "menu") == {"repeat": Does.REPEAT, "operator": "person"}
    assert commands(flow, "pin") == {}
    assert commands(flow, "last") == {"help": Does.HELP}
    assert commands(flow, "part/more") == {"repeat": Does.REPEAT, "operator": "person"}
    more, menu = flow.steps["part/more"], flow.steps["menu"]
    assert isinstance(more, ListeningStep) and isinstance(menu, ListeningStep)
    assert more.commands[0].choice.phrases == ("once more",)
    assert more.silent == menu.silent == Silent(5, "bye")
    assert menu.help == "Say yes or no."
    assert menu.no_input.keys_only_after == 1


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "todo"),
    [
        ("next: person}", "next: persn}", "8:49", "no step `persn`", "did you mean `person`?"),
        ("do: repeat}\n  op", "do: repat}\n  op", "7:45", "`do` is `repat`", "did you mean `repeat`?"),
        ("do: repeat}\n  op", "next: bye, do: repeat}\n  op", "7:11", "has `next` and `do`", "next"),
        (", do: repeat}\n  op", "}\n  op", "7:11", "does nothing", "do: repeat"),
        ('key: "*"', "kee: 9", "7:31", "unknown key `kee`", "did you mean `key`?"),
        ("phrases: [yes]", "phrases: [operator]", "13:13", "phrase `operator` is a command's", "commands: no"),
        ("key: 1", "key: 0", "13:34", "key 0 is a command's", "commands: no"),
        ("key: 1", "key: [1, 0]", "13:29", "key 0 is a command's", "commands: no"),
        ("key: 1", 'key: [1, "*"]', "13:29", "key * is a command's", "commands: no"),
        ("[operator], key: 0", "[operator 24], key: 0", "8:24", "`operator 24` cannot be recognised", "24"),
        ("most: 5", "most: 0", "5:16", "most is 0", "most: 1"),
        ("then: bye}\ncom", "then: by}\ncom", "5:25", "no step `by`", "did you mean `bye`?"),
        ("commands: no", "commands: never", "20:15", "neither true nor false", "false"),
        ("keys_only_after: 1", "keys_only_after: 3", "3:40", "keys_only_after is 3", "attempts"),
        (
            "do: repeat}\n  op",
            "do: language}\n  op",
            "7:11",
            "does not say in which language it asks again",
            "language: es",
        ),
        ("do: repeat}\n  op", "do: help, language: es}\n  op", "7:11", "has a `language`", "do: language"),
        (
            "do: repeat}\n  op",
            "do: language, language: klingon}\n  op",
            "7:65",
            "`klingon` is not a language",
            "language: de",
        ),
        ("phrases: [once more]", "phrases: [operator]", "8:14", "phrase `operator` appears twice", "remove one"),
    ],
)
def test_a_problem_has_its_place(old: str, new: str, where: str, what: str, todo: str) -> None:
    assert FLOW.count(old) == 1, old
    found = [each for each in problems(FLOW.replace(old, new)) if what in each.what]
    assert [each.where for each in found] == [f"f.yaml:{where}"], problems(FLOW.replace(old, new))
    assert todo in found[0].todo


def test_a_digit_that_is_no_command_in_an_entry_may_be_a_choice_there() -> None:
    text = FLOW.replace("digits: 4\n    commands: no", "digits: 4\n    choices: {person: {key: 0, next: person}}")
    assert commands(parse_flow(text.encode(), "f.yaml"), "pin") == {"repeat": Does.REPEAT, "operator": "person"}
    star = FLOW.replace("digits: 4\n    commands: no", 'digits: 4\n    choices: {person: {key: "*", next: person}}')
    assert only(star).what == "key * is a command's, too"


def test_a_problem_of_a_command_is_said_once() -> None:
    assert only(FLOW.replace("phrases: [repeat]", "phrases: ['a/b']")).what == "phrase `a/b` cannot be recognised"


def test_a_sub_flow_in_a_file_has_the_commands_of_its_caller(tmp_path: Path) -> None:
    head, _, part = FLOW.partition("  part:\n    start")
    (tmp_path / "part.yaml").write_text("\n".join(line[4:] for line in f"    start{part}".splitlines()) + "\n")
    text = head + "  part: part.yaml\n"
    flow = parse_flow(text.encode(), str(tmp_path / "f.yaml"))
    assert commands(flow, "part/more") == {"repeat": Does.REPEAT, "operator": "person"}
