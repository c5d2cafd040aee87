"""`POST /api/calls`, `GET` and `DELETE /api/calls/ID`: a program places calls, and asks what became of them.

All of it needs the token of `[outbound]`, which no browser sends by itself and the pages' password does not replace.
What the pages ask of the same addresses goes on to them. A request with an `Idempotency-Key` that is sent again,
because its answer got lost, places no second call.
"""

import asyncio
import hashlib
import hmac
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from time import monotonic
from typing import Annotated, Any, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from offhook.carriers.call_out import CallOut, ForbiddenError, NotNowError, UnknownDialogError
from offhook.records import CallRecord
from offhook.usererror import Problem, UserError
from offhook.web.guesses import WRONG_FOR_S, WrongGuesses
from offhook.web.headers import NO_STORE

PATH = "/api/calls"

MAX_VARIABLES = 64
MAX_VALUE_CHARS = 1_000
MAX_KEY_CHARS = 200
KEYS_KEPT_S = 600.0
MAX_KEYS = 1_000

_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SEE = "see docs/trunks.md for what may be asked"

NO_TOKEN = Problem(
    "no calls can be placed by HTTP",
    "no token is set, and nobody may without one",
    "export OFFHOOK_OUTBOUND__TOKEN=…, and start the bot again",
)
WRONG_TOKEN = Problem("the token is missing or wrong", "calls cost money", "Authorization: Bearer TOKEN")
TOO_MANY = Problem("too many wrong tokens", "somebody may be guessing", "wait a minute, then try again")
UNKNOWN = Problem("there is no such call", "no call that the bot placed has that id", "the id that POST has returned")
OVER = Problem("the call cannot be ended", "it is over", "GET the same address for its outcome")
OTHER_CALL = Problem(
    "the Idempotency-Key was used before", "with another body: it names one call", "a new key for another call"
)


class Placer(Protocol):
    """Places calls."""

    async def place(self, wanted: CallOut) -> str:
        """Begin a call; returns its id. Raises UserError, NotNowError."""

    def view(self, call: str) -> dict[str, object] | None:
        """A call in progress."""

    def hang_up(self, call: str) -> bool:
        """End a call; False if there is none in progress."""


class Records(Protocol):
    """Past calls; it waits for the database."""

    def call(self, uniqueid: str) -> CallRecord | None:
        """One call."""


