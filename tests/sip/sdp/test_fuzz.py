"""Whatever description comes in, nothing but RemoteError comes out, and soon."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.errors import RemoteError
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia, accept_answer, answer_offer, make_offer
from offhook.sip.sdp.parser import parse
from offhook.sip.sdp.serializer import serialize
from tests.sip.sdp.samples import LOCAL, LOCAL6, OFFER, sdp

OURS = make_offer(LOCAL)

PIECES = st.sampled_from(
    [
        *[
            b"",
            b"\r\n",
            b"\n",
            b"\r",
            b"\x00",
            b" ",
            b"=",
            b":",
            b"/",
            b"0",
            b"8",
            b"99999999999",
            b"-1",
            b"\xff",
            b"::",
        ],
        *[b"0.0.0.0", b"a=rtcp:", b"a=ptime:", b"a=rtpmap:", b"m=audio ", b"c=IN IP6 ", b"a=sendonly\r\n", b"."],
        *[b"13", b"a=rtcp-mux\r\n", b"a=maxptime:", b" 5 IN IP4 ", b"CN/8000", b"72"],
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sound description with a few spots replaced."""
    data = draw(st.sampled_from([OFFER, OURS, sdp("m=audio 4000 RTP/AVP 0", "a=rtcp:4001", "m=video 1 RTP/AVP 31")]))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 4))
        data = data[:at] + draw(PIECES | st.binary(max_size=3)) + data[at + cut :]
    return data


def check(data: bytes) -> None:
    """Answer it, and accept it as an answer; anything but RemoteError fails the test."""
    for local in (LOCAL, LOCAL6):
        try:
            answer, audio = answer_offer(data, local)
        except RemoteError as error:
            assert error.status in {400, 488}
        else:
            assert len(parse(answer).media) == len(parse(data).media)
            assert parse(serialize(parse(answer))) == parse(answer)
            assert 0 <= audio.payload_type <= 127
            assert audio.ptime_ms in {10, 20, 30, 40, 50, 60}
            assert 0 < audio.remote_rtcp_port <= 65_535
            assert audio.payload_type in audio.receive_payload_types
    try:
        accept_answer(OURS, data)
    except RemoteError as error:
        assert error.status in {400, 488}


@settings(max_examples=400)
@given(mutated())
def test_a_mutated_description(data: bytes) -> None:
    check(data)


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_random_octets(data: bytes) -> None:
    check(data)
    check(b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n" + data)


@pytest.mark.parametrize(
    "value", [b" ", b"0 ", b"/", b":", b"9", b"a=", b"\r\n", b"a=x\r\n", b"1 1 IN IP4 ", b"m=audio 1 RTP/AVP 0\n"]
)
@pytest.mark.parametrize("prefix", [b"", b"o=", b"m=", b"m=audio 4000 RTP/AVP ", b"c=", b"a=", b"a=rtpmap:", b"t="])
def test_many_of_one_kind_take_no_time(prefix: bytes, value: bytes) -> None:
    began = process_time()
    for room in (2_000, 15_000):
        filler = prefix + value * (room // len(value))
        check(OFFER + filler)
        check(b"v=0\r\n" + filler + b"\r\n" + OFFER)
    assert process_time() - began < 1.0


@given(
    codecs=st.permutations(["PCMU", "PCMA"]).flatmap(lambda both: st.sampled_from([both, both[:1]])),
    dtmf=st.booleans(),
    ptime_ms=st.sampled_from([10, 20, 30, 40, 50, 60]),
    way=st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"]),
    port=st.integers(1, 65_534),
    version=st.integers(0, 2**63),
)
def test_our_answer_to_our_offer_is_accepted(
    codecs: list[str], dtmf: bool, ptime_ms: int, way: str, port: int, version: int
) -> None:
    capabilities = AudioCapabilities(tuple(codecs), dtmf, ptime_ms)
    offer = make_offer(LocalMedia("192.0.2.10", port, 1, version), capabilities, way)
    assert serialize(parse(offer)) == offer
    answer, there = answer_offer(offer, LocalMedia("192.0.2.1", 4000, 2, version))
    assert serialize(parse(answer)) == answer
    here = accept_answer(offer, answer, capabilities)
    assert here.direction == way
    assert here.codec == there.codec == codecs[0]
    assert here.receive_payload_types == there.receive_payload_types
    assert (here.dtmf_payload_type is not None) == dtmf
    assert here.ptime_ms == there.ptime_ms == ptime_ms
    assert there.remote_port == port
