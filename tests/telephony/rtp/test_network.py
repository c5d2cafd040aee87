"""Inbound RTP under bad networks, in virtual time: what is held back, what is lost, and where audio time goes.

The figures: pytest --log-cli-level=info.
"""

import logging
import random

import pytest

from offhook.telephony.rtp import AudioGap, AudioPayload, RtpEvent
from offhook.telephony.wire import rtp
from offhook.telephony.wire.rtp import RtpPacket
from tests.telephony.rtp.network import Outcome, Stream, deliver
from tests.telephony.rtp.support import (
    FAR_SSRC,
    REMOTE,
    START,
    STARTS16,
    STARTS32,
    check_continuous,
    events,
    indices,
    run_timers,
    session,
)

LOG = logging.getLogger(__name__)


def drift_ms(outcome: Outcome) -> float:
    """By how much audio time ran ahead of the clock (+), between a tenth and the end of the call."""
    points = []
    for event, at in zip(outcome.received, outcome.received_at, strict=True):
        assert isinstance(event, AudioPayload | AudioGap)
        points.append((event.at_tick / 8 - (at - START) * 1_000, at))
    early = [lead for lead, at in points if at < points[-1][1] - 0.9 * (points[-1][1] - START)]
    late = [lead for lead, at in points if at > START + 0.9 * (points[-1][1] - START)]
    return sum(late) / len(late) - sum(early) / len(early)


