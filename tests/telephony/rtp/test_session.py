"""The session as its owner sees it."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.telephony.errors import LocalError
from offhook.telephony.rtp import AudioGap, PlayoutDrained, RtpConfig, RtpEvent, RtpLimits, RtpSession
from offhook.telephony.wire import rtcp, rtp
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.telephone_event import DIGITS
from tests.telephony.rtp.support import (
    FAR_SSRC,
    REMOTE,
    REMOTE_RTCP,
    SIGNALLING,
    SSRC,
    START,
    STARTS16,
    STARTS32,
    audio,
    check_continuous,
    config,
    digits,
    events,
    gap_ticks,
    indices,
    key,
    run_timers,
    sent,
    session,
)

PACKET_S = 0.02


@pytest.mark.parametrize("start", range(16))
@pytest.mark.parametrize("packet_ms", [10, 20, 30, 60])
def test_two_sessions_talk(start: int, packet_ms: int) -> None:
    """One speaks and presses keys, the other hears; both numberings wrap on the way."""
    mouth = session(sequence=STARTS16[start], timestamp=STARTS32[start], ptime_ms=packet_ms)
    ear = session()
    speech = bytes(n % 256 for n in range(packet_ms * 8 * 40))
    received: list[RtpEvent] = []
    mouth.play(speech, START)
    mouth.send_dtmf("42#", START)
    now = START
    while mouth.active:
        mouth.tick(now)
        for data, address in mouth.rtp_to_send():
            assert address == REMOTE
            ear.receive_rtp(data, REMOTE, now)
        run_timers(ear, now)
        received += events(ear)
        now += packet_ms / 1_000
    assert b"".join(e.payload for e in received if hasattr(e, "payload")) == speech
    assert digits(received) == "42#"
    check_continuous(received)
    assert ear.stats().lost == 0
    assert events(mouth) == [PlayoutDrained(len(speech))]


def test_tick_returns_what_left_and_reports_the_drain() -> None:
    subject = session()
    subject.play(b"a" * 200, START)
    assert (subject.active, subject.queued_ticks, subject.sent_ticks) == (True, 200, 0)
    assert subject.tick(START) == b"a" * 160
    assert events(subject) == []
    assert subject.tick(START + PACKET_S) == b"a" * 40
    assert events(subject) == [PlayoutDrained(200)]
    assert (subject.active, subject.queued_ticks, subject.sent_ticks) == (False, 0, 200)
    assert subject.tick(START + 2 * PACKET_S) is None
    assert [len(packet.payload) for packet in sent(subject)] == [160, 160]


def test_clear_stops_at_once() -> None:
    subject = session()
    subject.play(b"a" * 1_600, START)
    subject.tick(START)
    assert subject.clear(START + 0.01) == 1_440
    assert subject.tick(START + PACKET_S) is None
    assert len(sent(subject)) == 1
    assert events(subject) == []


def test_the_timer_is_the_next_of_all_that_is_due() -> None:
    subject = session()
    assert subject.get_timer() == START + 2.5
    subject.receive_rtp(audio(0), REMOTE, START)
    assert subject.get_timer() == pytest.approx(START + 0.08)
    subject.receive_rtp(audio(2), REMOTE, START + 0.04)
    due = subject.get_timer()
    assert due is not None
    assert START + 0.06 <= due < START + 0.065
    subject.handle_timer(due)
    subject.receive_rtp(key(3, 480, "1", 160), REMOTE, due)
    assert indices(events(subject)) == [0, 2]


def test_the_keep_alive_leaves_by_timer() -> None:
    subject = session()
    run_timers(subject, START + 16)
    packets = sent(subject)
    assert [packet.payload for packet in packets] == [b"\xff" * 160] * 3
    assert all(packet.marker for packet in packets)
    assert [b.timestamp - a.timestamp for a, b in pairwise(packets)] == [40_000] * 2


def test_a_thousand_digits_with_a_tenth_of_the_packets_lost() -> None:
    generator = random.Random(5)
    dialled = "".join(generator.choice(DIGITS) for _ in range(1_000))
    limits = RtpLimits(queued_digits=1_000)
    mouth, ear = session(sequence=65_000, limits=limits), session()
    received: list[RtpEvent] = []
    mouth.play(bytes(1_600), START)
    mouth.send_dtmf(dialled, START)
    now = START
    while mouth.active:
        mouth.tick(now)
        for data, _ in mouth.rtp_to_send():
            if generator.random() >= 0.1:
                ear.receive_rtp(data, REMOTE, now)
        now += PACKET_S
        run_timers(ear, now)
        received += events(ear)
    run_timers(ear, now + 1)
    received += events(ear)
    assert digits(received) == dialled
    position = check_continuous(received)
    assert abs(position - (now + 1 - START) * 8_000) <= 1_200


def test_keys_need_negotiation_and_names() -> None:
    with pytest.raises(LocalError):
        session(dtmf_payload_type=None).send_dtmf("1", START)
    with pytest.raises(ValueError, match="DTMF digit"):
        session().send_dtmf("1x", START)


def test_the_first_word_from_behind_a_nat_is_heard() -> None:
    subject = session(remote=("10.1.2.3", 4_000))
    for n in range(10):
        subject.receive_rtp(audio(n), (SIGNALLING, 9_000), START + n * PACKET_S)
    received = events(subject)
    assert indices(received) == list(range(10))
    assert check_continuous(received) == 1_600
    subject.play(bytes(160), START + 1)
    subject.tick(START + 1)
    assert [address for _, address in subject.rtp_to_send()] == [(SIGNALLING, 9_000)]


def test_strangers_and_their_keys_are_not_heard() -> None:
    subject = session()
    stranger = ("203.0.113.5", 4_000)
    subject.receive_rtp(audio(0), REMOTE, START)
    events(subject)
    for n in range(1, 10):
        subject.receive_rtp(audio(n), stranger, START)
        subject.receive_rtp(key(n, 0, "1", 800, end=True), stranger, START)
    assert events(subject) == []
    assert subject.stats().rejected_source == 18
    assert subject.stats().packets_received == 1


def test_counters() -> None:
    subject = session()
    for n in (0, 1, 3, 2, 3, 6):
        subject.receive_rtp(audio(n), REMOTE, START + 0.02 * n)
    subject.receive_rtp(b"\x80\x00", REMOTE, START + 0.12)
    subject.receive_rtp(audio(7, payload_type=96), REMOTE, START + 0.13)
    subject.receive_rtp(bytes(1_501), REMOTE, START + 0.13)
    run_timers(subject, START + 0.19)
    subject.receive_rtp(audio(5), REMOTE, START + 0.2)
    subject.play(bytes(160), START)
    subject.tick(START)
    stats = subject.stats()
    assert (stats.packets_sent, stats.octets_sent) == (1, 160)
    assert (stats.packets_received, stats.octets_received) == (8, 1_280)
    assert (stats.duplicate, stats.reordered, stats.late) == (1, 1, 1)
    assert (stats.malformed, stats.unknown_pt) == (2, 1)
    assert (stats.gaps, stats.concealed_ticks) == (1, 320)
    assert stats.last_received_at == START + 0.2
    assert stats.jitter_ms > 0


def test_stun_is_neither_media_nor_malformed() -> None:
    subject = session()
    request = bytes.fromhex("000100002112a442") + bytes(12)
    for n in range(5):
        subject.receive_rtp(audio(n), REMOTE, START + 0.02 * n)
        subject.receive_rtp(request, REMOTE, START + 0.02 * n)
    subject.receive_rtcp(request, REMOTE_RTCP, START + 0.1)
    subject.receive_rtp(request, ("203.0.113.9", 4_000), START + 0.1)
    stats = subject.stats()
    assert (stats.stun, stats.malformed, stats.rejected_source) == (6, 0, 1)
    assert (stats.packets_received, stats.gaps) == (5, 0)


def test_loss_is_reported_as_a_share() -> None:
    subject = session()
    for n in range(100):
        if n % 4 != 2:
            subject.receive_rtp(audio(n), REMOTE, START + 0.02 * n)
    stats = subject.stats()
    assert (stats.lost, stats.fraction_lost) == (25, 0.25)


def test_reconfigure_keeps_the_queue_and_audio_time() -> None:
    subject = session()
    subject.play(b"a" * 480, START)
    subject.tick(START)
    subject.receive_rtp(audio(0), REMOTE, START)
    other = ("192.0.2.77", 8_000)
    subject.reconfigure(config(remote=other, remote_rtcp=("192.0.2.77", 8_001), payload_type=8), START + 0.01)
    subject.rtp_to_send()
    assert subject.tick(START + 0.02) == b"a" * 160
    ((data, address),) = subject.rtp_to_send()
    assert address == other
    packet = rtp.parse(data)
    assert (packet.payload_type, packet.sequence, packet.marker) == (8, 101, False)
    subject.receive_rtp(audio(1), REMOTE, START + 0.02)
    for n in range(2, 5):
        subject.receive_rtp(audio(n, ssrc=5), other, START + 0.02 * n)
    received = events(subject)
    assert indices(received) == [0, 2, 3, 4]
    assert subject.stats().rejected_source == 1
    check_continuous(received)


@pytest.mark.parametrize("remote", [("0.0.0.0", 4_000), ("192.0.2.10", 0), ("::", 4_000)])
def test_nothing_is_sent_to_nowhere(remote: tuple[str, int]) -> None:
    subject = session(remote=remote, remote_rtcp=remote)
    subject.play(bytes(160), START)
    subject.tick(START)
    subject.handle_timer(START + 3)
    assert subject.rtp_to_send() == []
    assert subject.rtcp_to_send() == []


def test_after_close_nothing_happens() -> None:
    subject = session()
    subject.play(bytes(160), START)
    subject.tick(START)
    subject.send_dtmf("1", START)
    subject.play(bytes(160), START)
    subject.close(START + 0.01)
    subject.rtp_to_send()
    subject.rtcp_to_send()
    events(subject)
    subject.receive_rtp(audio(0), REMOTE, START + 1)
    subject.receive_rtcp(b"", REMOTE_RTCP, START + 1)
    subject.play(bytes(160), START + 1)
    subject.send_dtmf("1", START + 1)
    subject.handle_timer(START + 100)
    assert subject.tick(START + 101) is None
    assert (subject.active, subject.get_timer(), subject.queued_ticks) == (False, None, 0)
    assert subject.rtp_to_send() == []
    assert subject.rtcp_to_send() == []
    assert subject.next_event() is None


def test_dump_shows_the_live_state() -> None:
    subject = session()
    subject.receive_rtp(audio(0), REMOTE, START)
    subject.play(bytes(500), START)
    state = subject.dump()
    assert state["source"] == REMOTE
    assert state["remote_ssrc"] == FAR_SSRC
    assert state["queued_ticks"] == 500
    assert state["position_ticks"] == 160


@pytest.mark.parametrize("dead_after_s", [0.5, 2.0])
def test_when_the_far_end_dies_audio_time_keeps_pace(dead_after_s: float) -> None:
    subject = session()
    packets = round(dead_after_s / PACKET_S)
    for n in range(packets):
        subject.receive_rtp(audio(n), REMOTE, START + n * PACKET_S)
    received = events(subject)
    for step in range(1, 100):
        now = START + (packets - 1) * PACKET_S + 0.1 * step
        run_timers(subject, now)
        received += events(subject)
        position = check_continuous(received)
        assert 0 <= (now - START) * 8_000 + 160 - position <= 0.12 * 8_000
    assert {event.ticks for event in received if isinstance(event, AudioGap)} == {160}
    assert gap_ticks(received) > 0


GARBAGE = st.binary(max_size=60)
NUMBERS16 = st.sampled_from((0, 1, 2, 3, 100, 3_000, 32_767, 32_768, 65_534, 65_535))
NUMBERS32 = st.sampled_from((0, 1, 160, 320, 8_000, 1 << 31, (1 << 32) - 160, (1 << 32) - 1))
PACKETS = st.builds(
    RtpPacket,
    payload_type=st.sampled_from((0, 8, 101, 13, 72, 127)),
    marker=st.booleans(),
    sequence=NUMBERS16 | st.integers(0, 20),
    timestamp=NUMBERS32 | st.integers(0, 20).map(lambda n: n * 160),
    ssrc=st.sampled_from((0, 1, SSRC, 0xFFFFFFFF)),
    payload=st.sampled_from((b"", b"\x01", bytes(4), b"\x05\x8a\x03\x20", bytes(80), bytes(160), bytes(480))),
    csrcs=st.just(()),
    extension=st.none(),
).map(rtp.build)
COMPOUNDS = GARBAGE.map(
    lambda body: rtcp.build_compound(rtcp.ReceiverReport(1)) + b"\x81\xc8\x00\x06" + body[:24].ljust(24)
)
SOURCES = st.sampled_from((REMOTE, REMOTE_RTCP, (SIGNALLING, 1), ("203.0.113.9", 9)))
STEPS = st.sampled_from((0.0, 0.0, 0.001, 0.02, 0.02, 0.06, 0.3, 5.0))
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("rtp", "rtp", "rtp", "rtcp", "timer", "play", "tick", "clear", "keys", "again")),
        PACKETS | GARBAGE | COMPOUNDS,
        SOURCES,
        STEPS,
    ),
    max_size=40,
)


def act(subject: RtpSession, action: str, data: bytes, source: tuple[str, int], now: float, agreed: RtpConfig) -> None:
    match action:
        case "rtp":
            subject.receive_rtp(data, source, now)
        case "rtcp":
            subject.receive_rtcp(data, source, now)
        case "timer":
            subject.handle_timer(now)
        case "play":
            subject.play(data, now)
        case "tick":
            subject.tick(now)
        case "clear":
            subject.clear(now)
        case "keys":
            subject.send_dtmf("1", now)
        case _:
            subject.reconfigure(replace(agreed, remote=source, send=len(data) % 2 == 0), now)


@settings(max_examples=300, deadline=None)
@given(ACTIONS, st.sampled_from((None, 13)), st.booleans())
def test_nothing_from_outside_raises_or_breaks_audio_time(
    actions: list[tuple[str, bytes, tuple[str, int], float]], noise: int | None, mux: bool
) -> None:
    agreed = config(comfort_noise_payload_type=noise, receive_comfort_noise_payload_type=noise, rtcp_mux=mux)
    subject = session()
    subject.reconfigure(agreed, START)
    now = START
    collected: list[RtpEvent] = []
    played = 0
    for action, data, source, step in actions:
        now += step
        act(subject, action, data, source, now, agreed)
        played += len(data) if action == "play" else 0
        collected += events(subject)
        for datagram, _ in subject.rtp_to_send():
            assert len(rtp.parse(datagram).payload) in (1, 4, 160)
        for datagram, _ in subject.rtcp_to_send():
            assert rtcp.parse_compound(datagram)
        timer = subject.get_timer()
        assert timer is not None
    position = check_continuous(collected)
    assert position <= (now - START) * 8_000 * 1.01 + 8_000 + 960
    assert subject.sent_ticks + subject.queued_ticks <= played
    assert subject.dump()
    assert subject.stats().packets_received >= 0


def press(subject: RtpSession, payload_type: int) -> None:
    for n in range(3):
        packet = rtp.parse(key(1 + n, 160, "5", 800, end=True, marker=n == 0))
        data = rtp.build(packet._replace(payload_type=payload_type))
        subject.receive_rtp(data, REMOTE, START + PACKET_S)


@pytest.mark.parametrize(
    ("agreed", "theirs", "sent_as", "heard"),
    [
        (None, None, 101, "5"),  # sent from habit
        (97, 97, 101, "5"),
        (97, 100, 100, "5"),  # their own number, in place of what we asked for
        (97, 97, 97, "5"),
        (97, 97, 102, ""),
    ],
)
def test_keys_under_a_number_that_was_not_negotiated(
    agreed: int | None, theirs: int | None, sent_as: int, heard: str
) -> None:
    subject = session(receive_dtmf_payload_type=agreed, dtmf_payload_type=theirs)
    subject.receive_rtp(audio(0), REMOTE, START)
    press(subject, sent_as)
    assert digits(events(subject)) == heard


def test_what_is_no_key_under_such_a_number() -> None:
    subject = session(receive_dtmf_payload_type=None, dtmf_payload_type=None)
    subject.receive_rtp(audio(0), REMOTE, START)
    for n, payload in enumerate((b"\x05\x8a\x03", b"\x05\x8a\x03\x20\x00", bytes(160), b"\xff\x8a\x03\x20")):
        packet = RtpPacket(101, True, 1 + n, 160, FAR_SSRC, payload)
        subject.receive_rtp(rtp.build(packet), REMOTE, START + PACKET_S)
    run_timers(subject, START + 5)
    assert digits(events(subject)) == ""
    assert subject.stats().unknown_pt == 3


def test_such_keys_may_be_unwanted() -> None:
    subject = session(receive_dtmf_payload_type=None, dtmf_payload_type=None, stray_dtmf=False)
    subject.receive_rtp(audio(0), REMOTE, START)
    press(subject, 101)
    assert digits(events(subject)) == ""
