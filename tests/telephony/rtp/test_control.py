"""RTCP of a session: when, what, and what is made of the other end's."""

import pytest

from offhook.telephony.rtp import RtpSession
from offhook.telephony.rtp.clock import ntp_short, ntp_stamp
from offhook.telephony.wire import rtcp, rtp
from offhook.telephony.wire.rtcp import (
    Bye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderInfo,
    SenderReport,
    SourceDescription,
)
from tests.telephony.rtp.support import (
    FAR_SSRC,
    REMOTE,
    REMOTE_RTCP,
    SIGNALLING,
    SSRC,
    START,
    audio,
    config,
    events,
    indices,
    sent,
    session,
)

# With the factor in the middle of its range.
FIRST_S = 2.5
INTERVAL_S = 5.0


def compounds(of: RtpSession) -> list[tuple[RtcpPacket, ...]]:
    return [rtcp.parse_compound(data) for data, _ in of.rtcp_to_send()]


def report(of: RtpSession, now: float) -> SenderReport | ReceiverReport:
    of.handle_timer(now)
    ((first, *_),) = compounds(of)
    assert isinstance(first, SenderReport | ReceiverReport)
    return first


def speak(subject: RtpSession, start: float, packets: int = 10) -> None:
    subject.play(bytes(160 * packets), start)
    for n in range(packets):
        subject.tick(start + 0.02 * n)
    subject.rtp_to_send()


def test_reports_come_every_five_seconds() -> None:
    subject = session()
    subject.handle_timer(START + FIRST_S - 0.01)
    assert subject.rtcp_to_send() == []
    subject.handle_timer(START + FIRST_S)
    assert [address for _, address in subject.rtcp_to_send()] == [REMOTE_RTCP]
    subject.handle_timer(START + FIRST_S + INTERVAL_S - 0.01)
    assert subject.rtcp_to_send() == []
    subject.handle_timer(START + FIRST_S + INTERVAL_S)
    assert len(subject.rtcp_to_send()) == 1


@pytest.mark.parametrize(("number", "factor"), [(0.0, 0.5), (0.999, 1.499)])
def test_the_random_factor(number: float, factor: float) -> None:
    subject = RtpSession(config(), START, ssrc=1, sequence=0, timestamp=0, cname="c", rtcp_random=lambda: number)
    assert subject.get_timer() == pytest.approx(START + FIRST_S * factor)


def test_by_default_sessions_spread_their_reports() -> None:
    timers = {RtpSession(config(), START, ssrc=n, sequence=0, timestamp=0, cname="c").get_timer() for n in range(20)}
    assert len(timers) == 20
    assert all(timer is not None and 1.25 <= timer - START <= 3.75 for timer in timers)


def test_who_only_listens_sends_receiver_reports_with_a_name() -> None:
    subject = session()
    subject.handle_timer(START + FIRST_S)
    ((first, second),) = compounds(subject)
    assert first == ReceiverReport(SSRC)
    assert second == rtcp.SourceDescription.of_cname(SSRC, "bot@test")


def test_a_sender_report_tells_what_was_sent() -> None:
    subject = session(timestamp=0xFFFFFF00)
    speak(subject, START)
    now = START + FIRST_S
    first = report(subject, now)
    expected_timestamp = (0xFFFFFF00 + 20_000) & 0xFFFFFFFF
    assert first == SenderReport(SSRC, SenderInfo(ntp_stamp(now), expected_timestamp, 10, 1_600))


def test_who_fell_silent_reports_as_a_receiver_after_two_reports() -> None:
    subject = session(payload_type=0)
    speak(subject, START + 2.0)
    kinds = [type(report(subject, START + FIRST_S))]
    # Each keep-alive would be sending: stop them.
    subject.reconfigure(config(send=False), START + 3)
    kinds += [type(report(subject, START + FIRST_S + INTERVAL_S * n)) for n in range(1, 4)]
    assert kinds == [SenderReport, SenderReport, ReceiverReport, ReceiverReport]


