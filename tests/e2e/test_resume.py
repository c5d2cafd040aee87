"""A stream that breaks off, and the one that takes its place, against `offhook serve` with several workers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.testing.carrier.dialects import TelnyxCarrier
from tests.e2e.conftest import BotProcess
from tests.offhook.carriers.twilio_account import AUTH_TOKEN, CALL_SID, connect, webhook
from tests.ports import own_port

WITHIN_S = 10.0
FIELDS = {"CallSid": CALL_SID, "From": "+1555", "To": "+1666"}


def start(directory: Path, port: int) -> BotProcess:
    return BotProcess(
        directory,
        "--bench-engines",
        "--workers",
        "2",
        "--http",
        f"127.0.0.1:{port}",
        OFFHOOK_TWILIO__AUTH_TOKEN=AUTH_TOKEN,
        OFFHOOK_TWILIO__PUBLIC_URL=f"http://127.0.0.1:{port}",
    )


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[BotProcess]:
    port = own_port()
    found = await asyncio.to_thread(start, tmp_path, port)
    try:
        yield found
    finally:
        found.close()


async def ended(bot: BotProcess, many: int) -> list[dict[str, object]]:
    await asyncio.to_thread(bot.wait_for, lambda: sum(row["end"] is not None for row in bot.records()) == many)
    return bot.records()


async def test_the_other_stream_finds_its_worker(bot: BotProcess) -> None:
    base = f"http://{bot.http}"
    for _ in range(3):
        first = await connect(base, FIELDS)
        await asyncio.wait_for(first.listen_for(0.5), WITHIN_S)
        first.drop()
        second = await connect(base, FIELDS, "/twilio/resume")
        await asyncio.wait_for(second.listen_for(0.5), WITHIN_S)
        await second.hang_up()
    rows = await ended(bot, 3)
    assert {(row["ended_by"], row["end_reason"], row["call_id"]) for row in rows} == {
        ("caller", "caller hung up", CALL_SID)
    }
    assert b"Hangup" in await webhook(base, "/twilio/resume", FIELDS)


async def test_the_worker_hears_that_the_call_is_over(bot: BotProcess) -> None:
    base = f"http://{bot.http}"
    call = await connect(base, FIELDS)
    await asyncio.wait_for(call.listen_for(0.2), WITHIN_S)
    call.drop()
    await asyncio.to_thread(bot.wait_for, lambda: "waiting for another one" in bot.log())
    await webhook(base, "/twilio/status", FIELDS | {"CallStatus": "completed"})
    (row,) = await ended(bot, 1)
    assert (row["ended_by"], row["end_reason"]) == ("caller", "caller hung up")


async def test_another_carrier_is_understood_in_a_worker(bot: BotProcess) -> None:
    call = await TelnyxCarrier.dial(f"ws://{bot.http}/telnyx/media", parameters={"from": "+1555"})
    await asyncio.wait_for(call.listen_for(0.5), WITHIN_S)
    await call.hang_up()
    (row,) = await ended(bot, 1)
    assert (row["src"], row["ended_by"]) == ("+1555", "caller")
