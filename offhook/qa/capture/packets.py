"""UDP datagrams and TCP segments in frames. Pure.

Ethernet (VLAN, PPPoE), Linux cooked, loopback, raw IP; IPv4 and IPv6.

Fragments are put together, within bounds. A cooked capture ("any") has a packet once for each interface that it
passes: only the first is given.
"""

from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple

from offhook.qa.capture.files import Frame

Address = tuple[str, int]
"""A numeric host and a port."""

UDP, TCP = 17, 6
MAX_FRAGMENTED = 256
"""Packets of which some fragments are still missing."""
MAX_FRAGMENTS = 64
MAX_COOKED = 512
COOKED_S = 0.5
"""So long a packet's copies on other interfaces are looked for."""

_NULL, _ETHERNET, _RAW, _LOOP, _COOKED, _IPV4, _IPV6, _COOKED2 = 0, 1, 101, 108, 113, 228, 229, 276
_RAW_TYPES = (_RAW, 12, 14, _IPV4, _IPV6)
_ETHERTYPE_IPV4, _ETHERTYPE_IPV6, _PPPOE = 0x0800, 0x86DD, 0x8864
_VLANS = (0x8100, 0x88A8, 0x9100)
_PPP_PROTOCOLS = {0x0021: _ETHERTYPE_IPV4, 0x0057: _ETHERTYPE_IPV6}
_IP_TYPES = (_ETHERTYPE_IPV4, _ETHERTYPE_IPV6)
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60

_IPV4_HEADER = Struct("!BBHHHBBH4s4s")
_IPV6_HEADER = Struct("!IHBB16s16s")
_UDP_HEADER = Struct("!HHHH")
_TCP_HEADER = Struct("!HHIIBB")


class Datagram(NamedTuple):
    """A UDP datagram; `is_cut`: its end was not captured."""

    at_s: float
    source: Address
    destination: Address
    payload: bytes
    is_cut: bool = False


class Segment(NamedTuple):
    """A TCP segment: `sequence` as on the wire, `flags` are the eight bits with FIN (1), SYN (2) and RST (4)."""

    at_s: float
    source: Address
    destination: Address
    payload: bytes
    sequence: int
    flags: int


