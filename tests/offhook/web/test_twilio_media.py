"""Who may open a media stream. What is refused is refused at once, and nothing is made for it."""

import base64
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError

from offhook.settings.config import Config
from offhook.telephony.media_streams.signature import sign
from offhook.usererror import UserError
from offhook.web.twilio_auth import twilio_auth
from tests.offhook.web.forgeries import CALL, HIJACKS, WS_URL, signed
from tests.offhook.web.streams import AUTH_TOKEN, PUBLIC_URL, UPGRADE, Answer, Front, front, guarded


@pytest.fixture
async def public() -> AsyncIterator[Front]:
    async with front(**guarded()) as found:
        yield found


async def ticket(public: Front, call_sid: str = "CA1") -> str:
    """The path in a webhook's answer."""
    answer = await public.signed_webhook(CALL | {"CallSid": call_sid})
    stream = ElementTree.fromstring(answer.body).find("Connect/Stream")
    assert stream is not None
    return stream.get("url", "").removeprefix(WS_URL)


async def test_a_ticket_and_a_signature_are_accepted_once(public: Front) -> None:
    path = await ticket(public)
    assert (await public.upgrade(path, signed(path))).status == 101
    ((initial, meta),) = public.taken
    assert initial.startswith(f"GET {path} HTTP/1.1\r\n".encode())
    assert meta == {"call_sid": "CA1", "caller": "+14155550100", "called": "+14155550199", "resumable": "1"}
    assert (await public.upgrade(path, signed(path))).status == 403, "a second socket for the call"
    assert len(public.taken) == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://bot.example.com", "http://["])
async def test_a_ticket_is_no_cookie_so_the_origin_does_not_matter(public: Front, origin: str) -> None:
    path = await ticket(public)
    assert (await public.upgrade(path, signed(path) | {"Origin": origin})).status == 101


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("known", "asked"), [(":8443", ""), (":8443", ":8443"), ("", ":default"), (":default", "")])
async def test_signatures_with_and_without_the_port(scheme: str, known: str, asked: str) -> None:
    default = {"http": ":80", "https": ":443"}[scheme]
    known, asked = known.replace(":default", default), asked.replace(":default", default)
    base = f"{scheme}://bot.example.com"
    async with front(auth_token=AUTH_TOKEN, public_url=base + known) as bot:
        bot.waiting.add("CA1")
        for path in ("/twilio/voice", "/twilio/status", "/twilio/resume"):
            fields = {"CallSid": "CA1", "CallStatus": "ringing"}
            signature = sign(AUTH_TOKEN, base + asked + path, {name: [value] for name, value in fields.items()})
            answer = await bot.webhook(fields, {"X-Twilio-Signature": signature}, path)
            assert answer.status in (200, 204), path
        stream = ElementTree.fromstring((await answered(bot, base + asked)).body).find("Connect/Stream")
        assert stream is not None
        path = stream.get("url", "").removeprefix(f"ws{base[4:]}{known}")
        signature = sign(AUTH_TOKEN, f"ws{base[4:]}{asked}{path}")
        assert (await bot.upgrade(path, {"X-Twilio-Signature": signature})).status == 101


async def answered(bot: Front, base: str) -> Answer:
    fields = {name: [value] for name, value in CALL.items()}
    return await bot.webhook(CALL, {"X-Twilio-Signature": sign(AUTH_TOKEN, f"{base}/twilio/voice", fields)})


async def test_a_slash_may_be_signed_at_the_end(public: Front) -> None:
    path = await ticket(public)
    headers = {"X-Twilio-Signature": sign(AUTH_TOKEN, f"{WS_URL}{path}/")}
    assert (await public.upgrade(path, headers)).status == 101


@pytest.mark.parametrize("case", HIJACKS)
async def test_a_stream_without_both_is_refused_at_once(public: Front, case: str) -> None:
    path, other = await ticket(public), await ticket(public, "CA2")
    asked, headers = HIJACKS[case](path, other, public.port)
    answer = await public.upgrade(asked, headers)
    assert answer.status in (403, 404)
    assert answer.body == b""
    assert public.taken == []
    # A refusal leaves the ticket valid for its call.
    assert (await public.upgrade(path, signed(path))).status == 101


