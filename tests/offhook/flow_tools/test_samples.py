"""The sample flows: nothing to doubt about them, and their tests pass, walk every step, and take milliseconds."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from offhook.flow_tools.case_file import SUFFIX, load_cases
from offhook.flow_tools.lint import doubts
from offhook.flow_tools.no_secrets import NoSecrets
from offhook.flow_tools.play import play
from offhook.qa.coverage.walked import coverage_of
from offhook.settings.flow_file import load_flow
from offhook.settings.flow_steps.kinds import KINDS

FLOWS = Path(str(files("offhook").joinpath("assets", "flows")))
NAMES = sorted(path.name.removesuffix(SUFFIX) for path in FLOWS.glob(f"*{SUFFIX}"))


def test_each_has_tests() -> None:
    flows = {path.stem for path in FLOWS.glob("*.yaml") if not path.name.endswith(SUFFIX)}
    assert flows == set(NAMES) and len(NAMES) >= 12


@pytest.mark.parametrize("name", NAMES)
def test_there_is_nothing_to_doubt(name: str) -> None:
    assert list(doubts(load_flow(FLOWS / f"{name}.yaml", environ=NoSecrets()))) == []


@pytest.mark.parametrize("name", NAMES)
def test_its_tests_pass_and_walk_every_step(name: str) -> None:
    file = load_cases(FLOWS / f"{name}{SUFFIX}")
    flow = load_flow(file.flow, environ=NoSecrets())
    played = [play(flow, file, case) for case in file.cases]
    assert [result.text() for result, _ in played if not result.passed] == []
    coverage = coverage_of(flow, [walk for _, walk in played])
    assert all(coverage.steps.values()) and coverage.percent > 70, coverage.missing


def kinds_in(part: dict[str, Any]) -> set[str]:
    """The kinds of the steps of a flow's file, or of a sub-flow in it."""
    own = {word for step in part["steps"].values() for word in KINDS if word in step}
    return own.union(*(kinds_in(each) for each in part.get("flows", {}).values()))


def test_together_they_have_every_kind_of_step() -> None:
    """But for those that need a model, a module, a sound file, a call that the bot places, or another system's menu."""
    written = [yaml.safe_load((FLOWS / f"{name}.yaml").read_text("utf-8")) for name in NAMES]
    found = set[str]().union(*map(kinds_in, written))
    assert set(KINDS) - found == {"agent", "python", "play", "who_answered", "press"}
