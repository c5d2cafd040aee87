"""Who may call from a browser: everybody who may see the pages, once for each ticket."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from offhook.settings.config import Config
from offhook.web.access import Access
from offhook.web.media_streams import whole_numbers
from offhook.web.talk import TalkAuth, talk_routes
from tests.offhook.web.streams import Answer, Front, front, guarded

CALL = "browser-" + "0" * 31 + "1"
ELSEWHERE = {"Host": "bot.example.com", "X-Forwarded-For": "203.0.113.7"}
"""A visitor through a proxy on this machine."""
KNOWN = {"Authorization": "Basic " + base64.b64encode(b"me:a long one").decode()}


async def ask(front: Front, headers: Mapping[str, str] | None = None, call: str = CALL) -> Answer:
    form = {"Content-Type": "application/json", **(headers or {})}
    return await front.ask("POST", "/api/talk", form, json.dumps({"call": call}).encode())


@pytest.fixture
async def public() -> AsyncIterator[Front]:
    """With a password, and no carrier's token."""
    async with front(enabled=False, around=lambda app: app.add_middleware(Access, password="a long one")) as found:
        yield found


async def path_of(front: Front, headers: Mapping[str, str] | None = None) -> str:
    answer = await ask(front, headers)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    path: str = json.loads(answer.body)["path"]
    return path


@pytest.mark.parametrize("headers", [KNOWN, ELSEWHERE | KNOWN], ids=["on this machine", "from elsewhere"])
async def test_who_sees_the_page_may_talk_once(public: Front, headers: dict[str, str]) -> None:
    path = await path_of(public, headers)
    page = {name: value for name, value in headers.items() if name != "Authorization"}  # a WebSocket brings none
    assert (await public.upgrade(path, page)).status == 101
    ((_, meta),) = public.taken
    assert meta == {"dialect": "plain", "call_sid": CALL, "caller": "browser", "called": "bot"}
    assert (await public.upgrade(path, page)).status == 403, "a second socket with the same ticket"
    assert len(public.taken) == 1


@pytest.mark.parametrize(
    "headers", [{}, {"Host": "localhost"}, ELSEWHERE, ELSEWHERE | {"Authorization": "Basic bWU6d3Jvbmc="}]
)
async def test_nobody_else_gets_a_ticket(public: Front, headers: dict[str, str]) -> None:
    answer = await ask(public, headers)
    assert answer.status == 401
    assert b"/talk/media" not in answer.body


async def test_a_page_from_elsewhere_gets_none(public: Front) -> None:
    assert (await ask(public, KNOWN | {"Origin": "https://evil.example"})).status == 403
    assert (await ask(public, KNOWN | {"Origin": "http://["})).status == 400


@pytest.mark.parametrize("origin", ["https://bot.example.com:8443", "null", "http://["])
async def test_a_ticket_is_no_cookie_so_the_origin_does_not_matter(public: Front, origin: str) -> None:
    path = await path_of(public, KNOWN)
    assert (await public.upgrade(path, {"Origin": origin})).status == 101


async def test_the_number_that_is_called_is_the_page_s_choice(public: Front) -> None:
    form = {"Content-Type": "application/json"} | KNOWN
    answer = await public.ask("POST", "/api/talk", form, json.dumps({"call": CALL, "to": "+1 555 0100"}).encode())
    assert (await public.upgrade(json.loads(answer.body)["path"])).status == 101
    assert public.taken[0][1]["called"] == "+1 555 0100"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/talk/media", 404),
        ("/talk/media/", 403),
        ("/talk/media/" + "A" * 32, 403),
        ("/talk/media/../media", 404),
        ("/talk", 404),
    ],
)
async def test_without_a_ticket_nobody_comes_in(public: Front, path: str, status: int) -> None:
    assert (await public.upgrade(path)).status == status
    assert public.taken == []


async def test_a_ticket_is_no_other_path_s_and_is_not_spelt_otherwise() -> None:
    async with front(**guarded()) as bot:
        path = await path_of(bot)
        token = path.rpartition("/")[2]
        for other in (f"/twilio/media/{token}", f"/talk/media/{token[:-1]}", f"{path}?x=1", f"{path}/"):
            assert (await bot.upgrade(other)).status in (403, 404)
        assert bot.taken == []
        assert (await bot.upgrade(path)).status == 101


async def test_a_full_bot_says_so(public: Front) -> None:
    public.busy = "all workers are full"
    answer = await ask(public, KNOWN)
    assert answer.status == 503
    assert json.loads(answer.body) == {
        "what": "the bot takes no calls now",
        "why": "all workers are full",
        "todo": "try again in a while",
        "where": "",
    }


@pytest.mark.parametrize("call", ["", "browser-1", "CA" + "0" * 32, "browser-" + "g" * 32])
async def test_only_a_browser_s_name_for_a_call_gets_a_ticket(public: Front, call: str) -> None:
    assert (await ask(public, KNOWN, call)).status == 400


async def test_the_numbers_of_the_routes_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "offhook.toml"
    path.write_text(
        '[[routes]]\nnumber = ["+15550100", "+1555*"]\nflow = "a.yaml"\n[[routes]]\nnumber = "sales"\nflow = "b.yaml"\n'
    )
    assert whole_numbers(Config.load(path)) == ["+15550100", "sales"]
    app = FastAPI()
    app.include_router(talk_routes(TalkAuth(), lambda: None, ["+15550100"]))
    assert TestClient(app).get("/api/talk").json() == {"numbers": ["+15550100"]}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"call":7}', b"\xff", b'{"call":"' + b"x" * 60_000 + b'"}'])
async def test_what_cannot_be_understood_is_a_bad_request(public: Front, body: bytes) -> None:
    answer = await public.ask("POST", "/api/talk", {"Content-Type": "application/json"} | KNOWN, body)
    assert answer.status == 400
    assert set(json.loads(answer.body)) == {"what", "why", "todo", "where"}
