"""Calls placed over HTTP: a real client, a bot, and a far end on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from offhook.api.call import Call
from offhook.api.routing import with_routes
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.sip.commands import Bye
from offhook.sip.events import CallConfirmed
from offhook.web.guesses import MAX_WRONG
from tests.offhook.bots import LIGHT_ENGINES
from tests.offhook.carriers.callee import HOST, CallCancelled, Callee, CallEnded, callee, refuses, rings
from tests.ports import own_rtp

TOKEN = "a-token-of-some-length"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}

Start = Callable[..., Awaitable[httpx2.AsyncClient]]


@pytest.fixture
async def far() -> AsyncIterator[Callee]:
    async with callee() as one:
        yield one


async def waits(call: Call) -> None:
    await call.say(f"Hello {call.variables.get('name', 'there')}.")
    await call.ask(None, no_input_ms=60_000)


@pytest.fixture
async def start(tmp_path: Path, far: Callee) -> AsyncIterator[Start]:
    bots: list[LocalBot] = []
    clients: list[httpx2.AsyncClient] = []

    async def begin(
        token: str | None = TOKEN, routes: tuple[dict[str, object], ...] = (), **trunk: object
    ) -> httpx2.AsyncClient:
        listed = {"allowed_numbers": ("+1555*", "100"), **trunk}
        config = Config.load(
            None,
            {
                "sip": {"host": HOST, "port": 0},
                "http": {"port": 0},
                "rtp": own_rtp(),
                "records": {"dir": tmp_path / str(len(bots))},
                **LIGHT_ENGINES,
                "outbound": {"token": token, "ring_s": 30},
                "trunks": {"provider": {"host": HOST, "port": far.address.port, **listed}},
            },
        )
        config = Config(**{**config.model_dump(), "routes": routes})
        bots.append(LocalBot(config, with_routes(config, waits)))
        await bots[-1].start()
        assert bots[-1].http_address is not None
        host, port = bots[-1].http_address
        clients.append(httpx2.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False))
        return clients[-1]

    yield begin
    for client in clients:
        await client.aclose()
    for bot in bots:
        await bot.stop()


async def until(client: httpx2.AsyncClient, call: str, **wanted: object) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            answer = await client.get(f"/api/calls/{call}", headers=AUTHORIZED)
            assert answer.status_code == 200
            view: dict[str, Any] = answer.json()
            if all(view[key] == value for key, value in wanted.items()):
                return view
            await asyncio.sleep(0.02)


def is_problem(answer: httpx2.Response, status: int, what: str) -> None:
    body = answer.json()
    assert (answer.status_code, set(body)) == (status, {"what", "why", "todo", "where"})
    assert what in body["what"]
    assert body["why"]
    assert body["todo"]


async def test_a_call_from_its_request_to_its_outcome(start: Start, far: Callee) -> None:
    client = await start()
    body = {
        "to": "+1-555-123-4567",
        "from": "+15550001111",
        "variables": {"name": "Ada"},
        "headers": {"X-Order": "4711"},
    }
    answer = await client.post("/api/calls", json=body, headers=AUTHORIZED)
    assert answer.status_code == 202
    call = answer.json()["id"]
    assert answer.headers["location"] == f"/api/calls/{call}"
    assert answer.json() | {"state": ""} == {
        "id": call,
        "state": "",
        "to": "+15551234567",
        "from": f"sip:+15550001111@{HOST}",
        "trunk": "provider",
        "outcome": None,
    }
    await until(client, call, state="answered")
    await far.until(CallConfirmed)
    far.do(Bye(far.invites[0].call))
    view = await until(client, call, state="ended")
    assert view["outcome"] == {"reason": "answered", "sip_status": 200, "q850": None}
    assert (view["ended_by"], view["end_reason"]) == ("caller", "the called party hung up")
    assert view["answer"] and view["ring_s"] is not None and "answered_by" in view
    # The pages have it by the same id, and their own rules.
    page = await client.get(f"/api/calls/{call}")
    assert page.json()["outcome"] == "answered"


async def test_a_call_that_nobody_takes(start: Start, far: Callee) -> None:
    client = await start()
    far.says = refuses(486, ("Reason", "Q.850;cause=17"))
    call = (await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)).json()["id"]
    view = await until(client, call, state="ended")
    assert view["outcome"] == {"reason": "busy", "sip_status": 486, "q850": 17}
    assert (view["disposition"], view["answer"]) == ("BUSY", None)


async def test_a_call_is_hung_up(start: Start, far: Callee) -> None:
    client = await start()
    far.says = rings
    call = (await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)).json()["id"]
    await until(client, call, state="ringing")
    assert (await client.delete(f"/api/calls/{call}", headers=AUTHORIZED)).status_code == 202
    await far.until(CallCancelled)
    view = await until(client, call, state="ended")
    assert view["outcome"]["reason"] == "cancelled"
    is_problem(await client.delete(f"/api/calls/{call}", headers=AUTHORIZED), 409, "cannot be ended")


async def test_an_answered_call_is_hung_up(start: Start, far: Callee) -> None:
    client = await start()
    call = (await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)).json()["id"]
    await until(client, call, state="answered")
    assert (await client.delete(f"/api/calls/{call}", headers=AUTHORIZED)).status_code == 202
    await far.until(CallEnded)
    view = await until(client, call, state="ended")
    assert (view["outcome"]["reason"], view["ended_by"]) == ("answered", "operator")


async def test_nobody_without_the_token(start: Start, far: Callee) -> None:
    client = await start()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = await client.post("/api/calls", json={"to": "100"}, headers=headers)
        is_problem(answer, 401, "token")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await client.delete(f"/api/calls/{'0' * 32}")).status_code == 401
    assert not far.invites


async def test_guessing_is_slow(start: Start) -> None:
    client = await start()
    for _ in range(MAX_WRONG):
        assert (await client.post("/api/calls", headers={"Authorization": "Bearer x"})).status_code == 401
    answer = await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)
    is_problem(answer, 429, "too many wrong tokens")
    assert answer.headers["retry-after"] == "60"


async def test_without_a_token_in_the_settings_nobody_calls(start: Start) -> None:
    client = await start(token=None)
    is_problem(await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED), 403, "by HTTP")
    is_problem(await client.get(f"/api/calls/{'0' * 32}", headers=AUTHORIZED), 403, "by HTTP")


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        ({}, 400, "`to` is missing"),
        ({"to": "+15551234567", "number": 1}, 400, "a call has no `number`"),
        ({"to": "+15551234567", "ring_s": 1}, 400, "`ring_s`"),
        ({"to": "+15551234567", "flow": "a", "bot": "b:c"}, 400, "the call cannot be understood"),
        ({"to": "+15551234567", "variables": {"a b": "c"}}, 400, "the call cannot be understood"),
        ({"to": "+15551234567", "headers": {"Via": "x"}}, 400, "the header 'Via'"),
        ({"to": "+15551234567", "headers": {"X-A": "x\r\nVia: y"}}, 400, "X-A cannot have this value"),
        ({"to": "+15551234567", "from": "a b"}, 400, "cannot be the caller"),
        ({"to": "+15551234567", "trunk": "provder"}, 400, "there is no trunk"),
        ({"to": "+1"}, 400, "cannot be called"),
        ({"to": "one two"}, 400, "cannot be called"),
        ({"to": "sip:@"}, 400, "cannot be called"),
        ({"to": "+19005550000"}, 403, "may not be called by the trunk provider"),
        ({"to": "0019005550000"}, 403, "may not be called by the trunk provider"),
        ({"to": f"sip:+19005550000@{HOST}"}, 403, "may not be called by the trunk provider"),
        ({"to": "sip:100@192.0.2.7"}, 403, "may not be called"),
        ({"to": "+15551234567", "flow": "/etc/passwd"}, 404, "there is no flow"),
        ({"to": "+15551234567", "bot": "os:system"}, 404, "there is no bot"),
    ],
)
async def test_mistakes(start: Start, far: Callee, body: dict[str, object], status: int, what: str) -> None:
    client = await start()
    is_problem(await client.post("/api/calls", json=body, headers=AUTHORIZED), status, what)
    assert not far.invites


async def test_what_is_not_json(start: Start) -> None:
    client = await start()
    is_problem(await client.post("/api/calls", content=b"\xff{", headers=AUTHORIZED), 400, "cannot be understood")
    is_problem(await client.get(f"/api/calls/{'0' * 32}", headers=AUTHORIZED), 404, "no such call")
    is_problem(await client.delete(f"/api/calls/{'0' * 32}", headers=AUTHORIZED), 404, "no such call")


async def test_a_trunk_has_so_many_calls(start: Start, far: Callee) -> None:
    client = await start(calls_at_once=1)
    far.says = rings
    first = await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)
    assert first.status_code == 202
    answer = await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)
    is_problem(answer, 429, "takes no more calls")
    assert answer.headers["retry-after"]
    await client.delete(f"/api/calls/{first.json()['id']}", headers=AUTHORIZED)
    await until(client, first.json()["id"], state="ended")
    assert (await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)).status_code == 202


async def test_a_trunk_that_wants_a_pause_has_it(start: Start, far: Callee) -> None:
    client = await start()
    far.says = refuses(503, ("Retry-After", "3600"))
    call = (await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)).json()["id"]
    view = await until(client, call, state="ended")
    assert view["outcome"] == {"reason": "congested", "sip_status": 503, "q850": None}
    answer = await client.post("/api/calls", json={"to": "100"}, headers=AUTHORIZED)
    is_problem(answer, 503, "asks for a pause")
    assert 50 < int(answer.headers["retry-after"]) <= 61


async def test_a_request_that_is_sent_again_places_no_second_call(start: Start, far: Callee) -> None:
    client = await start()
    far.says = rings
    headers = {**AUTHORIZED, "Idempotency-Key": "order-4711"}
    answers = await asyncio.gather(*(client.post("/api/calls", json={"to": "100"}, headers=headers) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    await until(client, answers[0].json()["id"], state="ringing")
    assert len(far.invites) == 1
    is_problem(await client.post("/api/calls", json={"to": "+15551234567"}, headers=headers), 409, "Idempotency-Key")


async def test_the_dialog_is_that_of_a_route_for_calls_out(start: Start, far: Callee, tmp_path: Path) -> None:
    flow = tmp_path / "reminder.yaml"
    flow.write_text(
        "name: reminder\nstart: bye\nvariables: {name: there}\n"
        "steps:\n  bye: {hang_up: 'Hello {name}, this is a reminder.'}\n"
    )
    client = await start(routes=({"flow": flow, "outbound": True}, {"flow": flow, "number": ("secret",)}))
    body = {"to": "100", "flow": "reminder.yaml", "variables": {"name": "Ada"}}
    call = (await client.post("/api/calls", json=body, headers=AUTHORIZED)).json()["id"]
    await until(client, call, state="ended")
    page = (await client.get(f"/api/calls/{call}")).json()
    assert [line["text"] for line in page["transcript"]] == ["Hello Ada, this is a reminder."]
