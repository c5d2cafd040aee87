"""Rates that tests assert with their confidence, so that one machine's rounding cannot decide."""

from math import comb

CONFIDENCE = 0.99


def is_at_most(count: int, of: int, rate: float, confidence: float = CONFIDENCE) -> bool:
    """Whether `count` of `of` is compatible with a true rate of at most `rate`.

    The exact one-sided test: False where so many or more would come up with a probability below 1 - `confidence`,
    which is where the Clopper-Pearson lower bound is above `rate`.
    """
    fewer = sum(comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(count))
    return 1.0 - fewer >= 1.0 - confidence


def is_at_least(count: int, of: int, rate: float, confidence: float = CONFIDENCE) -> bool:
    """Whether `count` of `of` is compatible with a true rate of at least `rate`."""
    return is_at_most(of - count, of, 1.0 - rate, confidence)
