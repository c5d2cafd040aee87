import pytest

from offhook.sip.errors import RemoteError
from offhook.sip.sdp.model import NO_ORIGIN, Attribute, Media, Origin, SessionDescription, stated_direction
from offhook.sip.sdp.parser import parse
from offhook.sip.sdp.serializer import serialize
from tests.sip.sdp.samples import OFFER, SESSION, sdp

FULL = SessionDescription(
    origin=Origin("ann", "123456789012345678901234567890", "2", "2001:db8::1"),
    name="A call",
    host="2001:db8::1",
    time="0 0",
    attributes=(Attribute("sendonly"),),
    media=(
        Media("audio", 4000, "RTP/AVP", ("0", "101"), attributes=(Attribute("rtpmap", "0 PCMU/8000"),)),
        Media("video", 0, "RTP/SAVPF", ("31",), port_count=2, host="192.0.2.1"),
        Media("application", 9, "UDP/DTLS/SCTP", ("webrtc-datachannel",)),
    ),
)


def test_a_whole_description() -> None:
    data = (
        b"v=0\r\no=ann 123456789012345678901234567890 2 IN IP6 2001:db8::1\r\ns=A call\r\nc=IN IP6 2001:db8::1\r\n"
        b"t=0 0\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
        b"m=video 0/2 RTP/SAVPF 31\r\nc=IN IP4 192.0.2.1\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    )
    assert parse(data) == FULL
    assert serialize(FULL) == data


@pytest.mark.parametrize(
    "origin",
    [(), ("o=",), ("o= 1 1 IN IP4 h",), ("o=- -5 1 IN IP4 h",), ("o=- 0x1 1 IN IP4 h",), ("o=- 1 1 IN IPX h",)],
)
def test_the_origin_does_not_matter(origin: tuple[str, ...]) -> None:
    session = parse(sdp("m=audio 4000 RTP/AVP 0", session=("v=0", *origin)))
    assert (session.origin, session.media[0].port) == (NO_ORIGIN, 4000)


def test_parse_of_print_is_the_value() -> None:
    session = parse(OFFER)
    assert serialize(session) == OFFER
    assert parse(serialize(session)) == session


@pytest.mark.parametrize(
    "data",
    [
        OFFER.replace(b"\r\n", b"\n"),
        OFFER + b"\r\n\r\n",
        OFFER + b"\x00",
        b"\r\n" + OFFER,
        OFFER + b"x\r\n=\r\n a=sendonly\r\n",
        OFFER.replace(b"c=IN IP4 ", b"c=in  ip4  "),
        OFFER.removesuffix(b"\r\n"),
        OFFER.replace(b"s=-\r\n", b""),
        OFFER.replace(b"t=0 0\r\n", b"t=0 0\r\nb=AS:64\r\ni=x\r\n"),
        OFFER.replace(b"a=rtpmap:8 PCMA/8000", b"a=rtpmap:8 PCMA/8000 "),
        OFFER.replace(b" 8 0 101\r\n", b" 8 0 101 \r\n"),
    ],
)
def test_harmless_oddities(data: bytes) -> None:
    assert parse(data) == parse(OFFER)


@pytest.mark.parametrize("origin", ["o=Some Phone 1 1 IN IP4 192.0.2.1", "o=- 1 1 IN IP4 host.example.com"])
def test_odd_origins(origin: str) -> None:
    assert parse(sdp(session=("v=0", origin))).media == ()


@pytest.mark.parametrize(
    "line",
    [
        "m=audio",
        "m=audio RTP/AVP 0",
        "m=audio -1 RTP/AVP 0",
        "m=audio x RTP/AVP 0",
        "m=au dio 4000 RTP/AVP 0",
        "m=audio 4000 RTP/AVP 0\x00",
        " m=audio 4000 RTP/AVP 0",
    ],
)
def test_malformed_lines(line: str) -> None:
    session = ("v=0", "o=- 1 1 IN IP4 192.0.2.1")
    with pytest.raises(RemoteError) as caught:
        parse(sdp(line, session=session))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "session",
    [
        (),
        ("",),
        ("v=1", "o=- 1 1 IN IP4 h"),
        ("o=- 1 1 IN IP4 h", "v=0"),
    ],
)
def test_malformed_beginnings(session: tuple[str, ...]) -> None:
    with pytest.raises(RemoteError) as caught:
        parse(sdp("m=audio 4000 RTP/AVP 0", session=session))
    assert caught.value.status == 400


@pytest.mark.parametrize("line", ["c=IN IP4", "c=IN IP5 192.0.2.1", "c=IN IP4 192.0.2.1 x", "c=ATM X 1"])
def test_an_address_that_cannot_be_read_is_empty(line: str) -> None:
    assert parse(sdp("m=audio 4000 RTP/AVP 0", line)).media[0].host == ""


@pytest.mark.parametrize("line", ["t=x", "t=", "a=\x00", "a=" + "x" * 3_000, "i=\x07", "Z=x"])
def test_a_line_that_nothing_depends_on_is_left_out(line: str) -> None:
    session = (*SESSION[:-1], line)
    assert parse(sdp("m=audio 4000 RTP/AVP 0", session=session)) == parse(sdp("m=audio 4000 RTP/AVP 0"))


@pytest.mark.parametrize(
    ("line", "formats"),
    [
        ("m=audio 4000  RTP/AVP  0", ("0",)),
        ("m=audio 4000 RTP/AVP 0 8 0", ("0", "8")),
        ("m=audio 4000 RTP/AVP", ()),
        ("m=audio 99999 RTP/AVP 0", ("0",)),
    ],
)
def test_odd_m_lines(line: str, formats: tuple[str, ...]) -> None:
    assert parse(sdp(line)).media[0].formats == formats


def test_there_is_an_end_of_m_lines() -> None:
    parse(sdp(*["m=audio 4000 RTP/AVP 0"] * 128))
    with pytest.raises(RemoteError, match="too many"):
        parse(sdp(*["m=audio 4000 RTP/AVP 0"] * 129))


def test_attributes_and_formats_are_kept_as_far_as_they_are_needed() -> None:
    many = [f"a=rtcp-fb:{n} nack" for n in range(300)]
    needed = ["a=ptime:30", *["a=rtpmap:0 PCMU/8000"] * 300]
    media = parse(sdp("m=audio 4000 RTP/AVP" + " 0 x" * 500, *many, *needed)).media[0]
    assert media.formats == ("0", "x")
    assert media.attributes[0] == Attribute("ptime", "30")
    assert len(media.attributes) == 256


def test_sizes_have_limits() -> None:
    parse(sdp("a=" + "x" * 2_100))
    with pytest.raises(RemoteError, match="malformed line"):
        parse(sdp("m=audio 4000 RTP/AVP " + "0" * 2_100))
    parse(sdp(*["i=" + "x" * 1_000] * 60))
    with pytest.raises(RemoteError, match="too large"):
        parse(sdp(*["i=" + "x" * 1_000] * 66))


def test_directions() -> None:
    assert stated_direction((Attribute("ptime", "20"), Attribute("recvonly"))) == "recvonly"
    assert stated_direction((Attribute("ptime", "20"),)) is None


def test_values_of_an_attribute() -> None:
    media = parse(sdp("m=audio 4000 RTP/AVP 0", "a=fmtp", "a=fmtp:1", "a=ptime:2", "a=fmtp:", "a=fmtp:3:4")).media[0]
    assert media.values("fmtp") == ("1", "", "3:4")
    assert parse(sdp(session=SESSION)).media == ()
