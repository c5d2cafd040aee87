"""Which session descriptions PJSIP is kept from."""

import pytest

from offhook.carriers.pjsua2.descriptions import (
    IGNORED,
    NOT_ACCEPTABLE_HERE,
    NOT_IN_A_CALL,
    REQUEST_PENDING,
    Exchange,
    judge,
    mismatch,
    out_of_turn,
    problem,
    unused,
)
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpCapabilities, SrtpPolicy

SUMMARY = b"Request msg INVITE/cseq=1 (rdata0x7f2a)"
OFFERED = AudioCapabilities(("PCMU", "PCMA"))
ENCRYPTED = AudioCapabilities(("PCMU",), srtp=SrtpCapabilities(SrtpPolicy.REQUIRED))
EITHER = AudioCapabilities(("PCMU",), srtp=SrtpCapabilities(SrtpPolicy.PREFERRED))
KEYS = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


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
        ("m=audio 4002 RTP/AVP 0 8 96 127 0", 4),
        ("m=video 4002 RTP/AVP", 4),
        ("m=application 4002 UDP/BFCP *", 4),
        ("m=application 4002 TCP/DTLS/SCTP webrtc-datachannel", 4),
        ("m=image 4002 udptl t38", 4),
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
        ("c=IN IP4 \x0b192.0.2.1", 4, "no number"),
        ("c=IN IP4 192.0.2.1\x85", 4, "no number"),
        ("c=IN IP4 ", 4, "not of IPv4"),
        ("c=IN IP4 224.0.0.1", 4, "many hosts"),
        ("c=IN IP4 255.255.255.255", 4, "many hosts"),
        ("c=IN IP6 fe80::1%eth0", 6, "no number of IPv6"),
        ("m=audio 4002 UDP/TLS/RTP/SAVP 0", 4, "by DTLS"),
        ("m=video 4002 udp/tls/rtp/savpf 96", 6, "by DTLS"),
        ("a=rtcp:4001 IN IP4 ::1", 4, "no number of IPv4"),
        ("a=RTCP:4001 IN IP4 phone.example", 4, "no number of IPv4"),
        ("a=rtcp:4001\tIN\tIP4\tphone.example", 4, "no number of IPv4"),
        ("a=rtcp:4001 IN IP4 \x0c192.0.2.1", 4, "no number of IPv4"),
        ("m=audio 4002 RTP/AVP 0096", 4, "payload type that is no number"),
        ("m=audio 4002 RTP/AVP 0 00", 4, "payload type that is no number"),
        ("m=audio 4002 RTP/AVP  0 96x", 4, "payload type that is no number"),
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
    # PJSIP takes the tab for a part of the foundation, and the name for the address.
    tabbed = description("a=candidate:1\t2 1 UDP 192.0.2.1 phone.local 4000 typ host")
    assert "candidate" in problem(tabbed, 4, ice=True)


def test_with_ice_a_fragment_of_a_user_name_has_to_fit() -> None:
    for least in (1, 4, 119):
        assert problem(description(f"a=ice-ufrag:{'u' * least}", f"a=ice-pwd:{'p' * 256}"), 4, ice=True) == ""
    for long in ("u" * 120, "u" * 256, "ü" * 60):
        lines = description(f"a=ice-ufrag:{long}", f"a=ice-pwd:{'p' * 22}")
        assert "ice-ufrag" in problem(lines, 4, ice=True)
        assert "ice-ufrag" in problem(lines.replace(b"t=0 0", b"t=0 0\r\na=ice-ufrag:" + b"u" * 120), 4, ice=True)
        assert problem(lines, 4) == ""  # without ICE nobody looks at it


@pytest.mark.parametrize("name", ["crypto", "CRYPTO"])
def test_keys_of_a_stream_have_to_fit(name: str) -> None:
    keys = [KEYS.replace("crypto", name)] * 64
    assert problem(description(*keys), 4) == ""
    assert problem(description(*keys, "m=audio 4002 RTP/AVP 0", *keys), 4) == ""
    assert "64 keys" in problem(description(*keys, KEYS), 4)
    assert "64 keys" in problem(description("m=audio 4002 RTP/AVP 0", *keys, KEYS), 4)


