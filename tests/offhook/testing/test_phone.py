"""`python -m offhook.testing.phone`, against a whole node."""

import asyncio
import time
import wave
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from offhook.api.call import Call
from offhook.testing.phone import call, main, parser
from tests.offhook.carriers.test_stream_call import node, once, records, talk

SPEECH = files("offhook").joinpath("assets", "caller", "check-my-balance.wav")


async def run(*arguments: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return await call(parser().parse_args(arguments))


async def test_a_bot_that_hangs_up(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    async with node(tmp_path, once) as bot:
        found = await run(f"sip:+1666@{bot.sip_address}", "--from", "+1555", "--save", str(heard))
        (record,) = await records(bot)
    assert (found["ended"], found["bot_spoke_times"]) == ({"by": "bot"}, 1)
    assert record.src.startswith("sip:+1555@")
    assert record.dst.startswith("sip:+1666@")
    with wave.open(str(heard)) as audio:
        assert audio.getnframes() > 4_000


async def test_it_interrupts_and_hangs_up(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        arguments = ("--say", str(SPEECH), "--interrupt", "0.7", "--seconds", "2")
        found = await run(f"sip:bot@{bot.sip_address}", *arguments)
        (record,) = await records(bot)
    assert found["ended"] == {"by": "caller"}
    assert (record.end_reason, record.barge_ins) == ("caller hung up", 1)


async def test_it_presses_keys(tmp_path: Path) -> None:
    entered: list[str] = []

    async def pin(call: Call) -> None:
        entered.append((await call.ask("Your PIN?", digits=4)).digits)
        await call.say("Thank you.")

    async with node(tmp_path, pin) as bot:
        await run(f"sip:bot@{bot.sip_address}", "--press", "4711")
        await records(bot)
    assert entered == ["4711"]


async def test_a_recording_that_the_dialog_pauses(tmp_path: Path) -> None:
    paused_at: list[float] = []

    async def card(call: Call) -> None:
        began = time.monotonic()
        await call.say("Welcome.")
        call.pause_recording()
        paused_at.append(time.monotonic() - began)
        await call.say("Your card number, please.")

    async with node(tmp_path, card) as bot:
        await run(f"sip:bot@{bot.sip_address}")
        (record,) = await records(bot)
    assert record.recording is not None
    with wave.open(record.recording) as audio:
        recorded_s = audio.getnframes() / audio.getframerate()
    assert record.billsec > paused_at[0] + 1.0
    assert recorded_s == pytest.approx(paused_at[0], abs=0.5)


async def test_a_call_whose_dialog_pauses_at_once_has_no_recording(tmp_path: Path) -> None:
    async def card(call: Call) -> None:
        call.resume_recording()
        call.pause_recording()
        await call.say("Your card number, please.")

    async with node(tmp_path, card) as bot:
        await run(f"sip:bot@{bot.sip_address}")
        (record,) = await records(bot)
    assert record.recording is None


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (("127.0.0.1:5060",), 2, "has no scheme"),
        (("sips:bot@127.0.0.1",), 2, "it must begin with sip:"),
        (("sip:bot@no-such-host.invalid",), 2, "no-such-host.invalid: "),
        (("sip:bot@127.0.0.1", "--say", "no.wav"), 2, "no.wav cannot be said"),
    ],
)
def test_what_cannot_be_called(
    arguments: tuple[str, ...], status: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == status
    said = capsys.readouterr().err
    assert why in said
    assert len(said.splitlines()) == 3


def test_a_bot_that_takes_no_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def attempt() -> int:
        async with node(tmp_path, once) as bot:
            assert await bot.drain(1.0)
            return await asyncio.to_thread(main, [f"sip:bot@{bot.sip_address}"])

    assert asyncio.run(attempt()) == 1
    assert "answered with 503" in capsys.readouterr().err
