"""Runs beside a baseline: what is worse, what is not, and what is not compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from offhook.qa.script.expect import MEASURES
from offhook.qa.verdict.baseline import (
    Baseline,
    Machine,
    ScriptFigures,
    Tolerance,
    compare,
    differences,
    tolerance_of,
)
from offhook.qa.verdict.distribution import percentiles

MACHINE = Machine("a processor", 2, "3.12.1")


def run(values: Mapping[str, Sequence[float]], **about: Any) -> Baseline:
    known: dict[str, Any] = {"script": "s", "clips": "c", "seed": 1, "line": "sip"} | about
    return Baseline(MACHINE, {"balance": ScriptFigures(**known, runs=1, values=values)})


def kinds(before: Mapping[str, Sequence[float]], now: Mapping[str, Sequence[float]], **own: Tolerance) -> list[str]:
    return [each.kind for each in compare(run(before), run(now), own).findings]


def test_percentiles_take_values() -> None:
    assert percentiles([]) == {}
    assert percentiles([1.0] * 19).keys() == {"p50"}
    assert percentiles([1.0] * 20).keys() == {"p50", "p95"}
    assert percentiles([float(each) for each in range(101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


@pytest.mark.parametrize(
    ("before", "now", "is_worse"),
    [
        (400.0, 400.0, False),
        (400.0, 100.0, False),
        (400.0, 479.0, False),  # 30 ms, and not 20 %
        (400.0, 481.0, True),
        (10.0, 39.0, False),  # 20 %, and not 30 ms
        (10.0, 41.0, True),
        (0.0, 29.0, False),
        (0.0, 31.0, True),
    ],
)
def test_worse_is_beyond_a_share_and_a_floor(before: float, now: float, is_worse: bool) -> None:
    assert kinds({"response_ms": [before]}, {"response_ms": [now]}) == ["worse"] * is_worse


@pytest.mark.parametrize("measure", MEASURES)
def test_noise_about_nothing_is_not_worse(measure: str) -> None:
    allowed = tolerance_of(measure, {})
    assert allowed.floor > 0
    assert kinds({measure: [0.0] * 100}, {measure: [0.4 * allowed.floor] * 100}) == []
    assert kinds({measure: [0.0]}, {measure: [1.01 * allowed.floor]}) == ["worse"]


def test_what_is_better_above_and_below_has_no_good_side() -> None:
    for level, expected in ((-20.0, []), (-22.5, []), (-24.0, ["worse"]), (-16.0, ["worse"])):
        assert kinds({"level_dbfs": [-20.0]}, {"level_dbfs": [level]}) == expected


def test_a_tolerance_of_one_s_own() -> None:
    before, now = {"response_ms": [400.0]}, {"response_ms": [430.0]}
    assert kinds(before, now) == []
    assert kinds(before, now, response_ms=Tolerance(5.0, 10.0)) == ["worse"]
    assert tolerance_of("answer_ms", {}).floor == 50.0
    assert tolerance_of("clipping_percent", {}) == Tolerance(20.0, 0.5)


def test_a_percentile_that_is_not_there_fails() -> None:
    twenty, few = {"response_ms": [400.0] * 20}, {"response_ms": [400.0] * 19}
    assert kinds(twenty, few) == ["not_measured"], "p95 cannot be said"
    assert kinds(few, twenty) == [], "the baseline has none"
    assert kinds(few, {}) == ["not_measured"]
    assert kinds({"unknown_ms": [1.0]}, {"unknown_ms": [1.0]}) == ["not_measured"]


def test_the_tail_is_compared_by_itself() -> None:
    before = {"response_ms": [400.0] * 20}
    (found,) = compare(run(before), run({"response_ms": [400.0] * 18 + [900.0] * 2}), {}).findings
    assert found.kind == "worse" and "p95 of response_ms is 900.0 ms, and was 400.0" in found.what
    assert "500.0 ms (125 %)" in found.why


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"seed": 2}, "has seed 2, and had 1"),
        ({"script": "t"}, "is another script"),
        ({"clips": "d"}, "says something else"),
        ({"line": "stream"}, "is called over stream"),
    ],
)
def test_what_is_not_alike_is_not_compared(about: dict[str, Any], why: str) -> None:
    found = compare(run({"response_ms": [1.0]}), run({"response_ms": [900.0]}, **about), {})
    assert [each.kind for each in found.findings] == ["not_comparable"] and why in found.findings[0].why
    assert not found.lines


def test_another_machine_and_other_scripts_are_named() -> None:
    before = run({"response_ms": [1.0]})
    other = replace(before, machine=Machine("another", 4, "3.11.2"))
    assert [each.partition(" is ")[0] for each in differences(before, other)] == [
        "the machine's processor",
        "the machine's cores",
        "the machine's python",
    ]
    renamed = Baseline(MACHINE, {"pin": before.scripts["balance"]})
    assert differences(before, renamed) == [
        "'pin' is not in the baseline",
        "'balance' is in the baseline, and is not run",
    ]


def test_what_a_run_does_not_know_before_its_calls_is_no_difference() -> None:
    assert differences(run({}), run({}, clips="")) == []


def test_a_baseline_survives_its_file() -> None:
    known = run({"response_ms": (400.0, 410.5)})
    assert Baseline.from_dict(known.to_dict()) == known


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"version": 1}, {"version": 2, "machine": {}, "scripts": {}}, {"version": 1, "scripts": [1]}]
    + [{**run({}).to_dict(), "scripts": {"x": each}} for each in (None, {}, {"values": {"a": "b"}}, {"values": [1]})],
)
def test_what_is_no_baseline(data: Any) -> None:
    with pytest.raises(ValueError, match="it "):
        Baseline.from_dict(data)
