"""`/api/queues`: who waits, what agents do, agents who log in or out, and queues that close. `Access` has to guard
it."""

from collections.abc import Mapping
from typing import Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from offhook.settings.queues import NotInQueuesError
from offhook.usererror import UserError
from offhook.web.errors import problem_answer
from offhook.web.headers import NO_STORE

PATH = "/api/queues"
MAX_TEXT_CHARS = 250


class AgentAction(BaseModel):
    """What an agent does."""

    model_config = ConfigDict(extra="forbid")

    agent: str = Field(max_length=MAX_TEXT_CHARS)
    action: str = Field(max_length=MAX_TEXT_CHARS)


class Door(BaseModel):
    """Whether a queue is closed."""

    model_config = ConfigDict(extra="forbid")

    queue: str = Field(max_length=MAX_TEXT_CHARS)
    closed: bool


class UnwantedCallBack(BaseModel):
    """A number that is to be called back no more."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(max_length=MAX_TEXT_CHARS)


class LiveQueues(Protocol):
    """The queues of a bot."""

    def __len__(self) -> int: ...

    def agent(self, name: str, action: str, by: str = "") -> dict[str, object]:
        """Log an agent in or out, or pause them; returns their state. `by` is for the log: who wants it. Raises
        UserError, NotInQueuesError for a stranger."""

    def close(self, name: str, *, closed: bool, by: str = "") -> dict[str, object]:
        """Close a queue, or open it again; returns which it is, and which switches keep it closed. `by` is for the log:
        who wants it. Raises NotInQueuesError for one that is not there."""

    def drop_call_backs(self, number: str) -> dict[str, object]:
        """Call nobody back at a number, nor who has asked from it; returns it, and how many there were. Raises
        NotInQueuesError."""

    def dump(self) -> Mapping[str, object]:
        """The live state, as plain values."""


def queue_routes(queues: LiveQueues) -> APIRouter:
    """`GET` shows them, `POST /agents` has an agent log in or out, or pause, `POST /closed` a queue closed or open,
    `POST /dropped` a number no longer called back."""
    router = APIRouter()

    @router.get(PATH)
    async def show() -> Response:
        return JSONResponse(dict(queues.dump()), headers=NO_STORE)

    @router.post(f"{PATH}/agents")
    async def agent(wanted: AgentAction, request: Request) -> Response:
        try:
            return JSONResponse(queues.agent(wanted.agent, wanted.action, _source(request)), headers=NO_STORE)
        except UserError as error:
            return problem_answer(404 if isinstance(error, NotInQueuesError) else 400, error.problems[0])

    @router.post(f"{PATH}/closed")
    async def close(door: Door, request: Request) -> Response:
        try:
            return JSONResponse(queues.close(door.queue, closed=door.closed, by=_source(request)), headers=NO_STORE)
        except NotInQueuesError as error:
            return problem_answer(404, error.problems[0])

    @router.post(f"{PATH}/dropped")
    async def drop(unwanted: UnwantedCallBack) -> Response:
        try:
            return JSONResponse(queues.drop_call_backs(unwanted.number), headers=NO_STORE)
        except NotInQueuesError as error:
            return problem_answer(404, error.problems[0])

    return router


def _source(request: Request) -> str:
    return request.client.host if request.client is not None else ""