def test_the_report_block_tells_what_was_received() -> None:
    subject = session()
    for n in range(100):
        if n % 4 != 1:
            subject.receive_rtp(audio(n, sequence=65_500), REMOTE, START + 0.02 * n)
    their_report = rtcp.build_compound(SenderReport(FAR_SSRC, SenderInfo(0x1234_5678_9ABC_DEF0, 0, 0, 0)))
    subject.receive_rtcp(their_report, REMOTE_RTCP, START + 2.0)
    (block,) = report(subject, START + 2.5).reports
    assert block.ssrc == FAR_SSRC
    assert block.highest == 65_500 + 99
    assert block.lost == 25
    assert block.fraction_lost == 64
    assert block.lsr == 0x5678_9ABC
    assert block.dlsr == 32_768


def test_a_report_of_another_ssrc_is_no_last_report() -> None:
    subject = session()
    subject.receive_rtp(audio(0), REMOTE, START)
    theirs = rtcp.build_compound(SenderReport(99, SenderInfo(1 << 40, 0, 0, 0)))
    subject.receive_rtcp(theirs, REMOTE_RTCP, START + 1)
    (block,) = report(subject, START + FIRST_S).reports
    assert (block.lsr, block.dlsr) == (0, 0)


def answer(lsr: int, dlsr_s: float, ssrc: int = SSRC) -> bytes:
    block = ReportBlock(ssrc, 0, 0, 0, 0, lsr, round(dlsr_s * 65_536))
    return rtcp.build_compound(ReceiverReport(FAR_SSRC, (block,)))


def test_round_trip_and_one_way_delay() -> None:
    subject = session()
    assert subject.one_way_delay_s == 0.0
    assert subject.stats().rtt_ms is None
    speak(subject, START)
    first = report(subject, START + FIRST_S)
    assert isinstance(first, SenderReport)
    subject.receive_rtcp(answer(ntp_short(first.info.ntp), 0.5), REMOTE_RTCP, START + FIRST_S + 0.58)
    assert subject.one_way_delay_s == pytest.approx(0.04, abs=1e-4)
    assert subject.stats().rtt_ms == pytest.approx(80, abs=0.1)


def test_a_made_up_round_trip_is_not_accepted() -> None:
    subject = session()
    speak(subject, START)
    first = report(subject, START + FIRST_S)
    assert isinstance(first, SenderReport)
    lsr = ntp_short(first.info.ntp)
    now = START + FIRST_S + 0.5
    for forged in (answer(0, 0), answer(lsr - 5_000, 0), answer(lsr, 0.1, ssrc=1), answer(lsr, 2.0)):
        subject.receive_rtcp(forged, REMOTE_RTCP, now)
    subject.receive_rtcp(answer(lsr, 0), REMOTE_RTCP, START + FIRST_S + 11)
    assert subject.stats().rtt_ms is None
    assert subject.stats().malformed == 0


def test_rubbish_is_counted() -> None:
    subject = session()
    for data in (b"", b"\x00", b"\x80\xc9", bytes(2_000)):
        subject.receive_rtcp(data, REMOTE_RTCP, START)
    assert subject.stats().malformed == 4


def test_strangers_are_not_listened_to() -> None:
    subject = session()
    subject.receive_rtcp(answer(1, 0), ("203.0.113.1", 4_001), START)
    subject.receive_rtcp(answer(1, 0), (SIGNALLING, 4_001), START)
    assert subject.stats().rejected_source == 2


def test_the_rate_is_capped() -> None:
    subject = session()
    for _ in range(200):
        subject.receive_rtcp(answer(1, 0), REMOTE_RTCP, START)
    assert subject.stats().rate_limited == 150


def test_their_bye_ends_nothing() -> None:
    subject = session()
    subject.receive_rtp(audio(0), REMOTE, START)
    bye = rtcp.build_compound(ReceiverReport(FAR_SSRC), Bye((FAR_SSRC,), b"bye"))
    subject.receive_rtcp(bye, REMOTE_RTCP, START + 0.01)
    subject.receive_rtp(audio(1), REMOTE, START + 0.02)
    subject.play(bytes(160), START + 0.02)
    assert subject.active
    assert subject.stats().packets_received == 2


