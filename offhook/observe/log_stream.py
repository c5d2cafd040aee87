"""Where the log goes: a stream that never blocks, read or not.

A pipe that nobody reads is full after 64 KiB, and a write to it would stand still, with every call of the process.
What does not fit waits here, up to a limit; beyond it lines are dropped and counted, and the count is written when
there is room.
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
"""Of lines that wait to be written: some thousand."""


class LogStream(io.TextIOBase):
    """Writes lines to the descriptor of `stream`, as far as there is room."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._fd = stream.fileno()
        self._socket: socket.socket | None = None
        self._own_fd = self._open()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0

    def _open(self) -> int:
        """A description of our own: whether a write blocks is a matter of the description, and that of a terminal or a
        pipe is shared with other programs, which expect theirs to block."""
        mode = os.fstat(self._fd).st_mode
        if stat.S_ISSOCK(mode):  # systemd's journal: a socket says with each write whether it may block
            self._socket = socket.socket(fileno=os.dup(self._fd))
            return self._fd
        if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            return self._fd  # a file
        try:
            return os.open(f"/proc/self/fd/{self._fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return self._fd  # no /proc, or another user's terminal: as every program writes

    def isatty(self) -> bool:
        """Whether people read it."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Write or keep it; drop it where too much waits already."""
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
        """Write what there is room for."""
        self._flush()

    def close(self) -> None:
        """Give back what was opened here: the stream itself stays open. Idempotent."""
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
                    # Nobody will ever read it: what a log has to say must not end the program.
                    self._waiting.clear()
                    self._waiting_bytes = 0
                return
            self._waiting_bytes -= written
            if written < len(data):
                self._waiting[0] = data[written:]
            else:
                self._waiting.popleft()
        if self._dropped:
            line = f"{self._dropped} lines of the log were dropped: nobody read them\n".encode()
            with suppress(OSError):
                if self._send(line) == len(line):
                    self._dropped = 0

    def _send(self, data: bytes) -> int:
        if self._socket is not None:
            return self._socket.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        return os.write(self._own_fd, data)


def log_stream(stream: TextIO) -> TextIO:
    """`stream`, made so that it does not block; itself where it has no descriptor."""
    try:
        stream.flush()
        return LogStream(stream)  # type: ignore[return-value]  # all of a text stream that logging uses
    except (OSError, ValueError):
        return stream
