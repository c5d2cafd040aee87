import pytest

from offhook.telephony.rtp.clock import TickClock, dlsr_ticks, ntp_short, ntp_stamp


def test_timestamps_advance_8000_a_second() -> None:
    clock = TickClock(10.0, 0xFFFFFF00)
    assert clock.at(10.0) == 0xFFFFFF00
    assert clock.at(11.0) == 0xFFFFFF00 + 8000
    assert clock.at(10.02) == 0xFFFFFF00 + 160


def test_ntp_stamps_count_from_the_clocks_own_start() -> None:
    assert ntp_stamp(1.5) == 0x1_8000_0000
    assert ntp_short(ntp_stamp(1.5)) == 0x1_8000
    assert ntp_short(ntp_stamp(65536.0 + 1.5)) == 0x1_8000


@pytest.mark.parametrize(("seconds", "ticks"), [(0.5, 32768), (0.0, 0), (-1.0, 0), (1e9, 0xFFFFFFFF)])
def test_delays_are_bounded(seconds: float, ticks: int) -> None:
    assert dlsr_ticks(seconds) == ticks
