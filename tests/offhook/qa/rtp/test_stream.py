"""A stream as a whole: codecs, jitter, quality; and what the far ends report of it."""

import random

import pytest

from offhook.qa.rtp.encodings import Encoding
from offhook.qa.rtp.reports import Reports
from offhook.qa.rtp.stream import RtpStream, StreamSummary
from offhook.telephony.codec import PCMU
from offhook.telephony.wire import telephone_event
from offhook.telephony.wire.rtcp import ReceiverReport, ReportBlock, SenderInfo, SenderReport
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.telephone_event import TelephoneEvent
from tests.signals import sine

PAYLOAD = PCMU.encode(sine(440, 20))


def stream(
    count: int = 500, *, kind: int = 0, jitter_ms: float = 0.0, lost: float = 0.0, ticks: int = 160, **known: Encoding
) -> StreamSummary:
    chance = random.Random(7)
    found = RtpStream(1, {96: known["dynamic"]} if known else None)
    for number in range(count):
        if number and chance.random() < lost:
            continue
        at_s = 1e9 + number * 0.02 + chance.random() * jitter_ms / 1_000
        found.receive(
            RtpPacket(kind, number == 0, number & 0xFFFF, 0xFFFFF000 + ticks * number & 0xFFFFFFFF, 1, PAYLOAD), at_s
        )
    found.finish()
    return found.summary()


def test_a_perfect_stream() -> None:
    summary = stream()
    assert summary.codecs == {"PCMU": 500} and summary.packet_ms == 20
    assert summary.jitter_max_ms == pytest.approx(0.0, abs=0.01)
    assert summary.audio is not None and summary.audio.duration_s == pytest.approx(10.0, abs=0.05)
    assert summary.loss.lost == summary.late == summary.gap_count == 0
    # R is 93.2 less the delay of a buffer and a packet, which is below 100 ms and costs nothing (G.107 7-27).
    assert summary.r_factor == pytest.approx(93.2) and summary.mos == pytest.approx(4.41, abs=0.01)


def test_jitter_is_that_of_the_rfc() -> None:
    """J += (|D| - J) / 16: for delays that are uniform over 8 ms its mean is a third of that (RFC 3550 §6.4.1)."""
    summary = stream(3_000, jitter_ms=8.0)
    assert summary.jitter_mean_ms == pytest.approx(8 / 3, rel=0.1)
    assert summary.jitter_max_ms is not None and summary.jitter_max_ms < 8


def paced(spurts: list[tuple[float, int]], late_ms: float = 0.0) -> StreamSummary:
    """Talk spurts of ten packets, each from a time and a timestamp on; the sixth of each is late."""
    found = RtpStream(1)
    for spurt, (began_s, began_tick) in enumerate(spurts):
        for number in range(10):
            at_s = began_s + 0.02 * number + (late_ms / 1_000 if number == 5 else 0.0)
            packet = RtpPacket(0, number == 0, 10 * spurt + number, began_tick + 160 * number, 1, PAYLOAD)
            found.receive(packet, at_s)
    found.finish()
    return found.summary()


def test_the_pace_is_that_within_talk_spurts() -> None:
    """A sender's pauses are no deviation, and its clock may stand still in them."""
    spurts = [(5.0, 0), (8.0, 1_600), (9.0, 9_600)]
    assert paced(spurts).longest_interval_ms == pytest.approx(2_820)
    assert paced(spurts).pace_max_ms == pytest.approx(0.0, abs=1e-6)
    assert paced(spurts, late_ms=14.0).pace_max_ms == pytest.approx(14.0)


def test_the_clock_of_the_codec_counts() -> None:
    wide = stream(kind=96, ticks=960, dynamic=Encoding("OPUS", 48_000))
    assert wide.codecs == {"OPUS": 500} and wide.packet_ms == 20
    assert wide.jitter_max_ms == pytest.approx(0.0, abs=0.01) and wide.audio is None and wide.mos is None


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_pause_between_talk_spurts_is_no_gap_though_the_marker_is_lost(lost: int) -> None:
    found = RtpStream(1)
    for number in (*range(100), *range(100 + lost, 200)):
        pause = 31 * (number >= 100)
        packet = RtpPacket(0, number in (0, 100), number, 160 * (number + pause), 1, PAYLOAD)
        found.receive(packet, 1.0 + 0.02 * (number + pause))
    assert (found.summary().gap_count, found.summary().loss.lost) == (0, lost)


def test_a_codec_that_nothing_describes() -> None:
    summary = stream(kind=97)
    assert summary.codecs == {"PT 97": 500} and summary.jitter_ms is None and summary.drift is None


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_quality_falls_with_loss(share: float) -> None:
    summary = stream(2_000, lost=share)
    percent = 100 * summary.loss_share
    # G.107 (7-29) with the Bpl of G.711 with concealment; random losses have a burst ratio near 1.
    assert summary.r_factor == pytest.approx(93.2 - 95 * percent / (percent + 25.1), abs=1.5)


def test_keys_without_a_description() -> None:
    found = RtpStream(1)
    for number in range(20):
        found.receive(RtpPacket(0, False, number, 160 * number, 1, PAYLOAD), number * 0.02)
    for step in range(4):
        event = telephone_event.build(TelephoneEvent(5, step == 3, 10, 160 * (step + 1)))
        found.receive(RtpPacket(101, step == 0, 20 + step, 3_200, 1, event), 0.4 + step * 0.02)
    found.finish()
    summary = found.summary()
    assert summary.digits == "5" and not summary.unended
    assert summary.codecs == {"PCMU": 20, "TELEPHONE-EVENT": 4}


def test_what_the_far_end_reports() -> None:
    reports = Reports()
    ntp = 0x0123_4567_89AB_CDEF
    reports.take([SenderReport(1, SenderInfo(ntp, 0, 100, 16_000))], 50.0)
    block = ReportBlock(1, 26, 12, 600, 80, ntp >> 16 & 0xFFFFFFFF, 65_536)
    reports.take([ReceiverReport(2, (block,))], 51.08)
    reported = reports.by_ssrc[1]
    assert (reported.reports, reported.lost) == (1, 12)
    assert reported.worst_loss_share == pytest.approx(0.1, abs=0.01)
    assert reported.round_trip_ms == pytest.approx(80.0, abs=0.1)
    assert reports.one_way_delay_ms(1) == pytest.approx(40.0, abs=0.1) and reports.one_way_delay_ms(9) == 0
