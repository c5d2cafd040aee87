"""People speak to a bot whose recogniser is Whisper: a menu, then a question that anything answers."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.human_speech import clips, words_wrong
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess
from tests.whisper_model import model_folder, needs_whisper

pytestmark = needs_whisper

CARD, SENTENCE = "003.wav", "sense_and_sensibility_01_austen_64kb-0880.wav"

BOT = """
import sys

from offhook import Bot, Call

CARDS = {"seven": ["seven of clubs"], "ten": ["ten of clubs"], "queen": ["queen of clubs"]}
bot = Bot()


@bot.answer
async def talk(call: Call) -> None:
    card = await call.ask("Which card do you see?", choices=CARDS, barge_in=False)
    await call.say(f"You see the {card.choice}.", barge_in=False)
    await call.ask("Tell me about the young man.", barge_in=False)
    await call.say("Thank you.", barge_in=False)
    await call.hangup()


sys.exit(bot.run())
"""


async def talk(bot: BotProcess, *turns: bytes) -> None:
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    try:
        async with asyncio.timeout(60):
            for turn in turns:
                await caller.listen()
                await caller.say(turn)
            await caller.over.wait()
    finally:
        caller.close()


def answers(bot: BotProcess) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{bot.directory}/data/calls.db?mode=ro", uri=True)) as database:
        (events,) = database.execute("SELECT events FROM timelines").fetchone()
    return [event for event in json.loads(events) if event["kind"] == "answer"]


def test_people_are_understood_in_a_call(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    recordings = {clip.name: clip for clip in clips(tmp_path)}
    if SENTENCE not in recordings:
        pytest.skip("no recordings: apt-get install pocketsphinx-testdata")
    program = tmp_path / "bot.py"
    program.write_text(BOT)
    bot = start_bot(
        command=[sys.executable, str(program)],
        OFFHOOK_SIP__PORT="0",
        OFFHOOK_HTTP__PORT="0",
        OFFHOOK_ASR__ENGINE="whisper",
        OFFHOOK_ASR__WHISPER__MODEL=str(model_folder()),
    )
    said = [recordings[name] for name in (CARD, SENTENCE)]
    asyncio.run(talk(bot, *(clip.samples.tobytes() for clip in said)))
    bot.wait_for(lambda: bool(bot.records()) and bot.records()[0]["end"] is not None)
    (record,) = bot.records()
    assert "You see the seven." in bot.lines(record, "bot")
    card, sentence = bot.lines(record, "caller")
    assert words_wrong(said[0].text, card)[0] == 0
    assert words_wrong(said[1].text, sentence)[0] <= 2, sentence

    bot.wait_for(lambda: len(answers(bot)) == 2)
    for clip, answer in zip(said, answers(bot), strict=True):
        words = answer["words"]
        assert " ".join(word[0] for word in words) == answer["text"]
        assert 0.5 < answer["confidence"] <= 1.0
        assert all(0.0 <= word[3] <= 1.0 for word in words)
        places = [place for word in words for place in word[1:3]]
        assert places == sorted(places)
        # The turn's audio begins shortly before its speech.
        assert 0.0 <= places[0] < 1.0
        assert places[-1] - places[0] == pytest.approx(clip.seconds, abs=1.0)
