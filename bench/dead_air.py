"""The longest silence that a caller hears when whatever is behind the bot stalls or dies.

    .venv/bin/python -m bench.dead_air [--rounds 4] [--seed 1] [--part model] [--json]

Calls over SIP and RTP on loopback, with the real detector, vendors' and models' test servers behind the bot, and no
second engine. Of each case `--rounds` callers call at the same time; each asks something, a little later than the one
before, and then listens, for 12 s at most. Their silence is measured in the audio that they receive, from their last
sound on until the bot has answered, or has said that it cannot: what comes then is for the caller to say. A call to a
bot that is broken from the start has the silence before the greeting, too.
"""

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np

from bench.dead_air_cases import Case, Stage, cases, stage
from bench.heard import HOST, interval, settings
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.engines.engine_set import EngineSet
from offhook.observe.log import setup
from offhook.pipeline.trace import BotHeard, BotSpoke, SessionEvent
from offhook.process.event_loop import run_loop
from offhook.process.local_bot import LocalBot
from offhook.records.cdr import percentile
from offhook.settings.config import TtsConfig
from offhook.sip.net.address import Address
from offhook.testing.received import LOUD, Received
from offhook.testing.sip_caller import Caller, CallFailedError, read_recording, unless_over

RATE_HZ = 8_000
APART_S = 0.15
"""Between the callers of a case."""

GREETED_WITHIN_S = 6.0
LISTENS_S = 12.0
WORST_S, USUAL_S, USUALLY = 4.5, 1.5, 0.95
SENTENCE = read_recording(files("offhook") / "assets" / "caller" / "check-my-balance.wav")
_LOUD_AT = np.flatnonzero(np.abs(np.frombuffer(SENTENCE, "<i2").astype(int)) > LOUD) / RATE_HZ
SAYS_S, ENDS_S = len(SENTENCE) / 2 / RATE_HZ, float(_LOUD_AT[-1])


