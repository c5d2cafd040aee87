"""Assembles messages from a WebSocket's frames (RFC 6455 §5), as `websockets` parses them. No sockets here."""

from collections.abc import Callable

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from offhook.telephony.media_streams.dialect import Binary

FRAGMENTS_MAX = 64
MESSAGE_TOO_BIG = 1009


class FrameReader:
    """Reads what the far end sends after the handshake. `conn` may have something to send afterwards.

    `on_message` gets whole messages, text or `Binary`; `on_pong` a pong's data. Both may close the connection; what
    follows is then still parsed.
    """

    def __init__(
        self, conn: ServerProtocol, on_message: Callable[[bytes], None], on_pong: Callable[[bytes], None]
    ) -> None:
        self._conn = conn
        self._on_message = on_message
        self._on_pong = on_pong
        self._fragments: list[bytes] = []
        self._binary = False  # what the fragments are of

    def receive(self, data: bytes) -> None:
        """The next bytes."""
        self._conn.receive_data(data)
        for event in self._conn.events_received():
            # Frames that the library had parsed already when there were too many fragments are dropped.
            if isinstance(event, Frame) and len(self._fragments) <= FRAGMENTS_MAX:
                self._frame(event)

    def _frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.TEXT and frame.fin:
            self._on_message(bytes(frame.data))
        elif opcode is Opcode.BINARY and frame.fin:
            self._on_message(Binary(frame.data))
        elif opcode in (Opcode.TEXT, Opcode.BINARY) or (opcode is Opcode.CONT and self._fragments):
            self._binary = self._binary if opcode is Opcode.CONT else opcode is Opcode.BINARY
            self._fragments.append(bytes(frame.data))
            if len(self._fragments) > FRAGMENTS_MAX:
                self._conn.fail(MESSAGE_TOO_BIG, "too many fragments")
            elif frame.fin:
                whole = b"".join(self._fragments)
                self._fragments.clear()
                self._on_message(Binary(whole) if self._binary else whole)
        elif opcode is Opcode.PONG:
            self._on_pong(bytes(frame.data))