def test_the_verdict_is_a_status() -> None:
    refused: list[int] = []
    verdict = judge("192.0.2.9", OFFERED, ice=False, on_refused=refused.append)
    assert verdict(SUMMARY, description("c=IN IP4 192.0.2.1"), 0) == 0
    assert verdict(SUMMARY, description("c=IN IP4 ::1"), 0) == NOT_ACCEPTABLE_HERE
    assert verdict(SUMMARY, None, 0) == verdict(SUMMARY, b"", 0) == NOT_ACCEPTABLE_HERE
    assert verdict(SUMMARY, description("c=IN IP4 192.0.2.1"), Exchange.BUSY) == REQUEST_PENDING
    assert refused == [NOT_ACCEPTABLE_HERE] * 3 + [REQUEST_PENDING]
    by_ipv6 = judge("2001:db8::9", OFFERED, ice=False, on_refused=refused.append)
    assert by_ipv6(SUMMARY, description("c=IN IP6 2001:db8::1"), 0) == 0


@pytest.mark.parametrize("message", ["Request msg ACK/cseq=1 (rdata0x7f2a)", "Response msg 200/INVITE/cseq=1 (rdata)"])
def test_what_gets_no_answer_is_not_counted(message: str) -> None:
    refused: list[int] = []
    verdict = judge("192.0.2.9", OFFERED, ice=False, on_refused=refused.append)
    assert verdict(message.encode(), description("c=IN IP4 ::1"), 0) == NOT_ACCEPTABLE_HERE
    assert not refused


def test_with_ice_an_ack_without_the_answer_is_dropped() -> None:
    for ice, status in ((False, 0), (True, NOT_ACCEPTABLE_HERE)):
        verdict = judge("192.0.2.9", OFFERED, ice=ice, on_refused=lambda status: None)
        assert verdict(b"Request msg ACK/cseq=2", b"", Exchange.LEFT) == status


@pytest.mark.parametrize(
    ("method", "by_exchange"),
    [
        ("INVITE", {Exchange.OFFERED: REQUEST_PENDING, Exchange.BUSY: REQUEST_PENDING, Exchange.OVER: NOT_IN_A_CALL}),
        ("UPDATE", {Exchange.OFFERED: REQUEST_PENDING, Exchange.BUSY: REQUEST_PENDING, Exchange.OVER: NOT_IN_A_CALL}),
        ("ACK", dict.fromkeys((Exchange.IDLE, Exchange.BUSY, Exchange.OVER, Exchange.ASKED), IGNORED)),
        ("PRACK", dict.fromkeys((Exchange.IDLE, Exchange.BUSY, Exchange.OVER, Exchange.ASKED), NOT_ACCEPTABLE_HERE)),
        ("INFO", {}),
    ],
)
def test_a_description_comes_in_its_turn(method: str, by_exchange: dict[Exchange, int]) -> None:
    for stands in {*Exchange} - {Exchange.LEFT}:
        status, why = out_of_turn(f"Request msg {method}/cseq=7", stands)
        assert status == by_exchange.get(stands, 0)
        assert bool(why) == bool(status)


def test_a_response_is_never_out_of_turn() -> None:
    assert out_of_turn("Response msg 200/INVITE/cseq=1", Exchange.OVER) == (0, "")


