"""A session whose packets tell time as Opus does: an RTP clock of 48000, and durations by the TOC (RFC 7587 §4)."""

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.telephony.codec.base import PacketClock
from offhook.telephony.codec.convert import PacketEncoder
from offhook.telephony.rtp import AudioGap, AudioPayload, RtpEvent, RtpSession
from offhook.telephony.wire import rtcp, rtp, telephone_event
from offhook.telephony.wire.opus import packet_ticks
from offhook.telephony.wire.rtcp import ReceiverReport, SenderReport
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.telephone_event import TelephoneEvent
from tests.telephony.rtp.support import (
    FAR_SSRC,
    REMOTE,
    REMOTE_RTCP,
    START,
    STARTS16,
    STARTS32,
    audio,
    config,
    digits,
    events,
    gap_ticks,
    run_timers,
    sent,
    session,
)

OPUS = 111
KEYS = 110
TOC = {10: 0x00, 20: 0x08, 40: 0x10, 60: 0x18}
"""SILK at 8 kHz by the length in ms."""

CLOCK = PacketClock(6, packet_ticks)


def coded(ms: int, index: int = 0) -> bytes:
    """A packet that its index names."""
    return bytes([TOC[ms]]) + index.to_bytes(4, "big")


AGREED: dict[str, Any] = {
    "payload_type": OPUS,
    "receive_payload_types": frozenset((OPUS, 0)),
    "dtmf_payload_type": KEYS,
    "receive_dtmf_payload_type": KEYS,
    "dtmf_clock_hz": 48_000,
    "clocks": {OPUS: CLOCK},
    "encoder": PacketEncoder(lambda pcm: coded(len(pcm) // 32), 4, bytes(4)),
}


def opus_session(**changes: Any) -> RtpSession:
    return session(**(AGREED | changes))


def packet(index: int, ms: int = 20, *, payload: bytes | None = None, kind: int = OPUS, start: int = 0) -> bytes:
    timestamp = (STARTS32[start] + 48 * ms * index) & 0xFFFFFFFF
    sequence = (STARTS16[start] + index) & 0xFFFF
    return rtp.build(
        RtpPacket(kind, False, sequence, timestamp, FAR_SSRC, coded(ms, index) if payload is None else payload)
    )


def hear(ear: RtpSession, arrivals: list[tuple[float, bytes]]) -> list[RtpEvent]:
    received = []
    for at_s, data in arrivals:
        run_timers(ear, START + at_s)
        ear.receive_rtp(data, REMOTE, START + at_s)
        received += events(ear)
    return received


def end_of(received: list[RtpEvent]) -> int:
    """Where audio time ends, if it has neither holes nor overlaps."""
    position = 0
    for event in received:
        if isinstance(event, AudioPayload | AudioGap):
            assert event.at_tick == position
            position += packet_ticks(event.payload) if isinstance(event, AudioPayload) else event.ticks
    return position


@pytest.mark.parametrize("start", range(16))
@pytest.mark.parametrize("ms", [10, 20, 40, 60])
def test_two_sessions_talk(start: int, ms: int) -> None:
    """Both numberings wrap on the way, and the clock's turn is no whole number of ticks."""
    mouth = opus_session(ptime_ms=ms, sequence=STARTS16[start], timestamp=(STARTS32[start] // 6) & 0xFFFFFFFF)
    ear = opus_session()
    mouth.play(bytes(32 * ms * 40), START)
    mouth.send_dtmf("42#", START)
    received: list[RtpEvent] = []
    now = START
    timestamps = []
    while mouth.active:
        mouth.tick(now)
        for data, _ in mouth.rtp_to_send():
            timestamps.append(rtp.parse(data).timestamp)
            ear.receive_rtp(data, REMOTE, now)
        run_timers(ear, now)
        received += events(ear)
        now += ms / 1_000
    assert sum(isinstance(event, AudioPayload) for event in received) == 40
    assert digits(received) == "42#"
    assert [(b - a) & 0xFFFFFFFF for a, b in pairwise(timestamps[:40])] == [48 * ms] * 39
    end_of(received)
    assert ear.stats().malformed == ear.stats().lost == 0
    assert ear.stats().jitter_ms < 0.001


def test_packets_of_changing_length() -> None:
    ear = opus_session()
    at_ms, arrivals = 0, []
    for index, ms in enumerate((20, 60, 10, 40, 20, 20)):
        data = RtpPacket(OPUS, False, index, 48 * at_ms + 2**32 - 5_000 & 0xFFFFFFFF, FAR_SSRC, coded(ms))
        arrivals.append((at_ms / 1_000, rtp.build(data)))
        at_ms += ms
    received = hear(ear, arrivals)
    assert not gap_ticks(received)
    assert end_of(received) == 8 * at_ms


def test_a_lost_packet_is_a_gap_that_the_next_one_may_fill() -> None:
    ear = opus_session()
    arrivals = [(0.02 * index, packet(index)) for index in range(10) if index != 4]
    received = hear(ear, arrivals)
    run_timers(ear, START + 0.3)
    received += events(ear)
    gap = received[4]
    assert gap == AudioGap(160, 4 * 160)
    assert isinstance(gap, AudioGap)
    assert gap.following == (OPUS, coded(20, 5))
    end_of(received)


def test_a_pause_is_no_loss_and_has_nothing_to_fill_it_from() -> None:
    """DTX: nothing is sent, sequence numbers go on, timestamps jump (RFC 7587 §3.1.3)."""
    ear = opus_session()
    received = hear(ear, [(0.0, packet(0)), (0.02, packet(1, payload=b"\x08"))])
    late = rtp.build(RtpPacket(OPUS, True, 2, 48 * 420 + STARTS32[0], FAR_SSRC, coded(20)))
    received += hear(ear, [(0.42, late)])
    assert ear.stats().lost == 0
    assert end_of(received) == 8 * 440
    assert all(event.following is None for event in received if isinstance(event, AudioGap))


@pytest.mark.parametrize("payload", [b"", b"\x0b\x00abc", b"\x1b\x03abc", b"\x09abc"])
def test_what_is_no_opus_is_counted_and_made_up(payload: bytes) -> None:
    ear = opus_session()
    received = hear(ear, [(0.02 * i, packet(i, payload=payload if i == 3 else None)) for i in range(8)])
    assert ear.stats().malformed == 1
    assert ear.stats().lost == 0
    assert gap_ticks(received) == 160
    assert end_of(received) == 8 * 160


def test_the_codec_changes_in_the_stream_and_audio_time_goes_on() -> None:
    """No new SSRC, as from those who have not read RFC 7160: the timestamps of the two say nothing to each other."""
    ear = opus_session()
    arrivals = [(0.02 * index, packet(index)) for index in range(5)]
    arrivals += [(0.02 * index, audio(index, timestamp=77)) for index in range(5, 10)]
    arrivals += [(0.02 * index, packet(index)) for index in range(10, 15)]
    received = hear(ear, arrivals)
    assert [event.payload_type for event in received if isinstance(event, AudioPayload)] == [OPUS] * 5 + [0] * 5 + [
        OPUS
    ] * 5
    assert not gap_ticks(received)
    assert ear.stats().malformed == 0
    positions = [event.at_tick for event in received if isinstance(event, AudioPayload)]
    assert positions == [160 * index for index in range(15)]


def test_an_old_packet_of_the_clock_before_is_not_heard() -> None:
    ear = opus_session()
    received = hear(ear, [(0.0, packet(0)), (0.02, packet(1)), (0.06, audio(3)), (0.061, packet(2)), (0.08, audio(4))])
    assert [event.payload_type for event in received if isinstance(event, AudioPayload)] == [OPUS, OPUS, 0, 0]


def test_keys_count_in_the_clock_of_the_audio() -> None:
    mouth = opus_session()
    mouth.send_dtmf("5", START)
    packets = []
    for slot in range(12):
        mouth.tick(START + 0.02 * slot)
        packets += sent(mouth)
    assert {each.payload_type for each in packets} == {KEYS}
    assert [telephone_event.parse(each.payload).duration for each in packets] == [
        *(960, 1_920, 2_880, 3_840, 4_800, 4_800, 4_800)
    ]
    narrow = opus_session(dtmf_clock_hz=8_000)
    narrow.send_dtmf("5", START)
    narrow.tick(START)
    assert [telephone_event.parse(each.payload).duration for each in sent(narrow)] == [160]


def test_a_long_key_in_segments_of_the_fast_clock_is_one() -> None:
    ear = opus_session()
    received = hear(ear, [(0.0, packet(0))])
    for segment in range(3):
        for step, duration in enumerate((30_000, 65_000)):
            event = TelephoneEvent(5, segment == 2 and step == 1, 10, duration)
            data = RtpPacket(
                *(KEYS, segment == 0 and step == 0, 1 + 2 * segment + step, 9_000 + 65_000 * segment, FAR_SSRC),
                telephone_event.build(event),
            )
            received += hear(ear, [(0.02 + 0.05 * (2 * segment + step), rtp.build(data))])
    assert digits(received) == "5"
    (press,) = (event for event in received if hasattr(event, "duration_ms"))
    assert press.duration_ms == 3 * 65_000 // 48


def test_reports_are_in_units_of_the_clock() -> None:
    one = opus_session(timestamp=0)
    jitters = random.Random(1)
    received = hear(one, [(0.02 * i + 0.004 * jitters.random(), packet(i)) for i in range(200)])
    assert end_of(received) == 200 * 160
    one.rtcp_to_send()
    one.play(bytes(32 * 20 * 4), START)
    for slot in range(4):
        one.tick(START + 6 + 0.02 * slot)
    stamps = [each.timestamp for each in sent(one)]
    one.handle_timer(START + 8)
    ((data, address),) = one.rtcp_to_send()
    report = rtcp.parse_compound(data)[0]
    assert address == REMOTE_RTCP
    assert isinstance(report, SenderReport)
    assert (report.info.timestamp - stamps[0]) & 0xFFFFFFFF == pytest.approx(2 * 48_000, abs=12)
    assert report.reports[0].jitter / 48 == pytest.approx(one.stats().jitter_ms, abs=0.05)
    assert one.stats().jitter_ms > 0.5
    block = replace(report.reports[0], ssrc=report.ssrc, jitter=480)
    one.receive_rtcp(rtcp.build_compound(ReceiverReport(FAR_SSRC, (block,)), description()), REMOTE_RTCP, START + 8)
    assert one.stats().remote_jitter_ms == 10


def description() -> rtcp.SourceDescription:
    return rtcp.SourceDescription.of_cname(FAR_SSRC, "far@test")


def test_another_clock_is_another_ssrc() -> None:
    one = opus_session()
    one.play(bytes(32 * 60), START)
    one.tick(START)
    one.reconfigure(config(), START + 0.02)
    one.clear(START + 0.02)
    assert [rtcp.parse_compound(data)[-1].__class__.__name__ for data, _ in one.rtcp_to_send()] == ["Bye"]
    one.play(bytes(160), START + 0.02)
    one.tick(START + 0.02)
    first, second = sent(one)
    assert (first.payload_type, second.payload_type) == (OPUS, 0)
    assert first.ssrc != second.ssrc
    one.reconfigure(config(payload_type=8), START + 0.04)
    one.play(bytes(160), START + 0.04)
    one.tick(START + 0.04)
    assert sent(one)[0].ssrc == second.ssrc


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from((OPUS, 0, KEYS, 13, 99)),
            st.integers(0, 40),
            st.integers(0, 2**32 - 1),
            st.binary(max_size=40),
        ),
        max_size=40,
    )
)
def test_whatever_comes_audio_time_has_neither_holes_nor_overlaps(packets: list[tuple[int, int, int, bytes]]) -> None:
    ear = opus_session(receive_comfort_noise_payload_type=13)
    position = 0
    for number, (kind, sequence, timestamp, payload) in enumerate(packets):
        now = START + 0.01 * number
        ear.receive_rtp(rtp.build(RtpPacket(kind, False, sequence, timestamp, FAR_SSRC, payload)), REMOTE, now)
        run_timers(ear, now)
        for event in events(ear):
            if isinstance(event, AudioPayload):
                assert event.at_tick == position
                position += packet_ticks(event.payload) if event.payload_type == OPUS else len(event.payload)
            elif isinstance(event, AudioGap):
                assert event.at_tick == position
                position += event.ticks
