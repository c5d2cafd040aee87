"""A WebSocket's far end: frames of all kinds, valid or not, cut into pieces anywhere.

`FrameReader` is compared with the plain library on the same pieces: the same messages in the same order, the same
replies, and the same end.
"""

from collections.abc import Callable

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from fuzz.byte_input import Input
from offhook.telephony.media_streams.dialect import Binary
from offhook.telephony.media_streams.limits import MESSAGE_OCTETS
from offhook.web.websocket_frames import FRAGMENTS_MAX, MESSAGE_TOO_BIG, FrameReader

LENGTHS = (0, 1, 2, 5, 100, 125, 126, 127, 300, 1_000, 4_000, 65_535, 65_536)
ANNOUNCED = (0, 125, 126, 65_535, 65_536, 65_537, 2**32, 2**63, 2**64 - 1)
CODES = (1000, 1001, 1005, 1011, 3000, 4999, 0, 999, 65_535)
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


class Alone:
    """The library, with just enough code to assemble messages from its frames."""

    def __init__(self) -> None:
        self.conn = ServerProtocol(state=State.OPEN, max_size=MESSAGE_OCTETS)
        self.received: list[tuple[str, bytes]] = []
        self._parts: list[Frame] = []

    def receive(self, data: bytes) -> None:
        """The next piece."""
        self.conn.receive_data(data)
        for frame in self.conn.events_received():
            assert isinstance(frame, Frame)
            if len(self._parts) > FRAGMENTS_MAX:
                break
            if frame.opcode is Opcode.PONG:
                self.received.append(("pong", bytes(frame.data)))
            elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._part(frame)

    def _part(self, frame: Frame) -> None:
        self._parts.append(frame)
        if len(self._parts) > FRAGMENTS_MAX:  # and what follows is ignored
            self.conn.fail(MESSAGE_TOO_BIG, "too many fragments")
        elif frame.fin:
            kind = "text" if self._parts[0].opcode is Opcode.TEXT else "binary"
            self.received.append((kind, b"".join(bytes(part.data) for part in self._parts)))
            self._parts.clear()


class Drive:
    """Both readers, and the bytes on their way to them."""

    def __init__(self, data: bytes) -> None:
        self.input = Input(data)
        self.wire = bytearray()
        self.alone = Alone()
        self.conn = ServerProtocol(state=State.OPEN, max_size=MESSAGE_OCTETS)
        self.received: list[tuple[str, bytes]] = []
        self.reader = FrameReader(self.conn, self._on_message, lambda data: self.received.append(("pong", data)))

    def _on_message(self, message: bytes) -> None:
        self.received.append(("binary" if isinstance(message, Binary) else "text", bytes(message)))

    # The steps. Each reads its parameters from the input.

    def text(self) -> None:
        """A whole text."""
        self._frame(0x80 | TEXT, self._payload())

    def short_text(self) -> None:
        """An ordinary text frame with bytes from the input."""
        self._frame(0x80 | TEXT, self.input.data())

    def fragment(self) -> None:
        """The first, a further, or the last fragment of a message."""
        what = self.input.byte()
        self._frame((what & 0x80) | (TEXT, BINARY, CONTINUATION, CONTINUATION)[what & 3], self._payload())

    def fragments(self) -> None:
        """Many empty fragments."""
        for _ in range(self.input.byte()):
            self._frame(CONTINUATION, b"")

    def binary(self) -> None:
        """A whole binary message."""
        self._frame(0x80 | BINARY, self._payload())

    def control(self) -> None:
        """A ping or pong; some are too long, or fragments."""
        what = self.input.byte()
        self._frame((0x80 if what & 0xF0 else 0) | (PING, PONG)[what & 1], self.input.data())

    def close_frame(self) -> None:
        """The far end closes."""
        code = self.input.byte()
        reason = self.input.data()
        self._frame(0x80 | CLOSE, CODES[code % len(CODES)].to_bytes(2, "big") + reason if code < 200 else reason[:1])

    def announced(self) -> None:
        """A header with a length that is too large, too small, or not in its shortest form."""
        first, length = self.input.byte(), ANNOUNCED[self.input.byte() % len(ANNOUNCED)]
        if length <= 65_535 and first & 0x20:
            self.wire += bytes((first & 0x8F, 0xFE)) + length.to_bytes(2, "big")
        else:
            self.wire += bytes((first & 0x8F, 0xFF)) + length.to_bytes(8, "big")
        self.wire += self.input.data()

    def unmasked(self) -> None:
        """An unmasked frame, which only a server may send."""
        payload = self.input.data()[:125]
        self.wire += bytes((0x80 | TEXT, len(payload))) + payload

    def raw(self) -> None:
        """Arbitrary bytes."""
        self.wire += self.input.data()

    def cut(self) -> None:
        """Some bytes arrive."""
        self._arrive(self.input.byte())

    def byte_by_byte(self) -> None:
        """Some bytes arrive one at a time."""
        for _ in range(min(len(self.wire), self.input.byte())):
            self._arrive(1)

    def all(self) -> None:
        """All bytes but the last few arrive."""
        self._arrive(len(self.wire) - self.input.byte())

    def close(self) -> None:
        """We send a close frame."""
        for conn in (self.conn, self.alone.conn):
            if conn.state is State.OPEN:
                conn.send_close(1000, "bye")

    # Inside.

    def _payload(self) -> bytes:
        what = self.input.byte()
        return bytes([what]) * LENGTHS[what % len(LENGTHS)]

    def _frame(self, first: int, payload: bytes) -> None:
        """RFC 6455 §5.2, masked."""
        size = len(payload)
        if size < 126:
            self.wire += bytes((first, 0x80 | size))
        elif size <= 65_535:
            self.wire += bytes((first, 0xFE)) + size.to_bytes(2, "big")
        else:
            self.wire += bytes((first, 0xFF)) + size.to_bytes(8, "big")
        key = bytes((size & 0xFF, 0x5A, 0, first))
        self.wire += key
        repeated = (key * (size // 4 + 1))[:size]
        self.wire += (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)

    def _arrive(self, count: int) -> None:
        piece = bytes(self.wire[: max(0, count)])
        if not piece:
            return
        del self.wire[: len(piece)]
        self.reader.receive(piece)
        self.alone.receive(piece)
        self._check()

    def _check(self) -> None:
        """Compare the two."""
        ours, theirs = self.conn, self.alone.conn
        assert self.received == self.alone.received
        assert b"".join(ours.data_to_send()) == b"".join(theirs.data_to_send())
        assert ours.state is theirs.state
        assert type(ours.parser_exc) is type(theirs.parser_exc)
        assert (ours.close_rcvd, ours.close_sent) == (theirs.close_rcvd, theirs.close_sent)
        assert ours.eof_sent == theirs.eof_sent
        self.received.clear()
        self.alone.received.clear()

    def end(self) -> None:
        """Everything on its way arrives."""
        self._arrive(len(self.wire))


STEPS: tuple[Callable[[Drive], None], ...] = (
    Drive.text,
    Drive.short_text,
    Drive.fragment,
    Drive.fragments,
    Drive.binary,
    Drive.control,
    Drive.close_frame,
    Drive.announced,
    Drive.unmasked,
    Drive.raw,
    Drive.cut,
    Drive.byte_by_byte,
    Drive.all,
    Drive.close,
)


def check_websocket(data: bytes) -> None:
    """Run the steps that the bytes encode. Raises AssertionError if the two readers differ."""
    drive = Drive(data)
    while drive.input.left:
        STEPS[drive.input.byte() % len(STEPS)](drive)
    drive.end()
