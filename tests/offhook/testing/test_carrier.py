"""`python -m offhook.testing.carrier`, against a whole node."""

import asyncio
import json
import wave
from base64 import b64encode
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from offhook.api.call import Call
from offhook.testing.carrier import Carrier, playout
from offhook.testing.carrier.__main__ import Script, main, parser
from offhook.testing.carrier.playout import RATE_HZ
from offhook.testing.sip_caller import CallFailedError
from tests.offhook.carriers.test_stream_call import LONG, node, once, records, talk, url
from tests.offhook.carriers.twilio_account import AUTH_TOKEN

PUBLIC_URL = "https://bot.example.com"
GUARDED: dict[str, dict[str, object]] = {"twilio": {"auth_token": AUTH_TOKEN, "public_url": PUBLIC_URL}}
SPEECH = files("offhook").joinpath("assets", "caller", "check-my-balance.wav")
SIGNED = ("--auth-token", AUTH_TOKEN, "--public-url", PUBLIC_URL)


async def run(*arguments: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return await Script(parser().parse_args(arguments)).run()


def webhook(stream_url: str) -> str:
    return stream_url.replace("ws:", "http:").replace("/media", "/voice")


async def test_a_bot_that_hangs_up(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    async with node(tmp_path, once) as bot:
        found = await run(url(bot), "--save", str(heard), "--from", "+1555", "--to", "+1666", "--parameter", "x=y")
        (record,) = await records(bot)
    assert found["ended"] == {"by": "bot", "code": 1000, "reason": ""}
    assert found["gaps_ms"] == []
    assert (record.src, record.dst, record.call_id) == ("+1555", "+1666", found["call"])
    with wave.open(str(heard)) as audio:
        assert audio.getnframes() == pytest.approx(8_000 * found["played_s"], abs=8)
        assert audio.getnframes() > 4_000


@pytest.mark.parametrize(
    "message",
    [
        *("{", "[]", "7", "{}", '{"event": "hello"}', '{"event": "media"}', '{"event": "mark", "mark": 7}'),
        *('{"event": "media", "media": {"payload": "???"}}', "[" * 100_000, b"\xff\xfe"),
        json.dumps({"event": "media", "media": {"payload": b64encode(b"\xff" * RATE_HZ).decode()}}),
    ],
)
async def test_a_bot_that_sends_what_cannot_be_used(message: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """No messages at all, or more audio than can be played: the call ends, and says why."""
    monkeypatch.setattr(playout, "MAX_AHEAD_S", 10.0)

    async def bot(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for _ in range(20):
                await socket.send(message)
            await socket.wait_closed()

    async with serve(bot, "127.0.0.1", 0) as server:
        carrier = await Carrier.dial(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        code, reason = await carrier.closed_by_bot(10)
    assert code == 1008
    assert reason.startswith("the bot has sent what cannot be used: ") and len(reason) <= 200


async def test_it_interrupts(tmp_path: Path) -> None:
    async with node(tmp_path, talk) as bot:
        found = await run(url(bot), "--say", str(SPEECH), "--interrupt", "0.7", "--seconds", "2")
        await records(bot)
    assert found["messages"]["clear"] >= 1
    assert found["ended"] == {"by": "caller"}


@pytest.mark.parametrize("interrupt", [(), ("--interrupt", "0.3")])
async def test_a_bot_that_hangs_up_while_it_is_talked_to(tmp_path: Path, interrupt: tuple[str, ...]) -> None:
    async def leave(call: Call) -> None:
        await call.say("Goodbye.", barge_in=False)

    long = tmp_path / "long.wav"
    with wave.open(str(long), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(8_000)
        audio.writeframes(bytes(2 * 8_000 * 60))
    async with node(tmp_path, leave) as bot:
        found = await run(url(bot), "--say", str(long), *interrupt, "--press", "1")
        await records(bot)
    assert found["ended"] == {"by": "bot", "code": 1000, "reason": ""}
    assert found["seconds"] < 15


async def test_keys_for_a_bot_that_has_hung_up(tmp_path: Path) -> None:
    async with node(tmp_path, once) as bot:
        call = await Carrier.dial(url(bot))
        await call.closed_by_bot(10)
        with pytest.raises(CallFailedError):
            await call.press("1")
        await call.close()


async def test_keys_reach_the_bot(tmp_path: Path) -> None:
    pressed: list[str | None] = []

    async def ask(call: Call) -> None:
        answer = await call.ask("Press one.", keys={"1": "one"}, choices={"one": ["one"]})
        pressed.append(answer.choice)
        await call.say("Thank you.")

    async with node(tmp_path, ask) as bot:
        assert (await run(url(bot), "--press", "1"))["ended"]["by"] == "bot"
    assert pressed == ["one"]


async def test_the_webhook_and_a_connection_that_is_lost(tmp_path: Path) -> None:
    async def say(call: Call) -> None:
        await call.say(LONG)

    async with node(tmp_path, say, **GUARDED) as bot:
        found = await run(webhook(url(bot)), *SIGNED, "--drop", "0.5", "--outbound", "--answered-by", "human")
        (record,) = await records(bot)
    assert found["streams"] == 2
    assert found["ended"] == {"by": "bot", "code": 1000, "reason": "", "then": "<Hangup>"}
    assert record.direction == "outbound"


async def test_refusals_say_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with node(tmp_path, talk, **GUARDED) as bot:
        for target in (url(bot), webhook(url(bot))):
            status = await asyncio.to_thread(main, [target, "--auth-token", "wrong"])
            printed = capsys.readouterr()
            assert status == 1
            assert "did not take the call" in printed.err
            assert "403" in printed.err
            assert "--auth-token" in printed.err


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["foo"], "`foo` is not a bot's address"),
        (["ws://127.0.0.1:1/", "--say", "/nowhere.wav"], "/nowhere.wav cannot be said"),
        (["ws://127.0.0.1:1/", "--parameter", "x"], "`x` is not a parameter"),
    ],
)
def test_mistakes_have_three_parts(arguments: list[str], printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    found = capsys.readouterr().err
    assert printed in found
    assert "why:" in found and "type:" in found


def test_a_bot_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ws://127.0.0.1:1/twilio/media"]) == 1
    assert "offhook serve" in capsys.readouterr().err


def test_a_recording_of_another_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(b"")
    assert main(["ws://127.0.0.1:1/", "--say", str(path)]) == 2
    assert "sox" in capsys.readouterr().err
