"""`/api/talk`: where the browser phone may connect to, for a page that was let in."""

from collections.abc import Callable
from dataclasses import asdict
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from offhook.usererror import Problem
from offhook.web.access import is_local
from offhook.web.twilio_door import MEDIA_PATH, TwilioDoor

CALLER, CALLED = "browser", "bot"
_NOT_KEPT = {"Cache-Control": "no-store"}

NO_STREAMS = Problem(
    "the bot takes no calls from browsers here",
    "media streams need HTTP on a loopback address, or Twilio's auth token",
    "`host = 127.0.0.1` below `[http]`, or OFFHOOK_TWILIO__AUTH_TOKEN=…",
)
ONLY_HERE = Problem(
    "the bot takes calls only from browsers on its own machine",
    "without Twilio's auth token media streams are open to this machine alone",
    "OFFHOOK_TWILIO__AUTH_TOKEN=… and OFFHOOK_TWILIO__PUBLIC_URL=…",
)


class Wish(BaseModel):
    """The call that the browser wants to make."""

    call_sid: Annotated[str, Field(pattern=r"^CA[0-9a-f]{32}$")]


def talk_routes(door: TwilioDoor | None, refusal: Callable[[], str | None]) -> APIRouter:
    """`refusal()` tells why no call may come now."""
    router = APIRouter()

    @router.post("/api/talk")
    async def talk(wish: Wish, request: Request) -> Response:
        if door is None:
            return _no(403, NO_STREAMS)
        if (why := refusal()) is not None:
            return _no(503, Problem("the bot takes no calls now", why, "try again in a while"))
        if not door.open:
            # Who sees this page has shown the password: the signature of a carrier is not wanted besides.
            token = door.tickets.issue(wish.call_sid, CALLER, CALLED, monotonic(), signed=False)
            return JSONResponse({"path": f"{MEDIA_PATH}/{token}"}, headers=_NOT_KEPT)
        peer = request.client.host if request.client is not None else ""
        if not is_local(peer, request.headers):
            return _no(403, ONLY_HERE)
        return JSONResponse({"path": MEDIA_PATH}, headers=_NOT_KEPT)

    return router


def _no(status: int, problem: Problem) -> Response:
    return JSONResponse(asdict(problem), status, _NOT_KEPT)
