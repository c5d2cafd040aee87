"""The browser phone: `/api/talk` issues a ticket for a call, `/talk/media/TICKET` takes the call.

`Access` guards the tickets, so everybody who may see the pages may also talk. A ticket is valid for one stream of one
call, for a minute.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.datastructures import Headers

from offhook.calls.directory import TicketStore
from offhook.telephony.media_streams.dialects import PLAIN
from offhook.telephony.media_streams.tickets import Tickets
from offhook.usererror import Problem
from offhook.web.stream_auth import Accepted, Refused

TALK_PATH = "/talk/media"
CALLER, CALLED = "browser", "bot"
NAME_CHARS = 256
_NO_STORE = {"Cache-Control": "no-store"}


class CallRequest(BaseModel):
    """The call that the browser wants to make."""

    call: Annotated[str, Field(pattern=r"^browser-[0-9a-f]{32}$")]
    to: Annotated[str, Field(max_length=NAME_CHARS, pattern=r"^[^\x00-\x1f\x7f]*$")] = CALLED
    """The number to call: it decides which route answers."""


class TalkAuth:
    """The issued tickets."""

    def __init__(self) -> None:
        self.tickets: TicketStore = Tickets()

    def path_for(self, call: str, called: str = CALLED) -> str:
        """The path to which the browser connects for that call to `called`."""
        return f"{TALK_PATH}/{self.tickets.issue(call, CALLER, called or CALLED, monotonic(), signed=False)}"

    def check_upgrade(self, path: str, headers: Headers, peer: str) -> Accepted | Refused:
        """See StreamAuth. An accepted ticket is used up."""
        where, _, token = path.rpartition("/")
        if where != TALK_PATH:
            return Refused(404, "there is no such WebSocket")
        ticket = self.tickets.take(token, monotonic())
        if ticket is None:
            return Refused(403, "no valid ticket")
        known = {"call_sid": ticket.call_sid, "caller": ticket.caller, "called": ticket.called}
        return Accepted({"dialect": PLAIN.name, **known})


def talk_routes(auth: TalkAuth, refusal: Callable[[], str | None], numbers: Sequence[str] = ()) -> APIRouter:
    """`refusal()` says why no call can come in now; `numbers` are those of the routes."""
    router = APIRouter()

    @router.get("/api/talk")
    async def choices() -> Response:
        return JSONResponse({"numbers": list(numbers)}, headers=_NO_STORE)

    @router.post("/api/talk")
    async def talk(wanted: CallRequest) -> Response:
        if (why := refusal()) is not None:
            problem = Problem("the bot takes no calls now", why, "try again in a while")
            return JSONResponse(asdict(problem), 503, _NO_STORE)
        return JSONResponse({"path": auth.path_for(wanted.call, wanted.to.strip())}, headers=_NO_STORE)

    return router
