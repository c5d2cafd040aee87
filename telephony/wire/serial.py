"""Serial number arithmetic (RFC 1982) for RTP's 16-bit sequence numbers and 32-bit timestamps."""

MASK16 = 0xFFFF
MASK32 = 0xFFFFFFFF

_HALF16 = 1 << 15
_HALF32 = 1 << 31


def delta16(a: int, b: int) -> int:
    """`a - b` the short way round: in [-32768, 32767]."""
    return ((a - b + _HALF16) & MASK16) - _HALF16


def delta32(a: int, b: int) -> int:
    """`a - b` the short way round: in [-2**31, 2**31 - 1]."""
    return ((a - b + _HALF32) & MASK32) - _HALF32
