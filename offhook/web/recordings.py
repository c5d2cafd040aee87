"""Messages for the TwiML application that has recorded them, by the names that it got."""

from pathlib import Path

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

from offhook.records.published import find_published
from offhook.web.headers import NO_STORE


def recording_routes(recordings: Path) -> APIRouter:
    """`/twiml/recordings/RE…`, with `.wav` or without."""
    router = APIRouter()

    @router.api_route("/twiml/recordings/{name}", methods=["GET", "HEAD"])
    def recording(name: str) -> Response:
        path = find_published(recordings, name.removesuffix(".wav"))
        if path is None:
            raise HTTPException(404, "there is no recording of that name", NO_STORE)
        return FileResponse(path, media_type="audio/wav", headers=NO_STORE)

    return router
