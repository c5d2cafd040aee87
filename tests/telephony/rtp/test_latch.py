import pytest

from offhook.telephony.rtp.config import Address, RtpLimits
from offhook.telephony.rtp.latch import NOWHERE, SourceLatch
from offhook.telephony.wire import rtcp
from offhook.telephony.wire.rtcp import Bye, ReceiverReport, ReportBlock
from offhook.telephony.wire.rtp import RtpPacket
from tests.telephony.rtp.support import (
    FAR_SSRC,
    REMOTE,
    SIGNALLING,
    SSRC,
    START,
    audio,
    digits,
    events,
    indices,
    key,
    session,
)

OTHER_PORT: Address = (REMOTE[0], 5_555)
NATTED: Address = (SIGNALLING, 6_666)
STRANGER: Address = ("203.0.113.66", 4_000)


def packet(sequence: int, ssrc: int = 1) -> RtpPacket:
    return RtpPacket(0, False, sequence & 0xFFFF, 160 * sequence, ssrc, b"")


def latch(remote: Address = REMOTE, signalling_host: str | None = SIGNALLING) -> SourceLatch:
    return SourceLatch(remote, signalling_host, RtpLimits())


def offer(to: SourceLatch, source: Address, sequence: int, now: float = 0.0, ssrc: int = 1) -> list[int]:
    """Sequence numbers of the packets that are let through."""
    if not to.may_send(source, now):
        return []
    return [accepted.sequence for accepted, _ in to.offer(packet(sequence, ssrc), source, now)]


def test_the_sdp_address_is_accepted_at_once_and_for_good() -> None:
    subject = latch()
    assert offer(subject, REMOTE, 1) == [1]
    for n in range(10):
        assert offer(subject, OTHER_PORT, n) == []
        assert offer(subject, NATTED, n) == []
    assert offer(subject, REMOTE, 2) == [2]
    assert subject.target == REMOTE


@pytest.mark.parametrize("source", [OTHER_PORT, NATTED])
@pytest.mark.parametrize("start", [0, 1, 127, 65_533, 65_534, 65_535])
def test_another_source_is_accepted_after_four_packets_and_loses_none(source: Address, start: int) -> None:
    subject = latch()
    for n in range(3):
        assert offer(subject, source, start + n, now=n / 50) == []
        assert subject.target == REMOTE
    passed = subject.offer(packet(start + 3), source, 0.06)
    assert passed == [(packet(start + n), n / 50) for n in range(3)] + [(packet(start + 3), 0.06)]
    assert subject.locked == subject.target == source
    assert offer(subject, source, start + 4) == [(start + 4) & 0xFFFF]


def test_a_stranger_is_never_accepted() -> None:
    subject = latch()
    for n in range(20):
        assert offer(subject, STRANGER, n) == []
    assert subject.locked is None


def test_without_a_signalling_host_only_the_sdps_counts() -> None:
    subject = latch(signalling_host=None)
    for n in range(20):
        assert offer(subject, NATTED, n) == []
    for n in range(4):
        offer(subject, OTHER_PORT, n)
    assert subject.locked == OTHER_PORT


def test_a_private_sdp_address_gives_way_to_the_signalling_host() -> None:
    subject = latch(remote=("10.0.0.5", 4_000))
    for n in range(4):
        offer(subject, NATTED, n)
    assert subject.target == NATTED


@pytest.mark.parametrize(
    "packets",
    [
        [(1, 1), (2, 1), (3, 1), (5, 1), (6, 1), (7, 1)],
        [(1, 1), (2, 1), (3, 1), (3, 1)],
        [(1, 1), (2, 1), (3, 1), (4, 2)],
        [(4, 1), (3, 1), (2, 1), (1, 1)],
    ],
)
def test_inconsistent_packets_begin_probation_anew(packets: list[tuple[int, int]]) -> None:
    subject = latch()
    for sequence, ssrc in packets:
        assert offer(subject, NATTED, sequence, ssrc=ssrc) == []
    assert subject.locked is None


def test_the_sdp_address_ends_anothers_probation() -> None:
    subject = latch()
    for n in range(3):
        offer(subject, NATTED, n)
    assert offer(subject, REMOTE, 7) == [7]
    assert offer(subject, NATTED, 3) == []
    assert subject.target == REMOTE


