"""Files for our user alone, with what callers said."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

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
