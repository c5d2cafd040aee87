from offhook.pipeline.front_end.cpu_budget import CpuBudget


def test_it_grants_one_burst_at_most_and_refills_over_time() -> None:
    budget = CpuBudget(share=0.1, burst_s=0.01)
    assert [budget.take(0.004, 5.0) for _ in range(4)] == [True, True, False, False]
    assert not budget.take(0.004, 5.01)
    assert budget.take(0.004, 5.03)
    assert [budget.take(0.004, 100.0) for _ in range(3)] == [True, True, False]


def test_time_going_backwards_refills_nothing() -> None:
    budget = CpuBudget(share=1.0, burst_s=0.01)
    assert budget.take(0.01, 5.0)
    assert not budget.take(0.01, 4.0)
    assert not budget.take(0.01, 5.0)
    assert budget.take(0.01, 5.02)
