"""How exactly a bot knows what a caller heard of an utterance that they cut off.

    .venv/bin/python -m bench.interruptions [--agent dialog] [--over sip] [--calls 200] [--at-once 8] [--seed 1]
                                            [--sip-backend pjsua2 --at-once 4]

Calls on loopback, over SIP and RTP or over Twilio's media streams, with the real detector. The bot's words are tones of
equal length with pauses between them; the caller interrupts with a recorded sentence at a random moment. What the
caller has heard are the whole tones in the audio that arrived, which is compared with `Playback.text_played`. Who
speaks: a `dialog` with one `say`; a language `model` that streams 40 tokens a second, and a voice that knows where its
words are; or a `speech` model (OpenAI Realtime), whose server then says how much of its item is left, and whether it
had to refuse anything.
"""

import argparse
import asyncio
import json
import random
import tempfile
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np

from bench.heard import HOST, interval, settings
from bench.interrupted import TALKERS, Talker
from bench.runs import OTHER_BACKEND, OWN
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.engines.engine_set import EngineSet
from offhook.observe.log import setup
from offhook.pipeline.trace import BargedIn, BotHeard, SessionEvent
from offhook.process.event_loop import run_loop
from offhook.process.local_bot import LocalBot
from offhook.records.cdr import percentile
from offhook.settings.config import TtsConfig
from offhook.sip.net.address import Address
from offhook.testing.carrier.call import Carrier
from offhook.testing.received import Received
from offhook.testing.sip_caller import Caller, read_recording

RATE_HZ = 8_000
BLOCK = 40
LOUD = 1_000
WHOLE = 0.975
"""So much of a tone is all of it: it may end between two blocks."""

ON_ITS_WAY_S = 0.15
"""What was sent may still arrive; the bot's next words take longer."""

FIRST_MOMENT_S, LAST_MOMENT_S = 0.5, 6.0
CALL_LIMIT_S = 60.0


@dataclass(slots=True)
class Cut:
    """One interruption: the words that the bot credits, those that arrived, and those that are left in the model's own
    conversation; how long the bot talked on, by itself and on the wire."""

    credited: int
    heard: int
    left: int | None
    silent_ms: float
    wire_ms: float


@dataclass(slots=True)
class _Reported:
    """What the bot tells of one call."""

    heard: BotHeard | None = None
    silent_ms: float = 0.0


@dataclass(slots=True)
class _Bot:
    """The bot's side: what it tells of each call, by the caller's number."""

    talker: Talker
    reported: dict[str, _Reported] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        self.numbers[call.id] = call.caller.removeprefix("sip:").partition("@")[0].lstrip("+")
        return await self.talker.run(call)

    def on_event(self, call_id: str, event: SessionEvent) -> None:
        """Keep what the bot tells of the first thing that it says."""
        reported = self.reported.setdefault(self.numbers.get(call_id, ""), _Reported())
        if isinstance(event, BargedIn) and not reported.silent_ms:
            reported.silent_ms = event.silent_ms
        elif isinstance(event, BotHeard) and reported.heard is None:
            reported.heard = event


