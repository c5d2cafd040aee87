"""What is counted of many calls."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from offhook.qa.load.distribution import Distribution
from offhook.qa.load.report import LoadReport, progress_line
from offhook.qa.load.tally import MOST_LATE_MS, OWN, TOO_BUSY, Outcome, Tally
from offhook.qa.result import Result, write_junit
from offhook.qa.script.script import Script
from offhook.qa.script.steps import HangUp
from offhook.qa.verdict.distribution import percentile, percentiles
from offhook.qa.verdict.judge import Deviation

PASSED = Result("hours", "hours.yaml", 5.0)
SLOW = Deviation("response_ms", "response_ms is 1300 ms, at most 1000 was expected", "measured", 5.2)
UNANSWERED = Deviation("not_answered", "the call was not answered", "486 Busy Here")


def failed(*findings: Deviation, seconds: float = 5.0) -> Result:
    return Result("hours", "hours.yaml", seconds, findings, {"seed": 1})


def report_of(tally: Tally) -> LoadReport:
    return LoadReport([Script("hours", (HangUp(),), where="hours.yaml")], tally, [tally], 10.0, 3)


@pytest.mark.parametrize("seed", range(5))
def test_percentiles_are_those_of_the_values(seed: int) -> None:
    values = np.random.default_rng(seed).gamma(2.0, 300.0, 5_000)
    distribution = Distribution()
    for part in np.array_split(values, 7):
        distribution.add(part)
    for percent in (50, 90, 95, 99):
        exact = percentile(values, percent)
        assert exact == pytest.approx(float(np.percentile(values, percent, method="inverted_cdf")))
        assert distribution.percentile(percent) == pytest.approx(exact, rel=0.0055)
    assert distribution.to_dict()["max"] == round(float(values.max()), 2)


@pytest.mark.parametrize("count", [1, 2, 9, 10, 19, 20, 21, 99, 100, 101, 180])
def test_the_report_of_a_run_and_that_of_a_load_have_the_same_percentiles(count: int) -> None:
    values = np.random.default_rng(count).permutation(np.linspace(100.0, 2_000.0, count))
    distribution = Distribution()
    distribution.add(values)
    of_load = {name: value for name, value in distribution.to_dict().items() if name in ("p50", "p95", "p99")}
    of_run = percentiles(values.tolist())
    assert {name for name, value in of_load.items() if value is not None} == of_run.keys()
    assert all(value in values for value in of_run.values()), "one of the values"
    for name, value in of_run.items():
        assert of_load[name] == pytest.approx(value, rel=0.0055)


def test_few_values_have_no_high_percentile() -> None:
    distribution = Distribution()
    distribution.add(range(1, 10))
    assert distribution.percentile(90) is None, "9 values"
    distribution.add(range(10, 20))
    assert distribution.percentile(50) == pytest.approx(10, rel=0.006)
    assert distribution.percentile(95) is None, "19 values"
    distribution.add([20.0])
    assert distribution.percentile(95) == pytest.approx(19, rel=0.006)
    assert distribution.percentile(99) is None, "20 values"
    distribution.add([1.0] * 80)
    assert distribution.percentile(99) is not None
    assert Distribution().to_dict() == {"count": 0, **dict.fromkeys(("p50", "p90", "p95", "p99", "max"))}


def test_what_is_early_or_nothing_counts_as_nothing() -> None:
    distribution = Distribution()
    distribution.add([-0.4, 0.0, 0.009])
    assert distribution.percentile(50) == 0.0 and distribution.count == 3


def test_failures_are_counted_by_kind_and_the_first_of_each_is_kept() -> None:
    tally = Tally()
    tally.add(Outcome(PASSED))
    assert tally.news(failed(SLOW, SLOW, UNANSWERED)) == ["response_ms", "not_answered"]
    tally.add(Outcome(failed(SLOW, SLOW, seconds=1.0)))
    tally.add(Outcome(failed(UNANSWERED)))
    tally.add(Outcome(failed(SLOW, seconds=2.0)))
    assert (tally.passed, tally.failed, tally.news(failed(SLOW))) == (1, 3, [])
    slow, unanswered = tally.worst_first
    assert (slow.kind, slow.calls, slow.first.seconds) == ("response_ms", 2, 1.0), "a call counts once for a kind"
    assert (unanswered.kind, unanswered.calls) == ("not_answered", 1)
    text = report_of(tally).text()
    assert "response_ms: 2 of 4 calls" in text and "486 Busy Here" in text and text.endswith("1 passed, 3 failed")


def test_memory_does_not_grow_with_the_number_of_calls() -> None:
    tally = Tally()
    random = np.random.default_rng(1)
    for _ in range(2_000):
        figures = {"response_ms": random.uniform(100, 2_000, 5).tolist()}
        tally.add(Outcome(failed(SLOW), figures, random.exponential(0.5, 1_000)))
    kept = sum(len(each._classes) for each in tally.measures.values())
    assert kept < 2_000 and len(tally.kinds) == 1
    assert tally.measures[OWN].count == 2_000_000


def test_a_machine_that_was_too_busy_fails_the_load() -> None:
    tally = Tally()
    tally.add(Outcome(PASSED, {}, np.full(1_000, 0.8)))
    assert tally.too_busy() is None and report_of(tally).passed
    tally.add(Outcome(PASSED, {}, np.full(50, 3 * MOST_LATE_MS)))
    found = report_of(tally)
    assert not found.passed and [each.kind for each in found.findings] == [TOO_BUSY]
    assert "too busy to measure" in found.text()
    assert found.text().endswith(" failed, the load failed")
    assert found.to_dict()["failed"] == 1, "a result of its own"


def test_a_load_without_calls_has_not_passed() -> None:
    assert not report_of(Tally()).passed


def test_results_are_those_of_a_run_with_a_test_for_each_script(tmp_path: Path) -> None:
    tally = Tally()
    tally.add(Outcome(PASSED, {"response_ms": [400.0] * 25}))
    tally.add(Outcome(failed(SLOW)))
    found = report_of(tally)
    plain = json.loads(json.dumps(found.to_dict()))
    assert (plain["version"], plain["passed"], plain["failed"]) == (1, 1, 1)
    hours, whole = plain["results"]
    assert hours["findings"][0]["what"].startswith("1 of 2 calls: response_ms is 1300")
    assert hours["load"]["failures"][0]["first"]["seed"] == 1
    assert whole["name"] == "the load" and whole["passed"]
    assert plain["load"]["measures"]["response_ms"]["p95"] == pytest.approx(400, rel=0.006)
    path = tmp_path / "results.xml"
    write_junit(path, found.results())
    assert ElementTree.parse(path).getroot().attrib["failures"] == "1"


def test_the_line_while_it_runs() -> None:
    tally = Tally()
    assert "p50 - p95 -" in progress_line(tally, 3, 0.0, [])
    tally.add(Outcome(PASSED, {"response_ms": [500.0] * 20}))
    line = progress_line(tally, 7, 2.0, [0.5] * 350)
    assert "running 7" in line and "done 1" in line and "0.5 calls/s" in line and "\n" not in line
    assert "late p99 0.5 ms" in line
