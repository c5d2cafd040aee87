"""An IVR is mapped by calling it, and the scripts of the map pass against it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.test_qa import qa

FLOW = """
name: shop
start: menu
no_input: {attempts: 2, then: bye}
no_match: {attempts: 2, then: bye}
steps:
  menu:
    ask: Opening hours, or our address?
    timeout_s: 3
    choices:
      hours: {phrases: [opening hours], key: 1, next: hours}
      more: {phrases: [more], key: 2, next: more}
  hours: {say: We are open from nine to five., next: bye}
  more:
    ask: Do you want to hear our offers of this week?
    timeout_s: 3
    choices:
      yes: {phrases: [yes], key: 1, next: offers}
      back: {phrases: [back], key: 2, next: menu}
  offers: {say: There are none at all this week., next: bye}
  bye: {hang_up: Thank you for calling. Goodbye.}
"""


def qa_crawl(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "offhook", "qa", "crawl", *arguments, "--calls-per-minute", "600"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400, check=False)
    return done.returncode, done.stdout + done.stderr


def edges_of(found: dict[str, Any]) -> dict[tuple[str, str], str | None]:
    return {(each["from"], each["action"]): each["to"] for each in found["edges"] if each["times"] == 1}


def test_a_flow_is_mapped_by_keys_and_its_scripts_pass(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    status, said = qa_crawl(tmp_path, "--bot", "flow.yaml", "--keys", "12", "--depth", "3")
    assert status == 0, said
    found = json.loads((tmp_path / "map" / "map.json").read_text())
    edges = edges_of(found)
    endings = {each["name"]: each["ending"] for each in found["nodes"]}
    more, hours = edges["n0", "press 2"], edges["n0", "press 1"]
    assert hours is not None and more is not None, said
    assert endings[hours] == "hung_up" and endings[more] is None, said
    offers = edges[more, "press 1"]
    assert offers not in (None, hours) and edges[more, "press 2"] == "n0", said
    assert edges["n0", "listen"] == "n0" and found["notes"] == [], said
    assert len(found["nodes"]) == 5, said  # the menu, the other question, hours, offers, goodbye alone
    scripts = sorted((tmp_path / "map" / "scripts").iterdir())
    assert len(scripts) == 3, said
    status, said = qa(tmp_path, "map/scripts", "--bot", "flow.yaml", "--coverage")
    assert status == 0, said