def test_close_says_bye_once() -> None:
    subject = session()
    speak(subject, START)
    subject.close(START + 1)
    ((first, _, last),) = compounds(subject)
    assert isinstance(first, SenderReport)
    assert last == Bye((SSRC,))
    subject.close(START + 2)
    assert subject.rtcp_to_send() == []


def test_who_never_sent_says_no_bye() -> None:
    subject = session()
    subject.close(START + 1)
    assert subject.rtcp_to_send() == []


def test_reports_go_to_the_next_port_of_a_accepted_source_or_where_theirs_come_from() -> None:
    subject = session()
    for n in range(4):
        subject.receive_rtp(audio(n), (SIGNALLING, 6_000), START + 0.02 * n)
    subject.handle_timer(START + FIRST_S)
    assert [address for _, address in subject.rtcp_to_send()] == [(SIGNALLING, 6_001)]
    subject.receive_rtcp(answer(0, 0), (SIGNALLING, 7_777), START + 3)
    subject.handle_timer(START + FIRST_S + INTERVAL_S)
    assert [address for _, address in subject.rtcp_to_send()] == [(SIGNALLING, 7_777)]


# ---- what the other end hears of us


def test_the_other_ends_view_of_our_stream() -> None:
    subject = session()
    assert (subject.stats().remote_lost, subject.stats().remote_fraction_lost) == (None, None)
    blocks = (ReportBlock(1, 255, 99, 0, 99, 0, 0), ReportBlock(SSRC, 64, 12, 0, 80, 0, 0))
    subject.receive_rtcp(rtcp.build_compound(ReceiverReport(FAR_SSRC, blocks)), REMOTE_RTCP, START)
    stats = subject.stats()
    assert (stats.remote_lost, stats.remote_fraction_lost, stats.remote_jitter_ms) == (12, 0.25, 10.0)
    assert stats.remote_mos is None


