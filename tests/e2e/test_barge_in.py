"""Interruptions, with a real detector, recogniser and voice, over real SIP and RTP."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller, read_recording
from tests.e2e.conftest import BotProcess

SENTENCE = (
    "This is a long sentence that goes on for quite some time, so that there is room enough for somebody who "
    "wants to interrupt it, or who only coughs while it is being said."
)
FLOW = f"""
name: long
start: long
steps:
  long:
    ask: "{SENTENCE}"
    choices:
      balance:
        phrases: [check my balance]
        key: 1
        next: bye
    no_input: {{attempts: 1, then: bye}}
    no_match: {{attempts: 2, then: bye}}
  bye:
    hang_up: Goodbye.
"""
ASSETS = files("offhook").joinpath("assets", "caller")


def flow_file(directory: Path) -> str:
    path = directory / "long.yaml"
    path.write_text(FLOW)
    return str(path)


async def interrupt(bot: BotProcess, pcm: bytes, after_s: float) -> None:
    caller = await Caller.dial("127.0.0.1", Address(bot.host, bot.port))
    try:
        await caller.listen_for(after_s)
        await caller.say(pcm)
        await asyncio.wait_for(caller.over.wait(), 30)
    finally:
        caller.close()


def bot_lines(bot: BotProcess) -> list[dict[str, object]]:
    return [line for line in bot.transcript() if line["who"] == "bot"]


def test_speech_interrupts_and_is_understood(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--flow", flow_file(tmp_path))
    asyncio.run(interrupt(bot, read_recording(ASSETS.joinpath("check-my-balance.wav")), 2.5))
    bot.wait_for(lambda: bot.records()[0]["end"] is not None)
    record = bot.records()[0]
    assert (record["barge_ins"], record["end_reason"]) == (1, "bot hung up")
    first = bot_lines(bot)[0]
    heard, unheard = str(first["heard"]), str(first["unheard"])
    assert heard and unheard and SENTENCE.startswith(heard) and SENTENCE.endswith(unheard)
    assert [line["text"] for line in bot.transcript() if line["who"] == "caller"] == ["check my balance"]
    # Three to five words a second, of two and a half seconds and the moment until the bot fell silent.
    assert 6 <= len(heard.split()) <= 15


def test_a_sound_too_short_for_speech_costs_no_word(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--flow", flow_file(tmp_path))
    # The middle of a vowel: the detector takes it for the beginning of speech, and then nothing follows.
    speech = read_recording(ASSETS.joinpath("check-my-balance.wav"))
    asyncio.run(interrupt(bot, speech[2 * 1_200 : 2 * 2_000], 2.0))
    bot.wait_for(lambda: bot.records()[0]["end"] is not None)
    assert bot.metric("offhook_bargein_resumed_total") == 1
    assert bot.records()[0]["barge_ins"] == 0
    first = bot_lines(bot)[0]
    assert (first["heard"], first["unheard"]) == (SENTENCE, "")
