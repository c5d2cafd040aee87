"""From where an address can be reached: this machine, its link, a private network, or everywhere. Pure."""

from enum import IntEnum
from ipaddress import ip_network

from offhook.sip.net.address import numeric

_PRIVATE = [
    ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")  # the fourth: CGNAT
]


class Scope(IntEnum):
    """The wider, the greater."""

    MACHINE = 0
    LINK = 1
    PRIVATE = 2
    PUBLIC = 3


def scope_of(host: str) -> Scope | None:
    """The scope of a numeric host; None for a name."""
    number = numeric(host)
    if number is None:
        return None
    if number.is_loopback:
        return Scope.MACHINE
    if number.is_link_local:
        return Scope.LINK
    is_private = any(number.version == each.version and number in each for each in _PRIVATE)
    return Scope.PRIVATE if is_private else Scope.PUBLIC


def is_out_of_reach(host: str, seen_from: str) -> bool:
    """Whether a far end at `seen_from` gives an address that means something else, or nothing, elsewhere."""
    given, source = scope_of(host), scope_of(seen_from)
    return given is not None and source is not None and given < Scope.PUBLIC and given is not source
