"""The files of calls in the records' folder, by their kinds: found by a call's id, or by their age."""

import os
import re
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

REST_EVERY = 500
"""So many entries of a folder are looked at without a rest, so that other threads get their turn."""
REST_S = 0.002

_ID = r"(?P<call>[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"


@dataclass(frozen=True, slots=True)
class FileKind:
    """Files in `folder`, whose names have the call's id."""

    name: str
    folder: str
    pattern: re.Pattern[str]

    def call_of(self, file: str) -> str | None:
        """The call that a file of this kind belongs to; None: it is none."""
        found = self.pattern.fullmatch(file)
        return None if found is None else found["call"]


RECORDINGS = FileKind("recordings", "recordings", re.compile(rf"{_ID}\.wav"))
MESSAGES = FileKind("messages", "recordings", re.compile(rf"{_ID}-message-[0-9]+\.wav"))
CAPTURES = FileKind("captures", "captures", re.compile(rf"{_ID}(?:\.truncated)?\.pcap"))
EVENTS = FileKind("events", "events", re.compile(rf"{_ID}\.jsonl"))
FILE_KINDS = (RECORDINGS, MESSAGES, CAPTURES, EVENTS)


def files_of(folder: Path, calls: set[str]) -> Iterator[tuple[FileKind, str, Path]]:
    """The files of calls: their kind, the call, and where they are. The folders are read once, whatever there is."""
    for each in dict.fromkeys(kind.folder for kind in FILE_KINDS):
        kinds = [kind for kind in FILE_KINDS if kind.folder == each]
        for entry in entries(folder / each):
            for kind in kinds:
                if (call := kind.call_of(entry.name)) in calls and call is not None:
                    yield kind, call, Path(entry.path)


def older_than(folder: Path, kind: FileKind, before_s: float, most: int, but: Container[Path] = ()) -> list[Path]:
    """Files of a kind that were written last before a Unix time, `most` of them at most, without those of `but`."""
    found: list[Path] = []
    for entry in entries(folder / kind.folder):
        if len(found) >= most:
            break
        try:
            is_old = kind.call_of(entry.name) is not None and entry.stat(follow_symlinks=False).st_mtime < before_s
        except FileNotFoundError:
            continue  # somebody else has removed it
        if is_old and Path(entry.path) not in but:
            found.append(Path(entry.path))
    return found


def remove(path: Path) -> str:
    """Remove a file; why that fails, empty where it is gone."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """What is in a folder, with rests; nothing if there is no such folder. Raises OSError."""
    try:
        with os.scandir(folder) as found:
            for number, entry in enumerate(found, 1):
                yield entry
                if number % REST_EVERY == 0:
                    time.sleep(REST_S)
    except FileNotFoundError:
        return
