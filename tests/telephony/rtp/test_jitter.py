"""Order, holes and audio time, through the buffer's own interface."""

import random
from collections import deque

import pytest

from offhook.telephony.rtp.config import RtpLimits
from offhook.telephony.rtp.events import AudioGap, AudioPayload, RtpEvent
from offhook.telephony.rtp.jitter import JitterBuffer
from offhook.telephony.rtp.stats import JitterEstimator
from tests.telephony.rtp.support import STARTS32, body, check_continuous, gap_ticks, indices

PACKET_S = 0.02


class Listener:
    """A buffer fed with numbered packets of one stream, its timers served in time."""

    def __init__(self, *, timestamp: int = 0, ticks: int = 160, limits: RtpLimits | None = None) -> None:
        self.jitter = JitterEstimator()
        self.queue: deque[RtpEvent] = deque()
        self.buffer = JitterBuffer(limits or RtpLimits(), self.jitter, self.queue)
        self.buffer.restart(65_536, timestamp, 0.0)
        self.timestamp = timestamp
        self.ticks = ticks
        self.all: list[RtpEvent] = []

    def push(self, index: int, now: float, *, jump: int = 0, serve: bool = True) -> list[RtpEvent]:
        if serve:
            self.wait(now)
        timestamp = (self.timestamp + index * self.ticks + jump) & 0xFFFFFFFF
        self.jitter.update(timestamp, now)
        self.buffer.push(65_536 + index, timestamp, 0, body(index, self.ticks), now)
        return self.take()

    def wait(self, until: float) -> list[RtpEvent]:
        while (due := self.buffer.get_timer()) is not None and due < until:
            self.buffer.handle_timer(due)
        return self.take()

    def take(self) -> list[RtpEvent]:
        fresh = list(self.queue)
        self.queue.clear()
        self.all += fresh
        return fresh


@pytest.mark.parametrize("timestamp", STARTS32)
@pytest.mark.parametrize("ticks", [80, 160, 240, 320, 480])
def test_a_packet_in_order_passes_at_once(timestamp: int, ticks: int) -> None:
    listener = Listener(timestamp=timestamp, ticks=ticks)
    for n in range(50):
        assert listener.push(n, n * ticks / 8000) == [AudioPayload(body(n, ticks), 0, n * ticks)]
    assert listener.buffer.counts.gaps == 0


def test_a_hole_is_filled_after_the_wait() -> None:
    listener = Listener()
    listener.push(0, 0.00)
    assert listener.push(2, 0.04) == []
    assert listener.buffer.get_timer() == pytest.approx(0.04 + listener.buffer.gap_wait_s)
    assert listener.wait(0.059) == []
    assert listener.wait(0.0601) == [AudioGap(160, 160), AudioPayload(body(2), 0, 320)]
    assert listener.push(1, 0.061) == []
    assert listener.buffer.counts.late == 1
    assert listener.push(3, 0.062) == [AudioPayload(body(3), 0, 480)]


def test_a_missing_packet_in_time_closes_the_hole() -> None:
    listener = Listener()
    listener.push(0, 0.00)
    assert listener.push(3, 0.045) == []
    assert listener.push(2, 0.046) == []
    assert indices(listener.push(1, 0.047)) == [1, 2, 3]
    assert (listener.buffer.counts.reordered, listener.buffer.counts.gaps, listener.buffer.counts.late) == (2, 0, 0)


@pytest.mark.parametrize(("jitter_ticks", "wait_s"), [(0.0, 0.020), (40.0, 0.035), (160.0, 0.080), (4_000.0, 0.120)])
def test_the_wait_follows_the_jitter(jitter_ticks: float, wait_s: float) -> None:
    listener = Listener()
    listener.push(0, 0.0)
    listener.jitter.ticks = jitter_ticks
    assert listener.buffer.gap_wait_s == pytest.approx(wait_s)


def test_two_holes_are_each_waited_for() -> None:
    listener = Listener()
    listener.push(0, 0.00)
    listener.push(2, 0.040)
    listener.push(4, 0.055)
    assert indices(listener.wait(0.066)) == [2]
    listener.wait(0.09)
    assert indices(listener.all) == [0, 2, 4]
    assert check_continuous(listener.all) == 5 * 160
    assert listener.buffer.counts.gaps == 2


def test_duplicates_come_out_once() -> None:
    listener = Listener()
    for n, now in ((0, 0.0), (0, 0.001), (2, 0.04), (2, 0.041), (1, 0.042), (2, 0.043), (1, 0.044)):
        listener.push(n, now)
    assert indices(listener.all) == [0, 1, 2]
    assert (listener.buffer.counts.duplicate, listener.buffer.counts.late) == (4, 0)


def test_packets_that_wait_are_bounded() -> None:
    limits = RtpLimits(waiting_packets=4, gap_wait_min_ms=100)
    listener = Listener(limits=limits)
    listener.push(0, 0.0)
    for n in (2, 4, 6, 8):
        assert listener.push(n, 0.021) == []
    assert indices(listener.push(10, 0.021)) == [2]
    assert listener.buffer.waiting == 4


