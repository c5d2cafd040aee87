"""Calls over a media stream against a whole node, from the carrier's side."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from websockets.asyncio.client import connect

from offhook.api.call import Call, Dialog
from offhook.observe.health import Readiness
from offhook.pipeline.events import DigitRule
from offhook.pipeline.trace import BargedIn, BotHeard, SessionEvent
from offhook.process.local_bot import LocalBot
from offhook.records import CallRecord
from offhook.settings.config import Config
from offhook.telephony import tones
from offhook.testing.carrier import Carrier, ask_webhook
from offhook.testing.sip_caller import CallFailedError
from tests.offhook.bots import LIGHT_ENGINES
from tests.ports import own_rtp

WITHIN_S = 10.0
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
LONG = "This is a long sentence that goes on for quite some time, so that it can be interrupted."


@asynccontextmanager
async def node(directory: Path, dialog: Dialog, **settings: dict[str, object]) -> AsyncIterator[LocalBot]:
    base: dict[str, dict[str, object]] = {
        **LIGHT_ENGINES,
        "sip": {"host": "127.0.0.1", "port": 0},
        "http": {"host": "127.0.0.1", "port": 0},
        "records": {"dir": directory, "record_audio": True},
    }
    config = Config.load(None, {**base, **settings})
    found = LocalBot(config, dialog)
    await found.start()
    try:
        yield found
    finally:
        await found.stop()


def url(bot: LocalBot) -> str:
    assert bot.http_address is not None
    host, port = bot.http_address
    return f"ws://{host}:{port}/twilio/media"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    deadline = monotonic() + WITHIN_S
    while not condition():
        assert monotonic() < deadline
        await asyncio.sleep(0.02)


async def records(bot: LocalBot, many: int = 1) -> list[CallRecord]:
    """The finished records, once there are that many."""
    await bot.idle()
    await until(lambda: sum(record.end is not None for record in bot.store.calls()) >= many)
    return [record for record in bot.store.calls() if record.end is not None]


def recorded(directory: Path) -> list[int]:
    """The sizes of the recordings, in bytes."""
    return [path.stat().st_size for path in directory.glob("**/*.wav")]


async def talk(call: Call) -> None:
    while True:
        await call.ask(LONG, no_input_ms=60_000)


async def once(call: Call) -> None:
    await call.say("Goodbye.")


async def test_the_bot_speaks_and_the_caller_hangs_up(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        call = await Carrier.dial(url(bot), call_sid="CA1", parameters={"from": "+1555", "to": "+1666", "x": "y"})
        async with asyncio.timeout(WITHIN_S):
            await call.listen_for(0.5)
        await call.hang_up()
        (record,) = await records(bot)
        assert (record.src, record.dst, record.call_id, record.transport) == ("+1555", "+1666", "CA1", "ws")
        assert (str(record.ended_by), record.end_reason) == ("caller", "caller hung up")
        assert record.rtp["packets_sent"] > 0
        assert record.rtp["packets_received"] > 20
    (size,) = recorded(tmp_path)
    assert size > 8_000


@pytest.mark.parametrize("name", ["v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdU/KyZQ==", 'a "name" with $SID, ü and spaces'])
async def test_a_call_has_whatever_name_its_carrier_gives_it(tmp_path: Path, name: str) -> None:
    async with node(tmp_path, once) as bot:
        call = await Carrier.dial(url(bot), call_sid=name)
        assert await call.closed_by_bot(10) == (1000, "")
        assert call.log.media
        (record,) = await records(bot)
    assert record.call_id == name


async def test_one_odd_event_ends_no_call(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        call = await Carrier.dial(url(bot))
        await call.listen_for(0.1)
        for odd in ({"digit": "w"}, {"digit": ["5"]}, {}):
            await call.send("dtmf", **odd)
        await call.send("mark", name={})
        await call.send("notify")
        await call.send_raw('{"event":"media","media":{"payload":"//8=","chunk":"x","timestamp":1.5}}')
        await asyncio.sleep(0.3)
        assert not call.over.is_set()
        await call.hang_up()
        (record,) = await records(bot)
    assert record.ended_by == "caller"


async def test_the_bot_hangs_up_when_all_was_played(tmp_path: Path) -> None:
    async with node(tmp_path, once) as bot:
        call = await Carrier.dial(url(bot))
        code, _ = await call.closed_by_bot(WITHIN_S)
        assert code == 1000
        assert call.log.clears == 0
        assert call.log.marks >= 1
        (record,) = await records(bot)
        assert str(record.ended_by) == "bot"
        assert len(call.log.played) == record.rtp["octets_sent"]


async def test_a_caller_interrupts_and_the_bot_knows_what_was_played(tmp_path: Path) -> None:
    events: list[SessionEvent] = []
    async with node(tmp_path, talk) as bot:
        bot.listeners.append(lambda _, event: events.append(event))
        call = await Carrier.dial(url(bot))
        async with asyncio.timeout(WITHIN_S):
            await call.listen_for(1.0)
            await call.say(tones.noise(600, level_dbfs=-15))
            await until(lambda: any(isinstance(event, BargedIn) for event in events))
        assert call.log.clears >= 1
        interrupted = next(event for event in events if isinstance(event, BargedIn))
        assert interrupted.playback.interrupted
        assert interrupted.playback.text_unplayed
        await call.hang_up()


async def test_keys_reach_the_dialog(tmp_path: Path) -> None:
    got: asyncio.Queue[str] = asyncio.Queue()

    async def ask(call: Call) -> None:
        got.put_nowait((await call.ask(LONG, digits=DigitRule(4, 4), no_input_ms=60_000)).digits)

    async with node(tmp_path, ask) as bot:
        call = await Carrier.dial(url(bot))
        async with asyncio.timeout(WITHIN_S):
            await call.listen_for(0.2)
            await call.press("1290")
            assert await got.get() == "1290"
            await call.closed_by_bot(WITHIN_S)


async def test_parameters_are_the_calls_headers(tmp_path: Path) -> None:
    got: asyncio.Queue[tuple[str, str, dict[str, str]]] = asyncio.Queue()

    async def look(call: Call) -> None:
        got.put_nowait((call.caller, call.called, dict(call.headers)))

    async with node(tmp_path, look) as bot:
        call = await Carrier.dial(url(bot), parameters={"caller": "7", "client": "browser"})
        assert await asyncio.wait_for(got.get(), WITHIN_S) == ("7", "", {"caller": "7", "client": "browser"})
        await call.closed_by_bot(WITHIN_S)


async def test_a_lost_connection_ends_the_call(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        call = await Carrier.dial(url(bot))
        await asyncio.wait_for(call.listen_for(0.1), WITHIN_S)
        call.drop()
        (record,) = await records(bot)
        assert str(record.ended_by) == "network"
        assert record.end_reason is not None
        assert record.end_reason.startswith("the stream was lost")


async def test_a_second_socket_for_a_call_is_refused(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        first = await Carrier.dial(url(bot), call_sid="CA1")
        await asyncio.wait_for(first.listen_for(0.1), WITHIN_S)
        second = await Carrier.dial(url(bot), call_sid="CA1")
        code, reason = await second.closed_by_bot(WITHIN_S)
        assert (code, reason) == (1008, "the call has a stream already")
        assert second.log.media == 0
        assert b'offhook_calls_refused_total{reason="stream"} 1.0' in await bot.status.metrics()
        assert not first.over.is_set()
        await first.hang_up()
        assert len(await records(bot)) == 1
        third = await Carrier.dial(url(bot), call_sid="CA1")
        await asyncio.wait_for(third.listen_for(0.1), WITHIN_S)
        await third.hang_up()


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["no json"], 1008),
        (['{"event":"start","start":{}}'], 1008),
        (['{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1","mediaFormat":{"channels":2}}}'], 1003),
        (["x" * 70_000], 1009),
        ([b"\x00\x01"], 1003),
    ],
)
async def test_who_breaks_the_protocol_is_closed(tmp_path: Path, texts: list[str | bytes], code: int) -> None:
    async with node(tmp_path, talk) as bot, asyncio.timeout(WITHIN_S):
        async with connect(url(bot), compression=None, proxy=None) as far_end:
            for text in texts:
                await far_end.send(text)
            await far_end.wait_closed()
            assert far_end.close_code == code
        await bot.idle()
        assert bot.store.calls() == []


async def test_fragments_pings_and_a_close(tmp_path: Path) -> None:
    start = json.dumps({"event": "start", "streamSid": "MZ1", "start": {"callSid": "CA1"}})
    async with node(tmp_path, talk) as bot, asyncio.timeout(WITHIN_S):
        async with connect(url(bot), proxy=None) as far_end:
            assert far_end.protocol.extensions == [], "compression is declined"
            await far_end.send([start[:7], start[7:30], start[30:]])
            assert json.loads(await far_end.recv())["event"] == "media"
            await (await far_end.ping())
        (record,) = await records(bot)
        assert str(record.ended_by) == "network"


async def test_media_after_stop_and_a_second_stop_change_nothing(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        call = await Carrier.dial(url(bot))
        await asyncio.wait_for(call.listen_for(0.1), WITHIN_S)
        for event in ("stop", "stop"):
            await call.send(event)
        with_stop = await call.closed_by_bot(WITHIN_S)
        assert with_stop[0] == 1000
        (record,) = await records(bot)
        assert record.end_reason == "caller hung up"


async def test_when_there_are_as_many_calls_as_allowed(tmp_path: Path) -> None:
    async with node(tmp_path, talk, calls={"max_calls": 1}) as bot:
        first = await Carrier.dial(url(bot))
        await asyncio.wait_for(first.listen_for(0.1), WITHIN_S)
        with pytest.raises(CallFailedError, match="503"):
            await Carrier.dial(url(bot))
        await first.hang_up()
        await bot.idle()
        again = await Carrier.dial(url(bot))
        await again.hang_up()


async def test_streams_need_no_media_ports(tmp_path: Path) -> None:
    async with node(tmp_path, talk, rtp=own_rtp(1)) as bot:
        calls = [await Carrier.dial(url(bot)) for _ in range(3)]
        for call in calls:
            await asyncio.wait_for(call.listen_for(0.1), WITHIN_S)
        assert bot.status.ready().state is Readiness.READY
        for call in calls:
            await call.hang_up()


async def test_stopping_the_bot_ends_its_calls(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        call = await Carrier.dial(url(bot))
        await asyncio.wait_for(call.listen_for(0.1), WITHIN_S)
    assert call.over.is_set() or (await call.closed_by_bot(WITHIN_S))[0] == 1000


async def test_a_failed_dialog_ends_its_call(tmp_path: Path) -> None:
    async def fail(call: Call) -> None:
        raise RuntimeError("on purpose")

    async with node(tmp_path, fail) as bot:
        call = await Carrier.dial(url(bot))
        await call.closed_by_bot(WITHIN_S)
        (record,) = await records(bot)
        assert record.end_reason == "the dialog failed"


async def test_the_whole_way_with_signatures(tmp_path: Path) -> None:
    public = "https://bot.example.com"
    heard: list[BotHeard] = []
    async with node(tmp_path, once, twilio={"auth_token": AUTH_TOKEN, "public_url": public}) as bot:
        bot.listeners.append(lambda _, event: heard.append(event) if isinstance(event, BotHeard) else None)
        assert bot.http_address is not None
        local = "http://{}:{}".format(*bot.http_address)
        fields = {"CallSid": "CA9", "From": "+14155550100", "To": "+14155550199"}
        twiml_url = await asyncio.to_thread(
            ask_webhook,
            f"{local}/twilio/voice",
            fields,
            auth_token=AUTH_TOKEN,
            signed_url=f"{public}/twilio/voice",
        )
        here = twiml_url.replace("wss://bot.example.com", local.replace("http", "ws"))
        with pytest.raises(CallFailedError, match="403"):
            await Carrier.dial(here, call_sid="CA9", auth_token=AUTH_TOKEN)
        call = await Carrier.dial(here, call_sid="CA9", auth_token=AUTH_TOKEN, signed_url=twiml_url)
        await call.closed_by_bot(WITHIN_S)
        (record,) = await records(bot)
        assert (record.src, record.call_id) == ("+14155550100", "CA9")
        assert [event.playback.text_played for event in heard] == ["Goodbye."]


async def test_a_ticket_is_for_its_call(tmp_path: Path) -> None:
    public = "https://bot.example.com"
    async with node(tmp_path, once, twilio={"auth_token": AUTH_TOKEN, "public_url": public}) as bot:
        assert bot.http_address is not None
        local = "http://{}:{}".format(*bot.http_address)
        twiml_url = await asyncio.to_thread(
            ask_webhook,
            f"{local}/twilio/voice",
            {"CallSid": "CA9"},
            auth_token=AUTH_TOKEN,
            signed_url=f"{public}/twilio/voice",
        )
        here = twiml_url.replace("wss://bot.example.com", local.replace("http", "ws"))
        call = await Carrier.dial(here, call_sid="CA8", auth_token=AUTH_TOKEN, signed_url=twiml_url)
        assert (await call.closed_by_bot(WITHIN_S))[0] == 1008
        await bot.idle()
        assert bot.store.calls() == []


async def test_a_far_end_that_does_not_read_costs_nothing_but_its_own_audio(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        slow, quick = await Carrier.dial(url(bot)), await Carrier.dial(url(bot))
        slow.stalled.set()
        await asyncio.wait_for(quick.listen_for(1.0), WITHIN_S)
        assert quick.buffer.gaps_s == []
        slow.stalled.clear()
        await asyncio.wait_for(slow.listen_for(0.1), WITHIN_S)
        await slow.hang_up()
        await quick.hang_up()
        assert len(await records(bot, 2)) == 2
