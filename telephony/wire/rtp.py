"""The RTP packet (RFC 3550 §5.1 and §5.3.1)."""

from struct import Struct
from typing import NamedTuple

from offhook.telephony.errors import WireError

VERSION = 2
MARKER = 0x80

_VERSION_BITS = VERSION << 6
_PADDING = 0x20
_EXTENSION = 0x10
_COUNT = 0x0F

# V P X CC | M PT | sequence number | timestamp | SSRC
_HEADER = Struct("!BBHII")
# defined by profile | length in 32-bit words
_EXTENSION_HEADER = Struct("!HH")
_HEADER_OCTETS = _HEADER.size

_unpack_header = _HEADER.unpack_from
_pack_header = _HEADER.pack


class RtpPacket(NamedTuple):
    """One packet: numbers as on the wire, `payload` without padding, `extension` as (profile, words)."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    csrcs: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None


def parse(data: bytes) -> RtpPacket:
    """Read a datagram. Raises WireError when it is no RTP packet of version 2 with consistent lengths."""
    if len(data) < _HEADER_OCTETS:
        raise WireError(f"RTP: {len(data)} octets are less than a header")
    flags, kind, sequence, timestamp, ssrc = _unpack_header(data)
    if flags == _VERSION_BITS:
        return RtpPacket(kind & 0x7F, kind >= MARKER, sequence, timestamp, ssrc, data[_HEADER_OCTETS:])
    if flags >> 6 != VERSION:
        raise WireError(f"RTP: version {flags >> 6}")
    csrcs, extension, start, end = _read_variable_parts(data, flags)
    return RtpPacket(kind & 0x7F, kind >= MARKER, sequence, timestamp, ssrc, data[start:end], csrcs, extension)


def _read_variable_parts(data: bytes, flags: int) -> tuple[tuple[int, ...], tuple[int, bytes] | None, int, int]:
    """What the flags announce: the CSRCs, the extension, and where the payload starts and ends."""
    csrc_count = flags & _COUNT
    start = _HEADER_OCTETS + 4 * csrc_count
    if start > len(data):
        raise WireError(f"RTP: {csrc_count} CSRCs announced, the datagram ends before")
    csrcs = Struct(f"!{csrc_count}I").unpack_from(data, _HEADER_OCTETS) if csrc_count else ()
    extension = None
    if flags & _EXTENSION:
        if start + _EXTENSION_HEADER.size > len(data):
            raise WireError("RTP: the datagram ends before the announced header extension")
        profile, words = _EXTENSION_HEADER.unpack_from(data, start)
        start += _EXTENSION_HEADER.size
        if start + 4 * words > len(data):
            raise WireError(f"RTP: a header extension of {words} words, the datagram ends before")
        extension = (profile, data[start : start + 4 * words])
        start += 4 * words
    end = len(data)
    if flags & _PADDING:
        padding = data[-1]
        if padding == 0 or padding > end - start:
            raise WireError(f"RTP: {padding} octets of padding in {end - start} of payload")
        end -= padding
    return csrcs, extension, start, end


def build(packet: RtpPacket, *, padding: int = 0) -> bytes:
    """Write a packet, with `padding` octets of padding (0 to 255). Raises ValueError for parts that do not fit.

    The numbers have to fit their fields (struct.error otherwise): keeping them there is serial arithmetic's business.
    """
    payload_type, marker, sequence, timestamp, ssrc, payload, csrcs, extension = packet
    if payload_type > 0x7F or len(csrcs) > _COUNT or not 0 <= padding <= 255:
        raise ValueError("RTP: payload type, CSRC count or padding out of range")
    flags = _VERSION_BITS | len(csrcs)
    parts = [Struct(f"!{len(csrcs)}I").pack(*csrcs)]
    if extension is not None:
        profile, words = extension
        if len(words) % 4:
            raise ValueError("RTP: a header extension is made of 32-bit words")
        flags |= _EXTENSION
        parts += [_EXTENSION_HEADER.pack(profile, len(words) // 4), words]
    parts.append(payload)
    if padding:
        flags |= _PADDING
        parts.append(bytes(padding - 1) + bytes((padding,)))
    kind = payload_type | (MARKER if marker else 0)
    return _pack_header(flags, kind, sequence, timestamp, ssrc) + b"".join(parts)


def build_plain(kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    """The packet we send: no CSRC, extension or padding. `kind` is the payload type, plus MARKER where due."""
    return _pack_header(_VERSION_BITS, kind, sequence, timestamp, ssrc) + payload
