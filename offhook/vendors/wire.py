"""What carries a connection's messages: a WebSocket, or what else a vendor has."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, runtime_checkable

from offhook.pipeline.errors import EngineError
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target

Message = str | bytes


class WireClosedError(Exception):
    """Nothing can be sent any more; `Wire.ended` says why."""


class Wire(Protocol):
    """An open connection: a `StreamWire` or a `DirectWire`."""

    async def close(self) -> None:
        """Close it, so that the messages end."""

    def abort(self) -> None:
        """Free everything at once. Idempotent."""

    @property
    def close_code(self) -> int | None:
        """The code of a WebSocket that the vendor has closed (RFC 6455 section 7.4)."""
        return None

    def ended(self) -> EngineError:
        """Why the messages have ended."""
        ...


class StreamWire(Wire, Protocol):
    """A wire that `Connection` reads in one task, and writes in another."""

    def __aiter__(self) -> AsyncIterator[Message]:
        """The vendor's messages, until the connection is closed or broken. Does not raise."""
        ...

    async def send(self, message: Message) -> None:
        """Returns when the network has taken it. Raises WireClosedError."""


OnFlow = Callable[[bool], None]
"""Told that messages pile up, as the peer does not read (True), and that it has caught up (False)."""


@runtime_checkable
class DirectWire(Wire, Protocol):
    """A wire that needs no tasks to be read and written: it calls when a message comes, and sends at once."""

    def attach(self, on_message: Callable[[Message], None], on_flow: OnFlow) -> None:
        """Messages go to `on_message`, those that have come already first."""

    def write(self, message: Message) -> int:
        """Send a message; does nothing when it is closed. Returns how many bytes wait for the network."""
        ...

    async def wait_closed(self) -> None:
        """Returns when it is closed or broken."""


Dial = Callable[[Target, Limits], Awaitable[StreamWire | DirectWire]]
"""Opens a connection. Raises EngineError, VendorRefusedError. The caller sets the time limit, by cancelling."""

DialStream = Callable[[Target, Limits], Awaitable[StreamWire]]
"""A Dial whose wires are read by those who use them."""
