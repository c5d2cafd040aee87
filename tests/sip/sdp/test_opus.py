"""Opus in offers and answers (RFC 7587 §7), with telephone-event in its clock (RFC 4733 §2.1)."""

import pytest

from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import NegotiatedAudio, accept_answer, answer_offer, make_offer
from offhook.sip.sdp.parser import parse
from tests.sip.sdp.samples import LOCAL, refused, sdp

BOTH = AudioCapabilities(codecs=("OPUS", "PCMU"))
OFFER = (
    "a=rtpmap:96 opus/48000/2",
    "a=fmtp:96 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1;maxplaybackrate=48000",
    "a=rtpmap:100 telephone-event/48000",
    "a=rtpmap:101 telephone-event/8000",
)


def answered(m_line: str, *attributes: str, to: AudioCapabilities = BOTH) -> tuple[bytes, NegotiatedAudio]:
    return answer_offer(sdp(m_line, *attributes), LOCAL, to)


def test_opus_is_taken_with_the_number_that_it_was_offered_under() -> None:
    answer, audio = answered("m=audio 4000 RTP/AVP 96 0 100 101", *OFFER)
    assert answer == sdp(
        "m=audio 40000 RTP/AVP 96 0 100",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:100 telephone-event/48000",
        "a=fmtp:100 0-15",
        "a=ptime:20",
        "a=sendrecv",
        session=("v=0", "o=- 77 1 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0"),
    )
    assert (audio.codec, audio.payload_type, dict(audio.receive_payload_types)) == ("OPUS", 96, {96: "OPUS", 0: "PCMU"})
    assert (audio.dtmf_payload_type, audio.receive_dtmf_payload_type, audio.dtmf_clock_hz) == (100, 100, 48_000)


def test_the_order_of_the_offer_counts_and_keys_follow_it() -> None:
    answer, audio = answered("m=audio 4000 RTP/AVP 0 96 100 101", *OFFER)
    assert (audio.codec, audio.dtmf_payload_type, audio.dtmf_clock_hz) == ("PCMU", 101, 8_000)
    assert parse(answer).media[0].formats == ("0", "96", "101")


def test_only_opus() -> None:
    _, audio = answered("m=audio 4000 RTP/AVP 107", "a=rtpmap:107 OPUS/48000/2")
    assert (audio.codec, audio.payload_type, audio.dtmf_payload_type) == ("OPUS", 107, None)
    assert dict(audio.receive_payload_types) == {107: "OPUS"}


def test_who_has_no_opus_gets_what_else_there_is() -> None:
    narrow = AudioCapabilities()
    _, audio = answered("m=audio 4000 RTP/AVP 96 0 100 101", *OFFER, to=narrow)
    assert (audio.codec, audio.dtmf_payload_type) == ("PCMU", 101)
    assert refused(sdp("m=audio 4000 RTP/AVP 96", *OFFER)) == 488


def test_keys_of_8_khz_are_better_than_none() -> None:
    _, audio = answered("m=audio 4000 RTP/AVP 96 101", *OFFER)
    assert (audio.codec, audio.dtmf_payload_type, audio.dtmf_clock_hz) == ("OPUS", 101, 8_000)


def test_keys_of_48_khz_do_not_go_with_g711() -> None:
    _, audio = answered("m=audio 4000 RTP/AVP 0 100", *OFFER)
    assert audio.dtmf_payload_type is None


@pytest.mark.parametrize("mapped", ["opus/48000", "opus/48000/1", "opus/16000/2", "opus/8000", "opus/48000/6"])
def test_what_is_not_the_opus_of_the_rfc_is_not_taken(mapped: str) -> None:
    _, audio = answered("m=audio 4000 RTP/AVP 96 0", f"a=rtpmap:96 {mapped}")
    assert (audio.codec, dict(audio.receive_payload_types)) == ("PCMU", {0: "PCMU"})


@pytest.mark.parametrize(
    ("attributes", "ptime_ms"),
    [
        ((), 20),
        (("ptime:30",), 20),
        (("ptime:50",), 40),
        (("ptime:60",), 60),
        (("ptime:120",), 60),
        (("ptime:3",), 10),
        (("ptime:60", "maxptime:20"), 20),
        (("fmtp:96 minptime=40; useinbandfec=1",), 40),
        (("fmtp:96 useinbandfec=1;minptime=25",), 20),
        (("fmtp:96 minptime=9999",), 60),
        (("fmtp:96 minptime=60x",), 20),
        (("fmtp:96 minptime=60", "maxptime:40"), 40),
        (("fmtp:96 minptime=99999999",), 20),
        (("fmtp:96 minptime=-1;sprop-minptime=60;=;;x",), 20),
        (("fmtp:97 minptime=60",), 20),
        (("fmtp:96",), 20),
    ],
)
def test_a_packet_time_that_a_frame_can_have(attributes: tuple[str, ...], ptime_ms: int) -> None:
    _, audio = answered("m=audio 4000 RTP/AVP 96", OFFER[0], *(f"a={each}" for each in attributes))
    assert (audio.codec, audio.ptime_ms) == ("OPUS", ptime_ms)


@pytest.mark.parametrize(
    ("parameters", "bit_rate"),
    [
        ("useinbandfec=1", None),
        ("useinbandfec=1; MaxAverageBitrate=20000", 20_000),
        ("maxaveragebitrate=510000;stereo=0", 510_000),
        ("maxaveragebitrate=1", 6_000),
        ("maxaveragebitrate=-1;maxaveragebitrate", None),
        ("maxaveragebitrate=99999999999", None),
    ],
)
def test_the_bit_rate_that_must_not_be_exceeded(parameters: str, bit_rate: int | None) -> None:
    _, audio = answered("m=audio 4000 RTP/AVP 96", OFFER[0], f"a=fmtp:96 {parameters}")
    assert audio.max_bit_rate == bit_rate


def test_comfort_noise_is_not_sent_beside_opus() -> None:
    _, audio = answered("m=audio 4000 RTP/AVP 96 0 13", *OFFER)
    assert (audio.comfort_noise_payload_type, audio.receive_comfort_noise_payload_type) == (None, 13)
    assert answered("m=audio 4000 RTP/AVP 0 96 13", *OFFER)[1].comfort_noise_payload_type == 13


def test_our_offer() -> None:
    offer = make_offer(LOCAL, BOTH)
    (media,) = parse(offer).media
    assert media.formats == ("111", "0", "110", "101")
    assert list(media.values("rtpmap")) == [
        *("111 opus/48000/2", "0 PCMU/8000", "110 telephone-event/48000", "101 telephone-event/8000")
    ]


def test_an_answer_to_our_offer() -> None:
    offer = make_offer(LOCAL, BOTH)
    wide = sdp(
        "m=audio 4000 RTP/AVP 96 97 101",
        *("a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/48000", "a=rtpmap:101 telephone-event/8000"),
    )
    audio = accept_answer(offer, wide, BOTH)
    assert (audio.codec, audio.payload_type, dict(audio.receive_payload_types)) == ("OPUS", 96, {111: "OPUS"})
    assert (audio.dtmf_payload_type, audio.receive_dtmf_payload_type, audio.dtmf_clock_hz) == (97, 110, 48_000)
    narrow = accept_answer(offer, sdp("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"), BOTH)
    assert (narrow.codec, narrow.dtmf_payload_type, narrow.receive_dtmf_payload_type) == ("PCMU", 101, 101)
    assert narrow.dtmf_clock_hz == 8_000
