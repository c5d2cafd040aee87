"""The pages: static files, read once, served from memory. They contain nothing about callers."""

import hashlib
import secrets
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException, Request, Response

from offhook.web.access import policy_with_styles

PAGES = {"/": "live.html", "/calls": "calls.html", "/calls/{uniqueid}": "call.html"}
NONCE = b"{{nonce}}"
"""Placeholder in a page for the nonce of its Content-Security-Policy."""

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    content: bytes
    media_type: str
    etag: str


def read_pages(folder: Traversable | None = None) -> dict[str, StaticFile]:
    """All files of the folder (the package's own by default) by their path below it: "js/live.js"."""
    found: dict[str, StaticFile] = {}
    _read(folder or files("offhook.web").joinpath("page"), "", found)
    return found


def page_routes(static: dict[str, StaticFile]) -> APIRouter:
    """`/`, `/calls`, `/calls/ID`, and what they load below `/page/`."""
    router = APIRouter()
    for path, name in PAGES.items():
        router.add_api_route(path, _page(static[name]), methods=["GET", "HEAD"], include_in_schema=False)

    @router.api_route("/page/{path:path}", methods=["GET", "HEAD"])
    async def file(path: str, request: Request) -> Response:
        found = static.get(path)
        if found is None:
            raise HTTPException(404)
        return _send(found, request)

    return router


def _page(file: StaticFile):  # type: ignore[no-untyped-def]  # FastAPI inspects the signature
    async def page(request: Request) -> Response:
        if NONCE not in file.content:
            return _send(file, request)
        nonce = secrets.token_urlsafe(16)
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": policy_with_styles(nonce)}
        return Response(file.content.replace(NONCE, nonce.encode()), media_type=file.media_type, headers=headers)

    return page


def _send(file: StaticFile, request: Request) -> Response:
    headers = {
        "Cache-Control": "no-cache",
        "ETag": file.etag,
    }  # always revalidated: no old scripts
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


def _read(folder: Traversable, prefix: str, found: dict[str, StaticFile]) -> None:
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            _read(entry, f"{path}/", found)
            continue
        media_type = _MEDIA_TYPES.get("." + entry.name.rpartition(".")[2])
        if media_type is not None:
            content = entry.read_bytes()
            found[path] = StaticFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
