"""Our offers, and the media their answers agree on."""

from dataclasses import replace

import pytest

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia, accept_answer, answer_offer, make_offer
from offhook.sip.sdp.parser import parse
from offhook.sip.sdp.serializer import serialize
from tests.sip.sdp.samples import LOCAL, LOCAL6, sdp

REMOTE = LocalMedia("192.0.2.1", 4000, 5, 1)
OFFER = make_offer(LOCAL)


def test_the_offer() -> None:
    expected = sdp(
        "m=audio 40000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        session=("v=0", "o=- 77 1 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0"),
    )
    assert expected == OFFER
    assert serialize(parse(OFFER)) == OFFER


def test_the_offer_of_other_capabilities() -> None:
    offer = make_offer(LOCAL6, AudioCapabilities(("PCMA",), dtmf=False, ptime_ms=30), "inactive")
    media = parse(offer).media[0]
    assert media.formats == ("8",)
    assert offer.endswith(b"a=ptime:30\r\na=inactive\r\n")
    assert b"o=- 77 1 IN IP6 2001:db8::10\r\n" in offer


def test_a_direction_that_is_none() -> None:
    with pytest.raises(LocalError):
        make_offer(LOCAL, direction="both")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_both_ends_agree(ours: str, theirs: str) -> None:
    offer = make_offer(LOCAL, direction=ours)
    answer, remote = answer_offer(offer, REMOTE)
    local = accept_answer(offer, answer)
    assert (local.direction, remote.direction) == (ours, theirs)
    assert (local.codec, local.payload_type, local.dtmf_payload_type) == ("PCMU", 0, 101)
    assert dict(local.receive_payload_types) == {0: "PCMU", 8: "PCMA"}
    assert (local.remote_host, local.remote_port, local.remote_rtcp_port) == ("192.0.2.1", 4000, 4001)
    blank = {"remote_host": "", "remote_port": 0, "remote_rtcp_host": "", "remote_rtcp_port": 0, "direction": ""}
    assert replace(remote, **blank) == replace(local, **blank)  # type: ignore[arg-type]


def test_the_answer_chooses_one_codec() -> None:
    audio = accept_answer(OFFER, sdp("m=audio 4000 RTP/AVP 8"))
    assert (audio.codec, audio.payload_type, audio.dtmf_payload_type) == ("PCMA", 8, None)
    assert dict(audio.receive_payload_types) == {8: "PCMA"}
    assert audio.receive_dtmf_payload_type is None


def test_the_answer_may_number_the_formats_for_itself() -> None:
    answer = sdp(
        "m=audio 4000 RTP/AVP 110 96", "a=rtpmap:110 PCMU/8000", "a=rtpmap:96 telephone-event/8000", "a=ptime:30"
    )
    audio = accept_answer(OFFER, answer)
    assert (audio.payload_type, audio.dtmf_payload_type) == (110, 96)
    assert dict(audio.receive_payload_types) == {0: "PCMU"}
    assert audio.receive_dtmf_payload_type == 101
    assert audio.ptime_ms == 30


def test_keys_that_were_not_offered_are_not_agreed_on() -> None:
    offer = make_offer(LOCAL, AudioCapabilities(dtmf=False))
    answer = sdp("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000")
    assert accept_answer(offer, answer).dtmf_payload_type is None


def test_what_was_not_offered_cannot_be_answered() -> None:
    audio = accept_answer(OFFER, sdp("m=audio 4000 RTP/AVP 0 13", "a=rtcp-mux"))
    assert audio.comfort_noise_payload_type is None
    assert audio.receive_comfort_noise_payload_type is None
    assert not audio.rtcp_mux
    assert audio.remote_rtcp_port == 4001


@pytest.mark.parametrize(("answered", "expected"), [((), (False, 4001)), (("a=rtcp-mux",), (True, 4000))])
def test_a_shared_port_needs_both_ends(answered: tuple[str, ...], expected: tuple[bool, int]) -> None:
    offer = OFFER.replace(b"a=ptime", b"a=rtcp-mux\r\na=ptime")
    audio = accept_answer(offer, sdp("m=audio 4000 RTP/AVP 0", *answered))
    assert (audio.rtcp_mux, audio.remote_rtcp_port) == expected


@pytest.mark.parametrize(
    ("offered", "answered", "ours"),
    [
        ("sendrecv", "recvonly", "sendonly"),
        ("sendrecv", "sendonly", "recvonly"),
        ("sendrecv", "inactive", "inactive"),
        ("sendonly", "sendrecv", "sendonly"),
        ("inactive", "sendrecv", "inactive"),
        ("recvonly", "recvonly", "inactive"),
    ],
)
def test_the_answer_can_only_narrow(offered: str, answered: str, ours: str) -> None:
    offer = make_offer(LOCAL, direction=offered)
    assert accept_answer(offer, sdp("m=audio 4000 RTP/AVP 0", f"a={answered}")).direction == ours


def test_an_answer_that_holds_by_address() -> None:
    assert accept_answer(OFFER, sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0")).direction == "recvonly"


@pytest.mark.parametrize(
    "media",
    [
        ("m=audio 0 RTP/AVP 0",),
        ("m=audio 4000 RTP/AVP 18",),
        ("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.0.0.1"),
    ],
)
def test_refused_is_488(media: tuple[str, ...]) -> None:
    with pytest.raises(RemoteError) as caught:
        accept_answer(OFFER, sdp(*media))
    assert caught.value.status == 488


def test_a_codec_that_was_not_offered_is_488() -> None:
    offer = make_offer(LOCAL, AudioCapabilities(codecs=("PCMU",)))
    with pytest.raises(RemoteError) as caught:
        accept_answer(offer, sdp("m=audio 4000 RTP/AVP 8"))
    assert caught.value.status == 488


def test_more_lines_than_were_offered_are_ignored() -> None:
    audio = accept_answer(OFFER, sdp("m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 97"))
    assert (audio.remote_port, audio.codec) == (4000, "PCMU")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"v=0\r\n",
        sdp(),
        sdp("m=video 4000 RTP/AVP 0"),
        sdp("m=audio 4000 RTP/SAVP 0"),
        sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4"),
    ],
)
def test_no_answer_is_400(answer: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        accept_answer(OFFER, answer)
    assert caught.value.status == 400


@pytest.mark.parametrize("offer", [b"", sdp()])
def test_an_offer_that_is_not_ours_is_misuse(offer: bytes) -> None:
    with pytest.raises(LocalError):
        accept_answer(offer, sdp("m=audio 4000 RTP/AVP 0"))
