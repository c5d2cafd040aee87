"""Resolves host names once, before calls come in: SDP and Contact need an address that stays the same during a call,
and whose look-up does not delay calls.
"""

import socket
from ipaddress import ip_address

from offhook.settings.config import Config
from offhook.settings.values import split_host_port
from offhook.sip.net import stun
from offhook.usererror import UserError


def with_addresses(config: Config) -> Config:
    """The settings with `sip.advertised_host` as an address; where there is none it is asked of `sip.stun_server`.

    Raises UserError if it has none that fits `sip.host`, or the server gives none.
    """
    host, server = config.sip.advertised_host, config.sip.stun_server
    if host is not None:
        address = _address_of(host, config.sip.host)
    elif server is not None:
        address = _seen_by(server, config.sip.host)
    else:
        return config
    return config.model_copy(update={"sip": config.sip.model_copy(update={"advertised_host": address})})


def _seen_by(server: str, bound: str) -> str:
    host, port = split_host_port(server)
    try:
        return stun.ask(host, port or stun.PORT, ipv6=_family(bound) is socket.AF_INET6).host
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        todo = "another server, or `advertised_host = …` below `[sip]` in its place"
        raise UserError(f"the STUN server {server} does not say our address", why, todo, "sip.stun_server") from error


def _address_of(host: str, bound: str) -> str:
    where = "sip.advertised_host"
    try:
        found = socket.getaddrinfo(host, None, _family(bound), socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        why = f"it cannot be resolved to an {_version(bound)} address: {getattr(error, 'strerror', None) or error}"
        todo = 'the address itself: `advertised_host = "203.0.113.7"` below `[sip]`'
        if _is_address(host):
            why = f"media and signalling are {_version(bound)}, as `sip.host` ({bound}) is"
            todo = '`host = "::"` below `[sip]`' if ":" in host else '`host = "0.0.0.0"` below `[sip]`'
        raise UserError(f"`{host}` cannot be advertised", why, todo, where) from error
    address = str(found[0][4][0])
    if ip_address(address.partition("%")[0]).is_unspecified:
        todo = 'the address under which callers reach this machine: `advertised_host = "203.0.113.7"` below `[sip]`'
        raise UserError(f"`{host}` cannot be advertised", f"it is {address}, which nobody can send to", todo, where)
    return address


def _family(bound: str) -> socket.AddressFamily:
    """The IP version of `sip.host`, which may be a name."""
    if not _is_address(bound):
        try:
            return socket.AddressFamily(socket.getaddrinfo(bound, None, type=socket.SOCK_DGRAM)[0][0])
        except (OSError, UnicodeError):
            return socket.AF_INET  # opening the socket will report the problem
    return socket.AF_INET6 if ":" in bound else socket.AF_INET


def _version(bound: str) -> str:
    return "IPv6" if _family(bound) is socket.AF_INET6 else "IPv4"


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