async def test_without_a_token_programs_on_this_machine_come_in() -> None:
    async with front() as local:
        for host in (f"127.0.0.1:{local.port}", f"localhost:{local.port}", f"[::1]:{local.port}"):
            assert (await local.upgrade("/twilio/media", {"Host": host})).status == 101
        page = {"Origin": f"http://localhost:{local.port}", "Host": f"localhost:{local.port}"}
        assert (await local.upgrade("/twilio/media", page)).status == 101, "our own page"
        assert [meta for _, meta in local.taken] == [{}] * 4


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "bot.example.com"},
        {"Host": "127.0.0.1.evil.example"},
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_without_a_token_tunnels_and_foreign_pages_do_not(headers: dict[str, str]) -> None:
    async with front() as local:
        assert (await local.upgrade("/twilio/media", headers)).status == 403
        assert local.taken == []


async def test_without_a_token_a_malformed_origin_is_a_bad_request() -> None:
    async with front() as local:
        for origin in ("http://[", "http://[::1", "//[x"):
            assert (await local.upgrade("/twilio/media", {"Origin": origin})).status == 400
        assert local.taken == []


async def test_with_a_password_programs_on_this_machine_are_asked_for_it() -> None:
    """A plain TCP forwarder brings anybody to this machine, with any Host."""
    known = {"Authorization": "Basic " + base64.b64encode(b"me:a long one").decode()}
    async with front(http={"password": "a long one"}) as bot:
        for path in ("/twilio/media", "/plain/media", "/telnyx/media"):
            assert (await bot.upgrade(path, {"Host": "localhost"})).status == 401
            assert (await bot.upgrade(path, {"Host": "localhost"} | known)).status == 101
        assert (await bot.webhook(CALL)).status == 401
        assert (await bot.webhook(CALL, known)).status == 200


async def test_a_full_bot_refuses(public: Front) -> None:
    path = await ticket(public)
    public.busy = "full"
    answer = await public.upgrade(path, signed(path))
    assert answer.status == 503
    assert 5 <= int(answer.headers["retry-after"]) <= 15
    assert (await public.upgrade("/twilio/media")).status == 403, "no reason for strangers"
    assert public.turned_away == 1
    assert public.taken == []


async def test_when_nobody_is_there_to_take_the_call(public: Front) -> None:
    path = await ticket(public)
    public.nobody = True
    assert (await public.upgrade(path, signed(path))).status == 503


@pytest.mark.parametrize("path", ["/", "/live", "/twilio", "/twilio/voice", "/twilio/mediax"])
async def test_there_are_no_other_web_sockets(path: str) -> None:
    async with front() as local:
        assert (await local.upgrade(path)).status == 404
        assert local.taken == []


async def test_when_switched_off_there_is_nothing() -> None:
    async with front(enabled=False) as local:
        assert (await local.upgrade("/twilio/media")).status == 404
        assert (await local.webhook(CALL)).status == 404


async def test_what_is_no_upgrade_is_no_stream() -> None:
    async with front() as local:
        assert (await local.ask("GET", "/twilio/media", {})).status == 404
        assert (await local.ask("GET", "/twilio/media", UPGRADE | {"Connection": "close"})).status == 404


def config(host: str, **twilio: object) -> Config:
    return Config.load(None, {"http": {"host": host}, "twilio": twilio})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "bot.example.com"])
def test_in_public_there_is_a_token_or_no_stream(host: str) -> None:
    assert twilio_auth(config(host)) is None
    with pytest.raises(UserError) as caught:
        twilio_auth(config(host, public_url=PUBLIC_URL))
    (problem,) = caught.value.problems
    assert "auth token" in problem.why and "AUTH_TOKEN" in problem.todo
    auth = twilio_auth(config(host, **guarded()))
    assert auth is not None
    assert not auth.unauthenticated


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_on_loopback_streams_are_unauthenticated_until_there_is_a_token(host: str) -> None:
    auth = twilio_auth(config(host))
    assert auth is not None
    assert auth.unauthenticated
    guarded_auth = twilio_auth(config(host, **guarded()))
    assert guarded_auth is not None
    assert not guarded_auth.unauthenticated


def test_a_token_needs_the_public_url() -> None:
    with pytest.raises(UserError) as caught:
        twilio_auth(config("127.0.0.1", auth_token=AUTH_TOKEN))
    assert "PUBLIC_URL" in caught.value.problems[0].todo


def test_the_token_is_never_shown() -> None:
    found = config("127.0.0.1", **guarded())
    assert AUTH_TOKEN not in str(found) + repr(found) + str(found.redacted())
    with pytest.raises(UserError) as caught:
        config("127.0.0.1", auth_token="x" * 300)
    assert "xxx" not in str(caught.value)
    with pytest.raises((UserError, ValidationError)):
        config("127.0.0.1", public_url="ftp://bot.example.com")
