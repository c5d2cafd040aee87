import pytest

from offhook.telephony.rtp.clock import dlsr_ticks, ntp_short, ntp_stamp
from offhook.telephony.rtp.stats import JitterEstimator, SequenceTracker, round_trip_s
from tests.telephony.rtp.support import STARTS16, STARTS32


@pytest.mark.parametrize("start", STARTS16)
def test_sequence_numbers_are_extended_over_the_wrap(start: int) -> None:
    tracker = SequenceTracker(start)
    extended = [tracker.update((start + n) & 0xFFFF) for n in range(70_000)]
    assert extended == list(range(start + 65_536, start + 65_536 + 70_000))
    assert tracker.reported_highest == start + 69_999
    assert (tracker.expected, tracker.lost) == (70_000, 0)


@pytest.mark.parametrize("start", STARTS16)
def test_loss_and_reordering_are_counted_over_the_wrap(start: int) -> None:
    tracker = SequenceTracker(start)
    for n in (0, 1, 4, 3, 6):
        assert tracker.update((start + n) & 0xFFFF) == start + 65_536 + n
    assert (tracker.expected, tracker.lost) == (7, 2)


def test_a_step_of_max_dropout_is_no_loss_but_a_restart() -> None:
    tracker = SequenceTracker(10)
    assert tracker.update(10) is not None
    assert tracker.update(10 + 3_000) is None
    assert tracker.update(10 + 2_999) == 65_536 + 3_009


def test_a_step_back_beyond_max_misorder_is_a_restart() -> None:
    tracker = SequenceTracker(1_000)
    assert tracker.update(1_000) is not None
    assert tracker.update(900) == 65_536 + 900
    assert tracker.update(899) is None


def test_a_late_packet_before_the_first_is_a_positive_number() -> None:
    tracker = SequenceTracker(0)
    assert tracker.update(0) == 65_536
    assert tracker.update(65_535) == 65_535


def test_fraction_lost_is_of_the_interval() -> None:
    tracker = SequenceTracker(0)
    for n in range(0, 100):
        if n % 4:
            tracker.update(n)
    tracker.update(100)
    assert tracker.fraction_since_last_report() == (25 << 8) // 101
    assert tracker.fraction_since_last_report() == 0
    for n in range(101, 111):
        tracker.update(n)
        tracker.update(n)
    assert tracker.fraction_since_last_report() == 0


def test_total_loss_of_an_interval_stays_a_fraction() -> None:
    tracker = SequenceTracker(0)
    tracker.update(0)
    tracker.fraction_since_last_report()
    tracker.update(2_900)
    assert tracker.fraction_since_last_report() == 255


@pytest.mark.parametrize("start", STARTS32)
def test_an_even_stream_has_no_jitter(start: int) -> None:
    jitter = JitterEstimator()
    for n in range(100):
        jitter.update((start + 160 * n) & 0xFFFFFFFF, 5.0 + 0.02 * n)
    assert jitter.ticks < 1e-6


def test_jitter_approaches_the_mean_deviation() -> None:
    # Every other packet comes 10 ms late: each difference is 10 ms, 80 ticks.
    jitter = JitterEstimator()
    for n in range(200):
        jitter.update(160 * n, 0.02 * n + 0.01 * (n % 2))
    assert jitter.ticks == pytest.approx(80, rel=0.01)


def test_first_step_of_the_estimate_is_a_sixteenth() -> None:
    jitter = JitterEstimator()
    jitter.update(0, 0.0)
    jitter.update(160, 0.03)
    assert jitter.ticks == pytest.approx(80 / 16)


@pytest.mark.parametrize("jump", [1 << 31, 8_000 * 3_600, -8_000 * 3_600])
def test_an_absurd_timestamp_does_not_spoil_the_estimate(jump: int) -> None:
    jitter = JitterEstimator()
    jitter.update(0, 0.0)
    jitter.update((160 + jump) & 0xFFFFFFFF, 0.02)
    jitter.update((320 + jump) & 0xFFFFFFFF, 0.04)
    assert jitter.ticks < 1e-6


def test_after_a_restart_nothing_is_compared_with_the_old_clock() -> None:
    jitter = JitterEstimator()
    jitter.update(0, 0.0)
    jitter.restart()
    jitter.update(4_000, 0.02)
    assert jitter.ticks == 0


def test_round_trip() -> None:
    lsr = ntp_short(ntp_stamp(100.0))
    now = ntp_short(ntp_stamp(103.25))
    assert round_trip_s(now, lsr, dlsr_ticks(3.0)) == pytest.approx(0.25)


def test_round_trip_over_the_wrap_of_the_stamp() -> None:
    lsr = ntp_short(ntp_stamp(65_535.9))
    now = ntp_short(ntp_stamp(65_536.3))
    assert round_trip_s(now, lsr, dlsr_ticks(0.3)) == pytest.approx(0.1, abs=1e-4)


def test_no_round_trip_without_a_report_or_from_contradictions() -> None:
    assert round_trip_s(1_000, 0, 0) is None
    assert round_trip_s(1_000, 900, 200) is None
