"""What carries messages for an endpoint, and the two things that it reports."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow
from offhook.sip.net.unsent import Unsent

Received: TypeAlias = Callable[[bytes, Flow], None]
"""A message has come by that flow."""

Failed: TypeAlias = Callable[[Flow, Unsent], None]
"""A message for that flow could not be sent."""

Lost: TypeAlias = Callable[[Flow], None]
"""A connection that we opened is closed."""


class MessageTransport(Protocol):
    """Carries messages by one transport. All on the loop's thread."""

    local: Address
    """Where it listens."""

    @property
    def is_open(self) -> bool:
        """Whether it can receive: not after `close`, nor once its socket is lost."""

    def flows(self, now: float) -> list[dict[str, object]]:
        """The open connections, as plain values; none for datagrams."""

    def send(self, data: bytes, flow: Flow) -> None:
        """Send a message, or have it sent as soon as there is a connection; what cannot be sent is reported."""

    def own_port(self, flow: Flow) -> int:
        """Our end's port of the connection by which a message for that flow goes, also of one that is opened for it."""
        ...

    def keep_alive(self, flow: Flow) -> None:
        """Keep the way there open (RFC 5626 §3.5.1): a NAT forgets one that is not used. Nothing is opened for it."""

    def close(self) -> None:
        """Stop at once. Idempotent."""
