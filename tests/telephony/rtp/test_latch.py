import pytest

from telephony.rtp.config import Address, RtpLimits
from telephony.rtp.latch import SourceLatch
from telephony.wire.rtp import RtpPacket
from tests.telephony.rtp.support import REMOTE, SIGNALLING

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


def test_the_sdp_address_is_believed_at_once_and_for_good() -> None:
    subject = latch()
    assert offer(subject, REMOTE, 1) == [1]
    for n in range(10):
        assert offer(subject, OTHER_PORT, n) == []
        assert offer(subject, NATTED, n) == []
    assert offer(subject, REMOTE, 2) == [2]
    assert subject.target == REMOTE


@pytest.mark.parametrize("source", [OTHER_PORT, NATTED])
@pytest.mark.parametrize("start", [0, 1, 127, 65_533, 65_534, 65_535])
def test_another_source_is_believed_after_four_packets_and_loses_none(source: Address, start: int) -> None:
    subject = latch()
    for n in range(3):
        assert offer(subject, source, start + n, now=n / 50) == []
        assert subject.target == REMOTE
    passed = subject.offer(packet(start + 3), source, 0.06)
    assert passed == [(packet(start + n), n / 50) for n in range(3)] + [(packet(start + 3), 0.06)]
    assert subject.locked == subject.target == source
    assert offer(subject, source, start + 4) == [(start + 4) & 0xFFFF]


def test_a_stranger_is_never_believed() -> None:
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


def test_after_two_seconds_the_lock_is_final() -> None:
    subject = latch()
    for n in range(4):
        offer(subject, NATTED, n, now=1.0)
    assert offer(subject, REMOTE, 1, now=3.1) == []
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


def test_control_packets_are_taken_from_the_believed_host() -> None:
    subject = latch()
    assert subject.trusts_host(REMOTE[0])
    assert not subject.trusts_host(SIGNALLING)
    for n in range(4):
        offer(subject, NATTED, n)
    assert subject.trusts_host(SIGNALLING)
    assert not subject.trusts_host(REMOTE[0])