@dataclass(slots=True)
class Side:
    """The bot's side of the calls of a case: what it says, by the caller's number."""

    stage: Stage
    numbers: dict[str, str] = field(default_factory=dict)
    events: dict[str, list[SessionEvent]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        self.numbers[call.id] = call.caller.removeprefix("sip:").partition("@")[0]
        return await self.stage.talks.run(call)

    def on_event(self, call_id: str, event: SessionEvent) -> None:
        """Keep what the bot says."""
        if isinstance(event, BotHeard | BotSpoke):
            self.events.setdefault(self.numbers.get(call_id, ""), []).append(event)
            self.changed.set()

    def replied_at(self, number: str, after: float) -> float | None:
        """When the bot had answered that caller, or had said that it cannot."""
        for event in self.events.get(number, ()):
            if not isinstance(event, BotHeard) or event.at <= after or not event.playback.text_played:
                continue
            said, answer = event.playback.text_played, self.stage.answer
            if not answer.startswith(said.rstrip(" .,")) or len(said) >= len(answer) - 1:
                return event.at
        return None

    async def replied(self, number: str, after: float) -> None:
        """Wait for that."""
        while self.replied_at(number, after) is None:
            self.changed.clear()
            await self.changed.wait()

    async def greeted(self) -> None:
        """Wait until the bot has said something to anybody."""
        while not any(isinstance(each, BotHeard) for events in self.events.values() for each in events):
            self.changed.clear()
            await self.changed.wait()

    async def replying(self) -> None:
        """Wait until the bot replies to anybody."""
        while not any(sum(isinstance(each, BotSpoke) for each in events) > 1 for events in self.events.values()):
            self.changed.clear()
            await self.changed.wait()


@dataclass(frozen=True, slots=True)
class Round:
    """One caller: the silences that they heard."""

    case: Case
    silences: tuple[float, ...]

    @property
    def worst_s(self) -> float:
        """The longest one."""
        return max(self.silences, default=0.0)


async def one_call(bot: LocalBot, side: Side, case: Case, number: str, late_s: float) -> Round:
    """A caller of a case."""
    now = asyncio.get_running_loop().time
    received, silences = Received(), []
    call = await Caller.dial(HOST, Address(bot.sip_address.host, bot.sip_address.port), user=number)
    try:
        call.add_listener(received.on_audio)
        answered_at = now()
        with suppress(TimeoutError, CallFailedError):
            await asyncio.wait_for(call.listen(), GREETED_WITHIN_S)
        if case.moment == "before":
            first = next((began for began, _ in received.spurts()), now())
            silences.append(first - answered_at)
        await asyncio.sleep(late_s)
        ended_at = now() + ENDS_S
        with suppress(CallFailedError):
            await call.say(SENTENCE)
        with suppress(TimeoutError, CallFailedError):
            async with asyncio.timeout_at(ended_at + LISTENS_S):
                await unless_over(side.replied(number, ended_at), call.over)
        silences += received.silences(ended_at, min(now(), side.replied_at(number, ended_at) or now()))
    finally:
        call.close()
    return Round(case, tuple(silences))


async def fail(side: Side, case: Case, rng: random.Random, calls: int) -> None:
    """Begin the fault of a case, in the middle of its calls."""
    spread_s = calls * APART_S
    if case.moment == "replying":
        with suppress(TimeoutError):
            await asyncio.wait_for(side.replying(), 15.0)
        await asyncio.sleep(rng.uniform(0.0, 1.0 + spread_s))
    elif case.moment != "before":
        await side.greeted()
        # The callers take PAUSE_S to notice that the greeting is over.
        begins_s = 0.7 if case.moment == "speaking" else 0.7 + ENDS_S
        await asyncio.sleep(begins_s + rng.uniform(0.0, (SAYS_S if case.moment == "speaking" else 0.8) + spread_s))
    if case.moment != "before":
        await side.stage.break_it()


async def measure(case: Case, rounds: int, seed: int) -> list[Round]:
    """The callers of a case."""
    rng = random.Random(f"{seed} {case}")
    with tempfile.TemporaryDirectory() as folder:
        async with stage(case, rng) as made:
            side = Side(made)
            engines = partial(EngineSet, given=made.engines)
            config = settings(Path(folder), TtsConfig(engine="recorded", cache_mib=0))
            bot = LocalBot(config, side, engines=engines)
            bot.listeners.append(side.on_event)
            await bot.start()
            try:
                failing = asyncio.ensure_future(fail(side, case, rng, rounds))
                calls = (one_call(bot, side, case, f"{at + 1}", at * APART_S) for at in range(rounds))
                found = await asyncio.gather(*calls)
                failing.cancel()
                return list(found)
            finally:
                await bot.stop()


def row(part: str, who: str, fault: str, moment: str, rounds: Iterable[Round]) -> dict[str, object]:
    """The figures of some rounds."""
    worst = [each.worst_s for each in rounds]
    figures: dict[str, object] = {f"p{rank}_s": round(percentile(worst, rank) or 0.0, 2) for rank in (50, 95)}
    within = {f"within_{limit}_s": sum(each <= limit for each in worst) for limit in (USUAL_S, WORST_S)}
    return {"part": part, "who": who, "fault": fault, "moment": moment, "n": len(worst), **figures} | {
        "worst_s": round(max(worst, default=0.0), 2),
        **within,
    }


async def run(args: argparse.Namespace) -> None:
    """Measure, and print."""
    chosen = [case for case in cases() if not args.part or case.part in args.part]
    found: list[Round] = []
    free = asyncio.Semaphore(args.at_once)

    async def one(case: Case) -> None:
        async with free:
            rounds = await measure(case, args.rounds, args.seed)
        found.extend(rounds)
        print_row(row(case.part, case.who, case.fault, case.moment, rounds), args)

    if not args.json:
        print("| part | who | fault | moment | n | p50 s | p95 s | worst s | ≤ 1.5 s | ≤ 4.5 s |\n" + "|---" * 10 + "|")
    await asyncio.gather(*map(one, chosen))
    for part in dict.fromkeys(each.case.part for each in found):
        print_row(row(part, "all", "", "", [each for each in found if each.case.part == part]), args)
    print_row(row("all", "", "", "", found), args)
    usual = sum(each.worst_s <= USUAL_S for each in found)
    low, high = interval(usual, len(found))
    print(f"within {USUAL_S} s: {usual / len(found):.3f}, at 95 % between {low:.3f} and {high:.3f}")


def print_row(figures: dict[str, object], args: argparse.Namespace) -> None:
    """One row."""
    print(json.dumps(figures) if args.json else f"| {' | '.join(map(str, figures.values()))} |", flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4, help="callers of each case")
    parser.add_argument("--at-once", type=int, default=2, help="cases at the same time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=sorted({case.part for case in cases()}), action="append")
    parser.add_argument("--json", action="store_true")
    setup(level="critical")
    run_loop(run(parser.parse_args()))


if __name__ == "__main__":
    main()
