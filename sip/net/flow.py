"""The way between us and a peer: a transport, both addresses, and which connection (RFC 5626 §2: a flow). Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address


class Transport(StrEnum):
    """As in a Via (RFC 3261 §20.42, RFC 7118 §5)."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"
    WS = "WS"
    WSS = "WSS"

    @property
    def is_reliable(self) -> bool:
        """Whether it repeats what is lost: no request is retransmitted then (RFC 3261 §17)."""
        return self is not Transport.UDP

    @property
    def is_secure(self) -> bool:
        """Whether it is encrypted."""
        return self in (Transport.TLS, Transport.WSS)

    @property
    def default_port(self) -> int:
        """The port of a URI that names none (RFC 3261 §19.1.2, RFC 7118 §5.1)."""
        return _DEFAULT_PORTS[self]


_DEFAULT_PORTS = {Transport.UDP: 5060, Transport.TCP: 5060, Transport.TLS: 5061, Transport.WS: 80, Transport.WSS: 443}

_SECURED = {Transport.TCP: Transport.TLS, Transport.UDP: Transport.TLS, Transport.WS: Transport.WSS}


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a message came from, or goes.

    `local` is where we listen on that transport, with port 0 if we only connect. `id` is the connection's, 0 for a
    datagram, or for any connection to `remote`, to be opened if there is none. `name` is the host that was
    called, if that was a name: over TLS the far end's certificate has to be for it (RFC 5922 §7.4), else for the
    address.
    """

    transport: Transport
    local: Address
    remote: Address
    id: int = 0
    name: str = ""

    def __str__(self) -> str:
        return f"{self.remote}/{self.transport}"

    def to(self, remote: Address) -> "Flow":
        """From the same place by the same transport to another address."""
        return self if remote == self.remote else replace(self, remote=remote, id=0)


def only_connects(flow: Flow) -> bool:
    """Whether we accept no connections by its transport, and only open them: its port is 0 then. The far end reaches us
    by that connection, or not at all."""
    return not flow.local.port


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request may go: one of the results of a look-up (RFC 3263).

    `name` is the domain that was looked up, empty for an address: over TLS it is what the certificate has to be for.
    """

    transport: Transport
    address: Address
    name: str = ""

    def __str__(self) -> str:
        return f"{self.address}/{self.transport}"


def transport_of(uri: Uri) -> Transport | None:
    """The transport that a URI asks for (RFC 3261 §19.1.1, §26.2.2); None for one that is unknown."""
    name = (uri.params.get("transport") or "udp").upper()
    transport = Transport(name) if name in Transport.__members__ else None
    return _SECURED.get(transport, transport) if transport is not None and uri.scheme == "sips" else transport
