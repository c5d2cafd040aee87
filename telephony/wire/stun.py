"""STUN (RFC 8489 §5), as far as it has to be recognised among RTP on one port."""

from struct import Struct

_MAX_FIRST_OCTET = 3
# type | length of what follows
_HEADER = Struct("!HH")
_HEADER_OCTETS = 20


def is_stun(datagram: bytes) -> bool:
    """Whether a datagram on a port for media is STUN: by its first octet (RFC 7983 §7) and its length.

    The magic cookie is not asked for: RFC 3489 had none.
    """
    if len(datagram) < _HEADER_OCTETS or datagram[0] > _MAX_FIRST_OCTET:
        return False
    octets: int = _HEADER.unpack_from(datagram)[1]
    return octets % 4 == 0 and len(datagram) == _HEADER_OCTETS + octets
