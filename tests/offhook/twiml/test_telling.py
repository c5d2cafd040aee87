"""Callbacks of an application: in order, and a slow server holds up no other."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from offhook.http_request import HttpAnswer, HttpRequest, HttpRequestError
from offhook.testing import run
from offhook.twiml.addresses import Addresses
from offhook.twiml.client import Client
from offhook.twiml.errors import TwimlError
from offhook.twiml.limits import FETCH_S, MAX_TOLD
from offhook.twiml.telling import Teller

VOICE, OTHER = "https://ivr.example.com/voice", "https://other.example.com/"


class Servers:
    """One that takes a second for each request but the last two, and one that never answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0

    async def send(self, request: HttpRequest, _fields: Mapping[str, str]) -> HttpAnswer:
        """See Send."""
        if "other" in request.url:
            await asyncio.sleep(1_000)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.0 if len(self.asked) > 2 else 1.0)
        self.at_once -= 1
        self.asked.append(urlsplit(request.url).path)
        if request.url.endswith("/broken"):
            raise HttpRequestError("nobody listens")
        return HttpAnswer(200)


def teller(servers: Servers, failed: list[str]) -> Teller:
    def on_failure(error: TwimlError) -> None:
        failed.append(error.why)

    return Teller(Client(Addresses([VOICE, OTHER]), {}, send=servers.send), on_failure)


def test_they_arrive_in_their_order() -> None:
    servers, failed = Servers(), list[str]()

    async def tell() -> int:
        ours = teller(servers, failed)
        for each in ("/1", "/broken", "/3", "/4", "/5"):
            assert ours.tell(each, VOICE, "POST", {})
        return await ours.told()

    assert run(tell()) == 0
    assert servers.asked == ["/1", "/broken", "/3", "/4", "/5"]
    assert servers.most_at_once == 1
    assert len(failed) == 1 and "nobody listens" in failed[0]


def test_a_server_that_never_answers_holds_up_itself() -> None:
    servers, failed = Servers(), list[str]()

    async def tell() -> tuple[int, float]:
        began = asyncio.get_running_loop().time()
        ours = teller(servers, failed)
        for each in (OTHER, OTHER, OTHER, "/1"):
            ours.tell(each, VOICE, "POST", {})
        left = await ours.told()
        return left, asyncio.get_running_loop().time() - began

    left, took_s = run(tell())
    assert servers.asked == ["/1"]
    assert 2 <= left <= 3
    assert FETCH_S <= took_s <= FETCH_S + 1


def test_no_more_wait_than_may() -> None:
    servers = Servers()

    async def tell() -> list[bool]:
        ours = teller(servers, [])
        return [ours.tell("/1", VOICE, "POST", {}) for _ in range(102)]

    assert run(tell()).count(True) == MAX_TOLD


def test_where_nothing_may_go_is_a_failure() -> None:
    failed: list[str] = []

    async def tell() -> bool:
        return teller(Servers(), failed).tell("https://elsewhere.example/", VOICE, "POST", {})

    assert run(tell())
    assert len(failed) == 1
