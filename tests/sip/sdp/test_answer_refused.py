"""Offers that are refused, odd ones, and misuse."""

import pytest

from offhook.sip.errors import LocalError, NotAcceptableError
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia, answer_offer
from offhook.sip.sdp.parser import parse
from tests.sip.sdp.samples import LOCAL, OFFER, refused, sdp


@pytest.mark.parametrize(
    "media",
    [
        (),
        ("m=audio 4000 RTP/AVP 13",),
        ("m=audio 4000 RTP/AVP 13 101", "a=rtpmap:101 telephone-event/8000"),
        ("m=audio 4000 RTP/AVP 18",),
        ("m=audio 4000 RTP/AVP 96",),
        ("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 PCMU/16000"),
        ("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"),
        ("m=audio 0 RTP/AVP 0",),
        ("m=audio 4000/2 RTP/AVP 0",),
        ("m=audio 4000 RTP/SAVP 0",),
        ("m=audio 4000 RTP/AVPF 0",),
        ("m=video 4000 RTP/AVP 0",),
        ("m=image 4000 udptl t38",),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127/3"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 255.255.255.255"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 media.example.com"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.300"),
    ],
)
def test_nothing_usable_is_488(media: tuple[str, ...]) -> None:
    assert refused(sdp(*media)) == 488


@pytest.mark.parametrize(
    "offer",
    [
        b"",
        b"hello",
        b"\x00\xff" * 50,
        sdp("m=audio 65536 RTP/AVP 0"),
        sdp("m=audio 4000 RTP/AVP"),
        sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4"),
        sdp("m=audio 4000 RTP/AVP 0", "c=ATM X 1"),
        sdp("m=audio 4000 RTP/AVP 0", session=("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0")),
        OFFER + b"x" * 70_000,
    ],
)
def test_malformed_is_400(offer: bytes) -> None:
    assert refused(offer) == 400


@pytest.mark.parametrize(
    "lines",
    [
        ("a=ptime:0",),
        ("a=ptime:-1",),
        ("a=ptime: 20",),
        ("a=ptime:2147483648",),
        ("a=maxptime:0",),
        ("a=rtcp:0",),
        ("a=rtcp:70000 IN IP4 192.0.2.7",),
        ("a=rtcp:",),
        ("a=rtpmap:0",),
        ("a=rtpmap:96 AppleLossless",),
        ("a=rtpmap:101 ",),
        ("a=rtpmap:101 telephone-event",),
        ("a=fmtp:", "a=fmtp:x y", "a=fmtp"),
        ("a=\x01",),
        ("a=" + "x" * 5_000,),
        ("b=AS:x", "k=\x00", "i="),
        ("",),
    ],
)
def test_an_odd_wish_is_no_wish(lines: tuple[str, ...]) -> None:
    answer, audio = answer_offer(sdp("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", *lines), LOCAL)
    assert (audio.codec, audio.ptime_ms, audio.remote_rtcp_port) == ("PCMA", 20, 4001)
    assert parse(answer).media[0].formats == ("8",)


def test_a_number_that_is_mapped_twice_keeps_the_map_that_can_be_used() -> None:
    offer = sdp(
        "m=audio 43996 RTP/AVP 8 101 101 18 0 200 x",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/16000",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=fmtp:101 0-15",
    )
    answer, audio = answer_offer(offer, LOCAL)
    assert parse(answer).media[0].formats == ("8", "101", "0")
    assert (audio.dtmf_payload_type, audio.receive_dtmf_payload_type, audio.dtmf_clock_hz) == (101, 101, 8_000)
    assert answer.count(b"a=rtpmap:101 telephone-event/8000\r\n") == 1


@pytest.mark.parametrize(
    ("maps", "formats"),
    [
        (("96 opus/48000/2", "96 PCMA/8000"), ("96",)),  # Opus is not among ours
        (("96 AMR/8000", "96 pcmu/8000"), ("96",)),
        (("96 PCMU/16000", "96", "96 PCMU/8000"), ("96",)),
        (("96 PCMU/8000", "96 telephone-event/8000", "97 telephone-event/8000"), ("96", "97")),
    ],
)
def test_maps_are_judged_by_what_both_ends_can_do(maps: tuple[str, ...], formats: tuple[str, ...]) -> None:
    offer = sdp("m=audio 4000 RTP/AVP 96 97", *(f"a=rtpmap:{value}" for value in maps))
    assert parse(answer_offer(offer, LOCAL)[0]).media[0].formats == formats


