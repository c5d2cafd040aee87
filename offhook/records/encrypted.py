"""Files that are encrypted as they are written: nothing of them is ever on the disk in the clear."""

from pathlib import Path
from typing import Protocol

from offhook.encryption.chunks import MAX_CHUNK_BYTES, new_cipher
from offhook.encryption.keys import Key
from offhook.records.file_thread import GrowingFile


class AppendedFile(Protocol):
    """See GrowingFile."""

    path: Path

    @property
    def size(self) -> int: ...
    @property
    def is_open(self) -> bool: ...
    def append(self, data: bytes | bytearray) -> None: ...
    def cut(self) -> None: ...
    def close(self) -> None: ...


class EncryptedFile:
    """As GrowingFile, and `size` counts what has been encrypted. After a failed write no more is taken."""

    def __init__(self, path: Path, key: Key) -> None:
        self.path = path
        self.size = 0
        self._cipher = new_cipher(key)
        self._file = GrowingFile(path)
        self._chunks = 0
        self._failed = False

    @property
    def is_open(self) -> bool:
        """Whether it has been made."""
        return self._file.is_open

    def append(self, data: bytes | bytearray) -> None:
        """Add data; what is added in part only is cut off by `cut`."""
        if self._failed:
            # The number of a chunk that is on the disk in part must not encrypt anything else.
            raise OSError("an earlier write has failed")
        pieces = [bytes(data[at : at + MAX_CHUNK_BYTES]) for at in range(0, len(data), MAX_CHUNK_BYTES)]
        chunks = [self._cipher.encrypted(number, piece) for number, piece in enumerate(pieces, self._chunks)]
        header = b"" if self._file.size else self._cipher.header
        try:
            self._file.append(b"".join((header, *chunks)))
        except OSError:
            self._failed = True
            raise
        self._chunks += len(chunks)
        self.size += len(data)

    def cut(self) -> None:
        """End the file behind what was added as a whole. Raises OSError."""
        self._file.cut()

    def close(self) -> None:
        """The last chunk, which is empty: the file has an end. Idempotent."""
        try:
            if self._file.is_open and self._file.size:
                self._file.cut()
                self._file.append(self._cipher.encrypted(self._chunks, b"", last=True))
        finally:
            self._file.close()


def growing_file(path: Path, key: Key | None) -> AppendedFile:
    """A new file, encrypted if there is a key."""
    return GrowingFile(path) if key is None else EncryptedFile(path, key)
