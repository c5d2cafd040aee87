"""A WebSocket as the wire of a connection, without queues and tasks between the socket and those who use it."""

from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidHeader, InvalidProxy, InvalidURI
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import Event, State

from offhook.pipeline.errors import EngineError
from offhook.vendors.errors import closed, explain, not_a_key
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.wire import Message, OnFlow

MAX_FRAMES_PER_S = 10_000
"""A vendor that sends more keeps the other calls of the process waiting. A text of a minute, all at once, has 3,000."""

MAX_PARTS = 1_000
"""Of a message: its size is limited, but a frame may be empty."""

SLICE_BYTES = 16_384
"""What is parsed at once: 256 kB of empty frames, which the loop may have read, take half a second."""


class DirectWebSocket(ClientConnection):
    """Passes messages on while they are parsed, once `attach` has been called. For `connect(create_connection=…)`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.flood = ""
        """Why the connection was given up, if it was."""
        self._frames, self._counted_to = 0, 0.0
        self._parts: list[Frame] = []
        self._early: list[Message] = []
        self._on_message: Callable[[Message], None] = self._early.append
        self._on_flow: OnFlow | None = None

    def attach(self, on_message: Callable[[Message], None], on_flow: OnFlow) -> None:
        """From now on `on_message` gets the messages, those that have come already first."""
        self._on_message, self._on_flow = on_message, on_flow
        for message in self._early:
            on_message(message)
        self._early.clear()
        on_flow(self.paused)

    def write(self, message: Message) -> int:
        """Send a message at once. Returns how many bytes wait for the network."""
        if self.protocol.state is not State.OPEN:
            return 0
        if isinstance(message, str):
            self.protocol.send_text(message.encode())
        else:
            self.protocol.send_binary(message)
        self.send_data()
        return self.transport.get_write_buffer_size()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        for at in range(0, len(data), SLICE_BYTES):
            if not self.flood:
                super().data_received(data[at : at + SLICE_BYTES])

    def process_event(self, event: Event) -> None:
        """See websockets: an event of the parser."""
        if self.flood or self._is_flood():
            return
        if self.response is None or not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
            return
        self._parts.append(event)
        if not event.fin:
            return
        data = event.data if len(self._parts) == 1 else b"".join(bytes(each.data) for each in self._parts)
        is_text = self._parts[0].opcode is Opcode.TEXT
        self._parts.clear()
        # RFC 6455 section 8.1 would have the connection failed for what is not UTF-8. To us it is an unknown message.
        self._on_message(str(data, "utf-8", "replace") if is_text else bytes(data))

    def _is_flood(self) -> bool:
        """Counts a frame. Of too many the connection is given up."""
        now = self.loop.time()
        if now >= self._counted_to:
            self._frames, self._counted_to = 0, now + 1.0
        self._frames += 1
        if self._frames > MAX_FRAMES_PER_S:
            self.flood = f"it sends more than {MAX_FRAMES_PER_S} messages a second"
        elif len(self._parts) > MAX_PARTS:
            self.flood = f"a message has more than {MAX_PARTS} parts"
        if self.flood:
            self._parts.clear()
            self.transport.abort()
        return bool(self.flood)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        super().pause_writing()
        if self._on_flow is not None:
            self._on_flow(True)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        if self._on_flow is not None:
            self._on_flow(False)


class WebSocketWire:
    """See DirectWire."""

    def __init__(self, target: Target, socket: DirectWebSocket) -> None:
        self._target = target
        self._socket = socket
        self.attach = socket.attach
        self.write = socket.write
        self.wait_closed = socket.wait_closed

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
        if self._socket.flood:
            return EngineError(self._target.name, f"talking to {self._target.vendor}", self._socket.flood)
        return closed(self._target, self._socket.close_code, self._socket.close_reason)


class _Connect(connect):
    """Follows no redirects: another server would get the key, of which `connect` strips only what is called
    Authorization."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """See websockets."""
        return exc


async def dial_websocket(target: Target, limits: Limits) -> WebSocketWire:
    """See Dial."""
    try:
        socket = await _Connect(
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
            create_connection=DirectWebSocket,
        )
    except UnicodeEncodeError:
        raise not_a_key(target) from None  # the cause has it
    except (OSError, InvalidHandshake, InvalidProxy, InvalidURI, ConnectionClosed) as error:
        if isinstance(error, InvalidHeader) and error.name in dict(target.headers):
            raise not_a_key(target) from None
        raise explain(target, error) from error
    assert isinstance(socket, DirectWebSocket)
    return WebSocketWire(target, socket)
