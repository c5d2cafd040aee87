"""Offers of others, answered (RFC 3264 §6, §8)."""

import pytest

from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia, accept_answer, answer_offer, make_offer
from offhook.sip.sdp.parser import parse
from tests.sip.sdp.samples import LOCAL, LOCAL6, OFFER, SESSION, sdp


def test_a_usual_offer() -> None:
    answer, audio = answer_offer(OFFER, LOCAL)
    assert answer == sdp(
        "m=audio 40000 RTP/AVP 8 0 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        session=("v=0", "o=- 77 1 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0"),
    )
    assert (audio.remote_host, audio.remote_port, audio.remote_rtcp_port) == ("192.0.2.1", 4000, 4001)
    assert (audio.codec, audio.payload_type) == ("PCMA", 8)
    assert dict(audio.receive_payload_types) == {8: "PCMA", 0: "PCMU"}
    assert (audio.dtmf_payload_type, audio.receive_dtmf_payload_type) == (101, 101)
    assert (audio.ptime_ms, audio.direction) == (20, "sendrecv")


def test_the_version_is_that_of_the_caller() -> None:
    answer, _ = answer_offer(OFFER, LocalMedia("192.0.2.10", 40_002, 77, 5))
    assert answer.startswith(b"v=0\r\no=- 77 5 IN IP4 192.0.2.10\r\n")
    assert parse(answer).origin.version == "5"


def test_static_types_need_no_rtpmap() -> None:
    _, audio = answer_offer(sdp("m=audio 4000 RTP/AVP 0"), LOCAL)
    assert (audio.codec, audio.payload_type, audio.dtmf_payload_type) == ("PCMU", 0, None)
    assert dict(audio.receive_payload_types) == {0: "PCMU"}


def test_dynamic_numbers_are_answered_with_the_same_numbers() -> None:
    offer = sdp(
        "m=audio 4000 RTP/AVP 96 111 97 110",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:111 PCMU/8000",
        "a=rtpmap:97 telephone-event/48000",
        "a=rtpmap:110 telephone-event/8000",
    )
    answer, audio = answer_offer(offer, LOCAL)
    assert parse(answer).media[0].formats == ("111", "110")
    assert (audio.codec, audio.payload_type) == ("PCMU", 111)
    assert dict(audio.receive_payload_types) == {111: "PCMU"}
    assert (audio.dtmf_payload_type, audio.receive_dtmf_payload_type) == (110, 110)


def test_keys_are_agreed_on_at_8_khz_only() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0 97", "a=rtpmap:97 telephone-event/16000")
    answer, audio = answer_offer(offer, LOCAL)
    assert audio.dtmf_payload_type is None
    assert b"telephone-event" not in answer


def test_the_first_codec_that_we_have_is_taken() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 18 9 8 3 0")
    answer, audio = answer_offer(offer, LOCAL)
    assert audio.codec == "PCMA"
    assert parse(answer).media[0].formats == ("8", "0")


def test_g722_is_taken_where_it_is_wanted_with_the_clock_that_it_has_in_sdp() -> None:
    capabilities = AudioCapabilities(codecs=("G722", "PCMU"))
    answer, audio = answer_offer(
        sdp("m=audio 4000 RTP/AVP 9 0 101", "a=rtpmap:101 telephone-event/8000"), LOCAL, capabilities
    )
    assert (audio.codec, audio.payload_type, audio.dtmf_payload_type) == ("G722", 9, 101)
    assert audio.receive_payload_types == {9: "G722", 0: "PCMU"}
    assert b"a=rtpmap:9 G722/8000" in answer
    # §6.1: the order of the offer counts.
    assert answer_offer(sdp("m=audio 4000 RTP/AVP 0 9"), LOCAL, capabilities)[1].codec == "PCMU"
    # RFC 3551 §4.5.2: its clock is 8000, and 16000 is something else.
    _, other = answer_offer(sdp("m=audio 4000 RTP/AVP 96 0", "a=rtpmap:96 G722/16000"), LOCAL, capabilities)
    assert other.codec == "PCMU"


def test_our_offer_with_g722() -> None:
    capabilities = AudioCapabilities(codecs=("G722", "PCMA"))
    offer = make_offer(LOCAL, capabilities)
    assert parse(offer).media[0].formats == ("9", "8", "101")
    assert accept_answer(offer, sdp("m=audio 4000 RTP/AVP 9"), capabilities).codec == "G722"


