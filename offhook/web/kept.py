"""Answers with what is kept of a call, decrypted where it is encrypted."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog
from fastapi import HTTPException, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from offhook.encryption.reader import Ending, Kept, open_kept
from offhook.web.headers import NO_STORE

PIECE_BYTES = 65_536
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")

log = structlog.get_logger("offhook.web")


def sound_answer(request: Request, path: Path, key_file: Path | None, headers: Mapping[str, str]) -> Response:
    """A sound file, or the part of it that the request asks for. Blocks for the disk. Raises HTTPException."""
    kept = open_whole(path, key_file)
    if kept.ending is None:
        kept.file.close()
        return FileResponse(path, media_type="audio/wav", headers=dict(headers))
    size = kept.size
    headers = {**headers, "Accept-Ranges": "bytes"}
    wanted = _part(request.headers.get("range"), size)
    if wanted is None or request.method == "HEAD":
        kept.file.close()
    if wanted is None:
        raise HTTPException(416, "there is no such part of it", {**NO_STORE, "Content-Range": f"bytes */{size}"})
    first, end = wanted
    status = 200
    if (first, end) != (0, size):
        status, headers["Content-Range"] = 206, f"bytes {first}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - first)
    if request.method == "HEAD":
        return Response(status_code=status, media_type="audio/wav", headers=headers)
    return KeptAnswer(kept, path, first, end, status_code=status, media_type="audio/wav", headers=headers)


def open_whole(path: Path, key_file: Path | None) -> Kept:
    """Open a file. Blocks for the disk. Raises HTTPException for one of which not all can be decrypted."""
    try:
        kept = open_kept(path, key_file)
        if kept.ending is not Ending.DAMAGED:
            return kept
        kept.file.close()
        why = f"it is damaged behind {kept.size} bytes; `offhook records decrypt` has what is before"
    except FileNotFoundError:
        raise _gone() from None
    except OSError as error:
        why = str(error)
    log.error("what is kept of a call cannot be read", path=str(path), why=why)
    raise HTTPException(500, f"the file cannot be read: {why}", NO_STORE)


class KeptAnswer(StreamingResponse):
    """A part of a file that is open, as it was when it was opened, decrypted: it may grow meanwhile. One that turns out
    to be damaged breaks off."""

    def __init__(self, kept: Kept, path: Path, first: int, end: int, **options: Any) -> None:
        super().__init__(_pieces(kept, path, first, end), **options)
        self._file = kept.file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, then close the file."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _pieces(kept: Kept, path: Path, first: int, end: int) -> Iterator[bytes]:
    """Raises OSError."""
    try:
        kept.file.seek(first)
        while first < end and (piece := kept.file.read(min(end - first, PIECE_BYTES))):
            first += len(piece)
            yield piece
    except OSError as error:
        log.error("what is kept of a call breaks off", path=str(path), why=str(error))
        raise


def _gone() -> HTTPException:
    return HTTPException(404, "the file is gone", NO_STORE)


def _part(wanted: str | None, size: int) -> tuple[int, int] | None:
    """The first byte and the one behind the last, of one range (RFC 9110 §14.1.2); all of it for what is no range, or
    several, which may be ignored (§14.2). None: nothing of it is there."""
    found = _RANGE.fullmatch(wanted or "")
    if found is None or not any(found.groups()):
        return 0, size
    if not found[1]:
        first, end = max(0, size - int(found[2])), size
    else:
        first, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
    if found[1] and found[2] and int(found[2]) < first:
        return 0, size  # it is no range
    return (first, end) if first < end else None
