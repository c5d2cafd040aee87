"""Which session descriptions PJSIP is kept from."""

import pytest

from offhook.carriers.pjsua2.descriptions import NOT_ACCEPTABLE_HERE, judge, problem

SUMMARY = b"Request msg INVITE/cseq=1 (rdata0x7f2a)"


def description(*lines: str) -> bytes:
    whole = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", "m=audio 4000 RTP/AVP 0", *lines)
    return "".join(f"{line}\r\n" for line in whole).encode()


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("c=IN IP4 192.0.2.1", 4),
        ("c=IN IP4 0.0.0.0", 4),  # hold, by RFC 2543
        ("c=IN IP6 2001:db8::1", 6),
        ("a=rtcp:4001", 4),
        ("a=rtcp:4001 IN IP4 192.0.2.1", 4),
        ("a=candidate:1 1 UDP 1 phone.local 4000 typ host", 4),  # without ICE nobody looks at it
        ("a=sendrecv", 4),
    ],
)
def test_what_can_be_used_is_let_through(line: str, version: int) -> None:
    assert problem(description(line), version) == ""


@pytest.mark.parametrize(
    ("line", "version", "why"),
    [
        ("c=IN IP4 ::1", 4, "no number of IPv4"),
        ("c=IN IP6 ::1", 4, "not of IPv4"),
        ("c=IN IP6 192.0.2.1", 6, "no number of IPv6"),
        ("c=IN IP4 192.0.2.1", 6, "not of IPv6"),
        ("c=IN IP4 phone.example", 4, "no number"),
        ("c=IN IP4 192.0.2", 4, "no number"),
        ("c=IN IP4 192.0.2.1/127", 4, "no number"),
        ("c=IN IP4 \x0b192.0.2.1 x", 4, "not of IPv4"),
        ("c=IN IP4 ", 4, "not of IPv4"),
        ("c=IN IP4 224.0.0.1", 4, "many hosts"),
        ("c=IN IP4 255.255.255.255", 4, "many hosts"),
        ("c=IN IP6 fe80::1%eth0", 6, "no number of IPv6"),
        ("a=rtcp:4001 IN IP4 ::1", 4, "no number of IPv4"),
        ("a=RTCP:4001 IN IP4 phone.example", 4, "no number of IPv4"),
    ],
)
def test_what_cannot_be_used_is_refused(line: str, version: int, why: str) -> None:
    assert why in problem(description(line), version)
    assert why in problem(description("c=IN IP4 192.0.2.1" if version == 4 else "c=IN IP6 ::2", line), version)


def test_with_ice_a_candidate_has_a_number() -> None:
    named = description("a=candidate:1 1 UDP 1 phone.local 4000 typ host")
    assert "candidate" in problem(named, 4, ice=True)
    assert "candidate" in problem(description("a=candidate:1"), 4, ice=True)
    assert problem(description("a=candidate:1 1 UDP 1 2001:db8::1 4000 typ host"), 4, ice=True) == ""


def test_the_verdict_is_a_status() -> None:
    verdict = judge("192.0.2.9", ice=False)
    assert verdict(SUMMARY, description("c=IN IP4 192.0.2.1")) == 0
    assert verdict(SUMMARY, description("c=IN IP4 ::1")) == NOT_ACCEPTABLE_HERE
    assert verdict(SUMMARY, None) == NOT_ACCEPTABLE_HERE
    assert judge("2001:db8::9", ice=False)(SUMMARY, description("c=IN IP6 2001:db8::1")) == 0
