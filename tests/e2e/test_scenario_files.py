"""That every scenario is described, and played by a test; and that tests with another stack can be told apart."""

import re
from pathlib import Path

from tests.e2e.peers import SCENARIOS, SHIPPED


def test_every_scenario_is_described_and_played() -> None:
    described = (SCENARIOS / "README.md").read_text()
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    # Those that come with offhook are described beside them (tests/qa/sipp/test_sipp.py).
    own, shipped = ([path.name for path in folder.glob("*.xml")] for folder in (SCENARIOS, SHIPPED))
    assert len(own) + len(shipped) > 100
    assert [name for name in own if f"`{name}`" not in described] == []
    assert [name for name in own + shipped if f'"{name}"' not in tests] == []


def test_what_calls_another_stack_or_is_called_by_it_is_marked() -> None:
    far_end = re.compile(r"\b(?:Sipp|sipp|program|Kamailio|ScriptedPhone|Pjsua|telephone|dials)\(")
    files = [path for path in Path(__file__).parent.glob("test_*.py") if far_end.search(path.read_text())]
    assert len(files) > 15
    assert [path.name for path in files if "mark.peer" not in path.read_text()] == []
