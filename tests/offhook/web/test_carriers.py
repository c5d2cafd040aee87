"""Webhooks and WebSockets of carriers that sign nothing: who knows the secret, and who does not."""

import json
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from offhook.settings.config import Config
from offhook.usererror import UserError
from offhook.web.carrier_auth import carrier_auth
from tests.offhook.web.streams import PUBLIC_URL, Front, front

SECRET = "0123456789abcdef-XYZ"
SETTINGS = {"token": SECRET, "public_url": PUBLIC_URL}
XML = ("signalwire", "telnyx", "plivo")
NAMES = {"plivo": ("CallUUID", "From", "To"), "vonage": ("uuid", "from", "to")}


@pytest.fixture
async def public() -> AsyncIterator[Front]:
    async with front(carriers=SETTINGS) as found:
        yield found


def fields(carrier: str) -> dict[str, str]:
    return dict(zip(NAMES.get(carrier, ("CallSid", "From", "To")), ("C1", "+1555", "+1666"), strict=True))


def stream_url(carrier: str, body: bytes) -> str:
    """Where the answer connects the call to."""
    if carrier == "vonage":
        return str(json.loads(body)[0]["endpoint"][0]["uri"])
    found = ElementTree.fromstring(body).find("Stream" if carrier == "plivo" else "Connect/Stream")
    assert found is not None
    return found.text or "" if carrier == "plivo" else found.get("url", "")


async def ticket(public: Front, carrier: str) -> str:
    answer = await public.webhook(fields(carrier), path=f"/{carrier}/voice/{SECRET}")
    assert answer.status == 200
    url = stream_url(carrier, answer.body)
    assert url.startswith(f"wss://bot.example.com/{carrier}/media/")
    assert SECRET not in url
    return url.removeprefix("wss://bot.example.com")


@pytest.mark.parametrize("carrier", [*XML, "vonage"])
async def test_a_webhook_with_the_secret_gets_a_ticket_for_one_stream(public: Front, carrier: str) -> None:
    path = await ticket(public, carrier)
    assert (await public.upgrade(path)).status == 101
    ((_, meta),) = public.taken
    assert meta == {"dialect": carrier, "call_sid": "C1", "caller": "+1555", "called": "+1666"}
    assert (await public.upgrade(path)).status == 403, "a second socket"


async def test_vonage_asks_with_get_and_with_json() -> None:
    async with front(carriers=SETTINGS) as public:
        query = urlencode(fields("vonage"))
        asked = await public.ask("GET", f"/vonage/voice/{SECRET}?{query}", {})
        posted = await public.ask(
            "POST",
            f"/vonage/voice/{SECRET}",
            {"Content-Type": "application/json"},
            json.dumps(fields("vonage")).encode(),
        )
        for answer in (asked, posted):
            assert answer.headers["content-type"].startswith("application/json")
            endpoint = json.loads(answer.body)[0]["endpoint"][0]
            assert endpoint["content-type"] == "audio/l16;rate=8000"
            assert endpoint["headers"] == {"uuid": "C1", "from": "+1555", "to": "+1666"}


async def test_each_is_asked_for_the_audio_that_is_understood(public: Front) -> None:
    answer = await public.webhook(fields("telnyx"), path=f"/telnyx/voice/{SECRET}")
    stream = ElementTree.fromstring(answer.body).find("Connect/Stream")
    assert stream is not None
    assert (stream.get("codec"), stream.get("bidirectionalMode"), stream.get("bidirectionalCodec")) == (
        "PCMU",
        "rtp",
        "PCMU",
    )
    answer = await public.webhook(fields("plivo"), path=f"/plivo/voice/{SECRET}")
    stream = ElementTree.fromstring(answer.body).find("Stream")
    assert stream is not None
    assert stream.attrib == {
        "bidirectional": "true",
        "keepCallAlive": "true",
        "contentType": "audio/x-mulaw;rate=8000",
    }


Asked = tuple[str, dict[str, str]]
REFUSED: dict[str, Callable[[str], Asked]] = {
    "nothing": lambda _: ("/telnyx/media", {}),
    "a slash": lambda _: ("/telnyx/media/", {}),
    "a wrong secret": lambda _: ("/telnyx/media/" + "x" * 20, {}),
    "the secret cut off": lambda _: (f"/telnyx/media/{SECRET[:-1]}", {}),
    "the secret and more": lambda _: (f"/telnyx/media/{SECRET}x", {}),
    "the secret in other case": lambda _: (f"/telnyx/media/{SECRET.swapcase()}", {}),
    "the secret in the query": lambda _: (f"/telnyx/media?token={SECRET}", {}),
    "the secret as something else": lambda _: ("/telnyx/media", {"Authorization": f"Basic {SECRET}"}),
    "a wrong bearer": lambda _: ("/telnyx/media", {"Authorization": "Bearer x"}),
    "a wrong header": lambda _: ("/telnyx/media", {"x-telnyx-streaming-auth-token": "x"}),
    "a header that is no text": lambda _: ("/telnyx/media", {"x-telnyx-streaming-auth-token": "é"}),
    "a ticket with a query": lambda path: (path + "?x=1", {}),
    "a ticket cut off": lambda path: (path[:-1], {}),
    "further down": lambda path: (path + "/x", {}),
    "nobody's path": lambda _: (f"/nobody/media/{SECRET}", {}),
    "another path": lambda _: (f"/telnyx/medium/{SECRET}", {}),
    "a path that nobody has": lambda _: (f"/twilio/{SECRET}", {}),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_who_knows_nothing_is_refused(public: Front, case: str) -> None:
    path = await ticket(public, "telnyx")
    asked, headers = REFUSED[case](path)
    assert (await public.upgrade(asked, headers)).status in (403, 404)
    assert public.taken == []
    assert (await public.upgrade(path)).status == 101


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"/telnyx/media/{SECRET}", {}),
        ("/telnyx/media", {"x-telnyx-streaming-auth-token": SECRET}),
        ("/signalwire/media", {"Authorization": f"Bearer {SECRET}"}),
        (f"/plain/media/{SECRET}", {}),
    ],
)
async def test_the_secret_itself_opens_the_door(public: Front, path: str, headers: dict[str, str]) -> None:
    assert (await public.upgrade(path, headers)).status == 101
    ((_, meta),) = public.taken
    assert meta == {"dialect": path.split("/")[1]}


