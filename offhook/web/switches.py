"""`/api/flow/switches`: what the switches of the flows are set to, and setting them. `Access` has to guard it."""

from typing import Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from offhook.usererror import UserError
from offhook.web.errors import problem_answer
from offhook.web.headers import NO_STORE

MAX_TEXT_CHARS = 100


class Wanted(BaseModel):
    """What a switch is to be set to, until when (None: for good), and who sets it."""

    model_config = ConfigDict(extra="forbid")

    value: str = Field(max_length=MAX_TEXT_CHARS)
    until: AwareDatetime | None = None
    by: str = Field("", max_length=MAX_TEXT_CHARS)


class Board(Protocol):
    """Has the switches."""

    def dump(self) -> list[dict[str, object]]:
        """All of them, as they are now."""

    def state_of(self, name: str) -> dict[str, object]:
        """One of them. Raises UserError for an unknown name."""

    async def set(self, name: str, value: str, by: str, until_s: float | None = None) -> None:
        """Set one. Raises UserError."""


def switch_routes(board: Board) -> APIRouter:
    """`GET` shows all, `GET /NAME` one, `PUT /NAME` sets it for all calls at once."""
    router = APIRouter()

    @router.get("/api/flow/switches")
    async def all_of_them() -> Response:
        return JSONResponse({"switches": board.dump()}, headers=NO_STORE)

    @router.get("/api/flow/switches/{name}")
    async def one(name: str) -> Response:
        try:
            return JSONResponse(board.state_of(name), headers=NO_STORE)
        except UserError as error:
            return problem_answer(404, error.problems[0])

    @router.put("/api/flow/switches/{name}")
    async def put(name: str, wanted: Wanted, request: Request) -> Response:
        source = request.client.host if request.client is not None else ""
        try:
            board.state_of(name)
        except UserError as error:
            return problem_answer(404, error.problems[0])
        until_s = None if wanted.until is None else wanted.until.timestamp()
        try:
            await board.set(name, wanted.value, " ".join(filter(None, (wanted.by, source))), until_s)
        except UserError as error:
            return problem_answer(400, error.problems[0])
        return JSONResponse(board.state_of(name), headers=NO_STORE)

    return router
