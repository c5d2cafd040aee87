import hashlib
from collections.abc import AsyncIterator
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from structlog.testing import capture_logs

from offhook.telephony.media_streams.signature import sign
from tests.offhook.web.forgeries import CALL, GOOD, LISTS, SIGNATURES, URL
from tests.offhook.web.streams import AUTH_TOKEN, PUBLIC_URL, Front, front, guarded

FORM = "application/x-www-form-urlencoded"
JSON = b'{"CallSid":"CA1"}'


@pytest.fixture
async def public() -> AsyncIterator[Front]:
    async with front(**guarded()) as found:
        yield found


async def test_a_signed_webhook_says_where_to_connect_the_call(public: Front) -> None:
    answer = await public.signed_webhook(CALL)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/xml")
    stream = ElementTree.fromstring(answer.body).find("Connect/Stream")
    assert stream is not None
    assert stream.get("url", "").startswith("wss://bot.example.com/twilio/media/")
    other = ElementTree.fromstring((await public.signed_webhook(CALL | {"CallSid": "CA2"})).body).find("Connect/Stream")
    assert other is not None
    assert other.get("url") != stream.get("url")


@pytest.mark.parametrize("case", SIGNATURES)
async def test_a_webhook_that_twilio_has_not_signed_is_refused(public: Front, case: str) -> None:
    answer = await public.webhook(CALL, SIGNATURES[case])
    assert (answer.status, answer.body) == (403, b"")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "http"},
        {"X-Original-URL": "https://evil.example/twilio/voice"},
    ],
)
async def test_the_url_is_the_configured_one_whatever_the_request_says(public: Front, headers: dict[str, str]) -> None:
    evil = sign(AUTH_TOKEN, "https://evil.example/twilio/voice", LISTS)
    assert (await public.webhook(CALL, {**headers, "X-Twilio-Signature": evil})).status == 403
    assert (await public.webhook(CALL, {**headers, "X-Twilio-Signature": GOOD})).status == 200


async def test_the_order_of_the_fields_does_not_matter(public: Front) -> None:
    answer = await public.webhook(dict(reversed(CALL.items())), {"X-Twilio-Signature": GOOD})
    assert answer.status == 200


@pytest.mark.parametrize("port", ["", ":443"])
async def test_the_default_port_does_not_matter(public: Front, port: str) -> None:
    signature = sign(AUTH_TOKEN, URL.replace(".com", ".com" + port), LISTS)
    assert (await public.webhook(CALL, {"X-Twilio-Signature": signature})).status == 200


async def test_fields_that_come_twice_are_all_signed(public: Front) -> None:
    body = urlencode([*CALL.items(), ("CallSid", "CA2")]).encode()
    headers = {"Content-Type": FORM, "X-Twilio-Signature": GOOD}
    assert (await public.ask("POST", "/twilio/voice", headers, body)).status == 403
    both = sign(AUTH_TOKEN, URL, LISTS | {"CallSid": ["CA1", "CA2"]})
    answer = await public.ask("POST", "/twilio/voice", headers | {"X-Twilio-Signature": both}, body)
    assert answer.status == 400, "a call has one name"


async def test_of_a_caller_that_is_named_twice_the_first_counts(public: Front) -> None:
    fields = LISTS | {"From": ["+14155550100", "+14155550101"]}
    body = urlencode([(name, value) for name, values in fields.items() for value in values]).encode()
    headers = {"Content-Type": FORM, "X-Twilio-Signature": sign(AUTH_TOKEN, URL, fields)}
    answer = await public.ask("POST", "/twilio/voice", headers, body)
    stream = ElementTree.fromstring(answer.body).find("Connect/Stream")
    assert stream is not None
    path = stream.get("url", "").removeprefix("wss://bot.example.com")
    signature = sign(AUTH_TOKEN, f"wss://bot.example.com{path}")
    assert (await public.upgrade(path, {"X-Twilio-Signature": signature})).status == 101
    assert public.taken[0][1]["caller"] == "+14155550100"


async def test_a_webhook_by_get_says_what_to_change(public: Front) -> None:
    with capture_logs() as lines:
        answer = await public.ask("GET", "/twilio/voice?CallSid=CA1", {})
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert [line for line in lines if "POST" in str(line.get("why"))]


async def test_json_needs_its_digest_and_is_not_understood(public: Front) -> None:
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": sign(AUTH_TOKEN, URL)}
    assert (await public.ask("POST", "/twilio/voice", headers, JSON)).status == 403
    path = f"/twilio/voice?bodySHA256={hashlib.sha256(JSON).hexdigest()}"
    headers["X-Twilio-Signature"] = sign(AUTH_TOKEN, PUBLIC_URL + path)
    assert (await public.ask("POST", path, headers, JSON + b" ")).status == 403
    assert (await public.ask("POST", path, headers, JSON)).status == 415


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a" * 70_000, 413),
        (b"&".join(b"a=%d" % n for n in range(300)), 400),
        (b"not a form", 400),
        (b"CallSid=%ff", 400),
        (b"\xff", 400),
    ],
)
async def test_bodies_are_limited(public: Front, body: bytes, status: int) -> None:
    assert (await public.ask("POST", "/twilio/voice", {"Content-Type": FORM}, body)).status == status