def test_the_sdp_address_takes_over_within_two_seconds() -> None:
    subject = latch()
    for n in range(4):
        offer(subject, NATTED, n, now=1.0)
    assert offer(subject, REMOTE, 1, now=2.9) == [1]
    assert subject.target == REMOTE
    assert offer(subject, NATTED, 5, now=2.95) == []


@pytest.mark.parametrize("later_s", [2.1, 30.0, 3_600.0])
def test_the_sdp_address_takes_over_whenever_it_comes(later_s: float) -> None:
    subject = latch()
    for n in range(4):
        offer(subject, NATTED, n, now=1.0)
    assert subject.final(1.0 + later_s)
    assert offer(subject, OTHER_PORT, 1, now=1.0 + later_s) == []
    assert offer(subject, REMOTE, 1, now=1.0 + later_s) == [1]
    assert (subject.target, subject.final(1.0 + later_s)) == (REMOTE, True)
    assert offer(subject, NATTED, 5, now=1.1 + later_s) == []


def test_a_look_at_what_comes_from_elsewhere_is_short() -> None:
    subject = latch()
    subject.await_better_source(0.0)
    for n in range(4):
        offer(subject, NATTED, n, now=1.0)
    assert [subject.final(now) for now in (1.0, 2.9, 3.0)] == [False, False, True]
    subject.await_better_source(10.0)
    assert [subject.final(now) for now in (10.0, 10.4, 10.5)] == [False, False, True]
    offer(subject, REMOTE, 1, now=11.0)
    subject.await_better_source(12.0)
    assert subject.final(12.0)


def test_a_third_party_is_doubted_until_something_comes_from_it() -> None:
    subject = latch()
    subject.doubt()
    assert subject.target == ("0.0.0.0", 0)
    assert offer(subject, REMOTE, 1) == [1]
    assert subject.target == REMOTE
    subject.doubt()
    assert subject.target == REMOTE


def test_reports_end_the_doubt() -> None:
    subject = latch()
    subject.doubt()
    subject.prove("203.0.113.66")
    assert subject.target == ("0.0.0.0", 0)
    subject.prove(REMOTE[0])
    assert subject.target == REMOTE


def test_signallings_own_host_is_not_doubted() -> None:
    subject = latch((SIGNALLING, 4_000))
    subject.doubt()
    assert subject.target == (SIGNALLING, 4_000)


def test_media_from_behind_a_nat_ends_the_doubt() -> None:
    subject = latch()
    subject.doubt()
    for n in range(4):
        offer(subject, NATTED, n)
    assert subject.target == NATTED


def test_sources_on_probation_are_bounded() -> None:
    subject = latch()
    for port in range(5_000, 5_100):
        offer(subject, (SIGNALLING, port), 1)
    for n in range(1, 4):
        offer(subject, NATTED, n)
    assert offer(subject, NATTED, 4) == [1, 2, 3, 4]


def test_reconfiguring_to_another_address_begins_anew() -> None:
    subject = latch()
    offer(subject, REMOTE, 1)
    subject.reconfigure(("192.0.2.99", 7_000), SIGNALLING)
    assert subject.target == ("192.0.2.99", 7_000)
    assert offer(subject, REMOTE, 2) == []
    assert offer(subject, ("192.0.2.99", 7_000), 3) == [3]


@pytest.mark.parametrize("later_s", [0.1, 30.0])
def test_late_packets_of_the_old_network_do_not_keep_a_phone_that_has_moved(later_s: float) -> None:
    subject = latch(("10.0.0.5", 4_000))
    for n in range(4):
        offer(subject, NATTED, n)
    moved: Address = ("198.51.100.9", 7_777)
    subject.reconfigure(("10.0.0.5", 4_000), moved[0])
    assert offer(subject, NATTED, 4) == [4]
    assert [offer(subject, STRANGER, n, later_s) for n in range(9)] == [[]] * 9
    assert [offer(subject, moved, n, later_s) for n in range(5, 10)] == [[], [], [], [5, 6, 7, 8], [9]]
    assert subject.target == moved
    # The old network is out for good.
    assert [offer(subject, NATTED, n, later_s) for n in range(9)] == [[]] * 9