class PacketDecoder:
    """Frames in, datagrams and segments out; counts what is neither."""

    def __init__(self) -> None:
        self.frames = 0
        self.others = 0
        """Frames that are no UDP or TCP over IP, or are malformed."""
        self.unknown_links: set[int] = set()
        self.unknown_frames = 0
        self.copies = 0
        """Packets that a cooked capture had before, from another interface."""
        self._fragments: OrderedDict[tuple[bytes, ...], dict[int, tuple[bytes, bool]]] = OrderedDict()
        self._cooked: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    @property
    def unfinished(self) -> int:
        """Packets of which some fragments are still missing."""
        return len(self._fragments)

    def decode(self, frame: Frame) -> Datagram | Segment | None:
        """What is in a frame; None: nothing of interest, a copy, or a fragment that others are missing for."""
        self.frames += 1
        packet = self._network_layer(frame)
        if packet is None or not packet:
            self.others += 1
            return None
        if frame.link_type in (_COOKED, _COOKED2) and self._is_copy(frame, packet):
            self.copies += 1
            return None
        found = self._ipv4(frame, packet) if packet[0] >> 4 == 4 else self._ipv6(frame, packet)
        if isinstance(found, str):
            self.others += found == "other"
            return None
        return found

    def _network_layer(self, frame: Frame) -> bytes | None:
        """The IP packet of a frame."""
        data, link = frame.data, frame.link_type
        if link == _ETHERNET:
            return _of_ethertype(data, 12)
        if link in _RAW_TYPES:
            return data
        if link == _COOKED:
            return _of_ethertype(data, 14)
        if link == _COOKED2:
            return data[20:] if int.from_bytes(data[:2], "big") in _IP_TYPES else None
        if link in (_NULL, _LOOP):
            # The address family, whose number for IPv6 differs between systems: the IP version says the same.
            return data[4:] if len(data) > 4 and data[4] >> 4 in (4, 6) else None
        self.unknown_frames += 1
        if len(self.unknown_links) < 16:
            self.unknown_links.add(link)
        return None

    def _is_copy(self, frame: Frame, packet: bytes) -> bool:
        # Where it was seen: the kind of packet (in, out), and with version 2 the interface, too.
        where = frame.data[:2] if frame.link_type == _COOKED else frame.data[4:8] + frame.data[10:11]
        before = self._cooked.get(packet)
        if before is not None and before[1] != where and frame.at_s - before[0] < COOKED_S:
            return True
        self._cooked[packet] = (frame.at_s, where)
        self._cooked.move_to_end(packet)
        if len(self._cooked) > MAX_COOKED:
            self._cooked.popitem(last=False)
        return False

    def _ipv4(self, frame: Frame, packet: bytes) -> Datagram | Segment | str:
        if len(packet) < 20:
            return "other"
        version, _, total, number, fragment, _, protocol, _, source, destination = _IPV4_HEADER.unpack_from(packet)
        header = (version & 0x0F) * 4
        if header < 20 or protocol not in (UDP, TCP) or (0 < total < header):
            return "other"
        # A total of 0 is what segmentation offload leaves.
        content = packet[header : total or None]
        if fragment & 0x3FFF:
            key = (source, destination, number.to_bytes(2, "big"), bytes((protocol,)))
            whole = self._assemble(key, (fragment & 0x1FFF) * 8, content, more=bool(fragment & 0x2000))
            if whole is None:
                return "fragment"
            content = whole
        return _transport(frame, protocol, _host4(source), _host4(destination), content)

    def _ipv6(self, frame: Frame, packet: bytes) -> Datagram | Segment | str:
        if len(packet) < 40 or packet[0] >> 4 != 6:
            return "other"
        _, length, protocol, _, source, destination = _IPV6_HEADER.unpack_from(packet)
        content = packet[40 : 40 + length] if length else packet[40:]
        for _ in range(8):  # extension headers (RFC 8200 §4)
            if protocol in (UDP, TCP):
                return _transport(frame, protocol, _host6(source), _host6(destination), content)
            if len(content) < 8 or protocol not in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION):
                return "other"
            following, size = content[0], 8 + 8 * content[1]
            if protocol == _AUTHENTICATION:
                size = 4 * (content[1] + 2)
            elif protocol == _FRAGMENT:
                place = int.from_bytes(content[2:4], "big")
                key = (source, destination, content[4:8], content[:1])
                whole = self._assemble(key, place & 0xFFF8, content[8:], more=bool(place & 1))
                if whole is None:
                    return "fragment"
                content, size = whole, 0
            protocol, content = following, content[size:]
        return "other"

    def _assemble(self, key: tuple[bytes, ...], offset: int, data: bytes, *, more: bool) -> bytes | None:
        """The whole content, once all its fragments are there (RFC 791 §3.2)."""
        pieces = self._fragments.setdefault(key, {})
        if len(pieces) < MAX_FRAGMENTS:
            pieces[offset] = (data, more)
        whole = b""
        while (piece := pieces.get(len(whole))) is not None and piece[0]:
            whole += piece[0]
            if not piece[1]:
                del self._fragments[key]
                return whole
        if len(self._fragments) > MAX_FRAGMENTED:
            self._fragments.popitem(last=False)
        return None


def _of_ethertype(data: bytes, at: int) -> bytes | None:
    """The IP packet behind an EtherType at that place, tags skipped."""
    for _ in range(4):
        kind = int.from_bytes(data[at : at + 2], "big")
        at += 2
        if kind in _IP_TYPES:
            return data[at:]
        if kind in _VLANS:
            at += 2
            continue
        if kind == _PPPOE:
            is_ip = int.from_bytes(data[at + 6 : at + 8], "big") in _PPP_PROTOCOLS
            return data[at + 8 :] if is_ip else None
        return None
    return None


def _transport(frame: Frame, protocol: int, source: str, destination: str, data: bytes) -> Datagram | Segment | str:
    if protocol == UDP:
        if len(data) < 8:
            return "other"
        source_port, destination_port, length, _ = _UDP_HEADER.unpack_from(data)
        payload = data[8:length] if length >= 8 else data[8:]
        is_cut = frame.is_cut and length > len(data)
        return Datagram(frame.at_s, (source, source_port), (destination, destination_port), payload, is_cut)
    if len(data) < 20:
        return "other"
    source_port, destination_port, sequence, _, offset, flags = _TCP_HEADER.unpack_from(data)
    payload = data[(offset >> 4) * 4 :]
    return Segment(frame.at_s, (source, source_port), (destination, destination_port), payload, sequence, flags)


@lru_cache(maxsize=8_192)
def _host4(octets: bytes) -> str:
    return str(IPv4Address(octets))


@lru_cache(maxsize=8_192)
def _host6(octets: bytes) -> str:
    address = IPv6Address(octets)
    return str(address.ipv4_mapped or address)
