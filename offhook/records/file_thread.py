"""Files that grow with their calls: the event loop only appends to memory, and one thread writes them all."""

import os
import threading
from pathlib import Path
from typing import Protocol

from offhook.usererror import UserError

WRITE_INTERVAL_S = 0.5


class GrowingFile:
    """A new file for our user alone, made by the first `append`; `size` counts what has been added as a whole.

    `append` and `close` raise OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._fd: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has been made."""
        return self._fd is not None

    def append(self, data: bytes | bytearray) -> None:
        """Add data; what is added in part only is cut off by `cut`."""
        if self._fd is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            # Somebody may have cleared the folder away since the start.
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(self.path, flags, 0o600)
        view, at = memoryview(data), self.size
        while view:
            written = os.pwrite(self._fd, view, at)
            at, view = at + written, view[written:]
        self.size = at

    def cut(self) -> None:
        """End the file behind what was added as a whole. Raises OSError."""
        if self._fd is not None:
            os.ftruncate(self._fd, self.size)

    def close(self) -> None:
        """No more data. Idempotent. Network file systems may report a failed write only here."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


class Pumped(Protocol):
    """One call's file. Both are called in the thread."""

    def pump(self) -> bool:
        """Write what is new; True when that was the last."""
        ...

    def stop(self) -> None:
        """Take in nothing more."""


class FileThread:
    """Pumps all files. `directory` is created for our user alone if missing. UserError if that fails: `what` are its
    files, and `setting` of `[records]` turns them off."""

    def __init__(self, directory: Path, what: str, setting: str) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(f"its permissions keep user {os.getuid()} out")
        except OSError as error:
            raise UserError(
                f"the {what}' directory {directory} cannot be created or written to",
                error.strerror or str(error),
                f"name another `dir` below `[records]`, or turn `{setting}` off",
            ) from error
        self._lock = threading.Lock()
        self._added: list[Pumped] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"offhook-{setting}", daemon=True)
        self._thread.start()

    def add(self, file: Pumped) -> None:
        """Write a file from now on."""
        with self._lock:
            self._added.append(file)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Complete all files. False if the disk is too slow. Idempotent."""
        self._closing.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        files: list[Pumped] = []
        while True:
            closing = self._closing.wait(WRITE_INTERVAL_S)
            with self._lock:
                files += self._added
                self._added.clear()
            if closing:
                for file in files:
                    file.stop()
            files = [file for file in files if not file.pump()]
            if closing:
                return
