"""The list of what runs with all backends, and that of what differs, name tests that there are."""

from pathlib import Path

import pytest

from tests.e2e.backends import BACKENDS, BOTH, DEVIATIONS, OWN, deviation, in_both
from tests.e2e.peers import SHIPPED
from tests.e2e.scenario_cases import CALLED, CALLS

HERE = Path(__file__).parent
CASES = {"test_sipp_calls": {case.id for case in CALLS}, "test_the_bot_calls_sipp": {case.id for case in CALLED}}


def defines(file: str, function: str) -> bool:
    return f"def {function}(" in (HERE / file).read_text()


def test_what_runs_with_all_backends_is_there() -> None:
    for each in BOTH:
        file, _, function = each.partition("::")
        assert (HERE / file).is_file(), each
        assert not function or defines(file, function), each


def test_what_differs_is_among_what_runs() -> None:
    assert set(DEVIATIONS) <= set(BACKENDS) - {OWN}
    for table in DEVIATIONS.values():
        for each, why in table.items():
            file, _, name = each.partition("::")
            function, _, case = name.removesuffix("]").partition("[")
            assert in_both(file, function) and defines(file, function), each
            assert function not in CASES or case in CASES[function], each
            assert len(why.split()) > 3, f"{each}: say why"


def test_users_of_the_scenarios_are_told_which_of_them_differ() -> None:
    _, _, told = (SHIPPED / "README.md").read_text(encoding="utf-8").partition("## Over PJSIP")
    runs = (
        (SHIPPED / f"{each.partition('[')[2].removesuffix(']')}.xml", why) for each, why in DEVIATIONS["pjsua2"].items()
    )
    expected = {f"| `{file.stem}` | {why} |" for file, why in runs if file.is_file()}
    assert expected and {line for line in told.splitlines() if line.startswith("| `")} == expected


@pytest.mark.parametrize("name", ["test_a[pjsua2]", "test_a[pjsua2-x-y]", "test_a[x-y-pjsua2]", "test_a[own-x-y]"])
def test_a_deviation_is_found_by_the_name_without_the_backend(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(DEVIATIONS, "pjsua2", {"t.py::test_a": "plain", "t.py::test_a[x-y]": "case"})
    expected = {"test_a[pjsua2]": "plain", "test_a[own-x-y]": ""}
    assert deviation("t.py", name, "pjsua2") == expected.get(name, "case")
    assert deviation("t.py", name, OWN) == ""
