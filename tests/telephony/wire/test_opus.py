"""The table of contents of Opus packets (RFC 6716 §3): how long they last, and what is none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.errors import WireError
from offhook.telephony.wire.opus import MAX_TICKS, packet_ticks


def toc(configuration: int, code: int, *, stereo: bool = False) -> bytes:
    return bytes([configuration << 3 | stereo << 2 | code])


@pytest.mark.parametrize(
    ("configuration", "frame_ms"),
    [(0, 10), (1, 20), (2, 40), (3, 60), (8, 10), (11, 60), (12, 10), (15, 20), (16, 2.5), (29, 5), (30, 10), (31, 20)],
)
@pytest.mark.parametrize("stereo", [False, True])
def test_a_frame_lasts_as_long_as_its_configuration_says(configuration: int, frame_ms: float, stereo: bool) -> None:
    assert packet_ticks(toc(configuration, 0, stereo=stereo) + bytes(30)) == 8 * frame_ms
    assert packet_ticks(toc(configuration, 1, stereo=stereo) + bytes(30)) == 16 * frame_ms
    assert packet_ticks(toc(configuration, 2, stereo=stereo) + b"\x0a" + bytes(30)) == 16 * frame_ms
    assert packet_ticks(toc(configuration, 3, stereo=stereo) + b"\x02" + bytes(30)) == 16 * frame_ms


@pytest.mark.parametrize("packet", [toc(9, 0), toc(9, 0) + b"\0", toc(9, 1), toc(9, 3) + b"\x01"])
def test_frames_of_no_octets_are_a_pause(packet: bytes) -> None:
    assert packet_ticks(packet) in (160, 320)


def test_padding_and_frames_of_their_own_length() -> None:
    assert packet_ticks(toc(1, 3) + b"\x43\x04" + bytes(9 + 4)) == 3 * 160
    assert packet_ticks(toc(1, 3) + b"\x42\xff\x00" + bytes(4 + 254)) == 2 * 160
    assert packet_ticks(toc(1, 3) + b"\x83\x01\x02" + bytes(1 + 2 + 7)) == 3 * 160
    assert packet_ticks(toc(1, 2) + b"\xfc\x01" + bytes(256 + 3)) == 2 * 160


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        toc(1, 1) + bytes(3),  # two frames of one and a half octets
        toc(1, 2),
        toc(1, 2) + b"\xfc",
        toc(1, 2) + b"\x05" + bytes(4),
        toc(1, 3),
        toc(1, 3) + b"\x00" + bytes(9),  # no frames
        toc(3, 3) + b"\x03" + bytes(9),  # 180 ms
        toc(16, 3) + b"\x31" + bytes(49),  # 122.5 ms
        toc(1, 3) + b"\x02" + bytes(3),
        toc(1, 3) + b"\x42\x04" + bytes(3),  # more padding than packet
        toc(1, 3) + b"\x42\xff\xff",
        toc(1, 3) + b"\x83\x05\x05" + bytes(9),
        toc(1, 0) + bytes(1_276),
    ],
)
def test_what_is_no_packet(packet: bytes) -> None:
    with pytest.raises(WireError, match="Opus"):
        packet_ticks(packet)


@given(st.binary(max_size=80))
def test_any_octets_are_a_packet_of_up_to_120_ms_or_none(octets: bytes) -> None:
    with suppress(WireError):
        assert 20 <= packet_ticks(octets) <= MAX_TICKS