@pytest.mark.parametrize("secret", ["", "/x", f"/{SECRET}x", f"/{SECRET.upper()}"])
async def test_a_webhook_without_the_secret_is_refused(public: Front, secret: str) -> None:
    assert (await public.webhook(fields("telnyx"), path=f"/telnyx/voice{secret}")).status in (403, 404)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"[" * 5_000, 400),
        ("application/json", b"{", 400),
        ("application/json", b"[]", 400),
        ("application/json", b'{"CallSid":7}', 200),
        ("application/json", b'{"CallSid":["7"]}', 400),
        ("application/x-www-form-urlencoded", b"a" * 70_000, 413),
        ("application/x-www-form-urlencoded", b"&".join(b"a=%d" % n for n in range(300)), 400),
        ("application/x-www-form-urlencoded", b"\xff", 400),
        ("application/x-www-form-urlencoded", b"CallSid=" + b"C" * 257, 400),
        ("application/x-www-form-urlencoded", b"CallSid=" + b"C" * 256, 200),
        ("application/x-www-form-urlencoded", b"CallSid=v2%3AT02ll%2FKyZQ%3D%3D", 200),
        ("application/x-www-form-urlencoded", b"", 400),
    ],
)
async def test_bodies_are_limited(public: Front, content_type: str, body: bytes, status: int) -> None:
    answer = await public.ask("POST", f"/telnyx/voice/{SECRET}", {"Content-Type": content_type}, body)
    assert answer.status == status


@pytest.mark.parametrize("carrier", XML)
async def test_what_is_sent_is_only_ever_text(public: Front, carrier: str) -> None:
    nasty = '"><Dial>+1900</Dial><x y="'
    call, caller, called = NAMES.get(carrier, ("CallSid", "From", "To"))
    sent = {call: "C1", caller: nasty, called: nasty}
    answer = await public.webhook(sent, path=f"/{carrier}/voice/{SECRET}")
    assert ElementTree.fromstring(answer.body).find(".//Dial") is None


@pytest.mark.parametrize("carrier", [*XML, "vonage"])
async def test_a_full_bot_is_busy(public: Front, carrier: str) -> None:
    public.busy = "full"
    answer = await public.webhook(fields(carrier), path=f"/{carrier}/voice/{SECRET}")
    assert public.turned_away == 1
    if carrier == "vonage":
        assert answer.status == 503
        assert 5 <= int(answer.headers["retry-after"]) <= 15
        return
    refused = ElementTree.fromstring(answer.body).find("Hangup" if carrier == "plivo" else "Reject")
    assert refused is not None
    assert refused.get("reason") == "busy"


@pytest.mark.parametrize("carrier", [*XML, "vonage", "plain"])
async def test_without_a_secret_programs_on_this_machine_come_in_and_nobody_else(carrier: str) -> None:
    async with front() as local:
        assert (await local.upgrade(f"/{carrier}/media")).status == 101
        assert (await local.upgrade(f"/{carrier}/media", {"Host": "bot.example.com"})).status == 403
        assert (await local.upgrade(f"/{carrier}/media", {"X-Forwarded-For": "203.0.113.7"})).status == 403
        assert len(local.taken) == 1
        if carrier != "plain":
            answer = await local.webhook(fields(carrier), path=f"/{carrier}/voice")
            assert stream_url(carrier, answer.body) == f"ws://127.0.0.1:{local.port}/{carrier}/media"
            elsewhere = {"X-Forwarded-For": "203.0.113.7"}
            assert (await local.webhook(fields(carrier), elsewhere, path=f"/{carrier}/voice")).status == 403


def config(host: str, **carriers: object) -> Config:
    return Config.load(None, {"http": {"host": host}, "carriers": carriers})


def test_in_public_there_is_a_secret_or_no_door() -> None:
    assert carrier_auth(config("0.0.0.0")) is None
    auth = carrier_auth(config("0.0.0.0", **SETTINGS))
    assert auth is not None
    assert not auth.unauthenticated


def test_a_secret_needs_the_public_url() -> None:
    with pytest.raises(UserError, match="CARRIERS__PUBLIC_URL"):
        carrier_auth(config("127.0.0.1", token=SECRET))


@pytest.mark.parametrize("token", ["short", "with a space in it", "x" * 200, "sl/sh-0123456789abc"])
def test_a_secret_is_long_and_fit_for_a_url(token: str) -> None:
    with pytest.raises(UserError) as caught:
        config("127.0.0.1", token=token)
    assert token not in str(caught.value)


def test_the_secret_is_never_shown() -> None:
    found = config("127.0.0.1", **SETTINGS)
    assert SECRET not in str(found) + repr(found) + str(found.redacted())