def words_in(pcm: bytes, word_ms: int) -> int:
    """Whole tones."""
    samples = np.frombuffer(pcm, "<i2").astype(int)
    blocks = np.abs(samples[: len(samples) // BLOCK * BLOCK]).reshape(-1, BLOCK).max(axis=1) > LOUD
    edges = np.flatnonzero(np.diff(np.concatenate(([0], blocks.astype(int), [0]))))
    return int(np.sum((edges[1::2] - edges[::2]) * BLOCK >= WHOLE * word_ms * RATE_HZ / 1000))


async def dial(over: str, bot: LocalBot, number: str) -> Caller | Carrier:
    """A call from that number."""
    if over == "sip":
        return await Caller.dial(HOST, Address(bot.sip_address.host, bot.sip_address.port), user=number)
    assert bot.http_address is not None
    url = f"ws://{Address(*bot.http_address)}/twilio/media"
    return await Carrier.dial(url, parameters={"from": f"+{number}"})


async def interrupt(call: Caller | Carrier, sentence: bytes, after_s: float) -> tuple[Received, float]:
    """Say the sentence after so long; returns what was heard, and when the caller's first sound was sent."""
    received, now = Received(), asyncio.get_running_loop().time
    first = int(np.argmax(np.abs(np.frombuffer(sentence, "<i2").astype(int)) > LOUD)) / RATE_HZ
    try:
        call.add_listener(received.on_audio)
        await call.listen_for(after_s)
        began_at = now() + first
        await call.say(sentence)
        await call.over.wait()
    finally:
        if isinstance(call, Caller):
            call.close()
        else:
            await call.close()
    return received, began_at


async def measure(
    talker: Talker, over: str, calls: int, at_once: int, seed: int, folder: Path, backend: str = OWN
) -> list[Cut]:
    """The cuts of so many calls."""
    side = _Bot(talker)
    engines = partial(EngineSet, given=talker.engines)
    config = settings(folder, TtsConfig(engine="recorded", cache_mib=0))
    config = config.model_copy(update={"sip": config.sip.model_copy(update={"backend": backend})})
    bot = LocalBot(config, side, engines=engines)
    bot.listeners.append(side.on_event)
    await bot.start()
    sentence = read_recording(files("offhook") / "assets" / "caller" / "check-my-balance.wav")
    free, rng = asyncio.Semaphore(at_once), random.Random(seed)
    moments = [rng.uniform(FIRST_MOMENT_S, LAST_MOMENT_S) for _ in range(calls)]

    async def one(number: str, after_s: float) -> Cut:
        async with free, asyncio.timeout(CALL_LIMIT_S):
            received, began_at = await interrupt(await dial(over, bot, number), sentence, after_s)
        reported = side.reported.get(number, _Reported())
        if reported.heard is None:
            return Cut(-1, 0, None, 0.0, 0.0)
        over_at = reported.heard.at + ON_ITS_WAY_S
        pcm = received.until(over_at)
        ended_at = max((ended for began, ended in received.spurts() if began < over_at), default=began_at)
        played = reported.heard.playback
        return Cut(
            len(played.text_played.split()),
            words_in(pcm, talker.word_ms),
            talker.left_of(f"{played.text_played} {played.text_unplayed}"),
            reported.silent_ms,
            1000 * max(0.0, ended_at - began_at),
        )

    try:
        return list(await asyncio.gather(*(one(f"1555{at:06}", after_s) for at, after_s in enumerate(moments))))
    finally:
        await bot.stop()


def summary(cuts: list[Cut], errors: list[str]) -> dict[str, object]:
    """Rates with their bounds, at 95 %."""
    close = sum(abs(cut.heard - cut.credited) <= 1 for cut in cuts)
    low, high = interval(close, len(cuts))
    left = [(cut.left, cut.heard) for cut in cuts if cut.left is not None]
    row: dict[str, object] = {
        "interruptions": len(cuts),
        "within_one_word": close / len(cuts),
        "low": round(low, 4),
        "high": round(high, 4),
        "credited_but_not_heard": sum(max(0, cut.credited - cut.heard) for cut in cuts),
    }
    if left:
        row["left_within_one_word"] = sum(abs(mine - heard) <= 1 for mine, heard in left) / len(left)
        row["errors"] = len(errors)
    own = [cut.silent_ms for cut in cuts if cut.silent_ms]
    for name, times in (("talks_on", own), ("wire", [cut.wire_ms for cut in cuts])):
        for rank in (50, 95):
            row[f"{name}_ms_p{rank}"] = round(percentile(times, rank) or 0.0)
    return row


async def run(args: argparse.Namespace) -> None:
    """Measure, and print."""
    for agent in args.agent or TALKERS:
        for over in args.over or ("sip", "stream"):
            with tempfile.TemporaryDirectory() as folder:
                async with TALKERS[agent](args.seed) as talker:
                    cuts = await measure(
                        talker, over, args.calls, args.at_once, args.seed, Path(folder), args.sip_backend
                    )
                    backend = {"backend": args.sip_backend} if over == "sip" else {}
                    row = {"agent": agent, "over": over, **backend, **summary(cuts, talker.errors)}
            print(json.dumps(row), flush=True)
            if args.show:
                print("\n".join(f"  {cut}" for cut in cuts))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", choices=[*TALKERS], action="append", help="may be repeated; all of them without it")
    parser.add_argument("--over", choices=("sip", "stream"), action="append", help="likewise")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sip-backend", choices=(OWN, OTHER_BACKEND), default=OWN)
    parser.add_argument("--show", action="store_true", help="print each interruption")
    setup(level="error")
    run_loop(run(parser.parse_args()))


if __name__ == "__main__":
    main()