def browser(count: int = 284) -> list[str]:
    return [f"a=rtcp-fb:{n % 128} goog-remb" for n in range(count)]


@pytest.mark.parametrize(
    "media",
    [
        ("m=audio 4000 RTP/AVP 0 8", "m=video 59116 RTP/AVP 96 97", *browser()),
        ("m=audio 4000 RTP/AVP 0 8", *(f"a=candidate:{n} 1 udp 1 192.0.2.1 {n} typ host" for n in range(90))),
        ("m=audio 4000 RTP/AVP 0 8", "m=video 5000 RTP/AVP " + " ".join(str(n % 128) for n in range(300))),
        ("m=audio 4000 RTP/AVP 0 8 " + " ".join(str(n) for n in range(20, 120)),),
        (*browser(), "m=audio 4000 RTP/AVP 0 8"),
        ("m=audio 4000 RTP/AVP 0 8", *["m=video 0 RTP/AVP 31"] * 60),
        ("m=video 70000 RTP/AVP", "m=audio 4000 RTP/AVP 0 8"),
        ("m=video 4000/2  RTP/AVP  31", "c=IN IP4", "m=audio 4000 RTP/AVP 0 8"),
        ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", *browser(), "m=audio 4000 RTP/AVP 0 8"),
    ],
)
def test_what_is_not_wanted_does_not_count(media: tuple[str, ...]) -> None:
    answer, audio = answer_offer(sdp(*media), LOCAL)
    assert audio.codec == "PCMU"
    lines = parse(answer).media
    assert len(lines) == sum(line.startswith("m=") for line in media)
    assert [each.port for each in lines if each.kind == "audio"] == [40_000]
    assert not any(each.port for each in lines if each.kind != "audio")


def test_a_browsers_offer_is_refused_with_488() -> None:
    media = ("m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8", *browser(), "m=video 9 UDP/TLS/RTP/SAVPF 96", *browser())
    with pytest.raises(NotAcceptableError) as caught:
        answer_offer(sdp(*media), LOCAL)
    assert (caught.value.status, caught.value.warn_code) == (488, 302)


@pytest.mark.parametrize(
    ("media", "warn_code"),
    [
        ((), 304),
        (("m=video 4000 RTP/AVP 31",), 304),
        (("m=audio 0 RTP/AVP 0",), 304),
        (("m=video 4000 RTP/AVP 31", "m=audio 4000 RTP/AVP 18"), 305),
        (("m=audio 4000 RTP/SAVP 0",), 302),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"), 301),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP4 media.example.com"), 301),
    ],
)
def test_the_refusal_says_what_is_wrong(media: tuple[str, ...], warn_code: int) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        answer_offer(sdp(*media), LOCAL)
    assert caught.value.warn_code == warn_code


def test_a_malformed_stream_of_another_kind_does_no_harm() -> None:
    offer = sdp("m=video 5000 RTP/AVP 300", "a=rtpmap:300", "a=ptime:x", "m=audio 4000 RTP/AVP 0")
    assert answer_offer(offer, LOCAL)[1].codec == "PCMU"


@pytest.mark.parametrize(
    "local",
    [
        LocalMedia("example.com", 4000, 1, 1),
        LocalMedia("0.0.0.0", 4000, 1, 1),
        LocalMedia("::", 4000, 1, 1),
        LocalMedia("192.0.2.1", 0, 1, 1),
        LocalMedia("192.0.2.1", 65_535, 1, 1),
        LocalMedia("192.0.2.1", 4000, -1, 1),
        LocalMedia("192.0.2.1", 4000, 1, -1),
    ],
)
def test_misuse_of_the_local_side(local: LocalMedia) -> None:
    with pytest.raises(LocalError):
        answer_offer(OFFER, local)


@pytest.mark.parametrize(
    "capabilities",
    [
        AudioCapabilities(codecs=()),
        AudioCapabilities(codecs=("opus",)),
        AudioCapabilities(ptime_ms=0),
        AudioCapabilities(ptime_ms=25),
        AudioCapabilities(ptime_ms=80),
    ],
)
def test_misuse_of_capabilities(capabilities: AudioCapabilities) -> None:
    with pytest.raises(LocalError):
        answer_offer(OFFER, LOCAL, capabilities)
