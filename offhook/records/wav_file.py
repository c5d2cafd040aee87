"""The file of one recording: a WAV file that plays at any moment, or an encrypted one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from offhook.encryption.chunks import MAX_CHUNK_BYTES
from offhook.encryption.keys import Key
from offhook.records.encrypted import EncryptedFile
from offhook.records.wav import FRAME_BYTES, HEADER_BYTES, header

Pieces = list[tuple[int, bytes]]
"""(sample position, interleaved PCM), see StereoTimeline.take."""


class WavFile(Protocol):
    """It is made for our user alone by the first `write`. All raise OSError."""

    append_only: bool
    """Whether the timeline has to be."""

    @property
    def is_open(self) -> bool:
        """Whether it has been made."""
        ...

    @property
    def data_bytes(self) -> int:
        """Of samples, in whole frames."""
        ...

    def write(self, pieces: Pieces) -> None:
        """Write them in order."""

    def salvage(self) -> None:
        """After a failed write: make it end where it is whole."""

    def close(self) -> None:
        """No more pieces. Idempotent."""


class PlainWav:
    """In the clear. Each write ends with a header that is true."""

    append_only = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._data_bytes = 0  # in the file
        self._header_bytes = -1  # in the header

    @property
    def is_open(self) -> bool:
        return self._fd is not None

    @property
    def data_bytes(self) -> int:
        return self._data_bytes

    def write(self, pieces: Pieces) -> None:
        if self._fd is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            # Somebody may have cleared the folder away since the start.
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(self._path, flags, 0o600)
            self._write_header(self._fd)
        for at_tick, data in pieces:
            self._write_data(self._fd, at_tick * FRAME_BYTES, data)
        self._write_header(self._fd)

    def salvage(self) -> None:
        if self._fd is not None:
            self._write_header(self._fd)

    def close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _write_data(self, fd: int, at: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, HEADER_BYTES + at)
            at, view = at + written, view[written:]
            self._data_bytes = max(self._data_bytes, at // FRAME_BYTES * FRAME_BYTES)

    def _write_header(self, fd: int) -> None:
        # After the data, so that the header never claims more than there is. Rewriting it needs no disk space.
        if self._header_bytes != self._data_bytes:
            os.pwrite(fd, header(self._data_bytes), 0)
            self._header_bytes = self._data_bytes


class EncryptedWav:
    """Encrypted, and only added to: what it had before could not be written again. Its header says 0 bytes, and the
    reader corrects that. A gap is silence that takes room."""

    append_only = True

    def __init__(self, path: Path, key: Key) -> None:
        self._file = EncryptedFile(path, key)

    @property
    def is_open(self) -> bool:
        return self._file.is_open

    @property
    def data_bytes(self) -> int:
        return max(0, self._file.size - HEADER_BYTES)

    def write(self, pieces: Pieces) -> None:
        if not self._file.is_open:
            self._file.append(header(0))
        for at_tick, data in pieces:
            for silence in _zeros(at_tick * FRAME_BYTES - self.data_bytes):
                self._file.append(silence)
            self._file.append(data)

    def salvage(self) -> None:
        self._file.cut()

    def close(self) -> None:
        self._file.close()


def wav_file(path: Path, key: Key | None) -> WavFile:
    """A new recording, encrypted if there is a key."""
    return PlainWav(path) if key is None else EncryptedWav(path, key)


def _zeros(size: int) -> Iterator[bytes]:
    while size > 0:
        yield bytes(min(size, MAX_CHUNK_BYTES))
        size -= MAX_CHUNK_BYTES
