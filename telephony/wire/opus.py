"""How long an Opus packet lasts, and whether it is one: its table of contents (RFC 6716 §3). Nothing is decoded."""

from offhook.telephony.errors import WireError

MAX_TICKS = 960
"""The longest packet: 120 ms (§3.2.5, R5), in ticks of 1/8000 s."""

MAX_FRAME_OCTETS = 1_275

# Ticks of a frame by the TOC octet's configuration (§3.1, table 2): SILK, hybrid, CELT.
_FRAME_TICKS = (80, 160, 320, 480) * 3 + (80, 160) * 2 + (20, 40, 80, 160) * 4
_COUNT = 0x3F
_PADDED = 0x40
_VARIABLE = 0x80
_TWO_OCTETS = 252


def packet_ticks(packet: bytes) -> int:
    """How many ticks of 1/8000 s a packet lasts. Raises WireError where §3.4 calls it malformed."""
    if not packet:
        raise WireError("Opus: an empty packet")
    ticks = _FRAME_TICKS[packet[0] >> 3]
    code, rest = packet[0] & 3, len(packet) - 1
    if code == 0:
        _check_frame(rest)
        return ticks
    if code == 1:
        _check_equal(rest, 2)
        return 2 * ticks
    if code == 2:
        octets, used = _frame_length(packet, 1)
        _check_frame(rest - used - octets)
        return 2 * ticks
    return ticks * _counted(packet, ticks)


def _counted(packet: bytes, ticks: int) -> int:
    """The number of frames of a packet of code 3 (§3.2.5)."""
    if len(packet) < 2:
        raise WireError("Opus: no frame count")
    head = packet[1]
    count = head & _COUNT
    if not 0 < count * ticks <= MAX_TICKS:
        raise WireError(f"Opus: {count} frames of {ticks // 8} ms")
    at, padding = 2, 0
    if head & _PADDED:
        at, padding = _padding(packet)
    if head & _VARIABLE:
        for _ in range(count - 1):
            octets, used = _frame_length(packet, at)
            at += used
            padding += octets
        _check_frame(len(packet) - at - padding)
    else:
        _check_equal(len(packet) - at - padding, count)
    return count


def _padding(packet: bytes) -> tuple[int, int]:
    """Where the padding's length ends, and that length: 254 for each octet of 255, and the last octet."""
    total = 0
    for at in range(2, len(packet)):
        if packet[at] < 255:
            return at + 1, total + packet[at]
        total += 254
    raise WireError("Opus: endless padding")


def _frame_length(packet: bytes, at: int) -> tuple[int, int]:
    """Octets of a frame, and octets that said so (§3.2.1)."""
    if at >= len(packet):
        raise WireError("Opus: a frame's length is missing")
    first = packet[at]
    if first < _TWO_OCTETS:
        return first, 1
    if at + 1 >= len(packet):
        raise WireError("Opus: half a frame's length")
    return 4 * packet[at + 1] + first, 2


def _check_equal(octets: int, frames: int) -> None:
    if octets % frames:
        raise WireError(f"Opus: {octets} octets are not {frames} frames of one size")
    _check_frame(octets // frames)


def _check_frame(octets: int) -> None:
    if not 0 <= octets <= MAX_FRAME_OCTETS:
        raise WireError(f"Opus: a frame of {octets} octets")
