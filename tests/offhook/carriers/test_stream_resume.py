"""A stream that is lost, and the one that takes its place."""

import asyncio
import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import pytest

from offhook.api.call import Call
from offhook.process.local_bot import LocalBot
from offhook.telephony import tones
from offhook.testing.carrier import Carrier
from tests.offhook.carriers.test_stream_call import LONG, WITHIN_S, records, until
from tests.offhook.carriers.test_twilio_rest import FIELDS, going_on
from tests.offhook.carriers.twilio_account import (
    CALL_SID,
    account,
    connect,
    webhook,
)


async def talk_on(call: Call) -> None:
    while True:
        await call.ask(LONG, no_input_ms=60_000)


async def ask_again(call: Carrier, bot: LocalBot, path: str = "/twilio/resume") -> bytes:
    assert bot.http_address is not None
    return await webhook("http://{}:{}".format(*bot.http_address), path, FIELDS | {"CallStatus": "in-progress"})


async def test_a_call_whose_connection_breaks_goes_on_with_another_stream(tmp_path: Path) -> None:
    async with account() as twilio, going_on(tmp_path, talk_on, twilio) as (bot, first):
        async with asyncio.timeout(WITHIN_S):
            await first.listen_for(1.0)
        first.drop()
        await until(lambda: '"suspended"' in json.dumps(bot.host.dump(), default=str))
        assert bot.http_address is not None
        base = "http://{}:{}".format(*bot.http_address)
        second = await connect(base, FIELDS, "/twilio/resume")
        async with asyncio.timeout(WITHIN_S):
            await second.listen_for(0.5)
            await second.say(tones.noise(600, level_dbfs=-15))
            await second.listen_for(0.2)
        assert second.log.clears >= 1, "the caller is heard"
        await second.hang_up()
        (record,) = await records(bot)
        assert len(bot.store.calls()) == 1
    assert (str(record.ended_by), record.end_reason, record.barge_ins) == ("caller", "caller hung up", 1)
    assert len(first.log.played) + len(second.log.played) >= 8_000


async def test_a_call_that_resumes_needs_no_new_place(tmp_path: Path) -> None:
    async with account() as twilio, going_on(tmp_path, talk_on, twilio, max_calls=1) as (bot, first):
        await asyncio.wait_for(first.listen_for(0.2), WITHIN_S)
        first.drop()
        await until(lambda: '"suspended"' in json.dumps(bot.host.dump(), default=str))
        assert bot.http_address is not None
        second = await connect("http://{}:{}".format(*bot.http_address), FIELDS, "/twilio/resume")
        await asyncio.wait_for(second.listen_for(0.2), WITHIN_S)
        await second.hang_up()
        assert len(await records(bot)) == 1


async def test_to_know_a_calls_name_takes_nothing_over(tmp_path: Path) -> None:
    async with account() as twilio, going_on(tmp_path, talk_on, twilio) as (bot, first):
        await asyncio.wait_for(first.listen_for(0.2), WITHIN_S)
        first.drop()
        await until(lambda: '"suspended"' in json.dumps(bot.host.dump(), default=str))
        assert bot.http_address is not None
        host = "{}:{}".format(*bot.http_address)
        stranger = await Carrier.dial(f"ws://{host}/signalwire/media", call_sid=CALL_SID)
        assert await stranger.closed_by_bot(WITHIN_S) == (1008, "the call has a stream already")
        second = await connect(f"http://{host}", FIELDS, "/twilio/resume")
        await asyncio.wait_for(second.listen_for(0.2), WITHIN_S)
        await second.hang_up()


async def test_who_asks_before_the_break_is_noticed_takes_over_at_once(tmp_path: Path) -> None:
    async with account() as twilio, going_on(tmp_path, talk_on, twilio) as (bot, first):
        await asyncio.wait_for(first.listen_for(0.5), WITHIN_S)
        assert bot.http_address is not None
        second = await connect("http://{}:{}".format(*bot.http_address), FIELDS, "/twilio/resume")
        await asyncio.wait_for(second.listen_for(0.3), WITHIN_S)
        assert (await first.closed_by_bot(WITHIN_S))[0] == 1001
        await second.hang_up()
        assert len(await records(bot)) == 1


async def test_when_nobody_comes_back_the_call_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.carriers.stream_call.RESUME_S", 0.3)
    async with account() as twilio, going_on(tmp_path, talk_on, twilio) as (bot, call):
        await asyncio.wait_for(call.listen_for(0.2), WITHIN_S)
        call.drop()
        (record,) = await records(bot)
        assert b"Hangup" in await ask_again(call, bot)
    assert str(record.ended_by) == "network"
    assert "none replaced it" in (record.end_reason or "")


async def test_when_the_carrier_says_that_the_call_is_over_nobody_is_waited_for(tmp_path: Path) -> None:
    async with account() as twilio, going_on(tmp_path, talk_on, twilio) as (bot, call):
        await asyncio.wait_for(call.listen_for(0.2), WITHIN_S)
        call.drop()
        await until(lambda: '"suspended"' in json.dumps(bot.host.dump(), default=str))
        assert bot.http_address is not None
        status = FIELDS | {"CallStatus": "completed"}
        await webhook("http://{}:{}".format(*bot.http_address), "/twilio/status", status)
        (record,) = await records(bot)
    assert (str(record.ended_by), record.end_reason) == ("caller", "caller hung up")


async def test_a_call_that_the_bot_has_ended_gets_no_other_stream(tmp_path: Path) -> None:
    async def talk(call: Call) -> None:
        await call.say("Goodbye.")

    async with account() as twilio, going_on(tmp_path, talk, twilio) as (bot, call):
        await call.closed_by_bot(WITHIN_S)
        assert b"Hangup" in await ask_again(call, bot)


async def test_a_second_stream_without_a_break_is_refused(tmp_path: Path) -> None:
    async with account() as twilio, going_on(tmp_path, talk_on, twilio) as (bot, first):
        await asyncio.wait_for(first.listen_for(0.2), WITHIN_S)
        assert bot.http_address is not None
        second = await connect("http://{}:{}".format(*bot.http_address), FIELDS)
        assert await second.closed_by_bot(WITHIN_S) == (1008, "the call has a stream already")
        assert not first.over.is_set()
        await first.hang_up()


async def test_a_webhook_that_is_not_signed_resumes_nothing(tmp_path: Path) -> None:
    async with account() as twilio, going_on(tmp_path, talk_on, twilio) as (bot, call):
        assert bot.http_address is not None
        request = UrlRequest("http://{}:{}/twilio/resume".format(*bot.http_address), b"CallSid=" + CALL_SID.encode())
        with pytest.raises(HTTPError, match="403"):
            await asyncio.to_thread(urlopen, request)
        await call.hang_up()
