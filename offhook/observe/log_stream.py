"""A log stream that never blocks.

An unread pipe is full after 64 KiB, and a blocking write to it would stall every call of the process. What does not
fit is queued up to a limit; beyond it lines are dropped, and their number is written once there is room.
"""

import errno
import io
import os
import socket
import stat
from collections import deque
from contextlib import suppress
from typing import TextIO

MAX_WAITING_BYTES = 256 * 1024
"""Of queued lines: some thousand of them."""


class LogStream(io.TextIOBase):
    """Writes lines to the descriptor of `stream` while there is room."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._fd = stream.fileno()
        self._socket: socket.socket | None = None
        self._own_fd = self._open()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0

    def _open(self) -> int:
        """Open our own file description: O_NONBLOCK belongs to the description, and other programs share that of a
        terminal or a pipe, and expect it to block."""
        mode = os.fstat(self._fd).st_mode
        if stat.S_ISSOCK(mode):  # systemd's journal: for a socket each write is flagged instead
            self._socket = socket.socket(fileno=os.dup(self._fd))
            return self._fd
        if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            return self._fd  # a file
        try:
            return os.open(f"/proc/self/fd/{self._fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return self._fd  # no /proc, or another user's terminal: plain writes

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Write it or queue it; drop it if the queue is full."""
        data = text.encode("utf-8", "backslashreplace")
        self._flush()
        if self._waiting_bytes + len(data) > MAX_WAITING_BYTES:
            self._dropped += text.count("\n")
        else:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self._flush()
        return len(text)

    def flush(self) -> None:
        """Write what fits."""
        self._flush()

    def close(self) -> None:
        """Close what was opened here; the stream itself stays open. Idempotent."""
        if not self.closed:
            self._flush()
            if self._socket is not None:
                self._socket.close()
            elif self._own_fd != self._fd:
                os.close(self._own_fd)
        super().close()

    def _flush(self) -> None:
        while self._waiting:
            data = self._waiting[0]
            try:
                written = self._send(data)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS):
                    # The reader is gone: logging must not end the program.
                    self._waiting.clear()
                    self._waiting_bytes = 0
                return
            self._waiting_bytes -= written
            if written < len(data):
                self._waiting[0] = data[written:]
            else:
                self._waiting.popleft()
        if self._dropped:
            line = f"{self._dropped} log lines were dropped: they were not read in time\n".encode()
            with suppress(OSError):
                if self._send(line) == len(line):
                    self._dropped = 0

    def _send(self, data: bytes) -> int:
        if self._socket is not None:
            return self._socket.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        return os.write(self._own_fd, data)


def log_stream(stream: TextIO) -> TextIO:
    """A non-blocking version of `stream`; the stream itself if it has no descriptor."""
    try:
        stream.flush()
        return LogStream(stream)  # type: ignore[return-value]  # has all that logging uses of a text stream
    except (OSError, ValueError):
        return stream
