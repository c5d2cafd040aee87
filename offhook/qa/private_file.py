"""Files that their owner alone may read: they have what callers said."""

import os
from pathlib import Path

from offhook.usererror import UserError


def write_private(path: Path, data: bytes, option: str) -> None:
    """Write a file, in place of one that may be there. `option` is what has named it. Raises UserError."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, 0o600)  # it may have been there before
            file.write(data)
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"{path} cannot be written", why, f"{option} {path.name}", option) from error
