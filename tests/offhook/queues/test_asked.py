"""How often a number may be called back."""

import pytest

from offhook.queues import asked
from offhook.queues.asked import DAY_S, MOST_OF_A_NUMBER, AskedNumbers


def test_a_number_is_promised_a_few_in_a_day() -> None:
    it = AskedNumbers()
    for hour in range(MOST_OF_A_NUMBER):
        assert it.may_have("+15551234567", 3_600 * hour)
        it.has("+15551234567", 3_600 * hour)
    assert not it.may_have("+15551234567", DAY_S - 1)
    assert it.may_have("+15557654321", DAY_S - 1)
    assert it.may_have("+15551234567", DAY_S)
    it.has("+15551234567", DAY_S)
    assert not it.may_have("+15551234567", DAY_S + 3_599)


def test_so_are_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST", 2)
    it = AskedNumbers()
    for number in ("1", "2"):
        assert it.may_have(number, 0)
        it.has(number, 0)
    assert not it.may_have("3", DAY_S - 1)
    assert it.may_have("3", DAY_S)
