"""The E-model against figures that are published of it."""

import pytest

from offhook.telephony.rtp import emodel


def test_a_clean_call_has_the_default_rating() -> None:
    assert emodel.r_factor(0.0, 0.0) == pytest.approx(93.2)
    # G.107 Annex B: 93.2 is a MOS of 4.41.
    assert emodel.mean_opinion(93.2) == pytest.approx(4.41, abs=0.01)


@pytest.mark.parametrize(("r", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
def test_the_scale_of_annex_b(r: float, mos: float) -> None:
    assert emodel.mean_opinion(r) == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(("r", "mos"), [(-5, 1.0), (0, 1.0), (3, 1.0), (100, 4.5), (120, 4.5)])
def test_the_ends_of_the_scale(r: float, mos: float) -> None:
    assert emodel.mean_opinion(r) == pytest.approx(mos)


@pytest.mark.parametrize(("delay_ms", "impairment"), [(0, 0.0), (100, 0.0), (150, 0.16), (250, 8.9), (400, 24.1)])
def test_delay(delay_ms: float, impairment: float) -> None:
    assert emodel.delay_impairment(delay_ms) == pytest.approx(impairment, abs=0.1)


@pytest.mark.parametrize(
    ("loss", "bpl", "impairment"),
    [(0.0, 25.1, 0.0), (0.01, 25.1, 3.6), (0.05, 25.1, 15.8), (0.2, 25.1, 42.1), (0.01, 4.3, 17.9)],
)
def test_loss_by_the_formula_of_section_7_5(loss: float, bpl: float, impairment: float) -> None:
    assert emodel.loss_impairment(loss, bpl=bpl) == pytest.approx(impairment, abs=0.1)


def test_bursts_are_worse_than_the_same_loss_at_random() -> None:
    assert emodel.r_factor(0, 0.1, burst_ratio=2.0) < emodel.r_factor(0, 0.1)
    assert emodel.burst_ratio(lost=30, runs=10, loss=0.1) == pytest.approx(2.7)
    assert emodel.burst_ratio(lost=10, runs=10, loss=0.1) == 1.0
    assert emodel.burst_ratio(lost=0, runs=0, loss=0.0) == 1.0


@pytest.mark.parametrize("loss", [-1.0, 0.0, 0.5, 1.0, 7.0])
@pytest.mark.parametrize("delay_ms", [0.0, 99.0, 1_000.0, 1e6])
def test_it_stays_on_its_scale(loss: float, delay_ms: float) -> None:
    r = emodel.r_factor(delay_ms, loss)
    assert 0 <= r <= emodel.BEST_R
    assert 1 <= emodel.mean_opinion(r) <= 4.5
