"""The pcap file format, version 2.4 (draft-ietf-opsawg-pcap), for UDP datagrams.

A socket gives payloads only: the IP and UDP headers around them are made here (RFC 791, RFC 8200, RFC 768).
"""

import ipaddress
import struct
from functools import lru_cache

Address = tuple[str, int]

MAX_PAYLOAD_BYTES = 65_535 - 20 - 8
"""Of a datagram over IPv4 (RFC 791 §3.1). IPv6 allows 20 bytes more; they are cut off."""

_LINKTYPE_RAW = 101
"""A packet begins with its IP header, of either version."""

FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535 + 40, _LINKTYPE_RAW)

_UDP = 17
_HOPS = 64
_DONT_FRAGMENT = 0x4000


def packet(at_s: float, source: Address, destination: Address, payload: bytes) -> bytes:
    """One packet of a file. `at_s` is Unix time; a host that is not a numeric address becomes the unspecified one."""
    payload = payload[:MAX_PAYLOAD_BYTES]
    sender, receiver = _address_bytes(source[0]), _address_bytes(destination[0])
    if len(sender) == 16 or len(receiver) == 16:
        data = _ipv6(_mapped(sender), source[1], _mapped(receiver), destination[1], payload)
    else:
        data = _ipv4(sender or bytes(4), source[1], receiver or bytes(4), destination[1], payload)
    seconds, microseconds = divmod(round(at_s * 1_000_000), 1_000_000)
    return struct.pack("<IIII", seconds, microseconds, len(data), len(data)) + data


def _ipv4(sender: bytes, source_port: int, receiver: bytes, destination_port: int, payload: bytes) -> bytes:
    length = 20 + 8 + len(payload)
    start = struct.pack("!BBHHHBB", 0x45, 0, length, 0, _DONT_FRAGMENT, _HOPS, _UDP)
    checksum = _checksum(start + sender + receiver)
    # RFC 768: a UDP checksum of zero means none.
    udp = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0)
    return start + struct.pack("!H", checksum) + sender + receiver + udp + payload


def _ipv6(sender: bytes, source_port: int, receiver: bytes, destination_port: int, payload: bytes) -> bytes:
    length = 8 + len(payload)
    ports = struct.pack("!HHH", source_port, destination_port, length)
    # RFC 8200 §8.1: the checksum is mandatory over IPv6, and 0 is written as 0xffff.
    checksum = _checksum(sender + receiver + struct.pack("!II", length, _UDP) + ports + payload) or 0xFFFF
    start = struct.pack("!IHBB", 6 << 28, length, _UDP, _HOPS)
    return start + sender + receiver + ports + struct.pack("!H", checksum) + payload


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@lru_cache(maxsize=1_024)
def _address_bytes(host: str) -> bytes:
    """4 or 16; none for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).packed
    except ValueError:
        return b""


def _mapped(octets: bytes) -> bytes:
    """An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2)."""
    if len(octets) == 4:
        return bytes(10) + b"\xff\xff" + octets
    return octets or bytes(16)
