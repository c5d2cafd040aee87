"""Frames of all kinds around a datagram, and the blocks of pcapng, written independently of the reader."""

import struct
from ipaddress import ip_address

UDP, TCP = 17, 6


def ip(source: str, destination: str, content: bytes, protocol: int = UDP, number: int = 1, fragment: int = 0) -> bytes:
    """An IPv4 or IPv6 packet. `fragment` is the field with its flags (IPv4)."""
    sender, receiver = ip_address(source).packed, ip_address(destination).packed
    if len(sender) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), number, fragment, 64, protocol, 0)
        return head + sender + receiver + content
    return struct.pack("!IHBB", 6 << 28, len(content), protocol, 64) + sender + receiver + content


def udp(source_port: int, destination_port: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload


def tcp(source_port: int, destination_port: int, sequence: int, payload: bytes = b"", flags: int = 0x18) -> bytes:
    head = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence & 0xFFFFFFFF, 0, 0x50, flags, 0, 0, 0)
    return head + payload


def ethernet(packet: bytes, *tags: bytes) -> bytes:
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return bytes(12) + b"".join(tags) + kind + packet


def cooked(packet: bytes, way: int = 0) -> bytes:
    return struct.pack("!HHH8s", way, 1, 6, bytes(8)) + ethernet(packet)[12:]


def cooked2(packet: bytes, way: int = 0, interface: int = 1) -> bytes:
    kind = ethernet(packet)[12:14]
    return kind + struct.pack("!HIHBB8s", 0, interface, 1, way, 6, bytes(8)) + packet


def pcap(
    *frames: bytes, link: int = 1, order: str = "<", nano: bool = False, at_s: int = 1_700_000_000, length: int = 0
) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    found = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, link)
    for number, frame in enumerate(frames):
        fraction = (number + 1) * (1_000 if nano else 1)
        found += struct.pack(f"{order}IIII", at_s, fraction, len(frame), length or len(frame)) + frame
    return found


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, order: str = "<", resolution: int | None = None, offset_s: int = 0) -> bytes:
    options = b""
    if resolution is not None:
        options += struct.pack(f"{order}HHB3x", 9, 1, resolution)
    if offset_s:
        options += struct.pack(f"{order}HHq", 14, 8, offset_s)
    return block(1, struct.pack(f"{order}HHI", link, 0, 65_535) + options + bytes(4), order)


def enhanced(units: int, frame: bytes, order: str = "<", number: int = 0) -> bytes:
    head = struct.pack(f"{order}IIIII", number, units >> 32, units & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame, order)
