import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.errors import RemoteError, WireError
from offhook.telephony.wire.rtp import MARKER, RtpPacket, build, build_plain, parse

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)

PACKETS = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    sequence=U16,
    timestamp=U32,
    ssrc=U32,
    payload=st.binary(max_size=480),
    csrcs=st.lists(U32, max_size=15).map(tuple),
    extension=st.none() | st.tuples(U16, st.binary(max_size=16).map(lambda b: b * 4)),
)


@given(PACKETS, st.integers(0, 255))
def test_parse_undoes_build(packet: RtpPacket, padding: int) -> None:
    assert parse(build(packet, padding=padding)) == packet


@given(PACKETS)
def test_plain_packets_are_what_build_writes(packet: RtpPacket) -> None:
    plain = packet._replace(csrcs=(), extension=None)
    kind = plain.payload_type | (MARKER if plain.marker else 0)
    assert build_plain(kind, plain.sequence, plain.timestamp, plain.ssrc, plain.payload) == build(plain)


def test_layout() -> None:
    data = bytes.fromhex("80e5fffe00000140deadbeef0a0a")
    assert parse(data) == RtpPacket(101, True, 0xFFFE, 320, 0xDEADBEEF, b"\n\n")


def test_an_empty_payload_is_a_packet() -> None:
    assert parse(build_plain(0, 1, 2, 3, b"")).payload == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes.fromhex("80000001000000010000000"[:22]),
        bytes.fromhex("4000000100000001000000017f"),  # version 1
        bytes.fromhex("c000000100000001000000017f"),  # version 3
        bytes.fromhex("0000000100000001000000017f"),  # version 0
        bytes.fromhex("8f00000100000001000000017f7f7f7f"),  # 15 CSRCs, one there
        bytes.fromhex("90000001000000010000000100"),  # no room for the extension's header
        bytes.fromhex("900000010000000100000001bede0002aabbccdd"),  # two words, one there
        bytes.fromhex("a00000010000000100000001aa00"),  # padding of none
        bytes.fromhex("a00000010000000100000001aa03"),  # padding of more than the payload
        bytes.fromhex("a00000010000000100000001"),  # padding, and nothing there
    ],
)
def test_inconsistent_packets_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        parse(data)


def test_padding_may_be_the_whole_payload() -> None:
    assert parse(bytes.fromhex("a00000010000000100000001aa02")).payload == b""


@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_parse_or_raise_a_remote_error(data: bytes, plausible: bool) -> None:
    if plausible and data:
        data = bytes((0x80 | data[0] & 0x3F,)) + data[1:]
    try:
        packet = parse(data)
    except RemoteError:
        return
    assert len(packet.payload) <= len(data) - 12


@pytest.mark.parametrize(
    ("packet", "padding"),
    [
        (RtpPacket(128, False, 0, 0, 0, b""), 0),
        (RtpPacket(0, False, 0, 0, 0, b"", csrcs=(0,) * 16), 0),
        (RtpPacket(0, False, 0, 0, 0, b"", extension=(0, b"abc")), 0),
        (RtpPacket(0, False, 0, 0, 0, b""), 256),
    ],
)
def test_what_does_not_fit_is_not_built(packet: RtpPacket, padding: int) -> None:
    with pytest.raises(ValueError, match="RTP"):
        build(packet, padding=padding)
