"""Files that their owner alone may read: they have what callers said. `option` is what has named them. All of it raises
UserError."""

import json
import os
from pathlib import Path
from typing import Any

from offhook.usererror import UserError


def make_folder(folder: Path, option: str) -> None:
    """The folder, with those above it, unless it is there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, "made", error, option) from error


def write_private(path: Path, data: bytes, option: str) -> None:
    """Write a file, in place of one that may be there."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, 0o600)  # it may have been there before
            file.write(data)
    except OSError as error:
        raise _refused(path, "written", error, option) from error


def write_json(path: Path, value: Any, option: str) -> None:
    """Write plain values."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # What a record has may hold halves of characters, which no file can.
    write_private(path, f"{text}\n".encode("utf-8", "replace"), option)


def _refused(path: Path, done: str, error: OSError, option: str) -> UserError:
    return UserError(f"{path} cannot be {done}", error.strerror or str(error), f"ls -ld {path.parent}", option)
