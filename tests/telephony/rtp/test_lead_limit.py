import pytest

from offhook.telephony.rtp.lead_limit import LeadLimit


def test_audio_may_run_ahead_by_the_lead_and_no_further() -> None:
    limit = LeadLimit(1_000)
    limit.begin(5.0)
    assert [limit.deliver(4_000, 5.0) for _ in range(3)] == [True, True, False]
    # Real time makes room again, 1 % faster than by the clock.
    assert not limit.deliver(160, 5.019)
    assert limit.deliver(160, 5.020)


def test_what_was_not_used_does_not_add_up() -> None:
    limit = LeadLimit(100)
    limit.begin(0.0)
    assert limit.deliver(160, 3_600.0)
    assert limit.ticks == 800
    assert not limit.deliver(801, 3_600.0)


def test_filled_audio_may_overdraw() -> None:
    limit = LeadLimit(100)
    limit.begin(0.0)
    limit.fill(1_600, 0.0)
    assert limit.ticks == -800
    assert not limit.deliver(1, 0.09)
    assert limit.deliver(8, 0.1)


def test_room_counts_from_the_beginning() -> None:
    limit = LeadLimit(100)
    limit.begin(10.0)
    assert limit.room(0, 10.0) == 800
    assert limit.room(8_080, 11.0) == pytest.approx(800)
