"""The silence that the bot owes to end: the table, and when what is due."""

import pytest

from offhook.pipeline.turn.silence import SilenceWatch
from offhook.pipeline.turn.silence_tables import DEBTS, Debt, DebtAction, DebtMove


@pytest.fixture
def watch() -> SilenceWatch:
    return SilenceWatch(1.2, 4.0)


def test_every_debt_can_be_paid_and_no_debt_is_without_a_timer() -> None:
    arming = {DebtAction.ARM_FILLER, DebtAction.ARM_FALLBACK, DebtAction.ARM_AGAIN}
    for debt in set(Debt) - {Debt.NONE}:
        assert DEBTS[debt, DebtMove.PAY] == (Debt.NONE, (DebtAction.DISARM,))
    for (_, move), (after, actions) in DEBTS.items():
        assert after is Debt.NONE or arming & set(actions), move
    assert {move for _, move in DEBTS} == set(DebtMove)


def test_a_filler_is_due_after_the_last_sound_and_a_fallback_after_that(watch: SilenceWatch) -> None:
    watch.owe("recogniser", 10.0, 10.5)
    assert watch.due == pytest.approx(11.2)
    assert watch.handle_timer(11.1) is None
    watch.owe("dialog", 10.0, 11.1)
    assert watch.due == pytest.approx(11.2), "another stage is the same silence"
    assert watch.handle_timer(11.2) is DebtAction.FILL
    assert watch.due == pytest.approx(14.0)
    assert watch.handle_timer(14.0) is DebtAction.STALL
    assert watch.stage == "dialog"


def test_after_a_filler_the_next_sound_comes_as_soon_as_the_first(watch: SilenceWatch) -> None:
    watch.owe("dialog", 10.0, 10.0)
    watch.handle_timer(11.2)
    watch.fell_quiet(12.3)
    assert watch.due == pytest.approx(13.5)
    assert watch.handle_timer(13.5) is DebtAction.STALL
    for at in (16.0, 18.0, 20.0):
        watch.fell_quiet(at)
        assert watch.handle_timer(at + 1.2) is DebtAction.FILL


def test_a_filler_that_ends_late_does_not_move_the_fallback(watch: SilenceWatch) -> None:
    watch.owe("dialog", 10.0, 10.0)
    watch.handle_timer(11.2)
    watch.fell_quiet(13.5)
    assert watch.due == pytest.approx(14.0)


def test_a_debt_that_is_noticed_late_is_not_filled_at_once(watch: SilenceWatch) -> None:
    watch.owe("dialog", 10.0, 30.0)
    assert watch.due == pytest.approx(30.3)


def test_what_is_paid_is_over(watch: SilenceWatch) -> None:
    watch.owe("dialog", 10.0, 10.0)
    watch.pay(10.5)
    assert (watch.debt, watch.due) == (Debt.NONE, None)
    watch.fell_quiet(10.6)
    assert watch.due is None


def test_without_fillers_nothing_is_watched() -> None:
    watch = SilenceWatch(0.0, 4.0)
    watch.owe("voice", 10.0, 10.0)
    assert watch.due is None
