"""`offhook status`, of a bot that runs and of one that does not."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offhook.api.dialogs import bench_dialog
from offhook.cli.main import app
from offhook.cli.status import fetch, render
from offhook.observe.plain import plain
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.testing.sip_caller import Caller
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES

PASSWORD = "open, please"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[LocalBot]:
    sections: dict[str, dict[str, object]] = {
        "sip": {"host": "127.0.0.1", "port": 0},
        "http": {"host": "127.0.0.1", "port": 0, "password": PASSWORD},
        **LIGHT_ENGINES,
        "records": {"dir": tmp_path},
    }
    one = LocalBot(Config.load(None, sections), bench_dialog)
    await one.start()
    yield one
    await one.stop()


async def test_a_running_bot_shows_its_calls(bot: LocalBot, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = await asyncio.wait_for(Caller.dial("127.0.0.1", bot.sip_address), 5)
    try:
        await asyncio.wait_for(caller.listen_for(0.1), 5)
        assert bot.http_address is not None
        address = "{}:{}".format(*bot.http_address)
        state = await asyncio.to_thread(fetch, f"http://{address}", PASSWORD)
        assert (state["state"], state["calls"], len(state["workers"])) == ("ready", 1, 1)
        (call,) = state["workers"][0]["host"]["calls"]
        assert call["caller"].startswith("sip:caller@") and call["line"]["encoding"] == "PCMU"
        shown = render(state)
        assert "asr fixed" in shown and "tts recorded" in shown
        assert call["id"] in shown and "sip:caller@" in shown and shown.startswith("ready   1 of 10000 calls")
        monkeypatch.setenv("OFFHOOK_HTTP__PASSWORD", PASSWORD)
        result = await asyncio.to_thread(CliRunner().invoke, app, ["status", "--json", "--http", address])
        assert result.exit_code == 0 and json.loads(result.stdout)["calls"] == 1
    finally:
        caller.close()
        await asyncio.wait_for(bot.idle(), 5)


def test_nobody_there_is_an_error_in_three_parts() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UserError) as caught:
        fetch(f"http://127.0.0.1:{port}", None)
    (problem,) = caught.value.problems
    assert str(port) in problem.what and "refused" in problem.why.lower() and "serve" in problem.todo


async def test_one_that_wants_a_password() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 401 No\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UserError, match="password"):
            await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}", None)


def test_a_worker_that_says_nothing_is_shown_too() -> None:
    silent = {"index": 0, "state": "silent", "calls": 3, "load": None, "full": "", "host": None}
    shown = render(
        {
            "state": "full", "why": "no worker is ready", "calls": 3, "max_calls": 5, "version": "1",
            "refused": {"cpu": 4}, "workers": [silent],
        }
    )  # fmt: skip
    assert "full: no worker is ready   3 of 5 calls" in shown
    assert "refused: cpu 4" in shown and "silent" in shown and "and 3 more" in shown


def test_whatever_a_dump_holds_becomes_json() -> None:
    value = {1: (float("inf"), b"\0", {2}), "deep": [[[[[[[[[[[[[["too deep"]]]]]]]]]]]]]]}
    assert json.loads(json.dumps(plain(value)))["1"] == [None, "b'\\x00'", [2]]
