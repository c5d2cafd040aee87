"""One script over every carrier's media stream, against a whole node: greeting, turn, interruption, keys, end."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from offhook.api.call import Call
from offhook.pipeline.trace import BargedIn, BotSpoke, DialogState, SessionEvent
from offhook.process.local_bot import LocalBot
from offhook.telephony import tones
from offhook.testing.carrier import Carrier
from offhook.testing.carrier.dialects import (
    PlainCarrier,
    PlivoCarrier,
    SignalwireCarrier,
    TelnyxCarrier,
    VonageCarrier,
    WideVonageCarrier,
)
from tests.offhook.carriers.test_stream_call import LONG, WITHIN_S, node, records, until

CARRIERS: dict[str, tuple[str, type[Carrier]]] = {
    "twilio": ("twilio", Carrier),
    "signalwire": ("signalwire", SignalwireCarrier),
    "telnyx": ("telnyx", TelnyxCarrier),
    "plivo": ("plivo", PlivoCarrier),
    "vonage": ("vonage", VonageCarrier),
    "vonage at 16 kHz": ("vonage", WideVonageCarrier),
    "plain": ("plain", PlainCarrier),
}
NO_STOP = ("plivo", "vonage")


@pytest.fixture
def heard() -> list[SessionEvent]:
    return []


@pytest.fixture
async def bot(tmp_path: Path, heard: list[SessionEvent]) -> AsyncIterator[LocalBot]:
    async def talk(call: Call) -> None:
        await call.ask(LONG, no_input_ms=60_000)
        digits = await call.ask("Which keys?", digits=2, no_input_ms=60_000)
        call.enter(digits.digits)

    async with node(tmp_path, talk) as found:
        found.listeners.append(lambda _, event: heard.append(event))
        yield found


def url(bot: LocalBot, carrier: str) -> str:
    assert bot.http_address is not None
    return "ws://{}:{}/{}/media".format(*bot.http_address, carrier)


@pytest.mark.alone  # no gap in what is heard, in a process that other tests have filled
@pytest.mark.parametrize("name", CARRIERS)
async def test_the_same_call_over_every_carrier(bot: LocalBot, heard: list[SessionEvent], name: str) -> None:
    carrier, kind = CARRIERS[name]
    call = await kind.dial(url(bot, carrier), call_sid="C1", parameters={"from": "+1555", "to": "+1666"})
    async with asyncio.timeout(3 * WITHIN_S):
        await call.listen_for(0.5)
        await call.say(tones.noise(600, level_dbfs=-15))
        await until(lambda: any(isinstance(event, BargedIn) for event in heard))
        assert call.log.clears >= 1
        await until(lambda: sum(isinstance(event, BotSpoke) for event in heard) >= 2)
        await call.press("42")
        code, _ = await call.closed_by_bot(WITHIN_S)
    assert code == 1000
    (record,) = await records(bot)
    assert (record.src, record.dst, record.call_id) == ("+1555", "+1666", "C1")
    assert (str(record.ended_by), record.turns) == ("bot", 2)
    assert [event.name for event in heard if isinstance(event, DialogState)] == ["42"]
    assert call.buffer.gaps_s == []
    assert record.rtp["marks_echoed"] > 0


@pytest.mark.parametrize("name", CARRIERS)
async def test_the_caller_hangs_up(bot: LocalBot, name: str) -> None:
    carrier, kind = CARRIERS[name]
    call = await kind.dial(url(bot, carrier))
    async with asyncio.timeout(WITHIN_S):
        await call.listen_for(0.2)
        await call.hang_up()
    (record,) = await records(bot)
    assert (str(record.ended_by), record.end_reason) == ("caller", "caller hung up")


@pytest.mark.parametrize("name", CARRIERS)
async def test_a_connection_that_breaks_is_no_caller_who_hangs_up(bot: LocalBot, name: str) -> None:
    carrier, kind = CARRIERS[name]
    call = await kind.dial(url(bot, carrier))
    async with asyncio.timeout(WITHIN_S):
        await call.listen_for(0.2)
    call.drop()
    (record,) = await records(bot)
    assert str(record.ended_by) == "network"


@pytest.mark.parametrize("carrier", ["twilio", "signalwire", "telnyx", "plivo"])
async def test_binary_messages_are_for_those_that_send_audio_in_them(bot: LocalBot, carrier: str) -> None:
    async with asyncio.timeout(WITHIN_S), connect(url(bot, carrier), proxy=None) as far_end:
        await far_end.send([b"\x00", b"\x01"])
        await far_end.wait_closed()
        assert far_end.close_code == 1003


async def test_audio_may_come_in_fragments(bot: LocalBot) -> None:
    start = {"event": "start", "call": "C1", "encoding": "alaw", "rate": 8000}
    async with asyncio.timeout(WITHIN_S), connect(url(bot, "plain"), proxy=None) as far_end:
        await far_end.send(json.dumps(start))
        await far_end.send([b"\xd5" * 80, b"\xd5" * 80])
        said = await far_end.recv()
        assert isinstance(said, bytes)
        assert len(said) >= 160
        await far_end.send('{"event":"stop"}')
        await far_end.wait_closed()
    (record,) = await records(bot)
    assert record.rtp["packets_received"] == 1


async def test_a_line_that_is_typed_answers_and_is_recorded_as_typed(bot: LocalBot, heard: list[SessionEvent]) -> None:
    call = await PlainCarrier.dial(url(bot, "plain"), call_sid="C1")
    async with asyncio.timeout(3 * WITHIN_S):
        await call.listen_for(0.3)
        await call.type("\x1b[2J")  # no line, and no end of the call
        await call.type("opening hours, please")
        await until(lambda: sum(isinstance(event, BotSpoke) for event in heard) >= 2)
        assert call.log.clears >= 1
        await call.type("42")
        assert (await call.closed_by_bot(WITHIN_S))[0] == 1000
    (record,) = await records(bot)
    assert [event.name for event in heard if isinstance(event, DialogState)] == ["42"]
    lines = bot.store.transcript(record.uniqueid)
    said = [(line.text, line.typed, line.confidence) for line in lines if line.who == "caller"]
    assert said == [("opening hours, please", True, 1.0), ("[keys: 2]", True, None)]
