"""One call's offers and answers, each in the light of those before (RFC 3264 §8)."""

import pytest

from offhook.sip.errors import RemoteError
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.model import Media
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.sip.sdp.parser import parse
from tests.sip.sdp.samples import LOCAL, OFFER, sdp

VIDEO_PHONE = sdp(
    "m=video 43990 RTP/AVP 97",
    "a=rtpmap:97 H264/90000",
    "m=audio 43996 RTP/AVP 0 101 96",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:101 iLBC/8000",
    "a=rtpmap:96 telephone-event/8000",
)


def call(capabilities: AudioCapabilities | None = None) -> OfferAnswer:
    return OfferAnswer(LOCAL, capabilities or AudioCapabilities())


def lines(description: bytes) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(each.kind, each.port, each.formats) for each in parse(description).media]


def audio_of(description: bytes) -> Media:
    return next(each for each in parse(description).media if each.port)


def test_an_offer_in_a_dialog_keeps_lines_and_numbers() -> None:
    ours = call()
    answer = ours.answer(VIDEO_PHONE)
    assert lines(answer) == [("video", 0, ("97",)), ("audio", 40_000, ("0", "96"))]
    offer = ours.offer()
    assert lines(offer) == [("video", 0, ("97",)), ("audio", 40_000, ("0", "8", "96"))]
    assert audio_of(offer).values("rtpmap") == ("0 PCMU/8000", "8 PCMA/8000", "96 telephone-event/8000")
    first, second = parse(answer).origin, parse(offer).origin
    assert first.session_id == second.session_id
    assert int(second.version) == int(first.version) + 1
    agreed = ours.accept(sdp("m=video 0 RTP/AVP 97", "m=audio 43998 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"))
    assert (agreed.remote_port, agreed.codec, agreed.dtmf_payload_type) == (43_998, "PCMU", 96)
    assert ours.agreed is agreed and not ours.waits_for_answer


def test_an_offer_that_holds_and_one_that_resumes() -> None:
    ours = call()
    offered = [ours.offer(direction) for direction in ("sendrecv", "sendonly", "sendrecv")]
    assert [each in str(audio_of(offered[1]).attributes) for each in ("sendonly", "sendrecv")] == [True, False]
    ours.offer("sendonly")
    assert ours.accept(sdp("m=audio 4000 RTP/AVP 0", "a=recvonly")).direction == "sendonly"
    ours.offer()
    assert ours.accept(sdp("m=audio 4000 RTP/AVP 0")).direction == "sendrecv"


def test_a_number_that_meant_something_else_is_not_taken() -> None:
    ours = call()
    ours.answer(sdp("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 iLBC/8000"))
    (rtpmap,) = (value for value in audio_of(ours.offer()).values("rtpmap") if "telephone" in value)
    assert rtpmap == "96 telephone-event/8000"


def test_dynamic_numbers_stay_through_several_offers() -> None:
    ours = call(AudioCapabilities(codecs=("OPUS", "PCMU")))
    offer = sdp(
        "m=audio 4000 RTP/AVP 120 0 121 122",
        "a=rtpmap:120 opus/48000/2",
        "a=rtpmap:121 telephone-event/48000",
        "a=rtpmap:122 telephone-event/8000",
        "a=rtcp-mux",
    )
    ours.answer(offer)
    first = ours.offer()
    assert set(audio_of(first).values("rtpmap")) >= {"120 opus/48000/2", "121 telephone-event/48000", "0 PCMU/8000"}
    assert any(each.name == "rtcp-mux" for each in audio_of(first).attributes)
    ours.withdraw()
    assert lines(ours.offer()) == lines(first)


def test_the_first_offer_has_one_line() -> None:
    ours = call()
    assert lines(ours.offer()) == [("audio", 40_000, ("0", "8", "101"))]
    ours.accept(sdp("m=audio 4000 RTP/AVP 8"))
    assert lines(ours.offer()) == [("audio", 40_000, ("0", "8", "101"))]


def test_an_answer_that_cannot_be_used_leaves_what_was_agreed_on() -> None:
    ours = call()
    ours.answer(OFFER)
    before = ours.agreed
    for answer in (b"", sdp("m=audio 4000 RTP/AVP 18"), sdp()):
        ours.offer()
        with pytest.raises(RemoteError):
            ours.accept(answer)
        assert ours.agreed is before
    with pytest.raises(RemoteError, match="without an offer"):
        ours.accept(OFFER)


@pytest.mark.parametrize("others", [(), ("m=video 0 RTP/AVP 97",)])
def test_a_far_end_that_disables_audio_stays_in_the_call(others: tuple[str, ...]) -> None:
    ours = call()
    first = ours.answer(sdp("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", *others))
    disabled = sdp("m=audio 0 RTP/AVP 8 101", *others)
    answer = ours.answer(disabled)
    assert {port for _, port, _ in lines(answer)} == {0}
    assert int(parse(answer).origin.version) == int(parse(first).origin.version) + 1
    assert ours.agreed is not None
    assert (ours.agreed.direction, ours.agreed.codec) == ("inactive", "PCMA")
    # Our own offer takes the same place again; the far end may refuse it, and enable it later.
    offer = ours.offer()
    assert lines(offer)[0][:2] == ("audio", 40_000)
    assert len(lines(offer)) == 1 + len(others)
    assert ours.accept(disabled).direction == "inactive"
    ours.answer(sdp("m=audio 4002 RTP/AVP 0"))
    assert (ours.agreed.direction, ours.agreed.remote_port) == ("sendrecv", 4002)


@pytest.mark.parametrize("offer", [sdp("m=audio 0 RTP/AVP 0"), sdp("m=audio 0 RTP/AVP 0", "m=image 4000 udptl t38")])
def test_disabled_audio_is_refused_at_first_and_for_another_medium(offer: bytes) -> None:
    ours = call()
    if b"t38" in offer:
        ours.answer(OFFER)
    with pytest.raises(RemoteError) as caught:
        ours.answer(offer)
    assert caught.value.status == 488


def test_an_offer_that_is_refused_changes_nothing() -> None:
    ours = call()
    first = ours.answer(OFFER)
    with pytest.raises(RemoteError):
        ours.answer(sdp("m=audio 4000 RTP/AVP 18"))
    assert ours.agreed is not None and ours.agreed.codec == "PCMA"
    assert int(parse(ours.answer(OFFER)).origin.version) == int(parse(first).origin.version) + 1


def test_what_is_valid_is_offered_again_to_refresh_the_session() -> None:
    ours = call()
    with pytest.raises(RemoteError):
        ours.offer_again()
    answer = ours.answer(OFFER)
    before = ours.agreed
    ours.offer_again()
    assert ours.waits_for_answer
    with pytest.raises(RemoteError):
        ours.offer_again()
    assert ours.accept(OFFER) == before
    # The version goes on from what both have seen.
    assert int(parse(ours.offer()).origin.version) == int(parse(answer).origin.version) + 1


def test_a_remote_offer_replaces_our_offer() -> None:
    ours = call()
    ours.answer(OFFER)
    ours.offer()
    ours.answer(OFFER)
    assert not ours.waits_for_answer
