"""Capture files, frame by frame: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng).

A file is read once, from its beginning, and never held in memory. One that ends within a frame, or is damaged further
on, gives the frames before that place; `problem` then says what is wrong.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

MAX_FRAME_BYTES = 1 << 18
"""What libpcap writes at most; a frame of more is damage."""
MAX_BLOCK_BYTES = 1 << 24
"""Of a pcapng block, comments included."""
MAX_INTERFACES = 4_096
MAX_TIME_S = 253_402_300_799
"""The end of the year 9999: later is damage."""

_PCAP_MAGICS = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}
_OTHER_KINDS = {
    b"\x1f\x8b": "it is compressed by gzip: gunzip it first",
    b"\x28\xb5\x2f\xfd": "it is compressed by zstd: unzstd it first",
    b"BZh": "it is compressed by bzip2: bunzip2 it first",
    b"PK\x03\x04": "it is a ZIP archive: unzip it first",
    b"snoop\0": "it is a snoop file: editcap -F pcapng it first",
    b"offh": "it is encrypted: offhook records decrypt it first",
    b"RIFF": "it is a recording (WAV), no capture",
}
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_IF_TSRESOL, _IF_TSOFFSET = 9, 14


class CaptureError(ValueError):
    """A file that is no capture, or of which nothing can be read."""


class Frame(NamedTuple):
    """One frame: `at_s` is Unix time, `link_type` a LINKTYPE of libpcap, `is_cut`: it was longer on the wire."""

    at_s: float
    link_type: int
    data: bytes
    is_cut: bool


class _DamagedError(Exception):
    """From here on nothing can be read."""


@dataclass(slots=True)
class _Interface:
    link_type: int
    snap_bytes: int
    unit_s: float = 1e-6
    offset_s: int = 0


class CaptureFile:
    """The frames of an open binary file. Raises CaptureError if it is no capture."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at_byte = 0
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self.problem = ""
        """Why the frames end before the file does; empty while nothing is wrong."""
        self.kind = self._recognised(self._read(4))

    def __iter__(self) -> Iterator[Frame]:
        frames = self._pcapng() if self.kind == "pcapng" else self._pcap()
        try:
            yield from frames
        except _DamagedError as error:
            self.problem = f"{error} (at byte {self._at_byte})"

    def _recognised(self, magic: bytes) -> str:
        if len(magic) < 4:
            raise CaptureError("it is empty" if not magic else "it is shorter than any capture")
        for start, why in _OTHER_KINDS.items():
            if magic.startswith(start[:4]):
                raise CaptureError(why)
        if int.from_bytes(magic, "big") == _SECTION:
            return "pcapng"
        for order in "<>":
            (number,) = struct.unpack(f"{order}I", magic)
            if number in _PCAP_MAGICS:
                self._order, self._unit_s = order, _PCAP_MAGICS[number]
                return "pcap"
        raise CaptureError(f"it begins with {magic.hex(' ')}, which is neither pcap nor pcapng")

    # --- pcap

    def _pcap(self) -> Iterator[Frame]:
        header = self._read(20)
        if len(header) < 20:
            raise CaptureError("it ends within the file header")
        link_type = struct.unpack(f"{self._order}HHiIII", header)[5] & 0xFFFF
        record = struct.Struct(f"{self._order}IIII")
        while head := self._read(16):
            if len(head) < 16:
                raise _DamagedError("the file ends within a frame")
            seconds, fraction, kept, length = record.unpack(head)
            if kept > MAX_FRAME_BYTES:
                raise _DamagedError(f"a frame claims {kept} bytes, {MAX_FRAME_BYTES} is the most there can be")
            yield Frame(seconds + fraction * self._unit_s, link_type, self._whole(kept), kept < length)

    # --- pcapng

    def _pcapng(self) -> Iterator[Frame]:
        kind, last_s = _SECTION, 0.0
        head = self._read(4)
        self._section_begins(head)
        while head := self._read(8):
            if len(head) < 8:
                raise _DamagedError("the file ends within a block")
            kind, size = struct.unpack(f"{self._order}II", head)
            if kind == _SECTION:
                self._section_begins(head[4:])
                continue
            body = self._block(size)
            if kind == _INTERFACE:
                self._add_interface(body)
            elif (frame := self._frame(kind, body, last_s)) is not None:
                last_s = frame.at_s
                yield frame

    def _section_begins(self, length: bytes) -> None:
        magic = self._read(4)
        orders = [order for order in "<>" if magic == struct.pack(f"{order}I", _BYTE_ORDER_MAGIC)]
        if not orders or len(length) < 4:
            raise _DamagedError("a section has no byte-order magic")
        self._order = orders[0]
        (size,) = struct.unpack(f"{self._order}I", length)
        self._interfaces = []
        self._block(size, read=12)

    def _block(self, size: int, read: int = 8) -> bytes:
        """The rest of a block of which some bytes were read, without its length at the end."""
        if size % 4 or not 12 <= size <= MAX_BLOCK_BYTES or size < read + 4:
            raise _DamagedError(f"a block claims {size} bytes")
        content = self._whole(size - read)
        if content[-4:] != struct.pack(f"{self._order}I", size):
            raise _DamagedError("a block's two lengths differ")
        return content[:-4]

    def _add_interface(self, body: bytes) -> None:
        if len(body) < 8 or len(self._interfaces) >= MAX_INTERFACES:
            raise _DamagedError("an interface's description cannot be used")
        link_type, _, snap_bytes = struct.unpack_from(f"{self._order}HHI", body)
        interface = _Interface(link_type, snap_bytes or MAX_FRAME_BYTES)
        for code, value in self._options(body[8:]):
            if code == _IF_TSRESOL and len(value) >= 1:
                interface.unit_s = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
            elif code == _IF_TSOFFSET and len(value) == 8:
                (interface.offset_s,) = struct.unpack(f"{self._order}q", value)
        self._interfaces.append(interface)

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        at = 0
        while at + 4 <= len(data):
            code, size = struct.unpack_from(f"{self._order}HH", data, at)
            if code == 0:
                return
            yield code, data[at + 4 : at + 4 + size]
            at += 4 + (size + 3) // 4 * 4

    def _frame(self, kind: int, body: bytes, last_s: float) -> Frame | None:
        """The frame in a block of one; None for any other block."""
        if kind == _SIMPLE_PACKET and len(body) >= 4:
            # It has no time: that of the frame before is the nearest.
            interface = self._interface(0)
            (length,) = struct.unpack_from(f"{self._order}I", body)
            kept = min(length, interface.snap_bytes, len(body) - 4)
            return Frame(last_s, interface.link_type, body[4 : 4 + kept], kept < length)
        if kind not in (_PACKET, _OLD_PACKET) or len(body) < 20:
            return None
        layout = "IIIII" if kind == _PACKET else "HHIIII"
        number, *_, high, low, kept, length = struct.unpack_from(f"{self._order}{layout}", body)
        interface = self._interface(number)
        if kept > len(body) - 20:
            raise _DamagedError(f"a frame of {kept} bytes is in a block of {len(body)}")
        at_s = interface.offset_s + (high << 32 | low) * interface.unit_s
        if not 0 <= at_s <= MAX_TIME_S:
            raise _DamagedError("a frame's time is impossible")
        return Frame(at_s, interface.link_type, body[20 : 20 + kept], kept < length)

    def _interface(self, number: int) -> _Interface:
        if number >= len(self._interfaces):
            raise _DamagedError(f"a frame is of interface {number}, which was not described")
        return self._interfaces[number]

    # --- bytes

    def _read(self, count: int) -> bytes:
        data = self._file.read(count)
        self._at_byte += len(data)
        return data

    def _whole(self, count: int) -> bytes:
        data = self._read(count)
        if len(data) < count:
            raise _DamagedError("the file ends within a frame")
        return data
