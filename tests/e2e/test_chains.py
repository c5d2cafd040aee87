"""A bot with two workers whose first recogniser and first voice stall: the calls go on, and all workers learn of it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess, speech

ENGINES = """
import asyncio
from offhook import AsrCapabilities, SpeechChunk, TtsCapabilities, Transcript


class Engine:
    async def start(self): ...

    async def close(self): ...


class MuteRecogniser(Engine):
    capabilities = AsrCapabilities(8_000, grammar=True, free_speech=True, partials=False)

    def open(self, request, on_partial):
        return Turn()


class Turn:
    def feed(self, pcm): ...

    async def finish(self):
        await asyncio.sleep(3_600)
        return Transcript("")

    def cancel(self): ...


class MuteVoice(Engine):
    capabilities = TtsCapabilities(8_000, word_positions=True)

    async def synthesize(self, text):
        await asyncio.sleep(3_600)
        yield SpeechChunk(b"")


def asr(options, context):
    return MuteRecogniser()


def tts(options, context):
    return MuteVoice()
"""
FLOW = """
name: short
start: menu
steps:
  menu:
    ask: What can I do?
    choices:
      balance: {phrases: [check my balance], key: 1, next: balance}
    no_input: {attempts: 2, then: balance}
    no_match: {attempts: 2, then: balance}
  balance: {hang_up: You have ten dollars.}
"""
CHAINS = """
[dialog]
flow = "short.yaml"

[asr]
engine = ["stalling:asr", "fixed"]

[asr.fixed.limits]
price_per_minute = 0.6

[tts]
engine = ["stalling:tts", "recorded"]
cache_mib = 0
"""


async def talk(bot: BotProcess) -> None:
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    with closing(caller):
        async with asyncio.timeout(20):
            await caller.listen()
            await caller.say(speech("check-my-balance"))
            await caller.over.wait()


def engines(bot: BotProcess) -> list[dict[str, Any]]:
    """As each worker sees them."""
    return [worker["host"]["engines"] for worker in json.loads(bot.get("/api/status"))["workers"]]


async def test_calls_go_on_and_every_worker_learns(
    start_bot: Callable[..., BotProcess], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("chains")
    (folder / "stalling.py").write_text(ENGINES)
    (folder / "short.yaml").write_text(FLOW)
    (folder / "offhook.toml").write_text(CHAINS)
    bot = await asyncio.to_thread(start_bot, "--config", str(folder / "offhook.toml"), "--workers", "2")
    await asyncio.gather(talk(bot), talk(bot), talk(bot))
    await asyncio.to_thread(bot.wait_for, lambda: len([r for r in bot.records() if r["end"]]) == 3)
    for record in bot.records():
        used = {(each["part"], each["engine"]): each for each in json.loads(record["engines"])}
        assert used["asr", "stalling:asr"]["uses"] == {"late": 1}
        assert used["asr", "fixed"]["cost"] == pytest.approx(used["asr", "fixed"]["audio_s"] / 100, rel=0.01)
    lines = bot.transcript()
    assert {line["engine"] for line in lines if line["who"] == "caller"} == {"fixed"}
    assert {line["engine"] for line in lines if line["who"] == "bot"} == {"recorded"}
    for seen in engines(bot):
        assert [(each["engine"], each["breaker"]) for each in seen["asr"]] == [
            ("stalling:asr", "open"),
            ("fixed", "closed"),
        ]
        assert seen["tts"][0]["breaker"] in ("open", "half-open", "probed")
        assert seen["asr"][1]["today"]["cost"] > 0
    assert bot.metric_of("offhook_engine_uses_total", engine="stalling:asr", outcome="late", part="asr") == 3
    await talk(bot)
    await asyncio.to_thread(bot.wait_for, lambda: len([r for r in bot.records() if r["end"]]) == 4)
    recognised = [line for line in bot.log().splitlines() if '"another engine answered"' in line and '"asr"' in line]
    assert "silent for too long" in recognised[2]
    assert "silent for too long" not in recognised[3], "passed over, or probed beside the other one"
