"""Messages for the TwiML application that has recorded them, by the names that it got."""

from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from offhook.records.published import find_published
from offhook.web.headers import NO_STORE
from offhook.web.kept import sound_answer


def recording_routes(recordings: Path, key_file: Path | None = None) -> APIRouter:
    """`/twiml/recordings/RE…`, with `.wav` or without. `key_file` has the keys of those that are encrypted."""
    router = APIRouter()

    @router.api_route("/twiml/recordings/{name}", methods=["GET", "HEAD"])
    def recording(request: Request, name: str) -> Response:
        path = find_published(recordings, name.removesuffix(".wav"))
        if path is None:
            raise HTTPException(404, "there is no recording of that name", NO_STORE)
        return sound_answer(request, path, key_file, NO_STORE)

    return router
