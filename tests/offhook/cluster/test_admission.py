"""When a worker is full, and when no longer."""

import dataclasses

import pytest

from offhook.cluster.admission import (
    CALM_S,
    CPU_WINDOW_S,
    FEW_CALLS,
    FIRST_CALL_CPU,
    LoadLimits,
    WorkerLoad,
)
from offhook.cluster.messages import Report

CALM = Report(calls=100, cpu=0.3, lag_s=0.001, lag_max_s=0.002, late_ticks=0, room=500)
EVERY_S = 0.25


class Worker:
    def __init__(self, **limits: float) -> None:
        self.load = WorkerLoad(dataclasses.replace(LoadLimits(), **limits))  # type: ignore[arg-type]
        self.now = 100.0

    def reports(self, seconds: float, report: Report = CALM, **changes: float) -> None:
        for _ in range(round(seconds / EVERY_S)):
            self.now += EVERY_S
            self.load.reported(dataclasses.replace(report, **changes), self.now)  # type: ignore[arg-type]

    @property
    def full(self) -> bool:
        return self.load.is_full(self.now)

    def gets(self, calls: int) -> None:
        for _ in range(calls):
            self.load.accepted(self.now)


@pytest.fixture
def worker() -> Worker:
    """It has a hundred calls, and had them for a while."""
    worker = Worker()
    worker.gets(100)
    worker.reports(2)
    return worker


def test_before_the_first_report_there_is_no_room() -> None:
    assert Worker().full


def test_a_worker_that_has_time_takes_calls(worker: Worker) -> None:
    assert not worker.full
    assert worker.load.latest == CALM
    assert worker.load.cpu == pytest.approx(0.3)


def test_the_cpu_counts_over_a_second(worker: Worker) -> None:
    worker.reports(EVERY_S, cpu=1.0)
    assert not worker.full
    worker.reports(CPU_WINDOW_S, cpu=0.95)
    assert worker.full
    assert "95%" in worker.load.why


def test_full_is_taken_back_well_below_the_limit_and_after_a_while(worker: Worker) -> None:
    worker.reports(CPU_WINDOW_S, cpu=0.95)
    worker.reports(10, cpu=0.85)  # below the limit, and not far enough
    assert worker.full
    worker.reports(CALM_S / 2, cpu=0.5)
    assert worker.full
    worker.reports(CALM_S + CPU_WINDOW_S, cpu=0.5)
    assert not worker.full


def test_calls_that_are_not_in_the_reports_yet_count_with_what_a_call_costs(worker: Worker) -> None:
    worker.reports(CPU_WINDOW_S, cpu=0.6)  # 6 thousandths each
    worker.gets(49)
    assert not worker.full  # 0.894
    worker.gets(2)
    assert worker.full


def test_calls_that_are_in_the_reports_count_no_more(worker: Worker) -> None:
    worker.reports(CPU_WINDOW_S, cpu=0.5)
    worker.gets(60)
    worker.reports(CPU_WINDOW_S, calls=160, cpu=0.85)
    assert not worker.full


def test_calls_that_came_and_went_count_no_more(worker: Worker) -> None:
    worker.reports(CPU_WINDOW_S, cpu=0.6)
    for _ in range(60):
        worker.gets(1)
        worker.load.released()
    assert not worker.full


def test_the_first_calls_are_taken_to_cost_something() -> None:
    worker = Worker(cpu=5.5 * FIRST_CALL_CPU)
    worker.reports(CPU_WINDOW_S, calls=0, cpu=0.0)
    taken = 0
    while not worker.full:
        worker.gets(1)
        taken += 1
    assert taken == 6


def test_what_setting_up_costs_is_not_taken_for_what_a_call_costs() -> None:
    worker = Worker()
    worker.reports(CPU_WINDOW_S, calls=0, cpu=0.0)
    for second in range(1, 4):
        worker.gets(40)
        worker.reports(1.0, calls=40 * second, cpu=0.4)
        assert not worker.full


def test_a_late_event_loop_is_overload_only_with_calls(worker: Worker) -> None:
    worker.reports(2, lag_s=0.05, calls=FEW_CALLS - 1)
    assert not worker.full
    worker.reports(2, lag_s=0.05, cpu=0.5)
    assert worker.full
    assert "50 ms late" in worker.load.why
    worker.reports(CALM_S + EVERY_S)
    assert not worker.full


def test_lateness_that_others_on_the_core_cause_counts_when_it_is_great(worker: Worker) -> None:
    worker.reports(2, lag_s=0.15)
    assert not worker.full
    worker.reports(2, lag_s=0.25)
    assert worker.full


def test_late_packets_are_overload(worker: Worker) -> None:
    worker.reports(CPU_WINDOW_S, late_ticks=20)
    assert not worker.full  # not one a call and second
    worker.reports(CPU_WINDOW_S, late_ticks=30)
    assert worker.full
    assert "packets" in worker.load.why


def test_set_ups_have_a_rate() -> None:
    worker = Worker(setups_per_s=20)
    worker.reports(CPU_WINDOW_S, cpu=0.0)
    for _ in range(20):
        assert not worker.full
        worker.gets(1)
    assert worker.full
    assert "20 calls" in worker.load.why
    worker.reports(1.25, cpu=0.0)
    assert not worker.full


def test_room_shrinks_with_every_call_that_is_given(worker: Worker) -> None:
    worker.reports(EVERY_S, room=3)
    for left in (2, 1):
        worker.gets(1)
        assert worker.load.room == left
    worker.gets(1)
    assert worker.full
    assert "ports" in worker.load.why
