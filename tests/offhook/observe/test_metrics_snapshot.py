"""Metrics of several processes as one."""

import pickle

import pytest
from prometheus_client.parser import text_string_to_metric_families

from offhook.observe.metrics import Metrics
from offhook.observe.metrics_snapshot import Snapshot, lasting, merged, render, snapshot


def values(taken: Snapshot) -> dict[tuple[str, str], float]:
    """By name and labels, as scraped."""
    families = text_string_to_metric_families(render(taken).decode())
    return {
        (s.name, ",".join(s.labels[name] for name in sorted(s.labels))): s.value
        for family in families
        for s in family.samples
    }


def worker(calls: int, responses_s: list[float]) -> Metrics:
    metrics = Metrics(alone=False)
    for _ in range(calls):
        metrics.call_started()
    metrics.call_ended("inbound", "udp", "completed")
    for seconds in responses_s:
        metrics.turn_response("total", seconds)
    return metrics


def test_counters_gauges_and_histograms_add_up() -> None:
    taken = [snapshot(worker(3, [0.2]).registry), snapshot(worker(4, [0.2, 0.7]).registry)]
    whole = values(merged(pickle.loads(pickle.dumps(taken))))
    assert whole["offhook_calls_active", ""] == 5
    assert whole["offhook_calls_total", "inbound,completed,udp"] == 2
    assert whole["offhook_turn_response_seconds_count", "total"] == 3
    assert whole["offhook_turn_response_seconds_bucket", "0.2,total"] == 2
    assert whole["offhook_turn_response_seconds_sum", "total"] == pytest.approx(1.1)
    assert not any(name.endswith("_created") for name, _ in whole)


def test_what_a_dead_process_has_counted_stays_and_what_it_had_going_does_not() -> None:
    left = lasting(snapshot(worker(3, [0.2]).registry))
    whole = values(merged((left, snapshot(worker(1, []).registry))))
    assert whole["offhook_calls_total", "inbound,completed,udp"] == 2
    assert whole["offhook_calls_active", ""] == 0
    assert whole["offhook_turn_response_seconds_count", "total"] == 1


def test_one_process_of_several_does_not_say_what_there_is_once() -> None:
    alone, one_of_several = snapshot(Metrics("1").registry), snapshot(Metrics("1", alone=False).registry)
    assert set(alone) - set(one_of_several) >= {"offhook_build"}
