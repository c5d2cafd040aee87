"""RTCP packets and compounds (RFC 3550 §6): SR, RR, SDES, BYE, and of XR what telephones say. Others are skipped."""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from offhook.telephony.errors import WireError

SR = 200
RR = 201
SDES = 202
BYE = 203
XR = 207

CNAME = 1
MAX_REPORTS = 31

FIRST_TYPE, LAST_TYPE = 192, 223
"""What the second octet of RTCP can be on a port shared with RTP (RFC 5761 §4)."""

_VERSION_BITS = 2 << 6
_PADDING = 0x20
_COUNT = 0x1F
_MAX_TEXT = 255

# V P count | packet type | length in 32-bit words less one
_HEADER = Struct("!BBH")
_SSRC = Struct("!I")
# NTP stamp | RTP timestamp | packets | octets
_SENDER_INFO = Struct("!QIII")
# SSRC | fraction lost and cumulative number lost | highest sequence | jitter | LSR | DLSR
_REPORT = Struct("!IIIIII")
# block type | type-specific | length in 32-bit words (RFC 3611 §3)
_BLOCK_HEADER = Struct("!BBH")
_VOIP_METRICS = 7
_VOIP_METRICS_OCTETS = 32
_UNAVAILABLE = 127


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one end received of one SSRC (§6.4.1).

    `fraction_lost` in 256ths, `lost` signed 24 bits, `highest` the extended sequence number, `jitter` in timestamp
    units, `lsr` and `dlsr` in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    lsr: int
    dlsr: int


class SenderInfo(NamedTuple):
    """What the sender of an SR sent so far; `ntp` (64 bits) and `timestamp` are the same moment."""

    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR (§6.4.1)."""

    ssrc: int
    info: SenderInfo
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR (§6.4.2)."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES (§6.5): for each SSRC its items as (type, text)."""

    chunks: tuple[tuple[int, tuple[tuple[int, bytes], ...]], ...]

    @classmethod
    def of_cname(cls, ssrc: int, cname: str) -> "SourceDescription":
        """The one description that is mandatory: the canonical name (UTF-8, at most 255 octets)."""
        return cls(((ssrc, ((CNAME, cname.encode()),)),))


@dataclass(frozen=True, slots=True)
class Bye:
    """BYE (§6.6). `reason` None: none was given."""

    ssrcs: tuple[int, ...]
    reason: bytes | None = None


class VoipMetrics(NamedTuple):
    """The VoIP metrics of one SSRC (RFC 3611 §4.7): shares of 1, R factor, MOS of listening and of conversation.

    None where the reporter does not say.
    """

    ssrc: int
    loss: float
    discard: float
    round_trip_ms: int
    r_factor: int | None
    mos_lq: float | None
    mos_cq: float | None


@dataclass(frozen=True, slots=True)
class ExtendedReport:
    """XR (RFC 3611): of its blocks those about voice. It is read and never written."""

    ssrc: int
    voip_metrics: tuple[VoipMetrics, ...] = ()


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Bye | ExtendedReport


def is_rtcp(datagram: bytes) -> bool:
    """Whether a datagram on a port shared with RTP is RTCP (RFC 5761 §4)."""
    return len(datagram) >= 2 and FIRST_TYPE <= datagram[1] <= LAST_TYPE


def parse_compound(data: bytes) -> tuple[RtcpPacket, ...]:
    """Read a datagram. Raises WireError unless all of it is well-formed and begins with SR or RR (A.2)."""
    packets: list[RtcpPacket] = []
    offset = 0
    while offset < len(data):
        if offset + 4 > len(data):
            raise WireError("RTCP: the datagram ends within a header")
        flags, kind, words = _HEADER.unpack_from(data, offset)
        if flags & 0xC0 != _VERSION_BITS:
            raise WireError(f"RTCP: version {flags >> 6}")
        if offset == 0 and kind not in (SR, RR):
            raise WireError(f"RTCP: a compound begins with SR or RR, not with type {kind}")
        end = offset + 4 + 4 * words
        if end > len(data):
            raise WireError(f"RTCP: a packet of {words + 1} words, the datagram ends before")
        body = data[offset + 4 : end]
        if flags & _PADDING:
            body = _without_padding(body, last=end == len(data))
        packet = _parse_packet(kind, flags & _COUNT, body)
        if packet is not None:
            packets.append(packet)
        offset = end
    if not packets:
        raise WireError("RTCP: an empty datagram")
    return tuple(packets)


