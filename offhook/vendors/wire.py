"""What carries a connection's messages: a WebSocket, or what else a vendor has."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from offhook.pipeline.errors import EngineError
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target

Message = str | bytes


class WireClosedError(Exception):
    """Nothing can be sent any more; `Wire.ended` says why."""


class Wire(Protocol):
    """An open connection. `Connection` reads from it in one task and writes to it in another."""

    def __aiter__(self) -> AsyncIterator[Message]:
        """The vendor's messages, until the connection is closed or broken. Does not raise."""
        ...

    async def send(self, message: Message) -> None:
        """Returns when the network has taken it. Raises WireClosedError."""

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


Dial = Callable[[Target, Limits], Awaitable[Wire]]
"""Opens a connection. Raises EngineError, VendorRefusedError. The caller sets the time limit, by cancelling."""
