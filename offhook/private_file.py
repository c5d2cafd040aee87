"""Files that their owner alone may read: they have what callers said."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from offhook.usererror import UserError

MAX_NAME_CHARS = 50
"""Of the file's, in that of the one beside it."""


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file, which is there once all of it is written: what was there before stays until then, and after an
    exception. What is none, as a pipe, is written as it is. Raises OSError."""
    if path.exists() and not path.is_file():
        with path.open("wb") as pipe:
            yield pipe
        return
    path = path.resolve()
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:MAX_NAME_CHARS]}.")  # our user's alone
    beside = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def make_folder(folder: Path, option: str) -> None:
    """The folder, with those above it, unless it is there. Raises UserError; `option` is what has named it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, "made", error, option) from error


def write_private(path: Path, data: bytes, option: str) -> None:
    """Write a file, in place of one that may be there. Raises UserError; `option` is what has named it."""
    try:
        with private_file(path) as file:
            file.write(data)
    except OSError as error:
        raise _refused(path, "written", error, option) from error


def write_json(path: Path, value: Any, option: str) -> None:
    """Write plain values. Raises UserError, as `write_private`."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # What a record has may hold halves of characters, which no file can.
    write_private(path, f"{text}\n".encode("utf-8", "replace"), option)


def _refused(path: Path, done: str, error: OSError, option: str) -> UserError:
    return UserError(f"{path} cannot be {done}", error.strerror or str(error), f"ls -ld {path.parent}", option)
