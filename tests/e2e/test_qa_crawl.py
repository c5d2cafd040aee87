"""An IVR is mapped by calling it, and the scripts of the map pass against it."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.test_qa import offhook_qa, qa

SETTINGS = '[transfer]\nallow = ["desk@192.0.2.1"]\n[tts.hibari]\nspeed = 1.3\n'
FLOW = """
name: shop
start: menu
no_input: {attempts: 2, then: bye}
no_match: {attempts: 2, then: bye}
steps:
  menu:
    ask: Opening hours, or our offers?
    timeout_s: 3
    choices:
      hours: {phrases: [opening hours], key: 1, next: hours}
      more: {phrases: [offers], key: 2, next: more}
      person: {phrases: [a person], key: 3, next: person}
  hours: {say: We are open from nine to five., next: bye}
  more:
    ask: Do you want to hear them?
    timeout_s: 3
    choices:
      yes: {phrases: [yes], key: 1, next: offers}
      back: {phrases: [back], key: 2, next: menu}
      person: {phrases: [a person], key: 3, next: person}
  offers: {say: There are none at all this week., next: bye}
  person: {transfer: "sip:desk@192.0.2.1", mode: refer, announce: One moment please., otherwise: bye}
  bye: {hang_up: Goodbye.}
"""


def crawled(folder: Path, *arguments: str, flow: str = FLOW) -> tuple[dict[str, Any], str]:
    """The map of the flow, and what was printed."""
    (folder / "flow.yaml").write_text(flow)
    (folder / "offhook.toml").write_text(SETTINGS)
    quick = ("--calls-per-minute", "600", "--wait-s", "8", "--pause-ms", "1000")
    given = ("--bot", "flow.yaml", "--config", "offhook.toml", *quick, *arguments)
    status, said = offhook_qa(folder, "crawl", *given, timeout_s=400)
    assert status == 0, said
    return json.loads((folder / "map" / "map.json").read_text()), said


def edges_of(found: dict[str, Any]) -> dict[tuple[str, str], str | None]:
    return {(each["from"], each["action"]): each["to"] for each in found["edges"] if each["times"] == 1}


def endings_of(found: dict[str, Any]) -> dict[str | None, str | None]:
    return {each["name"]: each["ending"] for each in found["nodes"]}


def test_a_flow_is_mapped_by_keys_and_its_scripts_pass(tmp_path: Path) -> None:
    found, said = crawled(tmp_path, "--keys", "123", "--depth", "3")
    edges, endings = edges_of(found), endings_of(found)
    hours, more, person = (edges["n0", f"press {key}"] for key in "123")
    assert (endings[hours], endings[more], endings[person]) == ("hung_up", None, "transferred"), said
    assert more is not None and endings[edges[more, "press 1"]] == "hung_up", said
    assert edges[more, "press 2"] == edges["n0", "listen"] == "n0", said
    (again,) = (each for each in found["edges"] if (each["from"], each["times"]) == ("n0", 2))
    assert again["action"] == "listen" and endings[again["to"]] == "hung_up", said
    names = {again["to"], hours, more, person, edges[more, "press 1"]}
    assert {each["name"] for each in found["nodes"]} == {"n0", *names} and len(names) == 5, said
    assert found["notes"] == [], said
    status, said = qa(tmp_path, "map/scripts", "--bot", "flow.yaml", "--config", "offhook.toml", "--json", "out.json")
    assert status == 0, said
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    assert len(results) == 4, said  # hours, person, offers, and saying nothing
    assert [each["call"]["transfer_to"] for each in results if "3" in each["name"]] == ["sip:desk@192.0.2.1"]


def test_a_flow_is_mapped_by_speech(tmp_path: Path) -> None:
    impatient = FLOW.replace("attempts: 2, ", "")
    found, said = crawled(tmp_path, "--speech", "opening hours", "--depth", "1", flow=impatient)
    hours = edges_of(found)["n0", "say opening hours"]
    assert hours != "n0" and endings_of(found)[hours] == "hung_up", said
    status, said = qa(tmp_path, "map/scripts", "--bot", "flow.yaml", "--config", "offhook.toml")
    assert status == 0 and "say opening hours" in said, said
