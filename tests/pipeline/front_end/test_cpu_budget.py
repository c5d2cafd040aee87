from offhook.pipeline.front_end.cpu_budget import CpuBudget


def test_no_more_than_a_burst_is_given_at_once_and_its_share_comes_back_with_time() -> None:
    budget = CpuBudget(share=0.1, burst_s=0.01)
    assert [budget.take(0.004, 5.0) for _ in range(4)] == [True, True, False, False]
    assert not budget.take(0.004, 5.01)
    assert budget.take(0.004, 5.03)
    assert [budget.take(0.004, 100.0) for _ in range(3)] == [True, True, False]


def test_a_time_before_the_last_one_brings_nothing() -> None:
    budget = CpuBudget(share=1.0, burst_s=0.01)
    assert budget.take(0.01, 5.0)
    assert not budget.take(0.01, 4.0)
    assert not budget.take(0.01, 5.0)
    assert budget.take(0.01, 5.02)