def test_capabilities_limit_the_answer() -> None:
    answer, audio = answer_offer(OFFER, LOCAL, AudioCapabilities(codecs=("PCMU",), dtmf=False))
    assert parse(answer).media[0].formats == ("0",)
    assert (audio.codec, audio.dtmf_payload_type) == ("PCMU", None)


def test_every_m_line_is_answered_in_its_order() -> None:
    offer = sdp(
        "m=video 5000 RTP/AVP 31 96",
        "a=rtpmap:96 H264/90000",
        "m=audio 4000 RTP/SAVP 0",
        "m=audio 4002 RTP/AVP 18",
        "m=audio 4004 RTP/AVP 0",
        "m=audio 4006 RTP/AVP 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    )
    answer, audio = answer_offer(offer, LOCAL)
    assert [(m.kind, m.port, m.protocol, m.formats) for m in parse(answer).media] == [
        ("video", 0, "RTP/AVP", ("31", "96")),
        ("audio", 0, "RTP/SAVP", ("0",)),
        ("audio", 0, "RTP/AVP", ("18",)),
        ("audio", 40_000, "RTP/AVP", ("0",)),
        ("audio", 0, "RTP/AVP", ("0",)),
        ("application", 0, "UDP/DTLS/SCTP", ("webrtc-datachannel",)),
    ]
    assert audio.remote_port == 4004


def test_the_times_of_the_offer_come_back() -> None:
    offer = OFFER.replace(b"t=0 0", b"t=3034423619 3042462419")
    answer, _ = answer_offer(offer, LOCAL)
    assert parse(answer).time == "3034423619 3042462419"


@pytest.mark.parametrize(
    ("offered", "ours"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_directions(offered: str, ours: str) -> None:
    on_media = sdp("m=audio 4000 RTP/AVP 0", f"a={offered}")
    on_session = sdp("m=audio 4000 RTP/AVP 0", session=(*SESSION, f"a={offered}"))
    for offer in (on_media, on_session):
        answer, audio = answer_offer(offer, LOCAL)
        assert audio.direction == ours
        assert answer.endswith(f"a={ours}\r\n".encode())


def test_the_direction_of_the_stream_counts_for_more_than_the_sessions() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", "a=sendrecv", session=(*SESSION, "a=inactive"))
    assert answer_offer(offer, LOCAL)[1].direction == "sendrecv"


@pytest.mark.parametrize(
    ("offered", "ours"),
    [("sendrecv", "recvonly"), ("sendonly", "recvonly"), ("recvonly", "inactive"), ("inactive", "inactive")],
)
def test_hold_by_address(offered: str, ours: str) -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", f"a={offered}")
    answer, audio = answer_offer(offer, LOCAL)
    assert (audio.direction, audio.remote_host) == (ours, "0.0.0.0")
    assert parse(answer).media[0].port == 40_000
    assert parse(answer).host == "192.0.2.10"


def test_hold_by_ipv6_address() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP6 ::")
    assert answer_offer(offer, LOCAL6)[1].direction == "recvonly"


def test_the_streams_own_address_counts() -> None:
    _, audio = answer_offer(sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.99"), LOCAL)
    assert audio.remote_host == "192.0.2.99"
    no_session_address = [line for line in SESSION if not line.startswith("c=")]
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.99", session=no_session_address)
    assert answer_offer(offer, LOCAL)[1].remote_host == "192.0.2.99"


def test_ipv6() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1")
    answer, audio = answer_offer(offer, LOCAL6)
    assert audio.remote_host == "2001:db8::1"
    assert b"c=IN IP6 2001:db8::10\r\n" in answer


def test_an_ipv4_mapped_ipv6_address_is_ipv4() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP6 ::ffff:192.0.2.3")
    assert answer_offer(offer, LOCAL)[1].remote_host == "192.0.2.3"


def test_the_stream_of_our_address_family_is_taken() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1", "m=audio 4002 RTP/AVP 0")
    assert answer_offer(offer, LOCAL)[1].remote_port == 4002


def test_packet_time_and_rtcp_port() -> None:
    answer, audio = answer_offer(sdp("m=audio 4000 RTP/AVP 0", "a=ptime:30", "a=rtcp:4900"), LOCAL)
    assert (audio.ptime_ms, audio.remote_rtcp_port) == (30, 4900)
    assert b"a=ptime:30\r\n" in answer


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), 30),
        (("a=ptime:10",), 10),
        (("a=ptime:40",), 40),
        (("a=ptime:50", "a=maxptime:20"), 20),
        (("a=maxptime:20",), 20),
        (("a=maxptime:150",), 30),
        (("a=ptime:1000",), 60),
        (("a=ptime:5", "a=maxptime:5"), 10),
        (("a=ptime",), 30),
        (("a=ptime:20.5",), 20),
    ],
)
def test_our_wish_for_a_packet_time_counts_where_the_remote_has_none(lines: tuple[str, ...], expected: int) -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", *lines)
    answer, audio = answer_offer(offer, LOCAL, AudioCapabilities(ptime_ms=30))
    assert audio.ptime_ms == expected
    assert f"a=ptime:{expected}\r\n".encode() in answer