@pytest.mark.parametrize(
    ("lines", "audio", "why"),
    [
        (["m=audio 4000 RTP/AVP 0"], OFFERED, ""),
        (["m=audio 4000 RTP/AVP 97 8", "a=rtpmap:97 foo/8000"], OFFERED, ""),
        (["m=audio 4000 RTP/AVP 0", "a=inactive"], OFFERED, ""),
        (["m=audio 4000 RTP/SAVP 0", KEYS], ENCRYPTED, ""),
        (["m=audio 0 RTP/AVP 0"], OFFERED, "no audio"),
        (["m=video 4000 RTP/AVP 96"], OFFERED, "no audio"),
        (["m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0"], OFFERED, "no audio"),  # we offer one line
        ([], OFFERED, "no audio"),
        (["m=audio 4000 RTP/AVP 97", "a=rtpmap:97 foo/8000"], OFFERED, "none of our codecs"),
        (["m=audio 4000 RTP/AVP 9"], OFFERED, "none of our codecs"),
        (["m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"], OFFERED, "none of our codecs"),
        (["m=audio 4000 RTP/SAVP 0", KEYS], OFFERED, "must be RTP/AVP"),
        (["m=audio 4000 RTP/AVP 0"], ENCRYPTED, "must be RTP/SAVP"),
        (["m=audio"], OFFERED, "malformed"),
    ],
)
def test_an_early_answer_without_audio_is_ignored(lines: list[str], audio: AudioCapabilities, why: str) -> None:
    text = "".join(f"{line}\r\n" for line in ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", *lines)).encode()
    assert bool(why) == bool(found := unused(text, audio))
    assert why in found
    verdict = judge("192.0.2.9", audio, ice=False, on_refused=lambda status: None)
    assert verdict(b"Response msg 183/INVITE/cseq=1 (rdata)", text, 0) == (IGNORED if why else 0)
    assert verdict(b"Response msg 200/INVITE/cseq=1 (rdata)", text, 0) == 0  # PJSIP ends that call, as it should


@pytest.mark.parametrize(
    ("lines", "audio", "why"),
    [
        (["m=audio 4000 RTP/AVP 0"], OFFERED, ""),
        (["m=audio 4000 RTP/AVP 0", KEYS], OFFERED, ""),  # without SRTP nobody looks at them
        (["m=audio 4000 RTP/AVPF 0"], OFFERED, ""),
        (["m=audio 4000 RTP/SAVP 0", KEYS], OFFERED, "must be RTP/AVP"),
        (["m=audio 4000 RTP/SAVP 0", KEYS, "m=audio 4002 RTP/AVP 0"], OFFERED, ""),
        (["m=audio 4000 RTP/AVP 0"], ENCRYPTED, "must be RTP/SAVP"),
        (["m=audio 4000 RTP/AVPF 0"], ENCRYPTED, "must be RTP/SAVP"),
        (["m=audio 4000 RTP/SAVP 0"], ENCRYPTED, "with keys"),
        (["m=audio 4000 RTP/SAVP 0", "a=crypto:1 NULL inline:AA"], ENCRYPTED, "no a=crypto"),
        (["m=audio 4000 rtp/savpf 0", KEYS], ENCRYPTED, ""),
        (["m=audio 4000 RTP/AVP 0"], EITHER, ""),
        (["m=audio 4000 RTP/SAVP 0", KEYS], EITHER, ""),
        (["m=audio 4000 RTP/SAVP 0"], EITHER, "with keys"),
        # PJSIP has its own answer to these.
        (["m=audio 0 RTP/AVP 0"], ENCRYPTED, ""),
        (["m=video 4000 RTP/AVP 96"], ENCRYPTED, ""),
        (["m=audio"], ENCRYPTED, ""),
    ],
)
def test_an_offer_without_the_encryption_that_is_set_is_refused(
    lines: list[str], audio: AudioCapabilities, why: str
) -> None:
    text = "".join(f"{line}\r\n" for line in ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", *lines)).encode()
    assert bool(why) == bool(found := mismatch(text, audio))
    assert why in found
    verdict = judge("192.0.2.9", audio, ice=False, on_refused=lambda status: None)
    for method in (b"INVITE", b"UPDATE"):
        assert verdict(b"Request msg " + method + b"/cseq=1", text, 0) == (NOT_ACCEPTABLE_HERE if why else 0)
    assert verdict(b"Request msg ACK/cseq=1", text, Exchange.OFFERED) == 0  # an answer: PJSIP ends its call


def test_an_early_answer_with_a_bad_address_is_dropped() -> None:
    verdict = judge("192.0.2.9", OFFERED, ice=False, on_refused=lambda status: None)
    assert verdict(b"Response msg 183/INVITE/cseq=1", description("c=IN IP4 ::1"), 0) == NOT_ACCEPTABLE_HERE