def test_silence_is_made_up_in_real_time() -> None:
    listener = Listener()
    listener.push(0, 0.0)
    assert listener.wait(0.0799) == []
    assert listener.wait(0.0801) == [AudioGap(160, 160)]
    assert listener.wait(1.0801) == [AudioGap(160, 160 * n) for n in range(2, 52)]
    assert listener.buffer.counts.gaps == 1


def test_a_late_timer_makes_up_all_of_it_at_once() -> None:
    listener = Listener()
    listener.push(0, 0.0)
    listener.buffer.handle_timer(1.0801)
    assert listener.take() == [AudioGap(160 * 51, 160)]
    assert listener.buffer.get_timer() == pytest.approx(1.1)


LEAD_TICKS = RtpLimits().lead_ms * 8


def test_a_late_timer_does_not_make_up_the_time_of_holes_that_it_gives_up_once_more() -> None:
    listener = Listener()
    listener.push(0, 0.0)
    # Far ahead of their time; they wait for what is missing before them.
    for n in (40, 85):
        listener.push(n, 0.02)
    listener.buffer.handle_timer(7.0)
    listener.take()
    assert 7.0 * 8_000 - LEAD_TICKS < check_continuous(listener.all) <= 7.0 * 8_080 + LEAD_TICKS
    due = listener.buffer.get_timer()
    assert due is not None
    assert due > 7.0


def test_nothing_is_ahead_of_time_by_more_than_the_lead_from_the_first_packet_on() -> None:
    listener = Listener(ticks=1_440)
    for n in range(10):
        listener.push(n, 0.0, serve=False)
    assert check_continuous(listener.all) <= LEAD_TICKS
    assert listener.buffer.counts.rate_limited > 0


def test_audio_goes_on_after_a_late_timer() -> None:
    listener = Listener()
    listener.push(0, 0.0)
    listener.buffer.handle_timer(9.0)
    for n in range(1, 100):
        listener.push(n, 9.0 + n * PACKET_S, jump=72_000)
    assert indices(listener.all) == list(range(100))
    assert check_continuous(listener.all) == 72_000 + 100 * 160


def test_a_suspended_machine_makes_up_no_more_than_the_limit() -> None:
    listener = Listener()
    listener.push(0, 0.0)
    listener.buffer.handle_timer(3_600.0)
    assert gap_ticks(listener.take()) == 80_000
    due = listener.buffer.get_timer()
    assert due is not None
    assert 3_600.0 < due <= 3_600.021


def test_nothing_is_made_up_before_the_first_packet() -> None:
    assert Listener().buffer.get_timer() is None


@pytest.mark.parametrize("timestamp", STARTS32)
@pytest.mark.parametrize("pause_s", [0.06, 0.1, 0.5, 3.0])
def test_after_dtx_audio_time_is_the_senders(timestamp: int, pause_s: float) -> None:
    listener = Listener(timestamp=timestamp)
    for n in range(5):
        listener.push(n, n * PACKET_S)
    jump = round(pause_s * 8000)
    for n in range(5, 10):
        listener.push(n, n * PACKET_S + pause_s, jump=jump)
    assert indices(listener.all) == list(range(10))
    assert check_continuous(listener.all) == 10 * 160 + jump
    assert gap_ticks(listener.all) == jump


def test_dtx_that_ends_later_than_its_timestamps_say_continues_where_time_is() -> None:
    listener = Listener()
    listener.push(0, 0.0)
    # 400 ms of silence by the timestamps, 1 s by the clock.
    fresh = listener.push(1, 1.0, jump=3_200)
    position = check_continuous(listener.all)
    assert fresh == [AudioPayload(body(1), 0, position - 160)]
    assert position == 160 + 46 * 160 + 160


def test_loss_of_a_second_keeps_the_senders_time() -> None:
    listener = Listener()
    for n in (*range(5), *range(55, 60)):
        listener.push(n, n * PACKET_S)
    assert indices(listener.all) == [*range(5), *range(55, 60)]
    assert check_continuous(listener.all) == 60 * 160


def test_delayed_packets_are_late_when_their_time_was_made_up() -> None:
    listener = Listener()
    for n in range(5):
        listener.push(n, n * PACKET_S)
    # The network holds 5 to 14 back until 300 ms; made up by then is the time from 160 ms on.
    for n in range(5, 15):
        listener.push(n, 0.301 + n / 10_000)
    for n in range(15, 20):
        listener.push(n, 0.302 + (n - 14) * PACKET_S)
    out = indices(listener.all)
    assert out == [*range(5), *range(13, 20)]
    assert listener.buffer.counts.late == 8
    assert gap_ticks(listener.all) == 8 * 160
    assert check_continuous(listener.all) == 20 * 160


@pytest.mark.parametrize("shift_s", [0.1, 0.25, 1.0, 30.0])
def test_a_longer_path_or_a_stopped_clock_costs_no_more_than_two_packets(shift_s: float) -> None:
    listener = Listener()
    for n in range(100):
        listener.push(n, n * PACKET_S + (shift_s if n >= 10 else 0.0))
    out = indices(listener.all)
    assert out[:10] == list(range(10))
    assert out[-88:] == list(range(12, 100))
    position = check_continuous(listener.all)
    real_time = (99 * PACKET_S + shift_s) * 8000 + 160
    assert real_time - 0.12 * 8000 <= position <= real_time


