"""A flow's file that is right, and the problems of those that are not."""

import pytest

from offhook.settings.flow_file import parse_flow
from offhook.usererror import Problem, UserError

GOOD = """\
name: test
start: hello
no_input: {then: bye}
no_match: {then: bye}
steps:
  hello:
    say: Hello.
    next: menu
  menu:
    ask: Yes or no?
    choices:
      yes:
        phrases: [yes, of course]
        key: 1
        next: bye
      no:
        phrases: no
        key: "#"
        next: bye
  bye:
    hang_up: Goodbye.
"""


def problems(text: str | bytes) -> list[Problem]:
    """The problems of a faulty flow file."""
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(UserError) as caught:
        parse_flow(data, "f.yaml")
    for problem in caught.value.problems:
        assert problem.what and problem.why and problem.todo
        assert problem.where.startswith("f.yaml")
    return list(caught.value.problems)


def only(text: str | bytes) -> Problem:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)
