"""Changes that the database could not take yet, in a file beside it: they survive the end of this process.

Each process has one file, `unwritten-OWNER.jsonl`, for as long as it runs, and holds a lock on it. Its lines are
changes in their order. They are written and fsynced as soon as the database has refused them once, and read back and
cleared when it works again. A file without a holder was left by a process that was killed: the next process applies
it. Its modification time is when that process was last seen, at most `SEEN_EVERY_S` before its end.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

from offhook.records.changes import Change

SEEN_EVERY_S = 2.0
MAX_BYTES = 512 * 1024 * 1024
"""Beyond this changes are refused: hundreds of thousands of calls."""

_PREFIX, _SUFFIX = "unwritten-", ".jsonl"


class UnwrittenFile:
    """One such file, open and locked."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def create(cls, folder: Path, owner: str) -> Self:
        """Our own. Raises OSError."""
        path = folder / f"{_PREFIX}{owner}{_SUFFIX}"
        return cls(path, _created(path))

    @classmethod
    def abandoned(cls, folder: Path) -> Iterator[Self]:
        """Those whose processes are gone, now locked by us."""
        for path in sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}")):
            with suppress(OSError):  # its holder is alive, or has just removed it
                fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os.close(fd)
                    raise
                yield cls(path, fd)

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)

    @property
    def seen_at(self) -> float:
        """When its owner was last seen: Unix time."""
        return os.fstat(self._fd).st_mtime

    def seen(self, wall: float) -> None:
        """Its owner is alive at this Unix time. An error is ignored: the time is an estimate."""
        with suppress(OSError):
            self._be_there()
            os.utime(self._fd, (wall, wall))

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return os.fstat(self._fd).st_size == 0

    def append(self, changes: Iterable[Change]) -> None:
        """Add changes, all or none; returns when they are on disk. What JSON cannot hold is left out: no database could
        take it either. Raises OSError."""
        lines = []
        for change in changes:
            with suppress(TypeError, ValueError):
                lines.append(change.to_line())
        self._be_there()
        data, size = b"".join(lines), os.fstat(self._fd).st_size
        if size + len(data) > MAX_BYTES:
            raise OSError(f"{self.path} is full: it has {size} bytes")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
            os.fsync(self._fd)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, size)
            raise

    def changes(self) -> Iterator[Change]:
        """What is in it, without a last line that was cut off."""
        with open(os.dup(self._fd), "rb") as file:
            file.seek(0)
            for line in file:
                if (change := Change.from_line(line)) is not None:
                    yield change

    def clear(self) -> None:
        """Everything in it is in the database."""
        os.ftruncate(self._fd, 0)

    def close(self, *, remove: bool) -> None:
        """Release it; `remove` if nothing in it is wanted any more."""
        if remove:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._fd)

    def _be_there(self) -> None:
        """If the name does not lead to this file any more, make it anew with what is in it. Raises OSError."""
        if _leads_to(self.path, self._fd):
            return
        before, self._fd = self._fd, _created(self.path)
        with open(before, "rb") as old:
            old.seek(0)
            while data := old.read(1 << 20):
                os.write(self._fd, data)


def _created(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        # Another process may have taken it for abandoned, and removed it, before the lock.
        if _leads_to(path, fd):
            return fd
        os.close(fd)


def _leads_to(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except OSError:
        return False
