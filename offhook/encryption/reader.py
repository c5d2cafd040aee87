"""Opens files that are kept of calls, encrypted or not."""

import io
import os
import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from offhook.encryption.chunks import (
    HEADER,
    LENGTH,
    MAGIC,
    MAX_CHUNK_BYTES,
    TAG_BYTES,
    KeysAwayError,
    UnreadableError,
    cipher_of,
)
from offhook.encryption.keys import ID_BYTES, Key, read_keys, require_package
from offhook.usererror import UserError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_CHUNKS = 1_000_000
"""Of one file; four hours have 29,000."""
WAV_HEADER_BYTES = 44


class Ending(StrEnum):
    """How an encrypted file ends."""

    ENDED = "ended"
    """With its last chunk."""
    CUT = "cut"
    """Without it: it is still written, its process was killed, or somebody has cut it."""
    DAMAGED = "damaged"
    """At a place where something else than a chunk is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is open; close it. `size` is what it had when it was opened. `ending` None: it is not encrypted.

    Reading `file` raises UnreadableError at what is damaged; `read1` has all that is before.
    """

    file: io.BufferedReader
    size: int
    ending: Ending | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def key_id_of(path: Path) -> bytes | None:
    """The id of the key of an encrypted file; None: it is none. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC) + ID_BYTES)
    return head[len(MAGIC) :] if head.startswith(MAGIC) else None


def open_kept(path: Path, key_file: Path | None) -> Kept:
    """Open a file. `key_file` is read where that is needed. Raises OSError; UnreadableError and its KeysAwayError are
    such."""
    file = path.open("rb")
    try:
        if file.read(len(MAGIC)) != MAGIC:
            file.seek(0)
            return Kept(file, os.fstat(file.fileno()).st_size)
        reader = EncryptedReader(file, _keys(key_file))
    except BaseException:
        file.close()
        raise
    return Kept(io.BufferedReader(reader, MAX_CHUNK_BYTES), reader.size, reader.ending)


def _keys(key_file: Path | None) -> tuple[Key, ...]:
    if key_file is None:
        raise UnreadableError("it is encrypted, and there is no `key_file` below [records]")
    try:
        require_package()
        return read_keys(key_file)
    except UserError as error:
        problem = error.problems[0]
        raise KeysAwayError(f"it is encrypted, and {problem.what}: {problem.why}") from error


@dataclass(frozen=True, slots=True)
class _Chunk:
    at: int
    """In the file, behind its length."""
    length: int
    """With its tag."""


class EncryptedReader(io.RawIOBase):
    """The decrypted content of an encrypted file, as far as it goes now; in memory is one chunk.

    A WAV file that was written while its length was not known (it says 0) gets the length that it has.
    """

    def __init__(self, file: BinaryIO, keys: Sequence[Key]) -> None:
        self._file = file
        file.seek(0)
        self._cipher = cipher_of(file.read(HEADER.size), keys)
        self._chunks: list[_Chunk] = []
        self._starts: list[int] = []  # of each in the content
        self.ending = self._find_chunks(file.seek(0, os.SEEK_END))
        self.size = 0 if not self._chunks else self._starts[-1] + self._chunks[-1].length - TAG_BYTES
        self._at = 0
        self._number, self._data = -1, b""  # the chunk in memory
        self._head = b""
        if self.size > WAV_HEADER_BYTES:
            self._head = _with_length(self._chunk(0)[:WAV_HEADER_BYTES], self.size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        if self._at >= self.size:
            if self.ending is Ending.DAMAGED:
                raise UnreadableError(f"it is damaged behind {self.size} bytes")
            return 0
        if self._at < len(self._head):
            found = self._head[self._at :]
        else:
            number = bisect_right(self._starts, self._at) - 1
            found = self._chunk(number)[self._at - self._starts[number] :]
        size = min(len(found), len(view))
        view[:size] = found[:size]
        self._at += size
        return size

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _find_chunks(self, file_bytes: int) -> Ending:
        at, start = HEADER.size, 0
        while at + LENGTH.size <= file_bytes:
            self._file.seek(at)
            length = LENGTH.unpack(self._file.read(LENGTH.size))[0]
            at += LENGTH.size
            if not TAG_BYTES <= length <= MAX_CHUNK_BYTES + TAG_BYTES or len(self._chunks) >= MAX_CHUNKS:
                return Ending.DAMAGED
            if at + length > file_bytes:
                return self._ending(is_whole=False)
            self._chunks.append(_Chunk(at, length))
            self._starts.append(start)
            at, start = at + length, start + length - TAG_BYTES
        return self._ending(is_whole=at == file_bytes)

    def _ending(self, *, is_whole: bool) -> Ending:
        """What the last chunk is; one that is damaged is left out."""
        if not self._chunks:
            return Ending.CUT
        number = len(self._chunks) - 1
        sealed = self._sealed(number)
        if self._cipher.decrypted(number, sealed, last=True) is not None:
            return Ending.ENDED if is_whole else Ending.DAMAGED
        if self._cipher.decrypted(number, sealed) is not None:
            return Ending.CUT
        self._chunks.pop()
        self._starts.pop()
        return Ending.DAMAGED

    def _chunk(self, number: int) -> bytes:
        if number != self._number:
            sealed, last = self._sealed(number), self.ending is Ending.ENDED and number == len(self._chunks) - 1
            data = self._cipher.decrypted(number, sealed, last=last)
            if data is None:
                raise UnreadableError(f"it is damaged behind {self._starts[number]} bytes")
            self._number, self._data = number, data
        return self._data

    def _sealed(self, number: int) -> bytes:
        chunk = self._chunks[number]
        self._file.seek(chunk.at)
        return self._file.read(chunk.length)


def _with_length(head: bytes, size: int) -> bytes:
    """A header of a WAV file with the length; nothing for what is none, or has its length already."""
    if head[:4] != b"RIFF" or head[36:] != b"data" + bytes(4):
        return b""
    data_bytes = size - WAV_HEADER_BYTES
    riff_bytes = WAV_HEADER_BYTES - 8 + data_bytes
    return b"".join((head[:4], struct.pack("<I", riff_bytes), head[8:40], struct.pack("<I", data_bytes)))
