"""`offhook sip`, of a bot that runs and of one that no longer does."""

import asyncio
import io
import json
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from offhook.api.dialogs import bench_dialog
from offhook.calls import captures
from offhook.cli import capture
from offhook.cli.main import app
from offhook.cli.running_bot import NoBotError, NotFoundError, RunningBot
from offhook.ladder import traces
from offhook.process.local_bot import LocalBot
from offhook.records.pcap import FILE_HEADER, packet
from offhook.settings.config import Config
from offhook.testing.sip_caller import Caller
from offhook.usererror import UserError
from offhook.web.server import STOP_WITHIN_S
from tests.offhook.bots import LIGHT_ENGINES
from tests.offhook.records.pcapfile import read

HOST = "127.0.0.1"


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalBot]:
    monkeypatch.setattr(traces, "LINGER_S", 0.05)
    monkeypatch.setenv("OFFHOOK_RECORDS__DIR", str(tmp_path))
    sections: dict[str, dict[str, object]] = {
        "sip": {"host": HOST, "port": 0},
        "http": {"host": HOST, "port": 0},
        **LIGHT_ENGINES,
    }
    one = LocalBot(Config.load(None, sections), bench_dialog)
    await one.start()
    yield one
    await one.stop()


def address(bot: LocalBot) -> str:
    assert bot.http_address is not None
    return "{}:{}".format(*bot.http_address)


async def run(*arguments: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, app, ["sip", *arguments])


async def called(bot: LocalBot) -> dict[str, Any]:
    """A call from its beginning to its end; its record."""
    caller = await asyncio.wait_for(Caller.dial(HOST, bot.sip_address), 5)
    await asyncio.wait_for(caller.listen_for(0.1), 5)
    caller.close()
    await asyncio.wait_for(bot.idle(), 5)
    return bot.store.calls(1)[0].to_dict()


def labels(ladder: dict[str, Any]) -> list[str]:
    return [row["label"] for row in ladder["rows"] if row["kind"] == "message"]


WHOLE = ["INVITE bot", "100 Trying", "200 OK", "ACK", "BYE", "200 OK"]


async def test_a_call_while_it_lasts_and_when_it_is_over(bot: LocalBot) -> None:
    http = address(bot)
    caller = await asyncio.wait_for(Caller.dial(HOST, bot.sip_address), 5)
    try:
        await asyncio.wait_for(caller.listen_for(0.1), 5)
        shown = await run("status", "--http", http)
        assert "dialogs: 1 (1 confirmed" in shown.stdout and "INVITE accepted" in shown.stdout
        rows = json.loads((await run("status", "dialogs", "--json", "--http", http)).stdout)
        assert (rows["total"], rows["rows"][0]["state"]) == (1, "confirmed")
        call_id = rows["rows"][0]["call_id"]
        now = json.loads((await run("trace", "--json", "--http", http)).stdout)
        assert labels(now) == WHOLE[:4] and now["legs"] == [call_id]
    finally:
        caller.close()
        await asyncio.wait_for(bot.idle(), 5)
    record = bot.store.calls(1)[0]
    for name in (record.uniqueid, record.call_id):
        then = json.loads((await run("trace", name, "--json", "--http", http)).stdout)
        assert labels(then) == WHOLE and then["columns"][1] == "offhook"
        (media,) = [row for row in then["rows"] if row["kind"] == "media"]
        assert media["label"] == "RTP PCMU" and media["to_ms"] is not None
    text = (await run("trace", record.uniqueid, "--http", http, "--width", "120")).stdout
    assert "INVITE bot" in text and "[ended]" in text and "\x1b" not in text


async def test_a_bot_that_does_not_run_is_not_needed(bot: LocalBot) -> None:
    record = await called(bot)
    await bot.stop()
    for name in (record["uniqueid"], record["call_id"]):
        found = json.loads((await run("trace", str(name), "--json")).stdout)
        assert labels(found) == WHOLE
        (media,) = [row for row in found["rows"] if row["kind"] == "media"]
        assert "out, 0 lost" in media["figures"]
    missing = await run("trace", "nothing")
    assert isinstance(missing.exception, UserError) and "sip_days" in str(missing.exception)


async def test_of_pjsip_s_calls_no_messages_are_kept(bot: LocalBot, monkeypatch: pytest.MonkeyPatch) -> None:
    record = await called(bot)
    await bot.stop()
    monkeypatch.setenv("OFFHOOK_SIP__BACKEND", "pjsua2")
    missing = await run("trace", "nothing")
    assert isinstance(missing.exception, UserError) and "PJSIP carries this bot's calls" in str(missing.exception)
    before = json.loads((await run("trace", str(record["uniqueid"]), "--json")).stdout)
    assert labels(before) == WHOLE, "those of calls before are there still"


async def test_a_call_without_a_capture_is_not_a_bot_that_does_not_answer(bot: LocalBot) -> None:
    asked, record = RunningBot(f"http://{address(bot)}", None), await called(bot)
    with pytest.raises(NotFoundError, match="was not captured"):
        await asyncio.to_thread(asked.save, f"/api/calls/{record['uniqueid']}/capture.pcap", io.BytesIO(), 9)
    with pytest.raises(NoBotError, match="no bot answers"):
        await asyncio.to_thread(asked.get, "/api/nothing")


