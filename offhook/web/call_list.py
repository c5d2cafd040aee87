"""`/api/calls` and `/api/calls/figures`: search in the records, as JSON or CSV, and figures over time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Protocol, TypeVar

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from offhook.records import CallRecord, Disposition, EndedBy
from offhook.records.search import MAX_FOUND, CallFilter, Cursor, figures, find_calls
from offhook.records.table import COLUMNS, csv_line, csv_row
from offhook.web.headers import NO_STORE

T = TypeVar("T")

MAX_ID_CHARS = 64
MAX_EXPORTED = 100_000
"""Calls in one CSV file."""
CSV_PAGE = MAX_FOUND


class Records(Protocol):
    """What is read from the records (`RecordStore`); every method waits for the database."""

    def call(self, uniqueid: str) -> CallRecord | None:
        """One call with its transcript."""

    def read(self, query: Callable[[Connection], T]) -> T:
        """The result of a query."""


class Readers:
    """Threads for queries, few at a time: full-text searches must not take every thread."""

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)

    async def read(self, work: Callable[[], T]) -> T:
        async with self._places:
            return await asyncio.to_thread(work)


class Read(Protocol):
    """`Readers.read`."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """The result of `work`."""


def list_routes(records: Records, read: Read, shown: Callable[[CallRecord], dict[str, Any]]) -> APIRouter:
    """The routes; `shown(call)` is a call as JSON."""
    router = APIRouter()

    async def page_of(chosen: CallFilter, limit: int, after: Cursor | None) -> list[CallRecord]:
        return await read(lambda: records.read(lambda conn: find_calls(conn, chosen, limit, after)))

    @router.get("/api/calls")
    async def listed(wanted: Annotated[_Wanted, Query()]) -> Response:
        chosen, after = wanted.filter(), wanted.cursor()
        if wanted.format == "csv":
            most = wanted.limit if "limit" in wanted.model_fields_set else MAX_EXPORTED
            headers = NO_STORE | {"Content-Disposition": 'attachment; filename="calls.csv"'}
            lines = csv_of(lambda limit, after: page_of(chosen, limit, after), most, after)
            return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
        found = await page_of(chosen, wanted.limit + 1, after)
        page = found[: wanted.limit]
        last = page[-1] if len(found) > wanted.limit else None
        following = {"after_start": last.start, "after_id": last.uniqueid} if last else None
        calls = [_without_transcript(shown(one)) for one in page]
        return JSONResponse({"calls": calls, "next": following}, headers=NO_STORE)

    @router.get("/api/calls/figures")
    async def over_time(wanted: Annotated[_Filters, Query()]) -> Response:
        chosen = wanted.filter()
        buckets = await read(lambda: records.read(lambda conn: figures(conn, chosen)))
        return JSONResponse({"buckets": [asdict(bucket) for bucket in buckets]}, headers=NO_STORE)

    return router


def _without_transcript(call: dict[str, Any]) -> dict[str, Any]:
    """A list is read without the lines: an empty one would say that nobody spoke."""
    return {name: value for name, value in call.items() if name != "transcript"}


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("no such time exists in UTC") from None


def _known_outcome(outcome: str) -> str:
    known = [*Disposition, *EndedBy]
    if outcome and outcome not in known:
        raise ValueError(f"it has to be one of {', '.join(known)}")
    return outcome


class _Filters(BaseModel):
    """Which calls. Unknown filters are refused: ignoring one would show calls that do not match."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    since: Annotated[datetime | None, AfterValidator(_in_utc)] = None
    until: Annotated[datetime | None, AfterValidator(_in_utc)] = None
    outcome: Annotated[str, AfterValidator(_known_outcome)] = ""
    barge_in: bool = False
    recorded: bool = False

    def filter(self) -> CallFilter:
        """The filter for the records."""
        return CallFilter(
            text=self.q.strip(),
            since=_as_kept(self.since),
            until=_as_kept(self.until),
            outcome=self.outcome or None,
            barge_in=self.barge_in,
            recorded=self.recorded,
        )


class _Wanted(_Filters):
    """Which calls, how many, and in what form."""

    format: Literal["json", "csv"] = "json"
    limit: Annotated[int, Field(ge=1, le=MAX_FOUND - 1)] = 50
    after_start: Annotated[str | None, Field(max_length=32, pattern=r"^[0-9TZ:.+-]*$")] = None
    after_id: Annotated[str, Field(max_length=MAX_ID_CHARS, pattern=r"^[^\x00]*$")] = ""

    def cursor(self) -> Cursor | None:
        return None if self.after_start is None else Cursor(self.after_start, self.after_id)


async def csv_of(
    page: Callable[[int, Cursor | None], Awaitable[list[CallRecord]]], most: int, after: Cursor | None = None
) -> AsyncIterator[str]:
    """Up to `most` calls as CSV (RFC 4180), newest first. `page(limit, after)` reads them from the records."""
    yield csv_line(COLUMNS)
    while most > 0:
        found = await page(min(most, CSV_PAGE), after)
        yield "".join(csv_row(call) for call in found)
        if len(found) < min(most, CSV_PAGE):
            return
        most -= len(found)
        after = Cursor(found[-1].start, found[-1].uniqueid)


def _as_kept(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
