"""Flows as pictures: every step and every edge is there, and nothing of a text ends the picture's own language."""

import re
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from offhook.flow_tools.layout import rows_of
from offhook.flow_tools.mermaid import mermaid
from offhook.flow_tools.picture import label_of
from offhook.flow_tools.svg import svg
from offhook.qa.coverage.walked import Entered, coverage_of, edges_of
from offhook.settings.flow_file import load_flow, parse_flow

BANK = load_flow()
HOSTILE = parse_flow(
    b'{name: "a<b>&", start: a, steps: {a: {say: "Say \\"]; & --> 5 > 3 \\e #quot; or | this.", next: b}, '
    b"b: {hang_up: Bye.}}}",
    "hostile.yaml",
)
SVG = "{http://www.w3.org/2000/svg}"


def test_mermaid_has_every_step_and_edge() -> None:
    lines = mermaid(BANK).splitlines()
    assert lines[0] == "flowchart TD"
    assert sum("-->|" in line for line in lines) == len(edges_of(BANK))
    assert all(any(f"<b>{name}</b>" in line for line in lines) for name in BANK.steps)


def test_a_step_that_says_nothing_shows_what_it_does() -> None:
    flow = load_flow(Path(str(files("offhook").joinpath("assets", "flows", "bank_line.yaml"))))
    shown = {name: label_of(step)[1] for name, step in flow.steps.items()}
    assert shown["spanish"] == "in es" and shown["who"] == "calls identify" and shown["desk"] == "to reception"
    assert shown["who/begin"] == "tries = 3" and shown["who/enough"] == "if tries > 0"
    assert shown["balance"] == "POST /balance" and shown["who/found"] == ""
    assert shown["goodbye"] == "Thank you for calling. Goodbye."


def test_mermaid_of_hostile_texts() -> None:
    label = re.search(r's0\["(.*)"\]', mermaid(HOSTILE))
    assert label is not None
    text = re.sub(r"#\d+;", "", label[1].replace("<b>", "").replace("</b>", "").replace("<br>", ""))
    assert not set(text) & set('"<>&|#')


def test_the_rows_have_each_step_once_below_one_that_leads_to_it() -> None:
    rows = rows_of(BANK)
    assert sorted(name for row in rows for name in row) == sorted(BANK.steps)
    for above, below in pairwise(rows):
        led_to = {to for name in above for to in BANK.steps[name].edges().values()}
        assert set(below) <= led_to


def test_the_picture_has_every_step_and_shows_what_was_walked() -> None:
    plain = ElementTree.fromstring(svg(BANK))
    names = [each.text for each in plain.iter(f"{SVG}text") if each.get("class") == "name"]
    assert sorted(map(str, names)) == sorted(BANK.steps)
    walked = coverage_of(
        BANK, [[Entered("greeting", ""), Entered("menu", "next"), Entered("goodbye", "choices.goodbye")]]
    )
    boxes = [each.get("class") for each in ElementTree.fromstring(svg(BANK, walked)).iter(f"{SVG}rect")]
    assert sum("walked" in str(each) for each in boxes) == 3
    assert sum("missed" in str(each) for each in boxes) == len(BANK.steps) - 3


def test_of_two_ways_to_a_step_each_shows_whether_it_was_walked() -> None:
    again = [Entered("greeting", ""), Entered("menu", "next"), Entered("menu", "no_input")]
    drawn = ElementTree.fromstring(svg(BANK, coverage_of(BANK, [again])))
    paths = [each.get("class") for each in drawn.iter(f"{SVG}path") if each.get("marker-end")]
    words = [each.text for each in drawn.iter(f"{SVG}text") if each.get("class") == "way"]
    known = dict(zip(words, paths, strict=True))
    assert known["no input"] == "walked" and known["no match"] == "missed"


def test_the_picture_of_hostile_texts_is_xml() -> None:
    texts = [each.text or "" for each in ElementTree.fromstring(svg(HOSTILE)).iter(f"{SVG}text")]
    assert any('Say "]; &' in each for each in texts)
