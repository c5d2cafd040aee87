"""A capture, from packets to calls with their streams. Pure: frames in, `Analysis` out.

Theory of operation. SIP is recognised by its start line, at any port; session descriptions tell which addresses are
RTP's. RTP that no description announces is recognised by three packets of one SSRC in sequence. A stream is an SSRC
from one address to another; it belongs to the call whose description names the address that it goes to, or else the
one that it comes from. When another call takes an address over, its streams are over. Everything has a bound: what is
not kept is counted.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from offhook.qa.capture.connections import SipConnections, is_sip
from offhook.qa.capture.files import Frame
from offhook.qa.capture.packets import Address, Datagram, PacketDecoder, Segment
from offhook.qa.diagnosis.calls import Call, Calls, Description
from offhook.qa.rtp.audio import OnPcm
from offhook.qa.rtp.reports import Reports
from offhook.qa.rtp.stream import RtpStream, StreamSummary
from offhook.sip.net.flow import Transport
from offhook.telephony.errors import WireError
from offhook.telephony.wire import rtcp, rtp
from offhook.telephony.wire.rtp import RtpPacket

MAX_ACTIVE = 4_000
"""Streams at once; the one that was silent for longest is taken for over."""
MAX_STREAMS = 20_000
MAX_CANDIDATES = 2_048
MAX_ADDRESSES = 50_000
IDLE_S = 120.0
"""A stream without a packet for so long is over."""
CANDIDATE_PACKETS = 3

_NO_RTP_PORTS = frozenset({53, 123, 161, 162, 514, 1_194, 1_900, 3_478, 4_500, 5_353, 51_820})
_StreamKey = tuple[Address, Address, int]

OpenSound = Callable[["MediaStream"], OnPcm | None]
"""Where the decoded audio of a stream goes, if anywhere."""


@dataclass(slots=True)
class MediaStream:
    """One stream: `call` is None where nothing tells to which it belongs; `from_caller` too."""

    source: Address
    destination: Address
    ssrc: int
    number: int
    rtp: RtpStream | None
    """While it is followed; then there is the summary."""
    call: Call | None = None
    from_caller: bool | None = None
    sent_by: Description | None = None
    """Of the end that sends it."""
    sent_to: Description | None = None
    """Of the end that receives it."""
    summary: StreamSummary | None = None
    sound: str = ""
    """The file with its audio."""


@dataclass(slots=True)
class Analysis:
    """All of a capture. `frames` were read; `problem` says why it ends early, if it does."""

    calls: Calls = field(default_factory=Calls)
    streams: list[MediaStream] = field(default_factory=list)
    reports: Reports = field(default_factory=Reports)
    packets: PacketDecoder = field(default_factory=PacketDecoder)
    connections: SipConnections = field(default_factory=SipConnections)
    problem: str = ""
    began_s: float | None = None
    ended_s: float = 0.0
    rtp_packets: int = 0
    cut: int = 0
    streams_left_out: int = 0
    by_call: dict[int, list[MediaStream]] = field(default_factory=dict)
    """The streams by the numbers of their calls, once the analysis is finished."""

    def of_call(self, call: Call) -> list[MediaStream]:
        """The streams of a call, in the order in which they began."""
        return self.by_call.get(call.number, [])


class Analyser:
    """Takes frames in, and tells what they were."""

    def __init__(self, open_sound: OpenSound | None = None) -> None:
        self.result = Analysis()
        self._open_sound = open_sound
        self._active: OrderedDict[_StreamKey, MediaStream] = OrderedDict()
        self._by_address: dict[Address, set[_StreamKey]] = {}
        self._candidates: OrderedDict[tuple[Address, Address], list[tuple[RtpPacket, Datagram]]] = OrderedDict()
        self._described: dict[Address, tuple[Call, Description]] = {}
        self._hosts: dict[Address, deque[tuple[Call, Description]]] = {}

    def take_all(self, frames: Iterable[Frame]) -> Analysis:
        """All frames, and then `finish`."""
        for frame in frames:
            self.take(frame)
        return self.finish()

    def take(self, frame: Frame) -> None:
        """The next frame."""
        result = self.result
        if result.began_s is None:
            result.began_s = frame.at_s
        result.ended_s = max(result.ended_s, frame.at_s)
        found = result.packets.decode(frame)
        if isinstance(found, Datagram):
            self._take_datagram(found)
        elif isinstance(found, Segment):
            for message in result.connections.take(found):
                self._take_sip(found.at_s, message, found.source, found.destination, Transport.TCP)

    def finish(self) -> Analysis:
        """The end of the capture."""
        for key in list(self._active):
            self._close(key)
        for stream in self.result.streams:
            if stream.call is None:
                self._assign_late(stream)
        self.result.streams.sort(key=lambda each: each.summary.began_s if each.summary is not None else 0.0)
        for stream in self.result.streams:
            if stream.call is not None:
                self.result.by_call.setdefault(stream.call.number, []).append(stream)
        return self.result

    # --- datagrams

    def _take_datagram(self, datagram: Datagram) -> None:
        payload = datagram.payload
        if len(payload) < 8:
            return
        first = payload[0]
        if first >> 6 == rtp.VERSION:
            if rtcp.is_rtcp(payload):
                self._take_rtcp(datagram)
            else:
                self._take_rtp(datagram)
        elif first in b"SABCINOPRUM" and is_sip(payload):
            self._take_sip(datagram.at_s, payload, datagram.source, datagram.destination, Transport.UDP)

    def _take_sip(self, at_s: float, data: bytes, source: Address, destination: Address, transport: Transport) -> None:
        taken = self.result.calls.take(at_s, data, source, destination, transport)
        if taken is None or taken[1] is None:
            return
        call, description = taken
        assert description is not None, "checked above"
        address = description.address
        before = self._described.get(address)
        if before is None and len(self._described) >= MAX_ADDRESSES:
            return
        self._described[address] = (call, description)
        self._hosts.setdefault(address, deque(maxlen=16)).append((call, description))
        for key in list(self._by_address.get(address, ())):
            stream = self._active[key]
            if stream.call is not None and stream.call is not call:
                self._close(key)
            else:
                self._assign(stream, call, description)

    def _take_rtcp(self, datagram: Datagram) -> None:
        if self._is_encrypted(datagram.source) or self._is_encrypted(datagram.destination):
            return
        try:
            packets = rtcp.parse_compound(datagram.payload)
        except WireError:
            return
        self.result.reports.take(packets, datagram.at_s)

    def _is_encrypted(self, address: Address) -> bool:
        """Whether a description says so, of this port or, where it is RTCP's own, of the one before."""
        found = self._described.get(address) or self._described.get((address[0], address[1] - 1))
        return found is not None and found[1].is_encrypted

    def _take_rtp(self, datagram: Datagram) -> None:
        try:
            packet = rtp.parse(datagram.payload)
        except WireError:
            return
        stream = self._active.get((datagram.source, datagram.destination, packet.ssrc))
        if stream is None:
            if datagram.destination not in self._described and datagram.source not in self._described:
                self._take_candidate(packet, datagram)
                return
            stream = self._open(packet, datagram)
            if stream is None:
                return
        self._receive(stream, packet, datagram)

    def _receive(self, stream: MediaStream, packet: RtpPacket, datagram: Datagram) -> None:
        assert stream.rtp is not None, "it is active"
        result = self.result
        result.rtp_packets += 1
        result.cut += datagram.is_cut
        stream.rtp.receive(packet, datagram.at_s, is_cut=datagram.is_cut)
        key = (stream.source, stream.destination, stream.ssrc)
        self._active.move_to_end(key)
        oldest = next(iter(self._active.values())).rtp
        if oldest is not None and datagram.at_s - oldest.ended_s > IDLE_S:
            self._close(next(iter(self._active)))

    def _take_candidate(self, packet: RtpPacket, datagram: Datagram) -> None:
        """RTP that nothing has announced, perhaps."""
        if datagram.source[1] in _NO_RTP_PORTS or datagram.destination[1] in _NO_RTP_PORTS:
            return
        way = (datagram.source, datagram.destination)
        held = self._candidates.setdefault(way, [])
        if held:
            last = held[-1][0]
            if last.ssrc != packet.ssrc or not 0 < (packet.sequence - last.sequence) & 0xFFFF < 10:
                held.clear()
        held.append((packet, datagram))
        if len(held) < CANDIDATE_PACKETS:
            if len(self._candidates) > MAX_CANDIDATES:
                self._candidates.popitem(last=False)
            return
        del self._candidates[way]
        stream = self._open(packet, datagram)
        for each, came in held:
            if stream is not None:
                self._receive(stream, each, came)

    # --- streams

    def _open(self, packet: RtpPacket, datagram: Datagram) -> MediaStream | None:
        result = self.result
        if len(result.streams) >= MAX_STREAMS:
            result.streams_left_out += 1
            return None
        if len(self._active) >= MAX_ACTIVE:
            self._close(next(iter(self._active)))
        stream = MediaStream(datagram.source, datagram.destination, packet.ssrc, len(result.streams) + 1, None)
        on_pcm = self._open_sound(stream) if self._open_sound is not None else None
        stream.rtp = RtpStream(packet.ssrc, on_pcm=on_pcm)
        result.streams.append(stream)
        key = (stream.source, stream.destination, stream.ssrc)
        self._active[key] = stream
        for address in set(key[:2]):
            self._by_address.setdefault(address, set()).add(key)
        for address in (stream.source, stream.destination):
            if (found := self._described.get(address)) is not None:
                self._assign(stream, *found)
        return stream

    def _assign(self, stream: MediaStream, call: Call, description: Description) -> None:
        """A description names one of a stream's addresses; that of the end that it goes to has the last word."""
        if stream.destination == description.address:
            stream.call, stream.from_caller, stream.sent_to = call, not description.by_caller, description
        elif stream.call is None or stream.call is call:
            stream.call, stream.sent_by = call, description
            if stream.sent_to is None:
                stream.from_caller = description.by_caller
        if stream.rtp is not None and (stream.sent_to is None or stream.sent_to is description):
            stream.rtp.describe(description.encodings)
            stream.rtp.is_encrypted = description.is_encrypted

    def _assign_late(self, stream: MediaStream) -> None:
        """What came before its description, of a stream that was over by then."""
        began_s = stream.summary.began_s if stream.summary is not None else 0.0
        for address in (stream.destination, stream.source):
            known = self._hosts.get(address)
            if known:
                call, description = min(known, key=lambda each: abs(each[1].at_s - began_s))
                if call.last_s >= began_s:
                    self._assign(stream, call, description)

    def _close(self, key: _StreamKey) -> None:
        stream = self._active.pop(key)
        for address in set(key[:2]):
            self._by_address[address].discard(key)
            if not self._by_address[address]:
                del self._by_address[address]
        if stream.rtp is not None:
            stream.rtp.one_way_delay_ms = self.result.reports.one_way_delay_ms(stream.ssrc)
            stream.rtp.finish()
            stream.summary = stream.rtp.summary()
            stream.rtp = None