async def test_messages_as_they_come(bot: LocalBot) -> None:
    asked = RunningBot(f"http://{address(bot)}", None)
    events = asked.events("/api/sip/messages", {})
    first = asyncio.create_task(asyncio.to_thread(next, events))
    # Whoever asks first waits: the bot watches from then on.
    async with asyncio.timeout(5):
        while not (await asyncio.to_thread(asked.get, "/api/sip"))["traces"]["watchers"]:
            pass
    await called(bot)
    seen = [await asyncio.wait_for(first, 5)]
    while len(seen) < 6:
        seen.append(await asyncio.wait_for(asyncio.to_thread(next, events), 5))
    assert [content["label"] for _, content in seen] == WHOLE
    assert [content["received"] for _, content in seen] == [True, False, False, True, True, False]


@pytest.mark.parametrize("part", ["nothing", "..%2fstatus"])
async def test_a_part_that_does_not_exist(bot: LocalBot, part: str) -> None:
    result = await run("status", part, "--http", address(bot))
    assert isinstance(result.exception, UserError)


async def test_a_call_that_nobody_knows(bot: LocalBot) -> None:
    for name in ("nothing", "\x1b[2J", "../../etc/passwd", "x" * 250, "' OR 1=1 --"):
        result = await run("trace", name, "--http", address(bot))
        assert isinstance(result.exception, UserError) and "are kept" in str(result.exception)


async def test_who_watches_is_disconnected_when_the_bot_stops(bot: LocalBot) -> None:
    asked = RunningBot(f"http://{address(bot)}", None)
    rest = asyncio.create_task(asyncio.to_thread(list, asked.events("/api/sip/messages", {})))
    async with asyncio.timeout(5):
        while not (await asyncio.to_thread(asked.get, "/api/sip"))["traces"]["watchers"]:
            pass
    began = asyncio.get_running_loop().time()
    await bot.stop()
    assert await asyncio.wait_for(rest, 5) == []
    assert asyncio.get_running_loop().time() - began < 0.9 * STOP_WITHIN_S  # the server would cut them then


async def test_a_call_that_is_refused_is_not_waited_for(
    bot: LocalBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "LAST_PACKETS_S", 0.1)
    waiting = asyncio.create_task(run("capture", "-o", str(tmp_path / "one.pcap"), "--http", address(bot)))
    async with asyncio.timeout(5):
        while not bot.captures.dump():  # noqa: ASYNC110  # ordered by a program outside of the loop
            await asyncio.sleep(0.01)
    assert bot.captures.wants("refused", HOST, "")
    bot.captures.begun("handle", "refused")
    bot.captures.removed("handle")
    result = await asyncio.wait_for(waiting, 10)
    assert "1 call was refused" in result.output
    assert isinstance(result.exception, UserError) and "were refused" in str(result.exception)


@pytest.mark.parametrize("option", ["--messages", "--json"])
async def test_another_program_that_answers_controls_no_terminal(option: str) -> None:
    bad = "\x1b]0;x\x07\x9b2J"
    names = ("label", "cseq", "sdp", "state", "transport", "text")
    row = {"kind": "message", "source": 0, "target": 1, "again": 1, "leg": 0, "at_ms": 1.0, "last_ms": 2.0}
    row |= dict.fromkeys(names, f"{bad}\nx")
    ladder = {"started": bad, "legs": [bad, bad], "columns": [bad, bad], "omitted": 0, "rows": [row]}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(ladder).encode())
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        result = await run("trace", "x", option, "--http", f"{HOST}:{port}")
    assert result.exit_code == 0 and "2J" in result.stdout
    assert not [char for char in result.stdout if not char.isprintable() and char != "\n"]


def test_packets_in_order_up_to_one_that_is_cut_off() -> None:
    peer = ("192.0.2.1", 1)
    made = [packet(at_s, peer, peer, b"x") for at_s in (1.0, 1.2, 1.1, 5.0)]
    found = list(capture.packets_of(io.BytesIO(FILE_HEADER + b"".join(made) + made[0][:-1])))
    assert found == made
    assert list(capture._in_order(found)) == [made[0], made[2], made[1], made[3]]
    huge = struct.pack("<IIII", 1, 0, 2**31, 2**31)
    assert list(capture.packets_of(io.BytesIO(FILE_HEADER + made[0] + huge + b"x" * 100))) == made[:1]


async def test_the_next_calls_in_one_file(bot: LocalBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "LINGER_S", 0.05)
    monkeypatch.setattr(capture, "LAST_PACKETS_S", 1.2)
    output = tmp_path / "two.pcap"
    arguments = ("capture", "--calls", "2", "--from", HOST, "-o", str(output), "--http", address(bot))
    waiting = asyncio.create_task(run(*arguments))
    async with asyncio.timeout(5):
        while not bot.captures.dump():  # noqa: ASYNC110  # ordered by a program outside of the loop
            await asyncio.sleep(0.01)
    first, second = await called(bot), await called(bot)
    await called(bot)  # one too many
    result = await asyncio.wait_for(waiting, 20)
    assert result.exit_code == 0 and "of 2 calls" in result.stdout, result.output
    packets = read(output.read_bytes())
    call_ids = {
        line.split(b": ")[1].decode() for one in packets for line in one.payload.split(b"\r\n") if b"Call-ID" in line
    }
    assert call_ids == {first["call_id"], second["call_id"]}
    assert any(one.is_rtp for one in packets)
    times = [one.at_s for one in packets]
    assert times == sorted(times) and output.stat().st_mode & 0o077 == 0
    assert not bot.captures.dump()