def test_jitter_within_the_wait_loses_nothing() -> None:
    generator = random.Random(7)
    listener = Listener()
    for n in range(500):
        listener.push(n, n * PACKET_S + generator.uniform(0, 0.019))
    assert indices(listener.all) == list(range(500))
    assert listener.buffer.counts.gaps == 0


@pytest.mark.parametrize("jump", [1 << 31, 8_000 * 3_600, -8_000 * 3_600, -800, 8_000, (1 << 31) - 1])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_absurd_timestamps_fill_only_what_is_missing(jump: int, lost: int) -> None:
    listener = Listener()
    for n in range(5):
        listener.push(n, n * PACKET_S)
    for n in range(5 + lost, 10 + lost):
        listener.push(n, n * PACKET_S, jump=jump)
    listener.wait(0.23 + lost * PACKET_S)
    assert indices(listener.all) == [*range(5), *range(5 + lost, 10 + lost)]
    assert gap_ticks(listener.all) == lost * 160
    assert check_continuous(listener.all) == (10 + lost) * 160


def test_a_sender_whose_timestamps_leap_all_the_time_does_not_run_ahead() -> None:
    listener = Listener()
    for n in range(500):
        listener.push(n, n * PACKET_S, jump=n * 900)
    assert check_continuous(listener.all) <= (500 * PACKET_S * 1.01 + 1.0) * 8000


def test_a_sender_that_is_too_fast_is_cut_at_the_lead() -> None:
    listener = Listener()
    for n in range(1_000):
        listener.push(n, n * PACKET_S / 4)
    position = check_continuous(listener.all)
    assert position <= (1_000 * PACKET_S / 4 * 1.01 + 1.0) * 8000
    assert listener.buffer.counts.rate_limited > 0


@pytest.mark.parametrize("skew", [0.999, 1.001])
def test_clocks_that_differ_a_little_lose_nothing(skew: float) -> None:
    listener = Listener()
    for n in range(20_000):
        listener.push(n, n * PACKET_S * skew)
    assert indices(listener.all) == list(range(20_000))
    assert gap_ticks(listener.all) == 0


def test_places_without_audio_are_not_loss() -> None:
    listener = Listener()
    listener.push(0, 0.0)
    for n in range(1, 6):
        listener.buffer.push(65_536 + n, 160, 13, None, n * PACKET_S)
    listener.wait(0.12)
    assert listener.push(6, 0.12) == [AudioGap(480, 480), AudioPayload(body(6), 0, 960)]
    assert check_continuous(listener.all) == 7 * 160


def test_a_restart_lets_out_what_waits_and_keeps_time() -> None:
    listener = Listener()
    listener.push(0, 0.0)
    listener.push(2, 0.03)
    listener.buffer.restart(70_000, 5, 0.031)
    listener.buffer.push(70_000, 5, 0, body(9), 0.031)
    listener.take()
    assert indices(listener.all) == [0, 2, 9]
    assert check_continuous(listener.all) == 4 * 160


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ticks", [80, 160, 480])
def test_whatever_came_in_time_comes_out_once_and_in_order(seed: int, ticks: int) -> None:
    generator = random.Random(seed)
    packet_s = ticks / 8000
    arrivals = []
    for n in range(400):
        if n and generator.random() < 0.1:
            continue
        # Delays up to 19 ms reorder 10 ms packets and stay under the shortest wait.
        sent = n * packet_s
        arrivals.append((sent + (generator.uniform(0, 0.019) if n else 0), n))
        if generator.random() < 0.05:
            arrivals.append((sent + generator.uniform(0.019, 0.1), n))
    listener = Listener(timestamp=STARTS32[seed % 16], ticks=ticks)
    for now, n in sorted(arrivals):
        listener.push(n, now)
    listener.wait(400 * packet_s + 0.15)
    came = sorted({n for _, n in arrivals})
    assert indices(listener.all) == came
    assert listener.buffer.counts.late == 0
    assert check_continuous(listener.all) >= came[-1] * ticks


@pytest.mark.parametrize("seed", range(20))
def test_no_pattern_breaks_audio_time_or_repeats_a_packet(seed: int) -> None:
    generator = random.Random(1_000 + seed)
    now = 0.0
    listener = Listener(timestamp=STARTS32[seed % 16])
    arrivals = []
    for n in range(1_000):
        now += PACKET_S + generator.choice((0.0,) * 50 + (0.03, 0.07, 0.4, 2.0))
        arrivals.append((now + generator.expovariate(30), n))
    for arrival, n in sorted(arrivals):
        listener.push(n, arrival, jump=generator.choice((0,) * 30 + (160, 8_000, 1 << 31)))
    out = indices(listener.all)
    assert out == sorted(set(out))
    position = check_continuous(listener.all)
    end = max(arrivals)[0]
    assert -2.0 * 8000 <= position - end * 8000 <= 1.2 * 8000
