"""Assembles messages from a WebSocket's frames (RFC 6455 §5). No sockets here.

Nearly all frames are short unfragmented texts, fifty a second per call. They are parsed and written here, in a few
lines, which saves more than a tenth of a call's CPU time (docs/decisions/0008-streams-on-a-grid.md). All other frames,
and everything that breaks the rules, are left to `websockets`.
"""

from collections.abc import Callable

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from offhook.telephony.media_streams.dialect import Binary

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the library's C extension
    from websockets.utils import apply_mask

FRAGMENTS_MAX = 64
MESSAGE_TOO_BIG = 1009

_WHOLE_TEXT = 0x81
"""The first byte of a text frame that is not a fragment (RFC 6455 §5.2)."""
_AUDIO = b"\x81\xfe"
"""A text frame of 126 to 65,535 bytes, masked: the size of 20 ms of audio."""
_MAX_HEADER_BYTES = 14


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
        self._rest = b""  # the beginning of a frame that has not arrived in full
        self._passed = 0  # bytes of it that the library already has
        self._fragments: list[bytes] = []
        self._binary = False  # what the fragments are of

    def close(self) -> None:
        """Nothing more comes: drop the callbacks, whose owner has the reader."""
        self._on_message = self._on_pong = _nothing

    def receive(self, data: bytes) -> bool:
        """The next bytes. Returns whether the library got any of them."""
        conn = self._conn
        if conn.state is State.OPEN:
            whole = data[:2] == _AUDIO and len(data) == 8 + int.from_bytes(data[2:4])
            if whole and not self._rest and not self._fragments:  # nearly always
                self._on_message(apply_mask(data[8:], data[4:8]))
                return False
            data = self._without_texts(data)
        elif self._rest:
            data, self._rest = self._rest[self._passed :] + data, b""
            self._passed = 0
        if not data:
            return False
        conn.receive_data(data)
        for event in conn.events_received():
            # Frames that the library had parsed already when there were too many fragments are dropped.
            if isinstance(event, Frame) and len(self._fragments) <= FRAGMENTS_MAX:
                self._frame(event)
        return True

    def _without_texts(self, data: bytes) -> bytes:
        """Hand out leading text frames; the rest is for the library, in order."""
        data = self._rest + data if self._rest else data
        others = b""
        at, passed, end = 0, self._passed, len(data)
        while at < end:
            size = _frame_bytes(data, at)
            second = data[at + 1] if end - at > 1 else 0x80  # mask bit and length
            # Control frames, fragments, unmasked and 64-bit lengths; and texts behind any of those.
            other = data[at] != _WHOLE_TEXT or not 0x80 <= second <= 0xFE or others or passed or self._fragments
            if other:
                others += data[at + passed : at + size]
                passed = min(size, end - at)
            if size > end - at:
                break
            if not other:
                key = at + (4 if second == 0xFE else 2)
                self._on_message(apply_mask(data[key + 4 : at + size], data[key : key + 4]))
            at += size
            passed = 0
        self._rest, self._passed = data[at:], passed
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


def text_frame(message: bytes) -> bytes:
    """A whole text message in one frame, from the server: without a mask (RFC 6455 §5.2)."""
    size = len(message)
    if size < 126:
        return b"\x81%c%b" % (size, message)
    if size < 65_536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), message)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), message)


def _frame_bytes(data: bytes, at: int) -> int:
    """The size of the masked frame that begins there; more than there is, while its header is incomplete."""
    available = len(data) - at
    if available < 2:
        return _MAX_HEADER_BYTES
    length = data[at + 1] & 0x7F
    header = 2 + (4 if data[at + 1] & 0x80 else 0)
    if length < 126:
        return header + length
    header += 2 if length == 126 else 8
    if available < header:
        return max(_MAX_HEADER_BYTES, available + 1)
    return header + int.from_bytes(data[at + 2 : at + (4 if length == 126 else 10)])


def _nothing(data: bytes) -> None:
    """Callback of a closed reader."""
