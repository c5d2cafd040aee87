import base64

import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from offhook.web import access
from offhook.web.access import Access

inside = PlainTextResponse("inside")


class Door:
    """Asks the middleware as a server would."""

    def __init__(self, password: str | None = None) -> None:
        self.now = 0.0
        self.app = Access(inside, password, lambda: self.now)
        self.headers = Headers()
        self.body = b""

    async def knock(self, peer: str, path: str = "/", **headers: str) -> int:
        given = {"host": "127.0.0.1:8080"} | {name.replace("_", "-"): value for name, value in headers.items()}
        scope: Scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "client": (peer, 40_000),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        await self.app(scope, receive, send)
        self.headers = Headers(raw=sent[0]["headers"])
        self.body = b"".join(message.get("body", b"") for message in sent)
        return int(sent[0]["status"])


def basic(password: str, user: str = "me") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("127.0.0.1", "127.0.0.1:8080"),
        ("127.0.0.1", "localhost:8080"),
        ("127.9.9.9", "bot.localhost"),
        ("::1", "[::1]:8080"),
        ("::ffff:127.0.0.1", "localhost"),
    ],
)
async def test_people_on_this_machine_need_no_password(peer: str, host: str) -> None:
    assert await Door().knock(peer, host=host) == 200
    assert await Door("secret").knock(peer, host=host) == 200


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("192.0.2.7", {}),
        ("192.0.2.7", {"host": "localhost"}),
        ("not an address", {}),
        ("127.0.0.1", {"host": "evil.example"}),  # DNS rebinding
        ("127.0.0.1", {"host": "evil.example:8080"}),
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}),
        ("127.0.0.1", {"host": "[::1"}),
        ("127.0.0.1", {"host": ""}),
        ("127.0.0.1", {"x_forwarded_for": "192.0.2.7"}),
        ("127.0.0.1", {"forwarded": "for=192.0.2.7"}),
    ],
)
async def test_others_do(peer: str, headers: dict[str, str]) -> None:
    door = Door()
    assert await door.knock(peer, **headers) == 403
    text = door.body.decode()
    assert "no password is set" in text
    assert "OFFHOOK_HTTP__PASSWORD" in text
    door = Door("secret")
    assert await door.knock(peer, **headers) == 401
    assert door.headers["www-authenticate"].startswith("Basic")
    assert await door.knock(peer, **headers, authorization=basic("secret")) == 200


@pytest.mark.parametrize(
    "authorization",
    [
        basic("Secret"),
        basic("secre"),
        basic("secret "),
        basic(""),
        "Basic !!!",
        "Basic",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Bearer secret",
        base64.b64encode(b"me:secret").decode(),
    ],
)
async def test_wrong_passwords(authorization: str) -> None:
    assert await Door("secret").knock("192.0.2.7", authorization=authorization) == 401


async def test_a_password_may_contain_anything() -> None:
    assert await Door("pass:wörd: ").knock("192.0.2.7", authorization=basic("pass:wörd: ")) == 200


async def test_guessing_is_slowed_down_for_the_one_who_guesses() -> None:
    door = Door("secret")
    for _ in range(access.MAX_WRONG_PASSWORDS):
        assert await door.knock("192.0.2.7", authorization=basic("guess")) == 401
    assert await door.knock("192.0.2.7", authorization=basic("secret")) == 429
    assert door.headers["retry-after"] == "60"
    assert await door.knock("192.0.2.8", authorization=basic("secret")) == 200
    door.now = 61.0
    assert await door.knock("192.0.2.7", authorization=basic("secret")) == 200


async def test_a_browser_s_first_visit_is_no_guess() -> None:
    door = Door("secret")
    for _ in range(3 * access.MAX_WRONG_PASSWORDS):
        assert await door.knock("192.0.2.7") == 401
    assert await door.knock("192.0.2.7", authorization=basic("secret")) == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/twilio/voice", "/twilio/media"])
async def test_some_paths_are_not_ours_to_guard(path: str) -> None:
    door = Door()
    assert await door.knock("192.0.2.7", path) == 200
    assert "content-security-policy" not in door.headers


@pytest.mark.parametrize("path", ["/healthz/", "/twilio", "/metrics/x", "//healthz", "/api/live"])
async def test_others_are(path: str) -> None:
    assert await Door().knock("192.0.2.7", path) == 403


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"origin": "http://127.0.0.1:8080"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"}, 200),
        ({"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 200),  # a link from elsewhere
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, 403),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}, 403),
    ],
)
async def test_other_sites_pages_may_not_ask(headers: dict[str, str], expected: int) -> None:
    assert await Door().knock("127.0.0.1", **headers) == expected


async def test_every_answer_carries_the_policy() -> None:
    door = Door()
    await door.knock("127.0.0.1")
    assert "script-src 'self'" in door.headers["content-security-policy"]
    assert "unsafe" not in door.headers["content-security-policy"]
    assert door.headers["x-content-type-options"] == "nosniff"
    await door.knock("192.0.2.7")
    assert "frame-ancestors 'none'" in door.headers["content-security-policy"]
