"""A WebSocket as the wire of a connection."""

from collections.abc import AsyncIterator
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from offhook.pipeline.errors import EngineError
from offhook.vendors.errors import closed, explain
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.wire import Message, WireClosedError


class WebSocketWire:
    """See Wire."""

    def __init__(self, target: Target, socket: ClientConnection) -> None:
        self._target = target
        self._socket = socket

    async def __aiter__(self) -> AsyncIterator[Message]:
        with suppress(ConnectionClosed):
            async for message in self._socket:
                yield message

    async def send(self, message: Message) -> None:
        """See Wire."""
        try:
            await self._socket.send(message)
        except ConnectionClosed as error:
            raise WireClosedError from error

    async def close(self) -> None:
        """See Wire."""
        await self._socket.close()

    def abort(self) -> None:
        """See Wire."""
        self._socket.transport.abort()

    @property
    def close_code(self) -> int | None:
        """See Wire."""
        return self._socket.close_code

    def ended(self) -> EngineError:
        """See Wire."""
        return closed(self._target, self._socket.close_code, self._socket.close_reason)


async def dial_websocket(target: Target, limits: Limits) -> WebSocketWire:
    """See Dial."""
    try:
        socket = await connect(
            target.url,
            additional_headers=dict(target.headers),
            user_agent_header="offhook",
            compression=None,
            proxy=None if target.is_local else True,
            open_timeout=None,
            ping_interval=limits.ping_s,
            ping_timeout=limits.ping_s,
            close_timeout=limits.close_s,
            max_size=limits.max_message_bytes,
        )
    except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
        raise explain(target, error) from error
    return WebSocketWire(target, socket)
