"""A real call: its latency ledger against the packets on the wire, and its event log, run again."""

import asyncio
import json
import re
from array import array
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from offhook.flight.reader import read_log
from offhook.flight.replay import replay
from offhook.flight.tune import endpoint_curve
from offhook.flight.what_if import RecordedCall
from offhook.sip.net.address import Address
from offhook.telephony.codec import codec_named
from offhook.testing.sip_caller import Caller, read_recording
from tests.e2e.conftest import BotProcess
from tests.offhook.records.pcapfile import Datagram, read

SPEECH = files("offhook").joinpath("assets", "caller", "check-my-balance.wav")
TURNS = 2
AUDIBLE = 184  # -45 dBFS
AGREES_MS = 20.0


async def talk(bot: BotProcess) -> None:
    caller = await Caller.dial("127.0.0.1", Address(bot.host, bot.port))
    try:
        await caller.listen()
        for _ in range(TURNS):
            await caller.say(read_recording(SPEECH))
            await caller.listen()
        caller.press("7")
        await caller.listen()
        caller.hang_up()
        await asyncio.sleep(0.2)
    finally:
        caller.close()


def audible_s(packets: list[Datagram]) -> list[float]:
    """When each audible stretch of 4 ms on the wire ends: a packet's last sample is sent with it."""
    law = codec_named("PCMU")
    found = []
    for packet in packets:
        pcm = array("h", law.decode(packet.payload[12:]))
        for at in range(0, len(pcm), 32):
            if max(map(abs, pcm[at : at + 32])) >= AUDIBLE:
                found.append(packet.at_s - (len(pcm) - at - 32) / 8_000)
    return found


def voiced_packets_s(packets: list[Datagram]) -> list[float]:
    law = codec_named("PCMU")
    return [one.at_s for one in packets if max(map(abs, array("h", law.decode(one.payload[12:])))) >= AUDIBLE]


def on_the_wire(packets: list[Datagram], bot_port: int) -> list[float]:
    """For each answer: from the caller's last audible sample to the bot's first voiced packet, in milliseconds."""
    rtp = [one for one in packets if one.is_rtp and one.payload[1] & 0x7F == 0]
    caller = audible_s([one for one in rtp if one.destination[1] == bot_port])
    bot = voiced_packets_s([one for one in rtp if one.source[1] == bot_port])
    ends = [at for at, after in zip(caller, [*caller[1:], float("inf")], strict=True) if after - at > 1.0]
    return [1000 * (min(answer for answer in bot if answer > end) - end) for end in ends]


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BotProcess, dict[str, Any]]]:
    bot = BotProcess(
        tmp_path_factory.mktemp("flight"),
        "--bench-engines",
        OFFHOOK_RECORDS__CAPTURE="true",
        OFFHOOK_RECORDS__EVENTS="true",
    )
    try:
        asyncio.run(talk(bot))
        bot.wait_for(lambda: all(one["end"] for one in json.loads(bot.get("/api/calls"))["calls"]))
        (listed,) = json.loads(bot.get("/api/calls"))["calls"]
        path = f"/api/calls/{listed['uniqueid']}"
        bot.wait_for(lambda: bool(json.loads(bot.get(path))["ledger"]))
        yield bot, json.loads(bot.get(path))
    finally:
        bot.close()


def test_the_ledger_agrees_with_the_packets(called: tuple[BotProcess, dict[str, Any]]) -> None:
    bot, call = called
    path = bot.directory / "data" / "captures" / f"{call['uniqueid']}.pcap"
    bot.wait_for(lambda: path.read_bytes().count(b"CSeq: 2 BYE") == 2)
    packets = read(path.read_bytes())
    answer = next(one for one in packets if one.source[1] == bot.port and b"m=audio" in one.payload)
    measured = on_the_wire(packets, int(re.findall(rb"^m=audio (\d+)", answer.payload, re.MULTILINE)[0]))
    spoken = [turn["marks_ms"] for turn in call["ledger"] if "transcribed" in turn["marks_ms"]]
    assert len(spoken) == len(measured) == TURNS
    for marks, wire_ms in zip(spoken, measured, strict=True):
        assert marks["voiced"] == pytest.approx(wire_ms, abs=AGREES_MS)


def test_the_parts_of_the_ledger_sum_to_the_whole(called: tuple[BotProcess, dict[str, Any]]) -> None:
    _, call = called
    turns = [event for event in call["timeline"] if event["kind"] == "turn"]
    assert len(turns) == TURNS + 1
    for turn in turns:
        assert sum(turn["stages_ms"].values()) == pytest.approx(turn["response_ms"], abs=1)
        assert sum(turn["ledger_ms"].values()) == pytest.approx(max(turn["marks_ms"].values()), abs=1)
        assert {"sent", "voiced", "played", "first-clause", "synthesised", "answered"} <= set(turn["marks_ms"])


def test_the_call_decides_the_same_again(called: tuple[BotProcess, dict[str, Any]]) -> None:
    bot, call = called
    log = read_log(bot.directory / "data" / "events" / f"{call['uniqueid']}.jsonl")
    found = replay(log)
    assert found.difference is None and not log.truncated
    assert len([row for row in log.rows_of("i") if row[1] == "transcript"]) == TURNS
    assert [row[2][0] for row in log.rows_of("i") if row[1] == "key"] == ["d"]
    seconds = sum(frame.samples for frame in log.frames()) / 8_000
    assert 0.5 * call["duration"] < seconds < call["duration"] + 1
    (point,) = endpoint_curve([RecordedCall(log)], [500])
    assert point.turns == TURNS
    assert point.added_ms == pytest.approx(0, abs=40)