def build_compound(*packets: RtcpPacket) -> bytes:
    """Write packets as one datagram. Raises ValueError when the first is neither SR nor RR, or parts do not fit."""
    if not packets or not isinstance(packets[0], SenderReport | ReceiverReport):
        raise ValueError("RTCP: a compound begins with SR or RR")
    return b"".join(_build_packet(packet) for packet in packets)


def _without_padding(body: bytes, *, last: bool) -> bytes:
    # Only the last packet of a compound may be padded (§6.4.1).
    if not last or not body:
        raise WireError("RTCP: padding where none may be")
    padding = body[-1]
    if padding == 0 or padding % 4 or padding > len(body):
        raise WireError(f"RTCP: {padding} octets of padding in {len(body)}")
    return body[:-padding]


def _parse_packet(kind: int, count: int, body: bytes) -> RtcpPacket | None:
    if kind == SR:
        if len(body) < 4 + _SENDER_INFO.size:
            raise WireError("RTCP: SR ends within the sender's information")
        info = SenderInfo(*_SENDER_INFO.unpack_from(body, 4))
        return SenderReport(_SSRC.unpack_from(body)[0], info, _parse_reports(body, 4 + _SENDER_INFO.size, count))
    if kind == RR:
        if len(body) < 4:
            raise WireError("RTCP: RR without SSRC")
        return ReceiverReport(_SSRC.unpack_from(body)[0], _parse_reports(body, 4, count))
    if kind == SDES:
        return _parse_sdes(count, body)
    if kind == BYE:
        return _parse_bye(count, body)
    if kind == XR:
        return _parse_extended(body)
    return None


def _parse_reports(body: bytes, offset: int, count: int) -> tuple[ReportBlock, ...]:
    # What follows the report blocks is a profile-specific extension, ignored (§6.4.3).
    if offset + count * _REPORT.size > len(body):
        raise WireError(f"RTCP: {count} report blocks announced, the packet ends before")
    reports = []
    for _ in range(count):
        ssrc, loss, highest, jitter, lsr, dlsr = _REPORT.unpack_from(body, offset)
        lost = loss & 0xFFFFFF
        if lost & 0x800000:
            lost -= 0x1000000
        reports.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, lsr, dlsr))
        offset += _REPORT.size
    return tuple(reports)


def _parse_sdes(count: int, body: bytes) -> SourceDescription:
    chunks = []
    offset = 0
    for _ in range(count):
        if offset + 4 > len(body):
            raise WireError(f"RTCP: {count} SDES chunks announced, the packet ends before")
        (ssrc,) = _SSRC.unpack_from(body, offset)
        items, offset = _parse_items(body, offset + 4)
        chunks.append((ssrc, items))
    return SourceDescription(tuple(chunks))


