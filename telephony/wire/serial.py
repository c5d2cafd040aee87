"""Serial number arithmetic (RFC 1982) for RTP's 32-bit timestamps, and the masks of both its numbers."""

MASK16 = 0xFFFF
MASK32 = 0xFFFFFFFF

_HALF32 = 1 << 31


def delta32(a: int, b: int) -> int:
    """`a - b` the short way round: in [-2**31, 2**31 - 1]."""
    return ((a - b + _HALF32) & MASK32) - _HALF32
