"""`/api/status`: the live state of a bot, for people and for `offhook status`."""

from typing import Protocol

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from offhook.observe.plain import plain

_NO_STORE = {"Cache-Control": "no-store"}


class StateSource(Protocol):
    """Where the state comes from."""

    async def status(self) -> dict[str, object]:
        """The live state as plain values."""


def state_routes(source: StateSource) -> APIRouter:
    """The route. It shows callers' numbers, so it belongs behind `Access`."""
    router = APIRouter()

    @router.get("/api/status")
    async def status() -> Response:
        return JSONResponse(plain(await source.status()), headers=_NO_STORE)

    return router
