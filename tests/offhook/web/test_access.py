import base64

import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from offhook.web.access import Access
from offhook.web.guesses import MAX_WRONG

inside = PlainTextResponse("inside")


class Site:
    """Asks the middleware as a server would."""

    def __init__(self, password: str | None = None) -> None:
        self.now = 0.0
        self.app = Access(inside, password, lambda: self.now)
        self.headers = Headers()
        self.body = b""

    async def get(self, peer: str, path: str = "/", **headers: str) -> int:
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
async def test_people_on_this_machine_need_no_password_while_none_is_set(peer: str, host: str) -> None:
    assert await Site().get(peer, host=host) == 200
    # A plain TCP forwarder on this machine passes on whatever Host it is sent.
    site = Site("secret")
    assert await site.get(peer, host=host) == 401
    assert await site.get(peer, host=host, authorization=basic("secret")) == 200


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
    site = Site()
    assert await site.get(peer, **headers) == 403
    text = site.body.decode()
    assert "no password is set" in text
    assert "OFFHOOK_HTTP__PASSWORD" in text
    site = Site("secret")
    assert await site.get(peer, **headers) == 401
    assert site.headers["www-authenticate"].startswith("Basic")
    assert await site.get(peer, **headers, authorization=basic("secret")) == 200


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
    assert await Site("secret").get("192.0.2.7", authorization=authorization) == 401


async def test_a_password_may_contain_anything() -> None:
    assert await Site("pass:wörd: ").get("192.0.2.7", authorization=basic("pass:wörd: ")) == 200


async def test_guessing_is_slowed_down_for_the_one_who_guesses() -> None:
    site = Site("secret")
    for _ in range(MAX_WRONG):
        assert await site.get("192.0.2.7", authorization=basic("guess")) == 401
    assert await site.get("192.0.2.7", authorization=basic("secret")) == 429
    assert site.headers["retry-after"] == "60"
    assert await site.get("192.0.2.8", authorization=basic("secret")) == 200
    site.now = 61.0
    assert await site.get("192.0.2.7", authorization=basic("secret")) == 200


async def test_guesses_are_counted_by_the_socket_s_address() -> None:
    site = Site("secret")
    for n in range(MAX_WRONG):
        await site.get("127.0.0.1", authorization=basic("guess"), x_forwarded_for=f"192.0.2.{n}")
    assert await site.get("127.0.0.1", authorization=basic("secret"), x_forwarded_for="192.0.2.99") == 429


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "https://[x]y/", "//["])
async def test_a_malformed_origin_is_a_bad_request(origin: str) -> None:
    site = Site("secret")
    assert await site.get("127.0.0.1", origin=origin) == 401
    assert await site.get("127.0.0.1", origin=origin, authorization=basic("secret")) == 400
    assert await Site().get("127.0.0.1", origin=origin) == 400


async def test_a_browser_s_first_visit_is_no_guess() -> None:
    site = Site("secret")
    for _ in range(3 * MAX_WRONG):
        assert await site.get("192.0.2.7") == 401
    assert await site.get("192.0.2.7", authorization=basic("secret")) == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/twilio/voice", "/twilio/media"])
async def test_some_paths_are_not_ours_to_guard(path: str) -> None:
    site = Site()
    assert await site.get("192.0.2.7", path) == 200
    assert "content-security-policy" not in site.headers


@pytest.mark.parametrize("path", ["/healthz/", "/twilio", "/metrics/x", "//healthz", "/api/live"])
async def test_others_are(path: str) -> None:
    assert await Site().get("192.0.2.7", path) == 403


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
    assert await Site().get("127.0.0.1", **headers) == expected


async def test_every_answer_carries_the_policy() -> None:
    site = Site()
    await site.get("127.0.0.1")
    assert "script-src 'self'" in site.headers["content-security-policy"]
    assert "unsafe" not in site.headers["content-security-policy"]
    assert site.headers["x-content-type-options"] == "nosniff"
    await site.get("192.0.2.7")
    assert "frame-ancestors 'none'" in site.headers["content-security-policy"]
