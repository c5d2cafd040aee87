"""`/api/status`: the live state of a bot, for `offhook status` and for scripts."""

from typing import Protocol

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from offhook.observe.plain import plain
from offhook.web.headers import NO_STORE


class LiveState(Protocol):
    """Provides the live state."""

    async def status(self) -> dict[str, object]:
        """The live state as plain values."""


def status_routes(source: LiveState) -> APIRouter:
    """The route. It reveals callers' numbers, so `Access` has to guard it."""
    router = APIRouter()

    @router.get("/api/status")
    async def status() -> Response:
        return JSONResponse(plain(await source.status()), headers=NO_STORE)

    return router
