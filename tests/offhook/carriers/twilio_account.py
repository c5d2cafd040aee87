"""A scripted server for Twilio's REST protocol, for one account."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from offhook.telephony.media_streams.signature import sign
from offhook.testing.carrier import Carrier, ask_webhook
from offhook.web.server import WebServer

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
NUMBER = "+15550001111"
CALL_SID = "CA" + "1" * 32
Form = dict[str, list[str]]


@dataclass(slots=True)
class Account:
    """Its requests. `on_create` handles a call that is placed; `before_answer` delays the answer to that request."""

    url: str = ""
    created: list[Form] = field(default_factory=list)
    updated: list[tuple[str, Form]] = field(default_factory=list)
    on_create: Callable[[Form], Awaitable[None]] | None = None
    before_answer: Callable[[], Awaitable[object]] | None = None
    on_update: Callable[[str, Form], Awaitable[None]] | None = None
    refuse: str | None = None
    status: str = "in-progress"
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def answer(self, request: Request, call_sid: str) -> Response:
        expected = "Basic " + b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        if request.headers.get("authorization") != expected:
            return JSONResponse({"code": 20003, "message": "Authenticate", "status": 401}, 401)
        if self.refuse is not None:
            return JSONResponse({"code": 21215, "message": self.refuse, "status": 400}, 400)
        return JSONResponse({"sid": call_sid, "status": self.status, "account_sid": ACCOUNT_SID}, 201)

    def later(self, work: Awaitable[None] | None) -> None:
        if work is not None:
            self.tasks.append(asyncio.ensure_future(work))


@asynccontextmanager
async def account() -> AsyncIterator[Account]:
    """On loopback."""
    found = Account()
    app = FastAPI()
    calls = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"

    async def form(request: Request) -> Form:
        return parse_qs((await request.body()).decode())

    async def create(request: Request) -> Response:
        fields = await form(request)
        answer = found.answer(request, CALL_SID)
        if answer.status_code == 201:
            found.created.append(fields)
            found.later(found.on_create(fields) if found.on_create is not None else None)
            if found.before_answer is not None:
                await found.before_answer()
        return answer

    async def update(request: Request, call_sid: str) -> Response:
        fields = await form(request)
        answer = found.answer(request, call_sid)
        if answer.status_code == 201:
            found.updated.append((call_sid, fields))
            if found.on_update is not None:
                await found.on_update(call_sid, fields)
        return answer

    async def fetch(request: Request, call_sid: str) -> Response:
        return found.answer(request, call_sid)

    app.add_api_route(f"{calls}.json", create, methods=["POST"], response_model=None)
    app.add_api_route(f"{calls}/{{call_sid}}.json", update, methods=["POST"], response_model=None)
    app.add_api_route(f"{calls}/{{call_sid}}.json", fetch, methods=["GET"], response_model=None)
    server = WebServer(app)
    await server.start("127.0.0.1", 0)
    assert server.address is not None
    found.url = "http://{}:{}".format(*server.address)
    try:
        yield found
        for task in found.tasks:
            await task
    finally:
        await server.stop()


def settings(url: str, port: int, **more: object) -> dict[str, Any]:
    """Those below `[twilio]`, for a bot at `port` and an account at `url`."""
    return {
        "auth_token": AUTH_TOKEN,
        "account_sid": ACCOUNT_SID,
        "number": NUMBER,
        "public_url": f"http://127.0.0.1:{port}",
        "api_url": url,
        **more,
    }


async def webhook(base: str, path: str, fields: dict[str, str]) -> bytes:
    """Ask as Twilio does; the answer's body."""
    signature = sign(AUTH_TOKEN, base + path, {name: [value] for name, value in fields.items()})
    request = UrlRequest(base + path, urlencode(fields).encode(), {"X-Twilio-Signature": signature})

    def ask() -> bytes:
        with urlopen(request, timeout=5) as answer:
            return bytes(answer.read())

    return await asyncio.to_thread(ask)


async def connect(base: str, fields: dict[str, str], path: str = "/twilio/voice") -> Carrier:
    """What Twilio does when a call is answered: ask the webhook, and connect the stream that it names."""
    url = await asyncio.to_thread(ask_webhook, base + path, fields, auth_token=AUTH_TOKEN)
    return await Carrier.dial(url, call_sid=fields["CallSid"], auth_token=AUTH_TOKEN)
