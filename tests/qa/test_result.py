"""Results for CI and for people."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from offhook.qa.result import Result, as_json, write_junit
from offhook.qa.verdict.judge import Deviation
from offhook.usererror import UserError

GOOD = Result("good", "good.yaml", 1.5, notes=("heard: x",))
BAD = Result("bad", "bad.yaml", 2.0, (Deviation("gap_ms", "a \x1b[31mgap", "it was <60> ms", 1.25, 7),), {"seed": 1})


def test_text_says_what_why_when_and_where() -> None:
    assert GOOD.text() == "ok      good  (1.5 s)\n    heard: x"
    assert BAD.text().splitlines() == [
        "FAILED  bad  (2.0 s)",
        "    a \\x1b[31mgap at 1.25 s (bad.yaml:7)",
        "      why: it was <60> ms",
    ]


def test_junit_and_json(tmp_path: Path) -> None:
    write_junit(tmp_path / "out.xml", [GOOD, BAD])
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("time")) == ("2", "1", "3.500")
    good, bad = suite
    assert (good.get("name"), good.find("failure")) == ("good", None)
    failure = bad.find("failure")
    assert failure is not None and failure.get("type") == "gap_ms" and "<60>" in (failure.text or "")
    summed = as_json([GOOD, BAD])
    assert (summed["passed"], summed["failed"]) == (1, 1)
    assert summed["results"][1]["findings"][0]["kind"] == "gap_ms" and summed["results"][1]["seed"] == 1
    with pytest.raises(UserError, match="cannot be written"):
        write_junit(tmp_path / "none" / "out.xml", [GOOD])


def test_junit_has_no_halves_of_characters(tmp_path: Path) -> None:
    path = tmp_path / "out.xml"
    write_junit(path, [replace(BAD, findings=(Deviation("heard", "half a character: \ud800", "x"),))])
    assert "half a character: " in path.read_text(encoding="utf-8")


def test_runs_of_one_script_are_told_apart(tmp_path: Path) -> None:
    second = replace(GOOD, repeat=2)
    assert second.text().startswith("ok      good (2)  (")
    assert (second.to_dict()["name"], second.to_dict()["repeat"]) == ("good", 2) and "repeat" not in GOOD.to_dict()
    write_junit(tmp_path / "out.xml", [second])
    assert 'name="good (2)"' in (tmp_path / "out.xml").read_text()
