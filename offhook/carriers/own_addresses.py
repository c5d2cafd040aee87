"""Which addresses are the bot's own: the one that it names for media, and those under which its sockets are reached."""

import socket
from ipaddress import IPv6Address, ip_address

from offhook.settings.sections import SipConfig
from offhook.sip.net.address import Address


def media_host(sip: SipConfig, bound: Address, peer: Address) -> str:
    """The address for SDP: the advertised one, the bound one, or the one that routes to the caller."""
    if sip.advertised_host:
        return sip.advertised_host
    if bound.host not in ("0.0.0.0", "::"):
        return bound.host
    family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer.host, peer.port))  # sends nothing: only looks up the route
            return str(probe.getsockname()[0])
    except OSError:
        return bound.host  # no route to the caller: any address will do


def reaches(host: str, bound: str) -> bool:
    """Whether packets to `host` come to sockets bound to `bound`: a wildcard has all addresses of this machine."""
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    plain = mapped or address
    if not ip_address(bound).is_unspecified:
        return str(plain) == bound
    family = socket.AF_INET6 if plain.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(plain), 0))  # only an address of this machine can be bound
        except OSError:
            return False
    return True
