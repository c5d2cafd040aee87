from time import monotonic

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from offhook.web.talk import talk_routes
from offhook.web.twilio_door import TwilioDoor

SID = "CA" + "0" * 31 + "1"


def client(door: TwilioDoor | None, *, refusal: str | None = None, peer: str = "127.0.0.1") -> TestClient:
    app = FastAPI()
    app.include_router(talk_routes(door, lambda: refusal))
    return TestClient(app, base_url="http://localhost", client=(peer, 40_000))


def test_on_this_machine_without_a_token_it_is_the_open_path() -> None:
    answer = client(TwilioDoor(None, None)).post("/api/talk", json={"call_sid": SID})
    assert answer.json() == {"path": "/twilio/media"}


def test_with_a_token_it_is_a_ticket_for_that_call() -> None:
    door = TwilioDoor("secret", "https://bot.example.com")
    path = client(door, peer="192.0.2.7").post("/api/talk", json={"call_sid": SID}).json()["path"]
    ticket = door.tickets.look(path.removeprefix("/twilio/media/"), monotonic())
    assert ticket is not None
    assert (ticket.call_sid, ticket.signed, ticket.caller) == (SID, False, "browser")


@pytest.mark.parametrize(
    ("door", "refusal", "peer", "status", "told"),
    [
        (None, None, "127.0.0.1", 403, "takes no calls from browsers here"),
        (TwilioDoor(None, None), None, "192.0.2.7", 403, "only from browsers on its own machine"),
        (TwilioDoor(None, None), "all workers are full", "127.0.0.1", 503, "takes no calls now"),
    ],
)
def test_refusals_say_why(door: TwilioDoor | None, refusal: str | None, peer: str, status: int, told: str) -> None:
    answer = client(door, refusal=refusal, peer=peer).post("/api/talk", json={"call_sid": SID})
    assert answer.status_code == status
    assert told in answer.json()["what"]
    assert answer.json()["why"] and answer.json()["todo"]


@pytest.mark.parametrize("sid", ["", "CA1", "XX" + "0" * 32, "CA" + "g" * 32])
def test_only_a_call_s_name_gets_a_ticket(sid: str) -> None:
    page = client(TwilioDoor("secret", "https://b.example"))
    assert page.post("/api/talk", json={"call_sid": sid}).status_code == 422