def test_reconfiguring_to_the_same_address_keeps_the_known_source_welcome() -> None:
    subject = latch()
    for n in range(4):
        offer(subject, NATTED, n)
    subject.reconfigure(REMOTE, SIGNALLING)
    assert subject.target == NATTED
    assert offer(subject, NATTED, 4) == [4]
    subject.reconfigure(REMOTE, SIGNALLING)
    for n in range(4):
        offer(subject, OTHER_PORT, n)
    assert subject.target == OTHER_PORT


def test_control_packets_are_taken_from_the_accepted_host() -> None:
    subject = latch()
    assert subject.trusts_host(REMOTE[0])
    assert not subject.trusts_host(SIGNALLING)
    for n in range(4):
        offer(subject, NATTED, n)
    assert subject.trusts_host(SIGNALLING)
    assert not subject.trusts_host(REMOTE[0])


# ---- RTP bleed: what an attacker who sprays packets gets


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_an_attacker_who_sprays_every_port_hears_nothing_and_is_not_heard(when: str) -> None:
    """200 packets a second from another host, before media began, while another source is on probation, and after."""
    subject = session()
    source = REMOTE if when == "after" else NATTED
    received, targets = [], set()
    subject.play(bytes(160 * 200), START)
    for n in range(200):
        now = START + n / 50
        for spray in range(4):
            forged = audio(4 * n + spray, ssrc=0xBAD, payload_type=(0, 8, 0, 101)[spray])
            subject.receive_rtp(forged, STRANGER, now)
            subject.receive_rtp(audio(n, ssrc=FAR_SSRC), (STRANGER[0], 1_024 + n), now)
        if when != "before" or n >= 50:
            subject.receive_rtp(audio(n), source, now)
        subject.tick(now)
        targets |= {address for _, address in subject.rtp_to_send()}
        received += events(subject)
    assert targets <= {REMOTE, source}
    assert indices(received) == list(range(50 if when == "before" else 0, 200))
    assert digits(received) == ""
    assert subject.stats().rejected_source == 1_600
    assert subject.stats().looped == 0


def test_an_attacker_on_the_signalling_host_has_to_be_first_and_is_dropped() -> None:
    """A host that shares the caller's address is accepted only until media comes from the SDP's address."""
    subject = session()
    for n in range(20):
        subject.receive_rtp(audio(n, ssrc=0xBAD), (SIGNALLING, 9_999), START + n / 50)
    events(subject)
    for n in range(20):
        now = START + 0.4 + n / 50
        subject.receive_rtp(audio(n), REMOTE, now)
        subject.receive_rtp(audio(20 + n, ssrc=0xBAD), (SIGNALLING, 9_999), now)
    assert indices(events(subject)) == list(range(20))
    subject.play(bytes(160), START + 1)
    subject.tick(START + 1)
    assert [address for _, address in subject.rtp_to_send()] == [REMOTE]


def test_control_and_keys_of_a_stranger_change_nothing() -> None:
    subject = session()
    subject.receive_rtp(audio(0), REMOTE, START)
    report = ReceiverReport(FAR_SSRC, (ReportBlock(SSRC, 255, 999, 0, 0, 0, 0),))
    forged = rtcp.build_compound(report, Bye((FAR_SSRC, SSRC), b"bye"))
    for n in range(100):
        subject.receive_rtcp(forged, (STRANGER[0], 4_001), START + n / 100)
        subject.receive_rtp(key(n, 0, "5", 800, end=True), STRANGER, START + n / 100)
    assert digits(events(subject)) == ""
    assert subject.stats().remote_lost is None
    assert subject.stats().rejected_source == 200
    subject.handle_timer(START + 5)
    assert {address for _, address in subject.rtcp_to_send()} == {(REMOTE[0], 4_001)}


