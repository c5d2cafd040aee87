"""Requests of an application: where they may go, how they are signed, which cookies they have."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import pytest
from twilio.request_validator import RequestValidator

from offhook.http_request import HttpAnswer, HttpRequest, HttpRequestError
from offhook.settings.config import Config
from offhook.twiml.addresses import Addresses, shown
from offhook.twiml.application import application_of
from offhook.twiml.client import Client
from offhook.twiml.cookies import Cookies
from offhook.twiml.errors import BAD_HOST, BAD_URL, TwimlError
from offhook.twiml.limits import MAX_COOKIES
from offhook.usererror import UserError

VOICE = "https://ivr.example.com:8443/app/voice?line=1"
TOKEN = "a token of the tests"


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("next", "https://ivr.example.com:8443/app/next"),
        ("/next?a=b", "https://ivr.example.com:8443/next?a=b"),
        ("?line=2", "https://ivr.example.com:8443/app/voice?line=2"),
        (" https://IVR.example.com/x#part ", "https://IVR.example.com/x"),
        ("http://ivr.example.com/x", "http://ivr.example.com/x"),
        ("https://media.example:81/a b{c}.wav", "https://media.example:81/a%20b%7Bc%7D.wav"),
        ("/a%20b", "https://ivr.example.com:8443/a%20b"),
    ],
)
def test_an_address_is_resolved(url: str, resolved: str) -> None:
    assert Addresses([VOICE], ["media.example:81"]).resolve(url, VOICE) == resolved


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://elsewhere.example/", BAD_HOST),
        ("https://media.example/", BAD_HOST),
        ("https://ivr.example.com:22/", BAD_HOST),
        ("//169.254.169.254/latest", BAD_HOST),
        ("https://ivr.example.com.evil.example/", BAD_HOST),
        ("https://ivr.example.com@evil.example/", BAD_URL),
        ("file://ivr.example.com/etc/passwd", BAD_HOST),
        ("https://ivr.example.com:99999/", BAD_URL),
        ("https://[::1/", BAD_URL),
        ("https://user:secret@ivr.example.com/", BAD_URL),
        ("https://user:secret/part@ivr.example.com/", BAD_URL),
        ("ftp://ivr.example.com/a?token=secret", BAD_URL),
        ("/" + 5_000 * "x", BAD_URL),
    ],
)
def test_an_address_is_refused(url: str, code: int) -> None:
    with pytest.raises(TwimlError) as found:
        Addresses([VOICE], ["media.example:81"]).resolve(url, VOICE)
    assert found.value.code in (code, BAD_URL)
    assert "secret" not in str(found.value)


class Server:
    """Answers 200, and remembers."""

    def __init__(self, *set_cookie: str) -> None:
        self.requests: list[tuple[HttpRequest, Mapping[str, str]]] = []
        self.headers = tuple(("set-cookie", each) for each in set_cookie)

    async def send(self, request: HttpRequest, fields: Mapping[str, str]) -> HttpAnswer:
        self.requests.append((request, fields))
        return HttpAnswer(200, (("content-type", "text/xml"), *self.headers))


def client(server: Server) -> Client:
    return Client(Addresses([VOICE]), {"CallSid": "CA1", "From": "+1 555"}, token=TOKEN, send=server.send)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_are_signed_as_twilio_signs_them(method: str) -> None:
    server = Server()
    asyncio.run(client(server).fetch("next?x=%20y", VOICE, method, {"SpeechResult": "größer & mehr", "Digits": ""}))
    ((request, fields),) = server.requests
    signature = request.headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(request.url, dict(fields), signature)
    assert not RequestValidator("another").validate(request.url, dict(fields), signature)
    given = dict(fields) if method == "POST" else dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    assert given["SpeechResult"] == "größer & mehr"
    assert (given["Digits"], given["From"]) == ("", "+1 555")


def test_cookies_come_back() -> None:
    async def twice() -> Server:
        server = Server("session=abc; Path=/; HttpOnly", "other=1")
        asking = client(server)
        await asking.fetch(VOICE, VOICE, "POST", {})
        await asking.fetch("next", VOICE, "POST", {})
        return server

    first, second = (request.headers.get("Cookie") for request, _ in asyncio.run(twice()).requests)
    assert first is None
    assert second == "session=abc; other=1"


def test_cookies_are_for_their_host_and_end() -> None:
    cookies = Cookies()
    cookies.take(VOICE, ["a=1; Secure", "b=2", "broken\x00", "c=" + 5_000 * "x"])
    assert cookies.header(VOICE) == "a=1; b=2"
    assert cookies.header("http://ivr.example.com/") == "b=2"
    assert cookies.header("https://media.example/") == ""
    cookies.take(VOICE, ["a=; Max-Age=0", *(f"n{number}=1" for number in range(MAX_COOKIES))])
    assert len(cookies.header(VOICE).split("; ")) == MAX_COOKIES
    assert "a=" not in cookies.header(VOICE)


def test_a_private_server_is_refused_unless_it_may_be_asked() -> None:
    config = Config.model_validate({"twiml": {"url": "http://127.0.0.1:5000/voice"}})
    with pytest.raises(UserError, match="allow_private"):
        application_of(config, config.twiml.url or "")
    config = Config.model_validate({"twiml": {"url": "http://127.0.0.1:5000/voice", "allow_private": True}})
    assert application_of(config, config.twiml.url or "").url == config.twiml.url


def test_its_messages_may_have_a_mailbox_that_is_there() -> None:
    config = Config.model_validate({"twiml": {"url": VOICE, "mailbox": "sales"}})
    with pytest.raises(UserError, match="mailbox `sales`") as refused:
        application_of(config, VOICE)
    assert refused.value.problems[0].where == "[twiml] mailbox"
    mail = {"boxes": {"sales": ["sales@example.com"]}}
    config = Config.model_validate({"twiml": {"url": VOICE, "mailbox": "sales"}, "mail": mail})
    assert application_of(config, VOICE).mailbox == "sales"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://user:secret@ivr.example.com:8443/a/b?token=secret#c", "https://ivr.example.com:8443/a/b"),
        ("https://ivr.example.com/account/47114711/pin", "https://ivr.example.com/account/…/pin"),
        ("account/47114711", "account/…"),
        ("user:secret@ivr.example.com", "ivr.example.com"),
    ],
)
def test_what_the_log_has_of_an_address(url: str, text: str) -> None:
    assert shown(url) == text


def test_a_cookie_that_no_header_can_have_is_left_out() -> None:
    cookies = Cookies()
    cookies.take(VOICE, ['name="Müller"', 'tab="a\tb"', 'good="a b"', "empty="])
    assert cookies.header(VOICE) == 'good="a b"; empty='


async def test_a_header_that_is_no_ascii_is_not_sent() -> None:
    with pytest.raises(HttpRequestError, match="cannot be sent"):
        await HttpRequest("http://127.0.0.1:9/", headers={"Cookie": "Müller"}, allow_private=True).send({})
