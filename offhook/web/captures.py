"""`/api/sip/captures`: captures of the next calls, ordered while the bot runs. `Access` has to guard it."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from offhook.records.schema import calls_table
from offhook.usererror import Problem, UserError
from offhook.web.call_list import Records
from offhook.web.errors import problem_answer
from offhook.web.headers import NO_STORE

MAX_TEXT_CHARS = 100


class CaptureOrder(BaseModel):
    """Which calls: how many, from which host or by which trunk."""

    model_config = ConfigDict(extra="forbid")

    calls: int = 1
    host: str = Field("", max_length=MAX_TEXT_CHARS)
    trunk: str = Field("", max_length=MAX_TEXT_CHARS)


class Ordered(Protocol):
    """An order, as far as it is shown."""

    left: int
    calls: list[str]
    leg_call_ids: list[str]
    open: set[str]


class Orders(Protocol):
    """Takes orders."""

    def add(self, calls: int, host: str, trunk: str) -> str:
        """Its name. Raises UserError."""

    def find(self, name: str) -> Ordered | None:
        """An order; None if there is none."""

    def end(self, name: str) -> None:
        """Take it back."""


def capture_routes(orders: Orders, records: Records) -> APIRouter:
    """`POST` orders, `GET /ID` says which calls there are so far, `DELETE /ID` takes an order back."""
    router = APIRouter()

    @router.post("/api/sip/captures")
    async def add(order: CaptureOrder) -> Response:
        try:
            name = orders.add(order.calls, order.host, order.trunk)
        except UserError as error:
            return problem_answer(400, error.problems[0])
        return JSONResponse({"id": name}, 201, NO_STORE)

    @router.get("/api/sip/captures/{name}")
    async def one(name: str) -> Response:
        order = orders.find(name)
        if order is None:
            return _unknown()
        left, calls, legs, still_open = order.left, list(order.calls), list(order.leg_call_ids), len(order.open)
        found = await asyncio.to_thread(records.read, lambda conn: _calls(conn, calls, legs))
        return JSONResponse({"left": left, "begun": len(calls), "open": still_open, "calls": found}, headers=NO_STORE)

    @router.delete("/api/sip/captures/{name}")
    async def end(name: str) -> Response:
        if orders.find(name) is None:
            return _unknown()
        orders.end(name)
        return JSONResponse({"id": name}, headers=NO_STORE)

    return router


def _calls(conn: Connection, calls: Sequence[str], legs: Sequence[str]) -> list[dict[str, object]]:
    """The latest records with these Call-IDs; a call that was refused has none."""
    table = calls_table
    call_ids = [*calls, *legs]
    query = select(table.c.uniqueid, table.c.end, table.c.call_id).where(table.c.call_id.in_(call_ids))
    rows = conn.execute(query.order_by(table.c.start.desc()).limit(2 * len(call_ids))).all()
    return [{"id": uniqueid, "is_over": end is not None, "is_leg": call_id in legs} for uniqueid, end, call_id in rows]


def _unknown() -> Response:
    return problem_answer(
        404, Problem("there is no such order", "it is over, or never was", "offhook sip capture --calls 1")
    )