@pytest.mark.parametrize("inside", ["127.0.0.1", "127.8.8.8", "169.254.169.254", "::1", "fe80::1"])
def test_an_sdp_from_outside_that_leads_inside_is_not_sent_to(inside: str) -> None:
    caller = "2001:db8::7" if ":" in inside else SIGNALLING
    subject = session(remote=(inside, 5_060), remote_rtcp=(inside, 5_061), signalling_host=caller)
    subject.play(bytes(320), START)
    subject.tick(START)
    subject.handle_timer(START + 5)
    assert subject.rtp_to_send() == []
    assert subject.rtcp_to_send() == []
    # Media from signalling's host is accepted as always.
    for n in range(4):
        subject.receive_rtp(audio(n), (caller, 7_000), START + 5 + n / 50)
    subject.tick(START + 5.1)
    assert [address for _, address in subject.rtp_to_send()] == [(caller, 7_000)]


def test_reports_are_not_led_inside_either() -> None:
    subject = session(remote_rtcp=("127.0.0.1", 53))
    subject.handle_timer(START + 5)
    assert [address for _, address in subject.rtcp_to_send()] == [(REMOTE[0], REMOTE[1] + 1)]


def test_a_call_within_the_machine_may_stay_inside() -> None:
    assert latch(("127.0.0.1", 4_000), "127.0.0.1").target == ("127.0.0.1", 4_000)
    assert latch(("169.254.1.1", 4_000), "169.254.1.2").target == ("169.254.1.1", 4_000)
    assert latch(("10.0.0.5", 4_000), SIGNALLING).target == ("10.0.0.5", 4_000)


@pytest.mark.parametrize("junk", ["STUN", "DTLS", "ZRTP", "random"])
def test_junk_on_the_media_port_is_dropped_and_ends_nothing(junk: str) -> None:
    """RFC 7983's first octets, from the right address and a wrong one."""
    kinds = {
        "STUN": bytes.fromhex("000100002112a442") + bytes(12),
        "DTLS": bytes.fromhex("16feff000000000000000000300100002400000000") + bytes(40),
        "ZRTP": bytes.fromhex("1000000a5a525450") + bytes(20),
        "random": bytes(range(64, 128)),
    }
    subject = session()
    subject.receive_rtp(audio(0), REMOTE, START)
    for _ in range(1_000):
        subject.receive_rtp(kinds[junk], REMOTE, START + 0.01)
        subject.receive_rtp(kinds[junk], STRANGER, START + 0.01)
    subject.receive_rtp(audio(1), REMOTE, START + 0.02)
    assert indices(events(subject)) == [0, 1]
    stats = subject.stats()
    counted = stats.stun if junk == "STUN" else stats.malformed
    assert (counted, stats.stun + stats.malformed) == (1_000, 1_000)
    assert (stats.rejected_source, stats.lost) == (1_000, 0)


def test_what_the_pump_passes_over_is_looked_at() -> None:
    """While inbound is lent, packets from elsewhere are only counted; one of them may be the SDP's."""
    subject = session()
    for n in range(200):
        subject.receive_rtp(audio(n, ssrc=0xBAD), (SIGNALLING, 9_999), START + n / 50)
        events(subject)
    now = START + 4.0
    lent = subject.lend_receiving(now)
    assert lent is not None
    subject.handle_timer(now)
    assert not subject.wants_receiving(now)
    subject.update_receiving(lent._replace(rejected_source=lent.rejected_source + 3))
    subject.handle_timer(now + 1)
    assert subject.wants_receiving(now + 1)
    subject.end_receiving(lent._replace(rejected_source=lent.rejected_source + 3))
    assert subject.lend_receiving(now + 1.1) is None
    subject.receive_rtp(audio(0), REMOTE, now + 1.2)
    assert (subject.source, subject.target) == (REMOTE, REMOTE)


def test_nothing_is_sent_before_the_call_is_confirmed_or_a_packet_came() -> None:
    subject = latch()
    subject.hold()
    assert subject.target == NOWHERE
    subject.prove(REMOTE[0])
    assert subject.target == NOWHERE
    subject.reconfigure(OTHER_PORT, SIGNALLING)
    assert subject.target == NOWHERE
    subject.release()
    assert subject.target == OTHER_PORT
    held = latch()
    held.hold()
    assert offer(held, REMOTE, 1) == [1]
    assert held.target == REMOTE
    held.release()
    assert held.target == REMOTE
