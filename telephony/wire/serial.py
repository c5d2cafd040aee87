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


def less16(a: int, b: int) -> bool:
    """Whether `a` comes before `b`. At a distance of exactly 2**15, where RFC 1982 §3.2 leaves it open, it does."""
    return delta16(a, b) < 0


def less32(a: int, b: int) -> bool:
    """Whether `a` comes before `b`. At a distance of exactly 2**31 it does."""
    return delta32(a, b) < 0


def unwrap16(value: int, near: int) -> int:
    """The integer nearest to `near` whose low 16 bits are `value`."""
    return near + delta16(value, near)


def unwrap32(value: int, near: int) -> int:
    """The integer nearest to `near` whose low 32 bits are `value`."""
    return near + delta32(value, near)
