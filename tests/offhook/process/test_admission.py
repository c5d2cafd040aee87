"""When a worker is full, and when it has recovered."""

import dataclasses

import pytest

from offhook.observe.refusals import Reason
from offhook.process.admission import (
    CPU_WINDOW_S,
    FEW_CALLS,
    FIRST_CALL_CPU,
    RECOVERED_S,
    SUSTAINED_S,
    LoadLimits,
    WorkerLoad,
)
from offhook.process.messages import Report

CALM = Report(calls=100, cpu=0.3, lag_s=0.001, lag_max_s=0.002, late_ticks=0, room=500, ports=500)
EVERY_S = 0.25
ENOUGH_S = CPU_WINDOW_S + SUSTAINED_S
"""After this long a reading counts as overload, whatever was measured before."""


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
        return self.load.refusal(self.now) is not None

    @property
    def why(self) -> str:
        refusal = self.load.refusal(self.now)
        return "" if refusal is None else refusal.why

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


def test_the_cpu_counts_when_it_is_used_up_for_a_while(worker: Worker) -> None:
    worker.reports(CPU_WINDOW_S, cpu=0.99)
    assert not worker.full
    worker.reports(SUSTAINED_S, cpu=0.99)
    assert worker.full
    assert "99%" in worker.why


def test_a_detector_backlog_is_overload_whatever_uses_the_cpu(worker: Worker) -> None:
    worker.reports(60, cpu=0.3, behind_s=0.03)
    assert not worker.full
    worker.reports(ENOUGH_S, cpu=0.3, behind_s=0.1)
    assert worker.full
    assert "detector is 100 ms behind" in worker.why
    worker.reports(ENOUGH_S)
    assert not worker.full


def test_much_of_the_cpu_is_no_overload(worker: Worker) -> None:
    worker.reports(60, calls=300, cpu=0.93)
    assert not worker.full


def test_full_is_taken_back_well_below_the_limit_and_after_a_while(worker: Worker) -> None:
    worker.reports(ENOUGH_S, cpu=0.97)
    worker.reports(10, cpu=0.85)  # below the limit, and not far enough
    assert worker.full
    worker.reports(RECOVERED_S / 2, cpu=0.5)
    assert worker.full
    worker.reports(RECOVERED_S + CPU_WINDOW_S, cpu=0.5)
    assert not worker.full
    worker.reports(60, cpu=0.85)
    assert not worker.full  # and the past is forgotten


def test_calls_that_are_not_in_the_reports_yet_count_with_what_a_call_costs(worker: Worker) -> None:
    worker.reports(CPU_WINDOW_S, cpu=0.6)  # 5.5 thousandths each, and what goes on anyway
    worker.gets(49)
    assert not worker.full  # 0.87
    worker.gets(25)
    assert worker.full
    assert "latest calls" in worker.why


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
    worker = Worker(setups_per_s=1_000)
    worker.reports(CPU_WINDOW_S, calls=0, cpu=0.0)
    taken = 0
    while not worker.full:
        worker.gets(1)
        taken += 1
    assert taken == 1 / FIRST_CALL_CPU


@pytest.mark.parametrize(("cpu", "taken"), [(0.09, 200), (0.35, 20)])
def test_what_goes_on_with_any_call_does_not_count_for_each(cpu: float, taken: int) -> None:
    """Ten calls that use 9 % of a core leave room for more than ten times as many; ten that use 35 % do not."""
    worker = Worker(setups_per_s=1_000)
    worker.gets(10)
    worker.reports(3, calls=10, cpu=cpu)
    for _ in range(taken):
        assert not worker.full
        worker.gets(1)
    worker.gets(30)
    assert worker.full


def test_what_setting_up_costs_is_not_taken_for_what_a_call_costs() -> None:
    worker = Worker()
    worker.reports(CPU_WINDOW_S, calls=0, cpu=0.0)
    for second in range(1, 4):
        worker.gets(40)
        worker.reports(1.0, calls=40 * second, cpu=0.4)
        assert not worker.full


def test_a_late_event_loop_is_overload_only_with_calls(worker: Worker) -> None:
    worker.reports(ENOUGH_S, lag_s=0.15, calls=FEW_CALLS - 1)
    assert not worker.full
    worker.reports(ENOUGH_S, lag_s=0.15, cpu=0.5)
    assert worker.full
    assert "150 ms late" in worker.why
    worker.reports(RECOVERED_S + EVERY_S)
    assert not worker.full


def test_lateness_that_others_on_the_core_cause_counts_when_it_is_great(worker: Worker) -> None:
    worker.reports(ENOUGH_S, lag_s=0.4)
    assert not worker.full
    worker.reports(ENOUGH_S, lag_s=0.6)
    assert worker.full


def test_late_packets_are_overload(worker: Worker) -> None:
    worker.reports(ENOUGH_S, late_ticks=20)
    assert not worker.full  # not one a call and second
    worker.reports(ENOUGH_S, late_ticks=30)
    assert worker.full
    assert "packets" in worker.why


def test_a_bad_moment_is_no_overload(worker: Worker) -> None:
    """A burst of calls, or another program that takes the core for a second."""
    for _ in range(10):
        worker.reports(EVERY_S, late_ticks=500)
        worker.reports(CPU_WINDOW_S + EVERY_S)
        worker.reports(CPU_WINDOW_S, lag_s=0.7, cpu=0.6)
        assert not worker.full
        worker.reports(CPU_WINDOW_S)
        assert not worker.full


def test_a_ramp_to_what_a_core_carries_is_never_refused() -> None:
    """Twenty calls a second to three hundred, each with the cost of its set-up and with what it costs to hold it."""
    worker = Worker()
    worker.reports(CPU_WINDOW_S, calls=0, cpu=0.0)
    for calls in range(0, 300, 5):
        worker.gets(5)
        worker.reports(EVERY_S, calls=calls + 5, cpu=0.08 + 0.0026 * (calls + 5), lag_s=0.05)
        assert not worker.full


def test_set_ups_have_a_rate() -> None:
    worker = Worker(setups_per_s=20)
    worker.reports(CPU_WINDOW_S, cpu=0.0)
    for _ in range(20):
        assert not worker.full
        worker.gets(1)
    assert worker.full
    assert "20 calls" in worker.why
    worker.reports(1.25, cpu=0.0)
    assert not worker.full


def test_room_shrinks_with_every_call_that_is_given(worker: Worker) -> None:
    worker.reports(EVERY_S, room=3)
    for left in (2, 1):
        worker.gets(1)
        assert worker.load.room() == left
    worker.gets(1)
    assert worker.full
    assert "memory" in worker.why


def test_a_call_that_needs_no_ports_comes_in_when_they_are_used_up(worker: Worker) -> None:
    worker.reports(EVERY_S, ports=0)
    assert worker.full
    assert "ports" in worker.why
    assert worker.load.refusal(worker.now, ports=False) is None
    worker.reports(EVERY_S, room=0)
    assert worker.load.refusal(worker.now, ports=False) is not None


def test_calls_that_need_no_ports_take_none() -> None:
    load = WorkerLoad(LoadLimits())
    load.reported(Report(0, 0.0, 0.0, 0.0, 0, room=10, ports=1), 0.0)
    load.accepted(0.1, ports=False)
    load.accepted(0.1, ports=False)
    assert load.room() == 1 and load.room(ports=False) == 8
    assert load.refusal(0.1) is None
    load.accepted(0.2)
    refusal = load.refusal(0.2)
    assert refusal is not None and refusal.reason is Reason.PORTS
    assert load.refusal(0.2, ports=False) is None
