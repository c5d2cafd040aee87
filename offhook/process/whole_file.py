"""A small file that is replaced as a whole: after a crash it is as it was before, or as it is now."""

import os
import stat
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes, *, like: os.stat_result | None = None) -> None:
    """Once this returns it survives a loss of power. The file is for our user alone, or has the owner, the group and
    what these may do of `like`. Raises OSError, and then nothing has changed; waits for the disk."""
    beside = path.with_suffix(".new")
    try:
        beside.unlink(missing_ok=True)
        # A new one: what is given to `like`'s owner must be no link that somebody has put there.
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            if like is not None:
                os.fchown(fd, like.st_uid, like.st_gid)
                os.fchmod(fd, stat.S_IMODE(like.st_mode) & 0o660)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
