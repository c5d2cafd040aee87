"""That every scenario is described, and played by a test."""

from pathlib import Path

SCENARIOS = Path(__file__).parent / "scenarios"


def test_every_scenario_is_described_and_played() -> None:
    described = (SCENARIOS / "README.md").read_text()
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    names = [path.name for path in SCENARIOS.glob("*.xml")]
    assert len(names) > 100
    assert [name for name in names if f"`{name}`" not in described] == []
    assert [name for name in names if f'"{name}"' not in tests] == []
