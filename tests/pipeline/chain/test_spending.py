"""Prices and budgets."""

import pytest

from offhook.pipeline.chain.spending import Budget, CallMeter, DayLedger, EngineUse, Limits, Outcome, Spent
from offhook.pipeline.chain.table import EngineRows, shared_cells


def test_work_has_its_price() -> None:
    limits = Limits(price_per_minute=0.006, price_per_1000_characters=0.015)
    assert limits.spent(audio_s=30).cost == pytest.approx(0.003)
    spoken = limits.spent(characters=200)
    assert spoken.characters == 200
    assert spoken.cost == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("budget", "spent", "what"),
    [
        (Budget(), Spent(1e9, 10**9, 1e9), ""),
        (Budget(audio_s=60), Spent(59.9), ""),
        (Budget(audio_s=60), Spent(60.0), "60 s of audio"),
        (Budget(characters=100), Spent(characters=100), "100 characters"),
        (Budget(cost=1.5), Spent(cost=2.0), "a cost of 1.5"),
    ],
)
def test_what_is_used_up(budget: Budget, spent: Spent, what: str) -> None:
    assert budget.exceeded(spent) == what


def test_a_day_is_added_up_over_processes_and_ends_at_midnight() -> None:
    cells = shared_cells(2, 3)
    one, other = (DayLedger(EngineRows(cells, engine=2, engines=3, process=each)) for each in range(2))
    one.add(Spent(10.0, 5, 0.5), day=20_000)
    other.add(Spent(1.0, 2, 0.25), day=20_000)
    assert one.spent(20_000) == other.spent(20_000) == Spent(11.0, 7, 0.75)
    other.add(Spent(4.0), day=20_001)
    assert one.spent(20_001) == Spent(4.0)
    one.add(Spent(2.0), day=20_001)
    assert other.spent(20_001) == Spent(6.0)


def test_a_clock_that_is_set_back_over_midnight_starts_no_new_day() -> None:
    ledger = DayLedger(EngineRows(shared_cells(1, 1), engine=0, engines=1, process=0))
    ledger.add(Spent(10.0, 5, 0.5), day=20_001)
    assert ledger.spent(20_000) == Spent(10.0, 5, 0.5)
    ledger.add(Spent(1.0), day=20_000)
    assert ledger.spent(20_000) == ledger.spent(20_001) == Spent(11.0, 5, 0.5)
    assert ledger.spent(20_002) == Spent()


def test_a_clock_that_was_days_ahead_leaves_neither_a_new_budget_nor_a_budget_that_is_used_up_for_days() -> None:
    cells = shared_cells(2, 1)
    one, other = (DayLedger(EngineRows(cells, process=each)) for each in range(2))
    one.add(Spent(10.0), day=21_000)
    other.add(Spent(5.0), day=21_000)
    assert one.spent(20_000) == other.spent(20_000) == Spent(15.0)
    assert one.spent(20_001) == Spent()
    other.add(Spent(1.0), day=20_001)
    assert one.spent(20_001) == Spent(1.0)


def test_what_an_idle_process_used_days_ahead_counts_for_one_day() -> None:
    cells = shared_cells(2, 1)
    one, idle = (DayLedger(EngineRows(cells, process=each)) for each in range(2))
    idle.add(Spent(5.0), day=21_000)
    assert one.spent(20_000) == one.spent(20_000) == Spent(5.0)
    assert one.spent(20_001) == one.spent(20_500) == Spent()


def test_a_call_has_its_own_sum() -> None:
    uses: list[EngineUse] = []
    meter = CallMeter(uses.append)
    use = EngineUse("tts", "loud", Outcome.ANSWERED, Spent(0.0, 10, 0.1))
    meter.add(use)
    meter.add(use)
    assert meter.spent("tts", "loud") == Spent(0.0, 20, 0.2)
    assert meter.spent("asr", "loud") == Spent()
    assert uses == [use, use]
