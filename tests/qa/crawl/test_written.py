"""A map becomes scripts that can be read and do what the crawler did, a graph, and JSON."""

import json
import re
from pathlib import Path

from offhook.qa.crawl.explorer import Explorer
from offhook.qa.crawl.graph import LISTEN, Action, CrawlLimits, CrawlMap, Ending, Node, Reached, Tried
from offhook.qa.crawl.leaves import leaves
from offhook.qa.crawl.written import mermaid, write
from offhook.qa.script.reading import load_script
from offhook.qa.script.script import CallSettings, Script
from offhook.qa.script.steps import HangUp, Press, Say, Speech, Step, Wait, WaitFor
from tests.qa.prompts import prompt

ONE, WORDS = Action("press", "1"), Action("say", 'the "sales" desk # 1')
DESK = "sip:desk@192.0.2.1"
CALL = CallSettings(pause_ms=1_500, max_s=90.0)


def found() -> CrawlMap:
    """n0 asks; 1 leads to n1, which ends the call; words to n2, which transfers it; three silences to n3, which varies;
    2 ends in music, and 3 is ignored."""
    explorer = Explorer((), CrawlLimits())
    explorer.nodes = {number: Node(number) for number in range(4)}
    explorer.nodes[0].text = 'Say "sales" <or> press #1'
    explorer.nodes[1].ending = Reached(None, Ending.HUNG_UP)
    explorer.nodes[2].ending = Reached(None, Ending.TRANSFERRED, DESK)
    explorer.nodes[3].variants = 2
    explorer.edges = {
        Tried(0, LISTEN): Reached(0),
        Tried(0, LISTEN, 2): Reached(3),
        Tried(0, ONE): Reached(1),
        Tried(0, WORDS): Reached(2),
        Tried(0, Action("press", "2")): Reached(None, Ending.ENDLESS),
        Tried(0, Action("press", "3")): Reached(None, Ending.SILENT),
        Tried(3, LISTEN): Reached(0),
    }
    return CrawlMap("sip:ivr@192.0.2.1", explorer.nodes, explorer.edges, explorer.paths(), 7, 70.0, ("a note",))


def written(folder: Path) -> dict[str, Script]:
    sounds = {number: prompt("hours") for number in range(4)}
    assert write(folder, found(), sounds, CALL, 12.0) == 4
    return {script.name: script for script in map(load_script, sorted((folder / "scripts").iterdir()))}


def test_there_is_a_script_for_each_end(tmp_path: Path) -> None:
    scripts = written(tmp_path)
    assert scripts.keys() == {"press 1", str(WORDS), "listen > listen", "press 2"}
    asked = WaitFor("prompt", "n0", 12_000)
    end = WaitFor("end", within_ms=12_000)
    steps: dict[str, tuple[Step, ...]] = {
        "press 1": (asked, Press("1"), WaitFor("prompt", "n1", 12_000), end),
        str(WORDS): (asked, Say(Speech(WORDS.what)), WaitFor("prompt", "n2", 12_000), end),
        "listen > listen": (asked, asked, WaitFor("speech", within_ms=12_000), HangUp()),
        "press 2": (asked, Press("2"), Wait(5_000), HangUp()),
    }
    assert {name: script.steps for name, script in scripts.items()} == steps
    assert scripts["press 1"].expect.ended_by == "bot" and scripts["press 1"].call.pause_ms == 1_500
    assert scripts[str(WORDS)].expect.transfer_to == DESK
    assert (tmp_path / "scripts" / ".." / "prompts" / "n1.wav").samefile(scripts["press 1"].prompts["n1"].wav)


def test_an_address_with_anything_in_it_is_written_as_it_is(tmp_path: Path) -> None:
    """Of a REFER: what YAML and JSON have only as escapes, and half a character."""
    evil = 'sip:"a"<b>\x7f\x9b\ufffe\U0001f600\U000e0001\udcff#{x}: ]@192.0.2.1'
    of_desk = found()
    of_desk.nodes[2].ending = Reached(None, Ending.TRANSFERRED, evil)
    write(tmp_path, of_desk, {number: prompt("hours") for number in range(4)}, CALL, 12.0)
    scripts = {each.name: each for each in map(load_script, sorted((tmp_path / "scripts").iterdir()))}
    assert scripts[str(WORDS)].expect.transfer_to == evil
    about = json.loads((tmp_path / "map.json").read_text())["nodes"][2]["about"]
    assert about == evil.replace("\udcff", "?")


def test_the_graph_in_json_and_in_mermaid(tmp_path: Path) -> None:
    written(tmp_path)
    content = json.loads((tmp_path / "map.json").read_text())
    assert [node["name"] for node in content["nodes"]] == ["n0", "n1", "n2", "n3"]
    assert content["nodes"][2]["ending"] == "transferred" and content["nodes"][2]["about"] == DESK
    assert content["nodes"][3]["varies"] and content["nodes"][3]["path"] == ["listen", "listen"]
    assert {"from": "n0", "action": "press 3", "times": 1, "to": None, "ending": "silent", "about": ""} in content[
        "edges"
    ]
    assert all((tmp_path / node["wav"]).is_file() for node in content["nodes"])
    drawn = (tmp_path / "map.mmd").read_text()
    assert drawn.startswith("flowchart TD\n") and 'n0 -->|"press 1"| n1' in drawn and "n1 --> hung_up" in drawn
    assert 'n0 -->|"listen, 2 times"| n3' in drawn and 'hung_up(("hung up"))' in drawn
    # What prompts and callers say cannot end a label.
    labels = re.findall(r'"[^"\n]*"', drawn)
    assert drawn.count('"') == 2 * len(labels) and not any(set("<>") & set(label) for label in labels)


def test_a_map_of_one_prompt_has_one_script() -> None:
    one = CrawlMap("x", {0: Node(0)}, {Tried(0, ONE): Reached(None, Ending.SILENT)}, {0: ()})
    (leaf,) = leaves(one)
    assert leaf == ((), 0, None) and "n0" in mermaid(one)
    assert not list(leaves(CrawlMap("x")))