def _parse_items(body: bytes, offset: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """The items of one chunk and the offset of the next: a null octet ends them, up to the next word (§6.5)."""
    items: list[tuple[int, bytes]] = []
    while True:
        if offset >= len(body):
            raise WireError("RTCP: an SDES chunk without its end")
        kind = body[offset]
        if kind == 0:
            return tuple(items), (offset // 4 + 1) * 4
        if offset + 2 > len(body) or offset + 2 + body[offset + 1] > len(body):
            raise WireError("RTCP: an SDES item beyond the packet's end")
        end = offset + 2 + body[offset + 1]
        items.append((kind, body[offset + 2 : end]))
        offset = end


def _parse_bye(count: int, body: bytes) -> Bye:
    offset = 4 * count
    if offset > len(body):
        raise WireError(f"RTCP: BYE for {count} sources, the packet ends before")
    ssrcs: tuple[int, ...] = Struct(f"!{count}I").unpack_from(body)
    if offset == len(body):
        return Bye(ssrcs)
    end = offset + 1 + body[offset]
    if end > len(body):
        raise WireError("RTCP: BYE's reason goes beyond the packet's end")
    return Bye(ssrcs, body[offset + 1 : end])


def _parse_extended(body: bytes) -> ExtendedReport:
    if len(body) < 4:
        raise WireError("RTCP: XR without SSRC")
    metrics = []
    offset = 4
    while offset + _BLOCK_HEADER.size <= len(body):
        kind, _, words = _BLOCK_HEADER.unpack_from(body, offset)
        block = body[offset + 4 : offset + 4 + 4 * words]
        # A block that does not keep to its layout is no reason to lose the reports before it.
        if kind == _VOIP_METRICS and len(block) == _VOIP_METRICS_OCTETS:
            metrics.append(_parse_voip_metrics(block))
        offset += 4 + 4 * words
    return ExtendedReport(_SSRC.unpack_from(body)[0], tuple(metrics))


def _parse_voip_metrics(block: bytes) -> VoipMetrics:
    r_factor, mos_lq, mos_cq = block[20], block[22], block[23]
    return VoipMetrics(
        ssrc=_SSRC.unpack_from(block)[0],
        loss=block[4] / 256,
        discard=block[5] / 256,
        round_trip_ms=int.from_bytes(block[12:14], "big"),
        r_factor=None if r_factor == _UNAVAILABLE else r_factor,
        mos_lq=None if mos_lq == _UNAVAILABLE else mos_lq / 10,
        mos_cq=None if mos_cq == _UNAVAILABLE else mos_cq / 10,
    )


def _build_packet(packet: RtcpPacket) -> bytes:
    match packet:
        case SenderReport(ssrc, info, reports):
            body = _SSRC.pack(ssrc) + _SENDER_INFO.pack(*info) + _build_reports(reports)
            return _framed(SR, len(reports), body)
        case ReceiverReport(ssrc, reports):
            return _framed(RR, len(reports), _SSRC.pack(ssrc) + _build_reports(reports))
        case SourceDescription(chunks):
            return _framed(SDES, len(chunks), b"".join(_build_chunk(*chunk) for chunk in chunks))
        case Bye(ssrcs, reason):
            body = Struct(f"!{len(ssrcs)}I").pack(*ssrcs)
            if reason is not None:
                body += _counted(reason)
            return _framed(BYE, len(ssrcs), body + bytes(-len(body) % 4))
        case ExtendedReport():
            raise ValueError("RTCP: XR is read, not written")


def _framed(kind: int, count: int, body: bytes) -> bytes:
    if count > MAX_REPORTS:
        raise ValueError(f"RTCP: {count} parts in one packet, {MAX_REPORTS} fit")
    return _HEADER.pack(_VERSION_BITS | count, kind, len(body) // 4) + body


def _build_reports(reports: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(
        _REPORT.pack(r.ssrc, r.fraction_lost << 24 | _signed24(r.lost), r.highest, r.jitter, r.lsr, r.dlsr)
        for r in reports
    )


def _signed24(value: int) -> int:
    # Beyond its range the number stays at the end of it (A.3).
    return max(-0x800000, min(0x7FFFFF, value)) & 0xFFFFFF


def _build_chunk(ssrc: int, items: tuple[tuple[int, bytes], ...]) -> bytes:
    body = _SSRC.pack(ssrc) + b"".join(bytes((kind,)) + _counted(text) for kind, text in items)
    return body + bytes(4 - len(body) % 4)


def _counted(text: bytes) -> bytes:
    if len(text) > _MAX_TEXT:
        raise ValueError(f"RTCP: a text of {len(text)} octets, {_MAX_TEXT} fit")
    return bytes((len(text),)) + text