class CallRequest(BaseModel):
    """The body of POST."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    to: Annotated[str, Field(min_length=1, max_length=256)]
    caller: Annotated[str | None, Field(alias="from", min_length=1, max_length=64)] = None
    trunk: Annotated[str | None, Field(max_length=64)] = None
    flow: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    bot: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    agent: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    variables: Annotated[dict[str, str], Field(max_length=MAX_VARIABLES)] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    ring_s: Annotated[int | None, Field(ge=5, le=600)] = None

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if len(self._dialogs) > 1:
            raise PydanticCustomError("one_dialog", "a call has one of `flow`, `bot` and `agent`")
        for name, value in self.variables.items():
            if not _NAME.fullmatch(name) or len(value) > MAX_VALUE_CHARS:
                why = f"a variable has a name of letters, digits and _, and at most {MAX_VALUE_CHARS} characters"
                raise PydanticCustomError("variable", "{why}", {"why": why})
        return self

    @property
    def _dialogs(self) -> list[tuple[str, str]]:
        given = (("flow", self.flow), ("bot", self.bot), ("agent", self.agent))
        return [(kind, name) for kind, name in given if name is not None]

    def wanted(self) -> CallOut:
        """The call."""
        return CallOut(
            self.to,
            self.caller,
            self.trunk,
            next(iter(self._dialogs), None),
            self.variables,
            self.headers,
            self.ring_s,
            by_others=True,
        )


class CallApi:
    """Middleware around the application, outside of what guards its pages."""

    def __init__(
        self, app: ASGIApp, token: str | None, calls: Placer, records: Records, now: Callable[[], float] = monotonic
    ) -> None:
        self._app = app
        self._token = None if token is None else _digest(token)
        self._calls = calls
        self._records = records
        self._guesses = WrongGuesses(now)
        self._keys = _Keys(now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if scope["type"] != "http" or not _is_for_programs(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        response = self._refusal(request) or await self._answer(request)
        await response(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if self._token is None:
            return _refuse(403, NO_TOKEN)
        peer = request.client.host if request.client is not None else ""
        if self._guesses.too_many(peer):
            return _refuse(429, TOO_MANY, {"Retry-After": str(round(WRONG_FOR_S))})
        given = _bearer(request.headers)
        if given is not None and hmac.compare_digest(_digest(given), self._token):
            return None
        if given is not None:
            self._guesses.note(peer)
        return _refuse(401, WRONG_TOKEN, {"WWW-Authenticate": 'Bearer realm="offhook"'})

    async def _answer(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._post(request)
        call = request.url.path.removeprefix(f"{PATH}/")
        view = self._calls.view(call)
        if request.method == "DELETE":
            return await self._delete(call, view)
        if view is None:
            record = await self._record(call)
            if record is None:
                return _refuse(404, UNKNOWN)
            view = ended_view(record)
        return JSONResponse(view, 200, NO_STORE)

    async def _post(self, request: Request) -> Response:
        body, key = await request.body(), request.headers.get("idempotency-key", "")
        if len(key) > MAX_KEY_CHARS:
            problem = Problem(
                "the Idempotency-Key cannot be used", f"it has more than {MAX_KEY_CHARS} characters", _SEE
            )
            return _refuse(400, problem)
        try:
            wanted = CallRequest.model_validate_json(body).wanted()
        except ValidationError as error:
            return _refuse(400, _problem_of(error))
        try:
            call = await self._keys.once(key, body, lambda: self._calls.place(wanted))
        except _OtherCallError:
            return _refuse(409, OTHER_CALL)
        except NotNowError as error:
            headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
            return _refuse(error.status, error.problem, headers)
        except UserError as error:
            return _refuse(_status_of(error), error.problems[0])
        view = self._calls.view(call) or {"id": call, "state": "ended"}
        return JSONResponse(view, 202, {**NO_STORE, "Location": f"{PATH}/{call}"})

    async def _delete(self, call: str, view: Mapping[str, object] | None) -> Response:
        if view is not None and self._calls.hang_up(call):
            return JSONResponse(dict(view), 202, NO_STORE)
        return _refuse(409, OVER) if await self._record(call) is not None else _refuse(404, UNKNOWN)

    async def _record(self, call: str) -> CallRecord | None:
        found = await asyncio.to_thread(self._records.call, call)
        return found if found is not None and found.outcome is not None else None


class _OtherCallError(Exception):
    """A key was used for another body."""


class _Keys:
    """Idempotency keys: a call is placed once for each, while it is remembered."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._kept: OrderedDict[str, tuple[float, bytes, asyncio.Task[str]]] = OrderedDict()

    async def once(self, key: str, body: bytes, place: Callable[[], Any]) -> str:
        if not key:
            call: str = await place()
            return call
        now = self._now()
        while self._kept and (len(self._kept) >= MAX_KEYS or next(iter(self._kept.values()))[0] < now - KEYS_KEPT_S):
            self._kept.popitem(last=False)
        digest = hashlib.sha256(body).digest()
        if (found := self._kept.get(key)) is None:
            found = self._kept[key] = (now, digest, asyncio.ensure_future(place()))
        if found[1] != digest:
            raise _OtherCallError
        try:
            # The client that asks again need not be the one whose connection broke.
            return await asyncio.shield(found[2])
        except (UserError, NotNowError):
            self._kept.pop(key, None)  # nothing was placed: it may be asked again
            raise


def ended_view(record: CallRecord) -> dict[str, object]:
    """A call that is over as plain values."""
    return {
        "id": record.uniqueid,
        "state": "ended",
        "to": record.dst,
        "from": record.src,
        "trunk": record.trunk or None,
        "outcome": {"reason": record.outcome, "sip_status": record.sip_status, "q850": record.q850},
        "ring_s": record.ring_s,
        "answered_by": record.answered_by,
        "start": record.start,
        "answer": record.answer,
        "end": record.end,
        "duration": record.duration,
        "billsec": record.billsec,
        "disposition": str(record.disposition),
        "ended_by": record.ended_by,
        "end_reason": record.end_reason,
    }


def _is_for_programs(scope: Scope) -> bool:
    path, method = scope["path"], scope["method"]
    if path == PATH:
        return bool(method == "POST")
    if not path.startswith(f"{PATH}/") or not _ID.fullmatch(path.removeprefix(f"{PATH}/")):
        return False
    return method == "DELETE" or (method == "GET" and _bearer(Headers(scope=scope)) is not None)


def _bearer(headers: Headers) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _digest(token: str) -> bytes:
    # Digests are compared: they do not reveal the token's length.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _status_of(error: UserError) -> int:
    if isinstance(error, ForbiddenError):
        return 403
    return 404 if isinstance(error, UnknownDialogError) else 400


def _problem_of(error: ValidationError) -> Problem:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return Problem(f"a call has no `{name}`", "it would have no effect", f"leave it out, or {_SEE}")
    if first["type"] == "missing":
        return Problem(f"`{name}` is missing", "a call needs it", json.dumps({name: "+15551234567"}))
    what = f"`{name}` cannot be understood" if name else "the call cannot be understood"
    return Problem(what, first["msg"], _SEE)


def _refuse(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(asdict(problem), status, {**NO_STORE, **(headers or {})})
