"""Callers who agree to being recorded, and who do not: what is left of their calls. Functions of a flow on the way."""

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess, speech

FLOW = """
name: shop
start: ask
steps:
  ask:
    ask: May we record this call? Press one for yes.
    choices: {"yes": {key: 1, next: agreed}, "no": {key: 2, next: refused}}
    no_input: {then: refused}
    no_match: {then: refused}
    timeout_s: 60
  agreed: {record_call: on, consent: given, next: ready}
  refused: {record_call: off, consent: refused, next: ready}
  ready: {wait: 120, until: key, next: look}
  look: {python: the_shop:balance, with: {key: '"7"'}, into: balance, next: told, otherwise: failed}
  told: {hang_up: "Your balance is {balance + 1}."}
  failed: {hang_up: It cannot be found.}
"""
MODULE = "def balance(key: str) -> int:\n    return int(key)\n"
LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded", "OFFHOOK_VAD__ENGINE": "energy"}
LOUD = 500


async def call(bot: BotProcess, key: str) -> None:
    """Speak, answer the question, speak again, and press a key: then the bot hangs up."""
    caller = await asyncio.wait_for(Caller.dial("127.0.0.1", Address(bot.host, bot.port)), 20)
    try:
        await asyncio.wait_for(caller.listen_for(0.3), 20)
        caller.press(key)
        await caller.say(speech("check-my-balance"))
        caller.press("5")
        await asyncio.wait_for(caller.over.wait(), 60)
    finally:
        caller.close()


async def leave(bot: BotProcess, calls: int) -> None:
    """Hang up at the question; so many calls have been made then."""
    caller = await asyncio.wait_for(Caller.dial("127.0.0.1", Address(bot.host, bot.port)), 20)
    try:
        await asyncio.wait_for(caller.listen_for(0.3), 20)
        caller.hang_up()
        await asyncio.to_thread(bot.ended, calls)
    finally:
        caller.close()


def loud(path: Path) -> tuple[bool, bool]:
    """Whether the caller and the bot are in a recording."""
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (2, 2, 8_000)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(int)
    levels = np.abs(pcm).max(axis=0, initial=0)
    return bool(levels[0] > LOUD), bool(levels[1] > LOUD)


@pytest.mark.parametrize("waits", ["true", "false"])
def test_what_is_left_of_a_call(start_bot: Callable[..., BotProcess], tmp_path: Path, waits: str) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "the_shop.py").write_text(MODULE)
    kept = {"OFFHOOK_RECORDS__RECORD_AUDIO": "true", "OFFHOOK_RECORDS__RECORD_CONSENT": waits}
    bot = start_bot("--flow", str(tmp_path / "flow.yaml"), "--workers", "1", **LIGHT, **kept)
    asyncio.run(call(bot, "1"))
    asyncio.run(call(bot, "2"))
    asyncio.run(leave(bot, 3))
    agreed, refused, gone = bot.ended(3)
    assert (agreed["consent"], refused["consent"], gone["consent"]) == ("given", "refused", None)
    assert loud(Path(agreed["recording"])) == (True, True), "the caller on the left, the bot on the right"
    assert refused["recording"] is None
    recorded = [agreed] if waits == "true" else [agreed, gone]
    names = {path.name for path in (bot.directory / "data" / "recordings").iterdir()}
    assert names == {f"{each['uniqueid']}.wav" for each in recorded}
    assert (gone["recording"] is None) is (waits == "true")
    assert bot.lines(agreed, "bot")[-1] == bot.lines(refused, "bot")[-1] == "Your balance is 8."
