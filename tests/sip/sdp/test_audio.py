import pytest

from offhook.sip.errors import RemoteError
from offhook.sip.sdp import audio
from offhook.sip.sdp.audio import Format
from offhook.sip.sdp.model import Attribute, Media


def media(*attributes: tuple[str, str], formats: str = "0", port: int = 4000) -> Media:
    return Media("audio", port, "RTP/AVP", tuple(formats.split()), attributes=tuple(Attribute(*a) for a in attributes))


def test_static_types_need_no_rtpmap_and_dynamic_ones_do() -> None:
    assert audio.formats(media(formats="8 0 96 18 127")) == [Format(8, "PCMA"), Format(0, "PCMU"), Format(18, "G729")]


def test_a_dynamic_type_may_be_g711() -> None:
    line = media(("rtpmap", "96 pcmu/8000"), ("rtpmap", "97 PCMA/8000/1"), formats="97 96")
    assert audio.formats(line) == [Format(97, "PCMA"), Format(96, "PCMU")]


@pytest.mark.parametrize("value", ["0 PCMU/16000", "0 PCMU/8000/2", "0 opus/48000", "0 opus/16000/2"])
def test_a_rtpmap_counts_for_more_than_the_number(value: str) -> None:
    assert audio.formats(media(("rtpmap", value))) == []


def test_a_type_named_twice_counts_once() -> None:
    line = media(("rtpmap", "96 PCMU/8000"), ("rtpmap", "96 PCMA/8000"), formats="96 96")
    assert audio.formats(line) == [Format(96, "PCMU")]


@pytest.mark.parametrize("formats", ["128", "-1", "0 x", "999999999", "0 200"])
def test_payload_types_have_a_range(formats: str) -> None:
    with pytest.raises(RemoteError, match="payload type"):
        audio.formats(media(formats=formats))


@pytest.mark.parametrize("value", ["", "0", "0 PCMU", "0 PCMU/", "0 PCMU/x", "x PCMU/8000", "128 PCMU/8000", "0 /8000"])
def test_malformed_rtpmaps(value: str) -> None:
    with pytest.raises(RemoteError) as caught:
        audio.formats(media(("rtpmap", value)))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ([], 20),
        ([("ptime", "20")], 20),
        ([("ptime", "30")], 30),
        ([("ptime", "60")], 60),
        ([("ptime", "25")], 20),
        ([("ptime", "12.5")], 10),
        ([("ptime", "1")], 10),
        ([("ptime", "150")], 60),
        ([("maxptime", "10")], 10),
        ([("ptime", "40"), ("maxptime", "30")], 30),
        ([("ptime", "20"), ("maxptime", "150")], 20),
    ],
)
def test_packet_times(attributes: list[tuple[str, str]], expected: int) -> None:
    assert audio.ptime_ms(media(*attributes), 20) == expected


@pytest.mark.parametrize("value", ["", "0", "-20", "x", "1001", "4294967296", "20 ms", "9" * 2_000])
@pytest.mark.parametrize("name", ["ptime", "maxptime"])
def test_absurd_packet_times(name: str, value: str) -> None:
    with pytest.raises(RemoteError) as caught:
        audio.ptime_ms(media((name, value)), 20)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ([], (None, 4001)),
        ([("rtcp", "5000")], (None, 5000)),
        ([("rtcp", "5000 IN IP4 192.0.2.7")], ("192.0.2.7", 5000)),
    ],
)
def test_rtcp_addresses(attributes: list[tuple[str, str]], expected: tuple[str | None, int]) -> None:
    assert audio.rtcp_address(media(*attributes)) == expected


@pytest.mark.parametrize("value", ["", "0", "65536", "x", "999999", "5000 IN"])
def test_bad_rtcp_ports(value: str) -> None:
    with pytest.raises(RemoteError):
        audio.rtcp_address(media(("rtcp", value)))


def test_the_last_port_leaves_none_for_rtcp() -> None:
    with pytest.raises(RemoteError):
        audio.rtcp_address(media(port=65_535))
