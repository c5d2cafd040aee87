"""Fetches a file over HTTP, and goes on where a broken transfer stopped."""

import hashlib
import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offhook.usererror import UserError
from offhook.version import __version__

CHUNK_BYTES = 1 << 18
FREE_BYTES = 256 << 20
"""Left on the disk, for everything else."""

OnProgress = Callable[[int, int | None], None]
"""Called with the bytes that are here, and the whole size if it is known."""

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_ANY_OF = re.compile(r"bytes \*/(\d+)")
_PASSING = {408, 425, 429}
"""Statuses of a client's error that another try may not get; those from 500 on are the server's."""


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """When to give up."""

    max_bytes: int = 8 << 30
    stall_s: float = 30.0
    """Without a byte: the transfer is broken off."""
    tries: int = 5
    """In a row that brought nothing."""
    wait_s: float = 1.0
    """Before the second try; doubled for each further one."""


class _Broken(Exception):
    """The transfer ended early, and may be continued."""


def download(url: str, target: Path, on_progress: OnProgress, limits: DownloadLimits | None = None) -> None:
    """Fetch `url` into `target`; what is there of an earlier try is kept in `target`.part and continued.

    Raises UserError. The content is as the server gave it: compare a checksum.
    """
    limits = limits or DownloadLimits()
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{url} cannot be fetched", "it is not an HTTP address", "http://… or https://…")
    part = _Part(target)
    fruitless = 0
    while True:
        before = part.size
        try:
            _receive(url, part, on_progress, limits)
            break
        except _Broken as error:
            fruitless = 0 if part.size > before else fruitless + 1
            if fruitless >= limits.tries:
                again = f"{part.size} bytes are kept: the same command again goes on from there"
                todo = again if part.size else "the same command again, or --from another place"
                raise UserError(f"{url} could not be fetched", str(error), todo) from error
            time.sleep(limits.wait_s * 2**fruitless)
    part.complete()


def sha256_of(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Part:
    """A file that is being fetched, and the server's word for its version."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self, url: str) -> str | None:
        """Of an unfinished file from `url`: what If-Range takes; None if it must be fetched anew."""
        try:
            note = json.loads(self._note.read_text("utf-8"))
            found = note["validator"] if note["url"] == url else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if isinstance(found, str) and self.size else None

    def begin(self, url: str, validator: str | None) -> None:
        self.path.unlink(missing_ok=True)
        self._note.write_text(json.dumps({"url": url, "validator": validator}), "utf-8")

    def complete(self) -> None:
        self.path.replace(self._target)
        self._note.unlink(missing_ok=True)


def _receive(url: str, part: _Part, on_progress: OnProgress, limits: DownloadLimits) -> None:
    """One try. Raises _Broken, UserError."""
    validator = part.validator(url)
    headers = {"User-Agent": f"offhook/{__version__}", "Accept-Encoding": "identity"}
    if validator is not None:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": validator}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=limits.stall_s) as response:
            total = _begin(url, part, response, limits)
            _copy(part, response, total, on_progress, limits)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and _is_all_of(part, error.headers.get("Content-Range", "")):
            return
        if error.code == 416:
            part.path.unlink(missing_ok=True)
        elif error.code < 500 and error.code not in _PASSING:
            raise UserError(
                f"{url} could not be fetched", f"the server says {error.code} {error.reason}", "another address"
            ) from error
        raise _Broken(f"the server says {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _Broken(str(error.reason)) from error
    except (http.client.HTTPException, OSError) as error:
        raise _Broken(str(error) or type(error).__name__) from error


def _begin(url: str, part: _Part, response: Any, limits: DownloadLimits) -> int | None:
    """Make `part` ready for the body. Returns the size of the whole file, if the server says so."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isascii() and length.isdigit() else None
    if response.status == 206:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != part.size:
            part.path.unlink(missing_ok=True)
            raise _Broken("the server continued at another place")
        total = int(found[2]) if found[2] != "*" else None
    else:
        tag = response.headers.get("ETag") or ""
        # RFC 9110 §13.1.5: a weak tag cannot be used in If-Range.
        strong = tag if tag and not tag.startswith("W/") else None
        part.begin(url, strong or response.headers.get("Last-Modified"))
    if total is not None:
        _check_size(url, total, limits)
        free = shutil.disk_usage(part.path.parent).free
        needed = total - part.size + FREE_BYTES
        if free < needed:
            why = f"{part.path.parent} has {free >> 20} MiB left, and it takes {needed >> 20} MiB"
            raise UserError(f"there is no room for {url}", why, "another folder: OFFHOOK_MODELS__DIR=…")
    return total


def _copy(part: _Part, response: Any, total: int | None, on_progress: OnProgress, limits: DownloadLimits) -> None:
    done = part.size
    with part.path.open("ab") as file:
        while chunk := response.read1(CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            _check_size(response.url, done, limits)
            on_progress(done, total)
    if total is not None and done != total:
        raise _Broken(f"the connection ended after {done} of {total} bytes")


def _check_size(url: str, size: int, limits: DownloadLimits) -> None:
    if size > limits.max_bytes:
        raise UserError(
            f"{url} is too large", f"it has more than {limits.max_bytes >> 20} MiB", "another file: is this a model?"
        )


def _is_all_of(part: _Part, content_range: str) -> bool:
    """A request for the bytes behind the last one: the file is complete."""
    found = _ANY_OF.fullmatch(content_range)
    return found is not None and 0 < part.size == int(found[1])
