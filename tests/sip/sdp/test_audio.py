import pytest

from offhook.sip.sdp import audio
from offhook.sip.sdp.audio import Format
from offhook.sip.sdp.model import Attribute, Media


def media(*attributes: tuple[str, str], formats: str = "0", port: int = 4000) -> Media:
    return Media("audio", port, "RTP/AVP", tuple(formats.split()), attributes=tuple(Attribute(*a) for a in attributes))


def test_static_types_need_no_rtpmap_and_dynamic_ones_do() -> None:
    assert audio.formats(media(formats="8 0 96 18 127")) == [Format(8, "PCMA"), Format(0, "PCMU"), Format(18, "G729")]


def test_a_dynamic_type_may_be_g711() -> None:
    line = media(("rtpmap", "96\tpcmu/8000"), ("rtpmap", "97  PCMA/8000/1"), formats="97 96")
    assert audio.formats(line) == [Format(97, "PCMA"), Format(96, "PCMU")]


@pytest.mark.parametrize("value", ["0 PCMU/16000", "0 PCMU/8000/2", "0 opus/48000", "0 opus/16000/2"])
def test_a_rtpmap_counts_for_more_than_the_number(value: str) -> None:
    assert audio.formats(media(("rtpmap", value))) == []


def test_a_type_named_twice_counts_once() -> None:
    line = media(("rtpmap", "96 PCMU/8000"), ("rtpmap", "96 pcmu/8000/1"), formats="96 96")
    assert audio.formats(line) == [Format(96, "PCMU")]


@pytest.mark.parametrize("formats", ["128", "-1", "x", "999999999", "200 ²"])
def test_what_is_no_payload_type_means_nothing(formats: str) -> None:
    assert audio.formats(media(formats=f"{formats} 8")) == [Format(8, "PCMA")]


@pytest.mark.parametrize("value", ["", "0", "0 PCMA", "0 PCMA/", "0 PCMA/x", "x PCMA/8000", "128 PCMA/8000", "0 /8000"])
def test_a_rtpmap_that_cannot_be_read_maps_nothing(value: str) -> None:
    assert audio.formats(media(("rtpmap", value))) == [Format(0, "PCMU")]


def test_all_maps_of_a_number_that_can_be_used_count() -> None:
    maps = ("101 telephone-event/16000", "101 telephone-event/8000", "101 telephone-event/48000")
    line = media(*(("rtpmap", value) for value in maps), formats="101")
    assert [each.clock_hz for each in audio.formats(line)] == [8_000, 48_000]
    assert audio.numbers(line) == {101: Format(101, "TELEPHONE-EVENT", 16_000)}


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
def test_absurd_packet_times_are_no_wish(name: str, value: str) -> None:
    assert audio.ptime_ms(media((name, value)), 20) == 20
    assert audio.ptime_ms(media((name, value), (name, " 10")), 20) == 10


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
def test_rtcp_ports_that_are_none(value: str) -> None:
    assert audio.rtcp_address(media(("rtcp", value))) == (None, 4001)


def test_the_last_port_leaves_only_itself_for_rtcp() -> None:
    assert audio.rtcp_address(media(port=65_535)) == (None, 65_535)
