"""Messages that a program elsewhere may fetch, by names that nobody can guess."""

import re
import secrets
from pathlib import Path

from offhook.records.kept_files import entries, remove

PUBLISHED = "published"
"""The folder in that of the recordings; it has links."""

_SID = re.compile(r"RE[0-9a-f]{32}")


def publish(path: Path) -> str:
    """A name, of RE and 32 hexadecimal digits, by which `find_published` has this file of the recordings' folder until
    it is deleted. Raises OSError."""
    folder = path.parent / PUBLISHED
    folder.mkdir(exist_ok=True, mode=0o700)
    name = f"RE{secrets.token_hex(16)}"
    (folder / name).symlink_to(Path("..") / path.name)
    return name


def find_published(recordings: Path, name: str) -> Path | None:
    """The file of that name; None if there is none, or it leads out of the folder."""
    if _SID.fullmatch(name) is None:
        return None
    path = (recordings / PUBLISHED / name).resolve()
    return path if path.parent == recordings.resolve() and path.is_file() else None


def forget_published(recordings: Path) -> None:
    """Remove the names of files that are gone: they have the ids of calls."""
    for entry in entries(recordings / PUBLISHED):
        path = Path(entry.path)
        if _SID.fullmatch(path.name) is not None and path.is_symlink() and not path.exists():
            remove(path)
