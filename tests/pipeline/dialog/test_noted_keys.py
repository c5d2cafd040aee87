"""Notes that would tell what the caller has keyed."""

import pytest

from offhook.settings.flow_file import parse_flow
from offhook.usererror import UserError

FLOW = """
name: notes
start: pin
no_input: {then: bye}
no_match: {then: bye}
flows:
  part:
    parameters: {given: text}
    results: {end: text}
    start: cut
    steps:
      cut: {set: {end: "last(given, 2)"}, next: done}
      done: {return: done}
steps:
  pin: {collect: Your PIN., into: pin, digits: 4, next: people}
  people: {collect: How many., into: people, as: number, next: made}
  made: {set: {copy: pin, half: "first(pin, 2)", right: pin == "1234", known: luhn(half + pin)}, next: part}
  part: {call: part, with: {given: copy}, results: [end], next: note}
  note: {log: "NOTE", next: bye}
  bye: {hang_up: Goodbye.}
"""


@pytest.mark.parametrize("note", ["{pin} {copy}", "{right} {known}", "{pin == copy}", "{people + 1}", "Nothing."])
def test_what_may_be_noted(note: str) -> None:
    assert parse_flow(FLOW.replace("NOTE", note).encode(), "f.yaml").steps["note"]


@pytest.mark.parametrize("made", ["last(pin, 2)", "pin + copy", "half", "number(copy)", "length(half)", "end", "[pin]"])
def test_what_is_made_of_keys_may_not(made: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_flow(FLOW.replace("NOTE", f"It was {{{made}}}.").encode(), "f.yaml")
    (problem,) = caught.value.problems
    assert problem.what == f"`{made}` is made of what the caller keys"
    assert problem.where == "f.yaml:19:15"
