from offhook.telephony.rtp.config import RtpLimits
from offhook.telephony.rtp.spike_hold import SpikeHold

LIMITS = RtpLimits(spike_hold_max_ms=250, spike_hold_kept_s=60, overdue_wait_min_ms=60)


def test_the_wait_is_as_long_as_the_longest_spike_was() -> None:
    hold = SpikeHold(LIMITS)
    assert hold.seconds == 0.0
    hold.learn(0.15, 1.0)
    hold.learn(0.1, 2.0)
    assert hold.seconds == 0.15


def test_an_outage_is_not_a_spike() -> None:
    hold = SpikeHold(LIMITS)
    hold.learn(0.3, 1.0)
    assert hold.seconds == 0.0


def test_the_hold_ends_a_minute_after_it_was_last_good_for_something() -> None:
    hold = SpikeHold(LIMITS)
    hold.learn(0.2, 0.0)
    hold.review(0.07, 50.0)
    hold.review(0.05, 109.0)
    assert hold.seconds == 0.2
    hold.review(0.05, 110.0)
    assert hold.seconds == 0.0
