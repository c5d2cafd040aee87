"""A WebSocket's frames (RFC 6455 §5) made messages. It knows no sockets.

Nearly all that arrives are short texts, fifty a second and call: a few lines do for them what takes the library a
hundred. It gets all other frames as they come, and all that breaks the rules.
"""

from collections.abc import Callable

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from offhook.telephony.media_streams.dialect import Binary

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without its wheel
    from websockets.utils import apply_mask

FRAGMENTS_MAX = 64
MESSAGE_TOO_BIG = 1009

_WHOLE_TEXT = 0x81
"""The first octet of a text that is no fragment (RFC 6455 §5.2)."""
_HEADER_OCTETS = 14  # of a frame, at most


class FrameReader:
    """Reads what the far end sends once the handshake is through. `conn` may want to send something afterwards.

    `on_message` gets whole messages, text or `Binary`; `on_pong` what a pong holds. Both may close the connection: what
    came after is then still read, but is nothing that anybody waits for.
    """

    def __init__(
        self, conn: ServerProtocol, on_message: Callable[[bytes], None], on_pong: Callable[[bytes], None]
    ) -> None:
        self._conn = conn
        self._on_message = on_message
        self._on_pong = on_pong
        self._rest = b""  # the beginning of a frame that has not arrived as a whole
        self._known = 0  # octets of it that the library has got
        self._fragments: list[bytes] = []
        self._binary = False  # what the fragments are of

    def receive(self, data: bytes) -> bool:
        """The next octets. Returns whether they were for the library, too."""
        conn = self._conn
        if conn.state is State.OPEN:
            data = self._without_texts(data)
        elif self._rest:
            data, self._rest = self._rest[self._known :] + data, b""
            self._known = 0
        if not data:
            return False
        conn.receive_data(data)
        for event in conn.events_received():
            # What the library had read already when there were too many fragments counts no more.
            if isinstance(event, Frame) and len(self._fragments) <= FRAGMENTS_MAX:
                self._frame(event)
        return True

    def _without_texts(self, data: bytes) -> bytes:
        """Hand out the texts; the library is to have what is left."""
        data = self._rest + data if self._rest else data
        others = b""
        at, known, end = 0, self._known, len(data)
        while at < end:
            size = _frame_octets(data, at)
            length = data[at + 1] if end - at > 1 else 0x80
            other = data[at] != _WHOLE_TEXT or not 0x80 <= length <= 0xFE or others or known or self._fragments
            if other:
                others += data[at + known : at + size]
                known = min(size, end - at)
            if size > end - at:
                break
            if not other:
                key = at + (4 if length == 0xFE else 2)
                self._on_message(apply_mask(data[key + 4 : at + size], data[key : key + 4]))
            at += size
            known = 0
        self._rest, self._known = data[at:], known
        return others

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


def _frame_octets(data: bytes, at: int) -> int:
    """Of the masked frame that begins there, with its header; more than there are while they do not tell."""
    there = len(data) - at
    if there < 2:
        return _HEADER_OCTETS
    length = data[at + 1] & 0x7F
    header = 2 + (4 if data[at + 1] & 0x80 else 0)
    if length < 126:
        return header + length
    header += 2 if length == 126 else 8
    if there < header:
        return max(_HEADER_OCTETS, there + 1)
    return header + int.from_bytes(data[at + 2 : at + (4 if length == 126 else 10)])
