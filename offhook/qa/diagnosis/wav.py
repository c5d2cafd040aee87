"""WAV files that are written while a capture is read: one for each stream."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

from offhook.qa.diagnosis.analysis import MediaStream
from offhook.qa.diagnosis.calls import Call
from offhook.qa.rtp.audio import OnPcm
from offhook.usererror import UserError

BUFFER_BYTES = 65_536
"""Of each stream in memory: a file is open only while it is added to."""
MAX_HELD_BYTES = 16_777_216
"""Of all of them together."""
_HEADER_BYTES = 44


class WavFiles:
    """The audio of streams, in a folder. `wanted` says of which calls; None: of a stream without one.

    The files are for our user alone: they have what people said.
    """

    def __init__(self, directory: Path, wanted: Callable[[Call | None], bool]) -> None:
        self.directory = directory
        self._wanted = wanted
        self._open: dict[int, tuple[MediaStream, bytearray, int]] = {}
        self._begun: set[int] = set()
        self._held = 0

    def open(self, stream: MediaStream) -> OnPcm:
        """Where the audio of a stream goes."""
        buffer = bytearray()

        def take(pcm: bytes) -> None:
            if stream.call is not None and not self._wanted(stream.call):
                return
            if stream.number not in self._open:
                rate_hz = stream.rtp.rate_hz if stream.rtp is not None else None
                self._open[stream.number] = (stream, buffer, rate_hz or 8_000)
            buffer.extend(pcm)
            self._held += len(pcm)
            if len(buffer) >= BUFFER_BYTES:
                self._write(stream, buffer)
            if self._held > MAX_HELD_BYTES:
                self._write_all()

        return take

    def close(self) -> list[Path]:
        """Finish the files, and give them their names. Returns those that are there."""
        paths = []
        for stream, buffer, rate_hz in self._open.values():
            self._write(stream, buffer)
            path = self._part(stream.number)
            if not self._wanted(stream.call):
                path.unlink()
                continue
            size = path.stat().st_size - _HEADER_BYTES
            with path.open("r+b") as file:
                file.write(_header(rate_hz, size))
            named = self.directory / _name(stream)
            try:
                path.rename(named)
            except OSError as error:
                raise _unwritable(named, error) from error
            stream.sound = str(named)
            paths.append(named)
        return paths

    def _write_all(self) -> None:
        for stream, buffer, _ in self._open.values():
            if buffer:
                self._write(stream, buffer)

    def discard(self) -> None:
        """Remove what is not finished. Idempotent."""
        for number in self._begun:
            self._part(number).unlink(missing_ok=True)

    def _write(self, stream: MediaStream, buffer: bytearray) -> None:
        path = self._part(stream.number)
        is_new = stream.number not in self._begun
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_TRUNC if is_new else os.O_APPEND)
        try:
            with os.fdopen(os.open(path, flags, 0o600), "ab") as file:
                self._begun.add(stream.number)
                file.write(bytes(_HEADER_BYTES) + buffer if is_new else buffer)
        except OSError as error:
            raise _unwritable(path, error) from error
        self._held -= len(buffer)
        buffer.clear()

    def _part(self, number: int) -> Path:
        return self.directory / f".stream-{number}.part"


def _unwritable(path: Path, error: OSError) -> UserError:
    todo = "another folder, with room for 16 kB a second of each stream"
    return UserError(f"{path} cannot be written", error.strerror or str(error), todo, "--wav")


def _name(stream: MediaStream) -> str:
    if stream.call is None:
        return f"stream-{stream.number}.wav"
    return f"call-{stream.call.number}-{'caller' if stream.from_caller else 'callee'}-{stream.number}.wav"


def _header(rate_hz: int, size: int) -> bytes:
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", min(size + 36, 0xFFFFFFFF), b"WAVE")
        + layout
        + struct.pack("<4sI", b"data", min(size, 0xFFFFFFFF))
    )