@pytest.mark.parametrize("fields", [{}, {"From": "x"}, {"CallSid": ""}, {"CallSid": "C" * 257}, {"CallSid": "C\x00"}])
async def test_a_webhook_without_a_call_is_refused(public: Front, fields: dict[str, str]) -> None:
    assert (await public.signed_webhook(fields)).status in (400, 403)


async def test_a_full_bot_is_busy(public: Front) -> None:
    public.busy = "full"
    answer = await public.signed_webhook(CALL)
    assert answer.status == 200
    assert public.turned_away == 1
    reject = ElementTree.fromstring(answer.body).find("Reject")
    assert reject is not None
    assert reject.get("reason") == "busy"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods_are_none(public: Front, method: str) -> None:
    assert (await public.ask(method, "/twilio/voice", {})).status == 405


async def test_the_same_webhook_again_and_again_leaves_one_ticket(public: Front) -> None:
    urls = []
    for _ in range(100):
        stream = ElementTree.fromstring((await public.signed_webhook(CALL)).body).find("Connect/Stream")
        assert stream is not None
        urls.append(stream.get("url", "").removeprefix("wss://bot.example.com"))
    for path in urls[:-1]:
        signature = sign(AUTH_TOKEN, f"wss://bot.example.com{path}")
        assert (await public.upgrade(path, {"X-Twilio-Signature": signature})).status == 403
    assert public.taken == []
    signature = sign(AUTH_TOKEN, f"wss://bot.example.com{urls[-1]}")
    assert (await public.upgrade(urls[-1], {"X-Twilio-Signature": signature})).status == 101


async def test_a_call_that_is_over_comes_in_no_more(public: Front) -> None:
    stream = ElementTree.fromstring((await public.signed_webhook(CALL)).body).find("Connect/Stream")
    assert stream is not None
    path = stream.get("url", "").removeprefix("wss://bot.example.com")
    over = {"CallSid": "CA1", "CallStatus": "completed"}
    assert (await public.webhook(over, {}, "/twilio/status")).status == 403
    for _ in range(3):
        assert (await public.signed_webhook(over, "/twilio/status")).status == 204
    signature = sign(AUTH_TOKEN, f"wss://bot.example.com{path}")
    assert (await public.upgrade(path, {"X-Twilio-Signature": signature})).status == 403


async def test_twilio_gets_a_url_to_ask_when_the_stream_has_ended(public: Front) -> None:
    connect = ElementTree.fromstring((await public.signed_webhook(CALL)).body).find("Connect")
    assert connect is not None
    assert connect.get("action") == f"{PUBLIC_URL}/twilio/resume"
    assert (await public.webhook(CALL, {}, "/twilio/resume")).status == 403
    over = ElementTree.fromstring((await public.signed_webhook(CALL, "/twilio/resume")).body)
    assert [each.tag for each in over] == ["Hangup"]
    public.waiting.add("CA1")
    again = ElementTree.fromstring((await public.signed_webhook(CALL, "/twilio/resume")).body).find("Connect/Stream")
    assert again is not None
    path = again.get("url", "").removeprefix("wss://bot.example.com")
    assert (await public.upgrade(path, {"X-Twilio-Signature": sign(AUTH_TOKEN, again.get("url", ""))})).status == 101
    ((_, meta),) = public.taken
    assert (meta["call_sid"], meta["resumes"]) == ("CA1", "1")


async def test_what_becomes_of_a_call_is_passed_on(public: Front) -> None:
    for status in ("ringing", "completed"):
        assert (await public.signed_webhook(CALL | {"CallStatus": status}, "/twilio/status")).status == 204
    assert (await public.webhook(CALL | {"CallStatus": "busy"}, {}, "/twilio/status")).status == 403
    assert public.statuses == [("CA1", "ringing"), ("CA1", "completed")]


async def test_the_ticket_of_a_call_that_we_placed_says_so(public: Front) -> None:
    fields = CALL | {"Direction": "outbound-api", "AnsweredBy": "machine_start"}
    stream = ElementTree.fromstring((await public.signed_webhook(fields)).body).find("Connect/Stream")
    assert stream is not None
    url = stream.get("url", "")
    signature = sign(AUTH_TOKEN, url)
    answer = await public.upgrade(url.removeprefix("wss://bot.example.com"), {"X-Twilio-Signature": signature})
    assert answer.status == 101
    ((_, meta),) = public.taken
    assert (meta["direction"], meta["answered_by"]) == ("outbound", "machine_start")


async def test_without_a_token_programs_on_this_machine_may_ask() -> None:
    async with front() as local:
        answer = await local.webhook(CALL)
        stream = ElementTree.fromstring(answer.body).find("Connect/Stream")
        assert stream is not None
        assert stream.get("url") == f"ws://127.0.0.1:{local.port}/twilio/media"
        values = {each.get("name"): each.get("value") for each in stream}
        assert values == {"from": "+14155550100", "to": "+14155550199"}


@pytest.mark.parametrize(
    "headers", [{"Host": "bot.example.com"}, {"X-Forwarded-For": "203.0.113.7"}, {"Origin": "https://evil.example"}]
)
async def test_without_a_token_nobody_else_may(headers: dict[str, str]) -> None:
    async with front() as local:
        assert (await local.webhook(CALL, headers)).status == 403
