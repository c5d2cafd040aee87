"""How exactly a bot knows what a caller heard of an utterance that they cut off.

    .venv/bin/python -m bench.interruptions [--calls 200] [--at-once 8] [--seed 1]

Calls over SIP and RTP on loopback, with the real detector. The bot's voice says each word as a tone of 200 ms and a
pause of 100 ms, and knows where its words are; the caller interrupts with a recorded sentence at a random moment. What
the caller has heard are the whole tones in the audio that arrived, which is compared with `Playback.text_played`.
"""

import argparse
import asyncio
import json
import random
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np

from bench.heard import HOST, Recording, interval, settings
from offhook.api.call import Call
from offhook.engines.engine_set import EngineSet
from offhook.engines.registry import GivenEngines
from offhook.observe.log import setup
from offhook.pipeline.trace import BargedIn, SessionEvent
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, Word
from offhook.process.event_loop import run_loop
from offhook.process.local_bot import LocalBot
from offhook.records.cdr import percentile
from offhook.settings.config import TtsConfig
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller, read_recording

RATE_HZ = 8_000
TONE, PAUSE = 1_600, 800
"""Samples of a word, and of the pause after it."""
TEXT = ("alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november " * 3).strip()
BLOCK = 40
LOUD = 1_000
CALL_LIMIT_S = 60.0


class Tones:
    """The voice."""

    def __init__(self) -> None:
        self.capabilities = TtsCapabilities(RATE_HZ, word_positions=True)
        tone = 6_000 * np.sin(2 * np.pi * 600 * np.arange(TONE) / RATE_HZ)
        self._word = tone.astype("<i2").tobytes() + bytes(2 * PAUSE)

    async def start(self) -> None:
        """See TtsEngine."""

    async def close(self) -> None:
        """See TtsEngine."""

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """See TtsEngine."""
        for number, found in enumerate(re.finditer(r"\S+", text)):
            at = number * (TONE + PAUSE)
            yield SpeechChunk(self._word, (Word(found.group(), found.start(), found.end(), at, at + TONE),))


@dataclass(slots=True)
class Cut:
    """One interruption: the words that the bot credits, those that arrived, and how long the bot talked on."""

    credited: int
    heard: int
    silent_ms: float


def words_in(pcm: bytes) -> int:
    """Whole tones: 195 of 200 ms at least."""
    samples = np.frombuffer(pcm, "<i2").astype(int)
    blocks = np.abs(samples[: len(samples) // BLOCK * BLOCK]).reshape(-1, BLOCK).max(axis=1) > LOUD
    edges = np.flatnonzero(np.diff(np.concatenate(([0], blocks.astype(int), [0]))))
    return int(np.sum((edges[1::2] - edges[::2]) * BLOCK >= 0.975 * TONE))


async def measure(calls: int, at_once: int, seed: int, folder: Path) -> list[Cut]:
    """The cuts of so many calls."""
    credited: dict[str, int] = {}
    silent: dict[str, float] = {}
    numbers: dict[str, str] = {}

    async def dialog(call: Call) -> None:
        number = call.identities.called.number or call.called.removeprefix("sip:").partition("@")[0]
        numbers[call.id] = number
        call.expect()
        playback = await call.say(TEXT)
        credited[number] = len(playback.text_played.split())
        await asyncio.sleep(0.5)
        await call.hangup()

    def on_event(call_id: str, event: SessionEvent) -> None:
        if isinstance(event, BargedIn):
            silent[numbers[call_id]] = event.silent_ms

    engines = partial(EngineSet, given=GivenEngines(tts=Tones()))
    bot = LocalBot(settings(folder, TtsConfig(engine="recorded", cache_mib=0)), dialog, engines=engines)
    bot.listeners.append(on_event)
    await bot.start()
    sentence = read_recording(files("offhook") / "assets" / "caller" / "check-my-balance.wav")
    free, rng = asyncio.Semaphore(at_once), random.Random(seed)
    moments = [rng.uniform(0.5, 6.0) for _ in range(calls)]

    async def one(number: int, after_s: float) -> tuple[str, int]:
        recording = Recording()
        async with free, asyncio.timeout(CALL_LIMIT_S):
            caller = await Caller.dial(HOST, Address(bot.sip_address.host, bot.sip_address.port), called=str(number))
            try:
                caller.line.add_listener(audio=recording.on_audio)
                await asyncio.sleep(after_s)
                await caller.say(sentence)
                await caller.over.wait()
            finally:
                caller.close()
        return str(number), words_in(recording.pcm)

    try:
        heard = await asyncio.gather(*(one(at, after_s) for at, after_s in enumerate(moments)))
    finally:
        await bot.stop()
    return [Cut(credited.get(number, -1), words, silent.get(number, 0.0)) for number, words in heard]


def summary(cuts: list[Cut]) -> dict[str, object]:
    """Rates with their bounds, at 95 %."""
    close = sum(abs(cut.heard - cut.credited) <= 1 for cut in cuts)
    low, high = interval(close, len(cuts))
    silent = [cut.silent_ms for cut in cuts if cut.silent_ms]
    return {
        "interruptions": len(cuts),
        "within_one_word": close / len(cuts),
        "low": round(low, 4),
        "high": round(high, 4),
        "credited_but_not_heard": sum(max(0, cut.credited - cut.heard) for cut in cuts),
        "talks_on_ms_p50": round(percentile(silent, 50) or 0.0),
        "talks_on_ms_p95": round(percentile(silent, 95) or 0.0),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    setup(level="error")

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            cuts = await measure(args.calls, args.at_once, args.seed, Path(folder))
        print(json.dumps(summary(cuts)))

    run_loop(run())


if __name__ == "__main__":
    main()
