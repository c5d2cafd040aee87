"""The source or destination of a datagram: a numeric host and a port. Pure."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address


@dataclass(frozen=True, slots=True)
class Address:
    """A numeric IPv4 or IPv6 host (without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.uri_host}:{self.port}"

    @property
    def uri_host(self) -> str:
        """The host as written in a URI or a Via: IPv6 in brackets (RFC 3261 §25.1, IPv6reference)."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_wildcard(self) -> bool:
        """Whether this is a wildcard address ("0.0.0.0", "::"): bound to, never sent to."""
        number = numeric(self.host)
        return number is not None and number.is_unspecified


def numeric(host: str) -> IPv4Address | IPv6Address | None:
    """The numeric host, brackets allowed; None for a name.

    An IPv4-mapped IPv6 address (::ffff:192.0.2.1) becomes the IPv4 address.
    """
    try:
        number = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(number, IPv6Address) and number.ipv4_mapped is not None:
        return number.ipv4_mapped
    return number
