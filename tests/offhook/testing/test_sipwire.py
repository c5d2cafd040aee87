"""Addresses in SIP and SDP, changed and left alone."""

import pytest

from offhook.testing.sipwire import (
    MediaTarget,
    call_id,
    media_streams,
    method,
    replace_addresses,
    session_description,
    with_body,
    with_media_at,
)

CALLER, RELAY, BOT, SEEN = ("192.0.2.1", 5060), ("192.0.2.9", 5070), ("192.0.2.5", 5060), ("192.0.2.9", 50_600)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\nm=video 4002 RTP/AVP 31\r\nc=IN IP4 192.0.2.2\r\n"
)
INVITE = (
    b"INVITE sip:bot@192.0.2.9:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
    b"Contact: <sip:me@192.0.2.1:5060>\r\nTo: <sip:bot@192.0.2.9:50701>\r\ni: abc@192.0.2.1\r\nl: 9\r\n\r\n"
)


def test_only_whole_addresses_are_replaced_and_only_in_the_head() -> None:
    there = replace_addresses(INVITE + b"192.0.2.1:5060", {RELAY: BOT, CALLER: SEEN})
    assert there.startswith(b"INVITE sip:bot@192.0.2.5:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:50600;")
    assert b"Contact: <sip:me@192.0.2.9:50600>" in there
    assert b"To: <sip:bot@192.0.2.9:50701>" in there
    assert there.endswith(b"192.0.2.1:5060")
    assert replace_addresses(there, {BOT: RELAY, SEEN: CALLER}) == INVITE + b"192.0.2.1:5060"


def test_what_is_put_in_is_not_found_again() -> None:
    swapped = replace_addresses(b"A 192.0.2.1:5060 192.0.2.9:5070\r\n\r\n", {CALLER: RELAY, RELAY: CALLER})
    assert swapped == b"A 192.0.2.9:5070 192.0.2.1:5060\r\n\r\n"


@pytest.mark.parametrize(
    ("message", "name", "call"),
    [
        (INVITE, "INVITE", "abc@192.0.2.1"),
        (b"SIP/2.0 200 OK\r\nCall-ID:  x y \r\n\r\n", "", "x y"),
        (b"BYE sip:a SIP/2.0\r\n\r\nCall-ID: body\r\n", "BYE", None),
        (b"", "", None),
        (b"\xff\xfe\x00", "", None),
    ],
)
def test_what_a_message_is(message: bytes, name: str, call: str | None) -> None:
    assert method(message) == name
    assert call_id(message) == call


def test_a_new_body_has_its_length() -> None:
    message = with_body(INVITE, SDP)
    assert f"l: {len(SDP)}\r\n".encode() in message
    assert session_description(message) == SDP
    assert session_description(INVITE) == b""


def test_streams_have_the_address_of_their_own_line_or_the_session() -> None:
    assert media_streams(SDP) == [
        MediaTarget(0, ("192.0.2.1", 4000), ("192.0.2.1", 4001)),
        MediaTarget(1, ("192.0.2.2", 4002), ("192.0.2.2", 4003)),
    ]


def test_rtcp_may_be_elsewhere_and_a_refused_stream_is_none() -> None:
    sdp = SDP.replace(b"m=video 4002", b"m=video 0").replace(b"a=rtpmap", b"a=rtcp:53 IN IP4 192.0.2.7\r\na=rtpmap")
    assert media_streams(sdp) == [MediaTarget(0, ("192.0.2.1", 4000), ("192.0.2.7", 53))]


def test_streams_are_moved_to_the_relay() -> None:
    sdp = with_media_at(SDP, "192.0.2.9", {0: 40_000})
    assert b"m=audio 40000 RTP/AVP 0 101\r\n" in sdp
    assert b"m=video 4002 RTP/AVP 31\r\n" in sdp
    assert b"o=- 1 1 IN IP4 192.0.2.1\r\n" in sdp
    assert media_streams(sdp)[0] == MediaTarget(0, ("192.0.2.9", 40_000), ("192.0.2.9", 40_001))


@pytest.mark.parametrize(("given", "expected"), [(b"4000", 40_000), (b"4001", 40_001), (b"77", 40_001)])
def test_multiplexed_rtcp_stays_so(given: bytes, expected: int) -> None:
    sdp = with_media_at(SDP.replace(b"a=rtpmap", b"a=rtcp:" + given + b"\r\na=rtpmap"), "192.0.2.9", {0: 40_000})
    assert f"a=rtcp:{expected}\r\n".encode() in sdp


def test_hold_by_address_stays_hold() -> None:
    sdp = with_media_at(SDP.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0"), "192.0.2.9", {0: 40_000})
    assert b"c=IN IP4 0.0.0.0\r\n" in sdp


def test_any_bytes_pass() -> None:
    assert with_media_at(b"v=0\r\ns=\xff\xfe\r\n", "192.0.2.9", {}) == b"v=0\r\ns=\xff\xfe\r\n"
