"""A recogniser that dies or hangs in the middle of a sentence costs the caller a repetition, not the call."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from offhook.pipeline.asr.pocketsphinx import HOST
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess, speech

APOLOGY = "I am sorry, I had trouble hearing you."
BALANCE = "You have ten dollars."
FLOW = f"""
name: short
start: menu
steps:
  menu:
    ask: What can I do?
    choices:
      balance: {{phrases: [check my balance], key: 1, next: balance}}
      hours: {{phrases: [opening hours], key: 2, next: balance}}
    no_input: {{attempts: 2, then: goodbye}}
    no_match: {{attempts: 3, then: balance}}
  balance:
    ask: {BALANCE}
    choices:
      again: {{phrases: [check my balance], key: 1, next: balance}}
    no_input: {{attempts: 2, then: menu}}
    no_match: {{attempts: 2, then: menu}}
  goodbye: {{hang_up: Goodbye.}}
"""


def recogniser(bot: BotProcess) -> psutil.Process:
    """The child that runs it; there is one."""
    children = psutil.Process(bot.process.pid).children(recursive=True)
    (found,) = [child for child in children if HOST in child.cmdline()]
    return found


async def call_and_strike(bot: BotProcess) -> None:
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    try:
        async with asyncio.timeout(60):
            await caller.listen()  # the question
            for number in (signal.SIGKILL, signal.SIGSTOP):  # it dies, then its successor hangs
                saying = asyncio.create_task(caller.say(speech("check-my-balance")))
                await asyncio.sleep(0.8)
                recogniser(bot).send_signal(number)
                await saying
                await caller.listen()  # the apology
            await caller.say(speech("check-my-balance"))
            await caller.listen()  # the answer
            assert not caller.over.is_set()
    finally:
        caller.close()


def test_the_recogniser_dies_and_hangs(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    flow = tmp_path / "short.yaml"
    flow.write_text(FLOW)
    bot = start_bot("--flow", str(flow), "--workers", "1", OFFHOOK_ASR__WORKERS="1", OFFHOOK_ASR__TIMEOUT_S="1.5")
    first = recogniser(bot).pid
    asyncio.run(call_and_strike(bot))
    bot.wait_for(lambda: bot.records()[0]["end"] is not None)
    (record,) = bot.records()
    assert (record["end_reason"], record["turns"]) == ("caller hung up", 3)
    said = bot.lines(record, "bot")
    apologies = [text for text in said if APOLOGY in text]
    # A turn whose recogniser dies or hangs is recognised by its successor, if that is up in time.
    assert len(apologies) <= 2
    assert all("press 1" in text.lower() for text in apologies)
    assert said[-1] == BALANCE
    assert bot.lines(record, "caller") == ["check my balance"] * (3 - len(apologies))
    assert bot.metric("offhook_asr_failures_total") == len(apologies)
    assert bot.log().count('"event": "turn not transcribed"') == len(apologies)
    assert recogniser(bot).pid != first
    assert not psutil.pid_exists(first)
    assert bot.stop() == 0


BRINGS_ENGINES = """
import os
import sys

from offhook import AsrCapabilities, Bot, Call, SpeechChunk, Transcript, TtsCapabilities


class Recogniser:
    capabilities = AsrCapabilities(24_000, grammar=False, free_speech=True, partials=False)
    made_in = os.getpid()

    async def start(self):
        self.started_in = os.getpid()

    async def close(self):
        pass

    def open(self, request, on_partial):
        return Turn(self)


class Turn:
    def __init__(self, engine):
        self.engine, self.samples = engine, 0

    def feed(self, pcm):
        self.samples += len(pcm) // 2

    async def finish(self):
        own = self.engine.started_in == os.getpid() != self.engine.made_in
        where = "in the worker" if own else "elsewhere"
        return Transcript(f"started {where}, a second or more: {self.samples > 24_000}")

    def cancel(self):
        pass


class Voice:
    capabilities = TtsCapabilities(8_000, word_positions=False, encoding="PCMU")

    async def start(self):
        pass

    async def close(self):
        pass

    async def synthesize(self, text):
        yield SpeechChunk(b"\\x10\\x90" * 4_000)


bot = Bot(asr=Recogniser(), tts=Voice())


@bot.answer
async def hello(call: Call) -> None:
    answer = await call.ask("Who are you?", barge_in=False)
    await call.say(answer.text)


sys.exit(bot.run())
"""


async def call_and_speak(bot: BotProcess) -> None:
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    try:
        async with asyncio.timeout(30):
            await caller.listen()
            await caller.say(speech("check-my-balance"))
            await caller.over.wait()
    finally:
        caller.close()


def test_engines_that_a_program_brings(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    program = tmp_path / "bot.py"
    program.write_text(BRINGS_ENGINES)
    bot = start_bot(command=[sys.executable, str(program)], OFFHOOK_SIP__PORT="0", OFFHOOK_HTTP__PORT="0")
    asyncio.run(call_and_speak(bot))
    bot.wait_for(lambda: bot.records()[0]["end"] is not None)
    (record,) = bot.records()
    said = "started in the worker, a second or more: True"
    assert bot.lines(record, "caller") == [said]
    assert bot.lines(record, "bot") == ["Who are you?", said]
    assert bot.stop() == 0