@pytest.mark.parametrize("ticks", [40, 80, 160, 240, 320, 400, 480, 640])
def test_a_clean_line_adds_no_delay(ticks: int) -> None:
    rng = random.Random(1)
    subject = session()
    outcome = deliver(subject, Stream(60, ticks), lambda _, __: 0.04 + rng.random() * 0.001)
    LOG.info("clean, %d ms packets: p95 %.3f ms", ticks // 8, outcome.p95_ms())
    assert outcome.p95_ms() <= 1
    assert indices(outcome.received) == list(range(60 * 8_000 // ticks))
    stats = subject.stats()
    assert (stats.lost, stats.late, stats.concealed_ticks) == (0, 0, 0)


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sixty_milliseconds_of_jitter_add_less_than_120(seed: int, loss: float) -> None:
    rng = random.Random(seed)
    subject = session()
    outcome = deliver(subject, Stream(120), lambda _, __: None if rng.random() < loss else 0.03 + rng.random() * 0.06)
    stats = subject.stats()
    LOG.info(
        "jitter 0-60 ms, loss %.2f: p95 %.1f ms, worst %.1f ms; late %d of %d",
        loss, outcome.p95_ms(), outcome.worst_ms(), stats.late, stats.packets_received,
    )  # fmt: skip
    assert outcome.p95_ms() <= 120
    assert stats.late <= 0.01 * stats.packets_received
    assert indices(outcome.received) == sorted(indices(outcome.received))
    check_continuous(outcome.received)


def test_after_the_jitter_the_wait_shrinks_again() -> None:
    rng = random.Random(4)
    subject = session()

    def delay(_: int, at: float) -> float | None:
        if at < START + 30:
            return 0.03 + rng.random() * 0.06
        return None if rng.random() < 0.02 else 0.03

    outcome = deliver(subject, Stream(120), delay)
    late_in_the_call = outcome.delays_s[len(outcome.delays_s) // 2 :]
    assert max(outcome.delays_s[:1_000]) > 0.03
    # A hole costs the least wait and the packet's own distance again, no more.
    assert max(late_in_the_call) <= 0.025


def test_spikes_of_200_ms_lose_little_and_leave_nothing_behind() -> None:
    """Every five seconds the network stops for 200 ms, and then delivers all it held at once."""
    subject = session()

    def delay(_: int, at: float) -> float:
        into = (at - START) % 5.0
        return 0.03 + (4.2 - into if 4.0 <= into < 4.2 else 0.0)

    outcome = deliver(subject, Stream(120), delay)
    stats = subject.stats()
    LOG.info("spikes of 200 ms: late %d of %d, concealed %d ms", stats.late, stats.packets_received,
             stats.concealed_ticks // 8)  # fmt: skip
    # The first costs what was made up while it lasted; from it the wait is learned.
    assert stats.late <= 10
    assert check_continuous(outcome.received) == pytest.approx(120 * 8_000, abs=200)
    assert outcome.p95_ms() <= 1
    assert abs(drift_ms(outcome)) < 5


def test_the_wait_after_spikes_is_forgotten_after_a_minute() -> None:
    subject = session()

    def delay(n: int, at: float) -> float:
        return 0.03 + (START + 2.2 - at if START + 2.0 <= at < START + 2.2 else 0.0)

    outcome = deliver(subject, Stream(70), delay)
    assert 0 < subject.stats().late <= 10
    now = outcome.received_at[-1]
    due = subject.get_timer()
    while due is not None and not (made := events(subject)):
        subject.handle_timer(due)
        now, due = due, subject.get_timer()
    assert isinstance(made[0], AudioGap)
    assert now - outcome.received_at[-1] == pytest.approx(0.08, abs=0.005)


def test_a_spike_longer_than_a_pause_changes_nothing() -> None:
    subject = session()
    deliver(subject, Stream(10), lambda _, at: 0.03 + max(0.0, START + 4.6 - at) * (at >= START + 4.0))
    late = subject.stats().late
    assert late > 20
    deliver(
        subject,
        Stream(10, numbering=(500, 80_000)),
        lambda _, at: 10.03 + max(0.0, START + 4.6 - at) * (at >= START + 4.0),
    )
    assert subject.stats().late == pytest.approx(2 * late, abs=2)


@pytest.mark.parametrize("ppm", [-200.0, 200.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_clocks_that_differ_for_half_an_hour(ppm: float, seed: int) -> None:
    """200 ppm are 360 ms in 30 minutes: audio time is the sender's, and nothing piles up or is dropped."""
    rng = random.Random(seed)
    subject = session()
    seconds = 1_800.0
    outcome = deliver(subject, Stream(seconds, ppm=ppm), lambda _, __: 0.03 + rng.random() * 0.01)
    stats = subject.stats()
    LOG.info("drift %+.0f ppm: %.0f ms in 30 min, p95 %.3f ms", ppm, drift_ms(outcome), outcome.p95_ms())
    assert outcome.position == seconds * 8_000
    assert (stats.lost, stats.late, stats.rate_limited, stats.concealed_ticks) == (0, 0, 0, 0)
    assert outcome.worst_ms() <= 1
    assert drift_ms(outcome) == pytest.approx(ppm * 1e-6 * 0.9 * seconds * 1_000, abs=20)


@pytest.mark.parametrize("ppm", [-200.0, 200.0])
def test_drift_and_loss_together_do_not_let_audio_time_go_astray(ppm: float) -> None:
    rng = random.Random(9)
    subject = session()
    outcome = deliver(
        subject,
        Stream(1_800, ppm=ppm),
        lambda _, __: None if rng.random() < 0.03 else 0.03 + rng.random() * 0.03,
    )
    assert check_continuous(outcome.received) == pytest.approx(1_800 * 8_000, abs=320)
    assert subject.stats().fraction_lost == pytest.approx(0.03, abs=0.005)
    assert subject.stats().rate_limited == 0


@pytest.mark.parametrize("start", range(16))
def test_numbers_wrap_under_loss_and_jitter(start: int) -> None:
    rng = random.Random(start)
    subject = session()
    stream = Stream(20, numbering=(STARTS16[start], STARTS32[start]))
    outcome = deliver(subject, stream, lambda n, _: None if n and rng.random() < 0.05 else rng.random() * 0.04)
    received = indices(outcome.received)
    assert received == sorted(set(received))
    assert len(received) >= 0.9 * 1_000
    assert check_continuous(outcome.received) == pytest.approx(20 * 8_000, abs=640)


def test_packet_sizes_that_change_in_mid_stream() -> None:
    """20 ms, then 60, 10, 5, 80 and odd ones: each size is taken as it comes."""
    subject = session()
    sizes = [160] * 20 + [480] * 20 + [80] * 20 + [40] * 20 + [640] * 10 + [161, 7, 333, 1, 1_400] * 4
    received: list[RtpEvent] = []
    now, sequence, timestamp = START, 65_500, 0xFFFF_F000
    for size in sizes:
        packet = RtpPacket(0, False, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, FAR_SSRC, bytes(size))
        run_timers(subject, now)
        subject.receive_rtp(rtp.build(packet), REMOTE, now)
        received += events(subject)
        sequence, timestamp, now = sequence + 1, timestamp + size, now + size / 8_000
    assert [len(event.payload) for event in received if isinstance(event, AudioPayload)] == sizes
    assert check_continuous(received) == sum(sizes)
    stats = subject.stats()
    assert (stats.lost, stats.late, stats.gaps, stats.malformed) == (0, 0, 0, 0)


@pytest.mark.parametrize("before", [80, 160, 480])
@pytest.mark.parametrize("after", [80, 160, 480])
def test_a_hole_at_a_change_of_size_is_as_long_as_the_timestamps_say(before: int, after: int) -> None:
    subject = session()
    received: list[RtpEvent] = []
    now, timestamp = START, 0
    sizes = [before] * 10 + [after] * 10
    for sequence, size in enumerate(sizes):
        run_timers(subject, now)
        if sequence not in (9, 10):
            packet = RtpPacket(0, False, sequence, timestamp, FAR_SSRC, bytes(size))
            subject.receive_rtp(rtp.build(packet), REMOTE, now)
        received += events(subject)
        timestamp, now = timestamp + size, now + size / 8_000
    assert check_continuous(received) == sum(sizes)


def test_media_changes_its_ssrc_and_its_encoding_in_mid_call() -> None:
    subject = session()
    first = deliver(subject, Stream(5), lambda _, __: 0.02)
    second = deliver(subject, Stream(5, ssrc=7, payload_type=8, numbering=(40_000, 1 << 31)), lambda _, __: 5.0)
    received = first.received + second.received
    kinds = [event.payload_type for event in received if isinstance(event, AudioPayload)]
    assert kinds == [0] * 250 + [8] * 250
    check_continuous(received)
    stats = subject.stats()
    assert (stats.ssrc_changes, stats.lost, stats.unknown_pt) == (1, 0, 0)