def test_the_other_ends_opinion() -> None:
    subject = session()
    metrics = SSRC.to_bytes(4, "big") + bytes(16) + bytes((80, 127, 41, 40)) + bytes(8)
    report = FAR_SSRC.to_bytes(4, "big") + bytes((7, 0, 0, 8)) + metrics
    extended = bytes((0x80, 207, 0, len(report) // 4)) + report
    subject.receive_rtcp(rtcp.build_compound(ReceiverReport(FAR_SSRC)) + extended, REMOTE_RTCP, START)
    assert subject.stats().remote_mos == 4.1


def test_the_estimate_falls_with_loss_and_needs_a_stream() -> None:
    found = []
    for every in (1_000, 20, 5):
        subject = session()
        assert (subject.stats().r_factor, subject.stats().mos) == (None, None)
        for n in range(400):
            if n % every != 1:
                subject.receive_rtp(audio(n), REMOTE, START + 0.02 * n)
        mos = subject.stats().mos
        assert mos is not None
        found.append(mos)
    assert found[0] == pytest.approx(4.4, abs=0.05)
    assert found[1] == pytest.approx(3.9, abs=0.1)
    assert found[2] == pytest.approx(2.6, abs=0.1)


def test_packets_that_come_too_late_count_as_lost_for_the_listener() -> None:
    subject = session()
    for n in range(100):
        subject.receive_rtp(audio(n), REMOTE, START + 0.02 * n) if n % 10 != 3 else None
        if n % 10 == 9:
            subject.handle_timer(START + 0.02 * n)
            subject.receive_rtp(audio(n - 6), REMOTE, START + 0.02 * n)
    stats = subject.stats()
    assert (stats.lost, stats.late) == (0, 10)
    assert stats.mos is not None
    assert stats.mos < 3.6


# ---- one port for both (RFC 5761)


def test_on_a_shared_port_reports_are_distinguished_from_media() -> None:
    subject = session(rtcp_mux=True, remote_rtcp=REMOTE)
    subject.receive_rtp(audio(0), REMOTE, START)
    block = (ReportBlock(SSRC, 64, 12, 0, 80, 0, 0),)
    subject.receive_rtp(rtcp.build_compound(ReceiverReport(FAR_SSRC, block)), REMOTE, START + 0.01)
    subject.receive_rtp(audio(1), REMOTE, START + 0.02)
    stats = subject.stats()
    assert (stats.packets_received, stats.unknown_pt, stats.malformed, stats.remote_lost) == (2, 0, 0, 12)
    assert stats.last_received_at == START + 0.02
    subject.handle_timer(START + FIRST_S)
    assert [address for _, address in subject.rtcp_to_send()] == [REMOTE]


def test_on_a_shared_port_reports_follow_the_accepted_source() -> None:
    subject = session(rtcp_mux=True, remote_rtcp=REMOTE)
    natted = (SIGNALLING, 6_000)
    for n in range(4):
        subject.receive_rtp(audio(n), natted, START + 0.02 * n)
    subject.handle_timer(START + FIRST_S)
    assert [address for _, address in subject.rtcp_to_send()] == [natted]
    subject.receive_rtp(answer(1, 0), REMOTE, START + 3)
    assert subject.stats().rejected_source == 1


def test_without_agreement_a_report_on_the_media_port_is_no_sign_of_life() -> None:
    subject = session()
    subject.receive_rtp(audio(0), REMOTE, START)
    subject.receive_rtp(rtcp.build_compound(SenderReport(9, SenderInfo(1, 2, 3, 4))), REMOTE, START + 5)
    stats = subject.stats()
    assert (stats.unknown_pt, stats.last_received_at) == (1, START)


# ---- our own number coming in (RFC 3550 §8.2)


def test_who_uses_our_ssrc_is_heard_and_we_take_another_once() -> None:
    subject = session()
    speak(subject, START)
    for n in range(20):
        subject.receive_rtp(audio(n, ssrc=SSRC), REMOTE, START + 1 + 0.02 * n)
    assert indices(events(subject)) == list(range(20))
    ((_, _, last),) = compounds(subject)
    assert last == Bye((SSRC,))
    speak(subject, START + 2)
    now = report(subject, START + FIRST_S)
    assert isinstance(now, SenderReport)
    assert now.ssrc not in (SSRC, FAR_SSRC)
    # §6.4.1: the counts begin anew with the number.
    assert now.info.packets == 10
    assert subject.stats().packets_sent == 20
    assert subject.stats().looped == 0


def test_a_mirror_is_found_out_and_not_listened_to() -> None:
    subject = session()
    subject.play(bytes(160 * 100), START)
    received = 0
    for n in range(100):
        now = START + 0.02 * n
        subject.tick(now)
        for data, _ in subject.rtp_to_send():
            subject.receive_rtp(data, REMOTE, now + 0.005)
        received += len(indices(events(subject)))
    stats = subject.stats()
    assert received == 1
    assert stats.looped == 99
    # It is alive all the same.
    assert stats.last_received_at == pytest.approx(START + 99 * 0.02 + 0.005)


def test_our_own_reports_come_back() -> None:
    subject = session()
    speak(subject, START)
    subject.handle_timer(START + FIRST_S)
    ((mirrored, _),) = subject.rtcp_to_send()
    subject.receive_rtcp(mirrored, REMOTE_RTCP, START + 3)
    ((first, description, last),) = compounds(subject)
    assert isinstance(first, SenderReport)
    assert isinstance(description, SourceDescription)
    assert last == Bye((SSRC,))
    subject.receive_rtcp(mirrored, REMOTE_RTCP, START + 3.1)
    assert compounds(subject) == []
    subject.play(bytes(160), START + 4)
    subject.tick(START + 4)
    (packet,) = sent(subject)
    assert packet.ssrc != SSRC
    assert packet.marker


def test_a_stranger_cannot_make_us_change_our_number() -> None:
    subject = session()
    subject.receive_rtp(audio(0), REMOTE, START)
    subject.receive_rtp(audio(0, ssrc=SSRC), ("203.0.113.9", 4_000), START)
    subject.receive_rtcp(rtcp.build_compound(ReceiverReport(SSRC)), ("203.0.113.9", 4_001), START)
    subject.play(bytes(160), START)
    subject.tick(START)
    assert [rtp.parse(data).ssrc for data, _ in subject.rtp_to_send()] == [SSRC]