@pytest.mark.parametrize(
    "lines", [("m=audio 4000 RTP/AVP 0 13",), ("m=audio 4000 RTP/AVP 0 13", "a=rtpmap:13 CN/8000")]
)
def test_comfort_noise_is_answered_where_it_is_offered(lines: tuple[str, ...]) -> None:
    answer, audio = answer_offer(sdp(*lines), LOCAL)
    assert parse(answer).media[0].formats == ("0", "13")
    assert b"a=rtpmap:13 CN/8000\r\n" in answer
    assert (audio.comfort_noise_payload_type, audio.receive_comfort_noise_payload_type) == (13, 13)
    assert dict(audio.receive_payload_types) == {0: "PCMU"}


def test_of_two_kinds_of_comfort_noise_the_first_is_taken() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0 98 13 97", "a=rtpmap:97 CN/16000", "a=rtpmap:98 CN/8000")
    answer, audio = answer_offer(offer, LOCAL)
    assert parse(answer).media[0].formats == ("0", "98")
    assert audio.comfort_noise_payload_type == 98


def test_comfort_noise_of_another_rate_is_ignored() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0 13", "a=rtpmap:13 CN/16000")
    assert answer_offer(offer, LOCAL)[1].comfort_noise_payload_type is None


def test_comfort_noise_can_be_left_out() -> None:
    answer, audio = answer_offer(sdp("m=audio 4000 RTP/AVP 0 13"), LOCAL, AudioCapabilities(comfort_noise=False))
    assert audio.comfort_noise_payload_type is None
    assert parse(answer).media[0].formats == ("0",)


def test_rtcp_shares_the_port_where_that_is_offered() -> None:
    answer, audio = answer_offer(sdp("m=audio 65535 RTP/AVP 0", "a=rtcp-mux", "a=rtcp:4001"), LOCAL)
    assert audio.rtcp_mux
    assert (audio.remote_rtcp_host, audio.remote_rtcp_port) == ("192.0.2.1", 65_535)
    assert b"a=rtcp-mux\r\n" in answer
    plain, audio = answer_offer(OFFER, LOCAL)
    assert not audio.rtcp_mux
    assert b"rtcp-mux" not in plain


def test_a_payload_type_that_looks_like_rtcp_keeps_rtcp_on_its_own_port() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 72", "a=rtpmap:72 PCMU/8000", "a=rtcp-mux")
    answer, audio = answer_offer(offer, LOCAL)
    assert (audio.payload_type, audio.rtcp_mux, audio.remote_rtcp_port) == (72, False, 4001)
    assert b"rtcp-mux" not in answer


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("4900", "192.0.2.1"),
        ("4900 IN IP4 192.0.2.7", "192.0.2.7"),
        ("4900 IN IP6 ::ffff:192.0.2.7", "192.0.2.7"),
        ("4900 IN IP4 rtcp.example.com", "192.0.2.1"),
        ("4900 IN IP6 2001:db8::7", "192.0.2.1"),
        ("4900 IN IP4 224.0.0.1", "192.0.2.1"),
        ("4900 IN IP4 255.255.255.255", "192.0.2.1"),
        ("4900 IN IP4 0.0.0.0", "192.0.2.1"),
    ],
)
def test_rtcp_may_have_an_address_of_its_own(value: str, host: str) -> None:
    _, audio = answer_offer(sdp("m=audio 4000 RTP/AVP 0", f"a=rtcp:{value}"), LOCAL)
    assert (audio.remote_rtcp_host, audio.remote_rtcp_port) == (host, 4900)
