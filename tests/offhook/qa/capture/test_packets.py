"""Datagrams and segments in frames of all kinds."""

import random
import struct

import pytest

from offhook.qa.capture.files import Frame
from offhook.qa.capture.packets import Datagram, PacketDecoder, Segment
from tests.offhook.qa.capture.frames import TCP, cooked, cooked2, ethernet, ip, tcp, udp

HOSTS4, HOSTS6 = ("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")
PPPOE = b"\x88\x64\x11\x00\x00\x01\x00\x20\x00\x21"


def frame(data: bytes, link: int, at_s: float = 1.0, *, is_cut: bool = False) -> Frame:
    return Frame(at_s, link, data, is_cut)


def decode(data: bytes, link: int) -> Datagram | Segment | None:
    return PacketDecoder().decode(frame(data, link))


@pytest.mark.parametrize("hosts", [HOSTS4, HOSTS6])
def test_every_link(hosts: tuple[str, str]) -> None:
    packet = ip(*hosts, udp(4_000, 5_000, b"payload"))
    wanted = Datagram(1.0, (hosts[0], 4_000), (hosts[1], 5_000), b"payload")
    vlan, outer = b"\x81\x00\x00\x05", b"\x88\xa8\x00\x06"
    found = {
        "ethernet": decode(ethernet(packet), 1),
        "padded": decode(ethernet(packet) + bytes(20), 1),
        "vlan": decode(ethernet(packet, vlan), 1),
        "two vlans": decode(ethernet(packet, outer, vlan), 1),
        "raw": decode(packet, 101),
        "ipv4 or ipv6": decode(packet, 228 if ":" not in hosts[0] else 229),
        "cooked": decode(cooked(packet), 113),
        "cooked 2": decode(cooked2(packet), 276),
        "loopback": decode(struct.pack("<I", 2) + packet, 0),
        "openbsd loopback": decode(struct.pack(">I", 30) + packet, 108),
    }
    assert found == dict.fromkeys(found, wanted)


def test_pppoe() -> None:
    packet = ip(*HOSTS4, udp(4_000, 5_000, b"payload"))
    found = decode(bytes(12) + PPPOE + packet, 1)
    assert isinstance(found, Datagram) and found.payload == b"payload"


def test_extension_headers() -> None:
    content = udp(4_000, 5_000, b"payload")
    for kind, header in (
        (0, bytes((17, 0)) + bytes(6)),
        (60, bytes((17, 1)) + bytes(14)),
        (51, bytes((17, 4)) + bytes(22)),
    ):
        found = decode(ip(*HOSTS6, header + content, kind), 101)
        assert isinstance(found, Datagram) and found.payload == b"payload", kind


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_fragments(order: tuple[int, ...]) -> None:
    whole = udp(4_000, 5_000, bytes(range(250)) * 10)
    parts = [(0, 0x2000, whole[:1_000]), (1_000, 0x2000, whole[1_000:2_000]), (2_000, 0, whole[2_000:])]
    decoder = PacketDecoder()
    found = [
        decoder.decode(frame(ip(*HOSTS4, data, fragment=flags | offset // 8), 101))
        for offset, flags, data in (parts[number] for number in order)
    ]
    assert found[:2] == [None, None] and isinstance(found[2], Datagram)
    assert found[2].payload == bytes(range(250)) * 10
    decoder = PacketDecoder()
    for offset, flags, data in (parts[number] for number in order):
        head = struct.pack("!BBHI", 17, 0, offset | (flags > 0), 77)
        last = decoder.decode(frame(ip(*HOSTS6, head + data, 44), 101))
    assert isinstance(last, Datagram) and last.payload == bytes(range(250)) * 10


def test_fragments_without_end_have_a_bound() -> None:
    decoder = PacketDecoder()
    for number in range(2_000):
        piece = ip(*HOSTS4, bytes(64), number=number, fragment=0x2000)
        assert decoder.decode(frame(piece, 101)) is None
    assert decoder.unfinished <= 256


def test_a_capture_on_any_interface_has_copies() -> None:
    packet = ip(*HOSTS4, udp(4_000, 5_000, b"payload"))
    decoder = PacketDecoder()
    found = [decoder.decode(frame(cooked(packet, way), 113, 1.0 + at)) for at, way in enumerate((4, 0)) for _ in "x"]
    assert found[0] is not None
    decoder = PacketDecoder()
    assert decoder.decode(frame(cooked(packet, 4), 113)) is not None
    assert decoder.decode(frame(cooked(packet, 0), 113, 1.0001)) is None
    assert decoder.decode(frame(cooked2(packet, 4, 1), 276, 1.0002)) is None
    assert decoder.copies == 2
    # The same way again is the same packet sent again, and counts.
    assert decoder.decode(frame(cooked(packet, 4), 113, 5.0)) is not None


def test_a_segment() -> None:
    found = decode(ethernet(ip(*HOSTS4, tcp(4_000, 5_060, 7, b"data", 0x18), TCP)), 1)
    assert found == Segment(1.0, ("192.0.2.1", 4_000), ("192.0.2.2", 5_060), b"data", 7, 0x18)


def test_what_is_cut_says_so() -> None:
    packet = ip(*HOSTS4, udp(4_000, 5_000, bytes(160)))[:100]
    found = PacketDecoder().decode(frame(packet, 101, is_cut=True))
    assert isinstance(found, Datagram) and found.is_cut and len(found.payload) == 72


def test_other_frames_are_counted() -> None:
    decoder = PacketDecoder()
    for data, link in ((b"", 1), (bytes(60), 1), (b"\x45", 101), (bytes(60), 105), (ip(*HOSTS4, b"x", 1), 101)):
        assert decoder.decode(frame(data, link)) is None
    assert (decoder.frames, decoder.others, decoder.unknown_links) == (5, 5, {105})


def test_random_frames_never_raise() -> None:
    chance, decoder = random.Random(1), PacketDecoder()
    starts = [ethernet(ip(*hosts, udp(1, 2, bytes(30)))) for hosts in (HOSTS4, HOSTS6)]
    for number in range(5_000):
        data = bytearray(starts[number % 2])
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        del data[chance.randrange(len(data) + 1) :]
        decoder.decode(frame(bytes(data), chance.choice((0, 1, 101, 113, 276))))
    assert decoder.frames == 5_000
