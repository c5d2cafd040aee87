"""Reads pcap files, independently of the writer."""

import ipaddress
import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Datagram:
    at_s: float
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes

    @property
    def is_rtp(self) -> bool:
        """Version 2, and no RTCP (RFC 5761 §4)."""
        return len(self.payload) >= 12 and self.payload[0] >> 6 == 2 and not 192 <= self.payload[1] <= 223

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.payload[2:4], "big")


def sum_of(data: bytes) -> int:
    """The Internet checksum of data with its checksum in it: 0."""
    words = sum(data[at] << 8 | (data[at + 1] if at + 1 < len(data) else 0) for at in range(0, len(data), 2))
    while words > 0xFFFF:
        words = (words & 0xFFFF) + (words >> 16)
    return words ^ 0xFFFF


def read(data: bytes) -> list[Datagram]:
    """Every packet of a file. AssertionError for whatever is not as it must be."""
    magic, major, minor, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 101)
    found, at = [], 24
    while at < len(data):
        seconds, microseconds, kept, length = struct.unpack_from("<IIII", data, at)
        assert kept == length and microseconds < 1_000_000
        packet = data[at + 16 : at + 16 + kept]
        assert len(packet) == kept, "the last packet is not whole"
        found.append(_datagram(seconds + microseconds / 1e6, packet))
        at += 16 + kept
    return found


def _datagram(at_s: float, packet: bytes) -> Datagram:
    if packet[0] >> 4 == 4:
        assert packet[0] == 0x45 and packet[9] == 17 and sum_of(packet[:20]) == 0
        assert int.from_bytes(packet[2:4], "big") == len(packet)
        sender, receiver, udp = packet[12:16], packet[16:20], packet[20:]
    else:
        assert packet[0] >> 4 == 6 and packet[6] == 17
        assert int.from_bytes(packet[4:6], "big") == len(packet) - 40
        sender, receiver, udp = packet[8:24], packet[24:40], packet[40:]
        assert sum_of(sender + receiver + struct.pack("!II", len(udp), 17) + udp) == 0
    source_port, destination_port, length, _ = struct.unpack_from("!HHHH", udp)
    assert length == len(udp)
    source = str(ipaddress.ip_address(sender)), source_port
    destination = str(ipaddress.ip_address(receiver)), destination_port
    return Datagram(at_s, source, destination, udp[8:])
