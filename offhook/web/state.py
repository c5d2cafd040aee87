"""`/api/status`: the live state of a bot, for people and for `offhook status`."""

from typing import Protocol

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from offhook.observe.plain import plain

_NO_STORE = {"Cache-Control": "no-store"}


class StateSource(Protocol):
    """Who knows it."""

    async def status(self) -> dict[str, object]:
        """Everything alive, as plain values."""


def state_routes(source: StateSource) -> APIRouter:
    """The route. It shows who calls whom: it belongs behind the pages' access."""
    router = APIRouter()

    @router.get("/api/status")
    async def status() -> Response:
        return JSONResponse(plain(await source.status()), headers=_NO_STORE)

    return router
