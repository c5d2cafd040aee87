from tests.rates import is_at_least, is_at_most


def test_the_bound_lies_where_the_exact_test_puts_it() -> None:
    # P(X >= 6 | 200, 1 %) = 1.6 %, P(X >= 7) = 0.4 %
    assert is_at_most(6, 200, 0.01)
    assert not is_at_most(7, 200, 0.01)
    assert is_at_most(7, 200, 0.01, confidence=0.999)
    assert is_at_most(0, 10, 0.0)
    assert not is_at_most(1, 10, 0.0)


def test_at_least_is_at_most_of_the_others() -> None:
    # P(X <= 86 | 100, 95 %) = 0.04 %, P(X <= 90) = 2.8 %
    assert is_at_least(90, 100, 0.95)
    assert not is_at_least(86, 100, 0.95)
    assert is_at_least(100, 100, 1.0)
