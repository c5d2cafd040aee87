"""The coverage of a flow by scripts and by SIPp, as a user runs it."""

import json
from pathlib import Path

import pytest

from tests.e2e.test_qa import qa

FLOW = """
name: shop
start: menu
no_input: {then: bye}
no_match: {then: bye}
steps:
  menu:
    ask: Opening hours, or our address?
    choices:
      hours: {phrases: [opening hours], key: 1, next: hours}
      place: {phrases: [address], key: 2, next: place}
  hours: {say: We are open from nine to five., next: bye}
  place: {say: You find us in Main Street., next: bye}
  bye: {hang_up: Goodbye.}
"""
HOURS = """
steps:
  - wait_for: speech
  - press: "3"
  - wait_for: speech
  - press: "1"
  - wait_for: speech
  - wait_for: end
expect: {steps: [menu, hours, bye], keys_received: 2}
"""


@pytest.mark.peer
def test_what_scripts_and_sipp_have_not_walked_is_named(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "hours.yaml").write_text(HOURS)
    status, said = qa(
        tmp_path,
        *("hours.yaml", "uac_hold", "--bot", "flow.yaml", "--coverage-at-least", "90"),
        *("--coverage-json", "coverage.json", "--json", "out.json"),
    )
    assert status == 1, said
    found = json.loads((tmp_path / "coverage.json").read_text())
    assert found == json.loads((tmp_path / "out.json").read_text())["results"][-1]["coverage"]
    assert found["steps"] == {"menu": 3, "hours": 1, "place": 0, "bye": 1}
    walked = {(each["step"], each["by"]): each["walked"] for each in found["edges"]}
    assert walked["menu", "no_match"] == walked["menu", "choices.hours"] == walked["hours", "next"] == 1
    assert walked["menu", "choices.place"] == 0 and "of 4 steps" in said
    (place,) = (line for line in said.splitlines() if line.strip().startswith("menu: choices.place"))
    assert 'press: "2" or say: address' in place


def test_steps_that_a_call_has_not_entered_are_a_finding(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    wrong = HOURS.replace("[menu, hours, bye]", "[menu, place]")
    (tmp_path / "hours.yaml").write_text(wrong)
    status, said = qa(tmp_path, "hours.yaml", "--bot", "flow.yaml", "--coverage", "--json", "out.json")
    assert status == 1 and "the step 'place' was not entered in its place" in said
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    assert [each["kind"] for each in results[0]["findings"]] == ["steps"] and results[1]["passed"]
