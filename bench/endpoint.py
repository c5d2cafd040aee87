"""How soon after a caller's last sound the bot answers, and how often it cuts them off.

    .venv/bin/python -m bench.endpoint closed [--turns 100] [--at-once 4] [--json]   menus, yes or no, four digits
    .venv/bin/python -m bench.endpoint digits [--turns 50]                           numbers with pauses of 0.6 to 1.2 s
    .venv/bin/python -m bench.endpoint sweep [--turns 40]                            thresholds, quiet, music, babble

Calls in real time with the default detector, recogniser and voice, on a line in memory that sends packets every 20 ms.
Callers are people (`bench.human_speech` fetches the recordings) and synthetic voices. The line has ±1 LSB of noise.
The response is from the last audible sample to the first packet of the answer; a turn that is over before the caller is
was cut off.
"""

import argparse
import asyncio
import json
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.endpoint_turns import BACKGROUNDS, Background, Turn, closed_turns, digit_turns
from bench.human_speech import SPEECH
from offhook.engines.endpoint import make_endpoint_policy
from offhook.engines.engine_set import EngineSet
from offhook.pipeline.events import Answer, AnswerKind, Prompt, Question
from offhook.pipeline.session import Session
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.events import TurnEvent, TurnOver
from offhook.process.event_loop import run_loop
from offhook.settings.config import Config
from offhook.telephony.codec.g711 import PCMU
from offhook.testing.simulated_line import PACKET_TICKS, SimulatedLine

REPLY = "Thank you."
LEAD_S = 0.5
"""Silence before the caller speaks."""

AFTER_S = 2.5
"""Silence behind; a turn that is not over then has been missed."""

SLOW_MS = 500
COLUMNS = (
    "turns_of",
    "line",
    "policy",
    "caller",
    "turns",
    "response_p50_ms",
    "response_p95_ms",
    "cut",
    "right",
)
THRESHOLDS_MS = (200, 500, 1_000)


class Outcome(NamedTuple):
    """One turn: the response, or how it went wrong."""

    turn: Turn
    response_ms: float | None
    cut: bool
    right: bool


@dataclass
class Result:
    """All turns of a row."""

    outcomes: list[Outcome] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """For the table. A cut-off has no response."""
        times = [each.response_ms for each in self.outcomes if each.response_ms is not None and not each.cut]
        p50, p95 = np.percentile(times, (50, 95)) if times else (0.0, 0.0)
        cut = sum(each.cut for each in self.outcomes)
        return {
            "turns": len(self.outcomes),
            "response_p50_ms": round(float(p50)) if times else None,
            "response_p95_ms": round(float(p95)) if times else None,
            "cut": cut,
            "cut_percent": round(100 * cut / max(1, len(self.outcomes)), 1),
            "right": sum(each.right for each in self.outcomes),
        }


async def one_turn(engines: EngineSet, config: Config, turn: Turn, background: Background, seed: int) -> Outcome:
    """One call with one question."""
    rng = np.random.default_rng(seed)
    line = SimulatedLine()
    core = TurnCore(policy=make_endpoint_policy(config))
    over_at: list[float] = []
    loop = asyncio.get_running_loop()

    def on_event(event: TurnEvent) -> None:
        if isinstance(event, TurnOver):
            over_at.append(loop.time())

    session = Session(line, replace(engines.for_call(config), front_end=None), core, lambda _event: None)
    session.subscribe(on_event)
    lead = int(LEAD_S * 8_000)
    audio = np.concatenate([np.zeros(lead), turn.samples, np.zeros(int(AFTER_S * 8_000))])
    audio += background(len(audio), turn.level, rng) + rng.integers(-1, 2, len(audio))
    pcm = np.clip(np.round(audio), -32_768, 32_767).astype("<i2").tobytes()
    last_tick = lead + turn.last
    ended_at: list[float] = []
    sent_at: list[float] = []

    def on_audio(_pcm: bytes, at_tick: int, at_s: float) -> None:
        if not ended_at and at_tick + PACKET_TICKS >= last_tick + line_began:
            ended_at.append(at_s)

    def on_sent(_payload: bytes, _ordinal: int, at_s: float) -> None:
        sent_at.append(at_s)

    line_began = line.received_ticks
    line.add_listener(audio=on_audio, sent=on_sent)
    line.speak(PCMU.decode(PCMU.encode(pcm)))
    try:
        async with asyncio.timeout(len(pcm) / 16_000 + 5):
            answer = await session.step(None, replace(turn.question, no_input_ms=60_000))
            await session.step(Prompt(REPLY), None)
    except TimeoutError:
        answer = Answer(AnswerKind.NO_INPUT)
    finally:
        cut = not ended_at
        session.close()
        line.close()
    response = 1000 * (sent_at[0] - ended_at[0]) if sent_at and ended_at else None
    return Outcome(turn, response, cut, turn.is_right(answer))


async def row(
    config: Config, engines: EngineSet, turns: list[Turn], background: Background, at_once: int, seed: int
) -> Result:
    """All turns, some at once; each begins at a random moment."""
    result, free = Result(), asyncio.Semaphore(at_once)
    starts = np.random.default_rng(seed).uniform(0.0, 1.0, len(turns))

    async def place(number: int, turn: Turn) -> None:
        async with free:
            await asyncio.sleep(starts[number])
            result.outcomes.append(await one_turn(engines, config, turn, background, seed + number))

    await asyncio.gather(*(place(number, turn) for number, turn in enumerate(turns)))
    return result


async def measure(args: argparse.Namespace) -> None:
    """The rows of one kind."""
    policies: dict[str, dict[str, Any]] = {"answer": {"endpoint": "answer"}, "silence 500": {"endpoint": "silence"}}
    if args.what == "sweep":
        policies = {f"silence {ms}": {"endpoint": "silence", "silence_ms": ms} for ms in THRESHOLDS_MS}
        policies["answer"] = {"endpoint": "answer"}
    policies = {name: settings for name, settings in policies.items() if args.policy in (None, name)}
    makers = {"closed": closed_turns, "digits": digit_turns}
    engines = EngineSet(Config.load(None, {}))
    await engines.start()
    try:
        for kind in (args.of or makers) if args.what == "sweep" else (args.what,):
            turns = makers[kind](args.folder, args.turns, args.seed)
            for line in BACKGROUNDS if args.what == "sweep" else ("quiet",):
                background = BACKGROUNDS[line](args.folder)
                for policy, settings in policies.items():
                    config = Config.load(None, {"turn": settings})
                    asked = [replace(each, question=_patient(each, config)) for each in turns]
                    found = await row(config, engines, asked, background, args.at_once, args.seed)
                    _show({"turns_of": kind, "line": line, "policy": policy}, found, as_json=args.json)
    finally:
        await engines.close()


def _patient(turn: Turn, config: Config) -> Question:
    return replace(turn.question, silence_ms=config.turn.silence_ms)


def _show(about: dict[str, Any], result: Result, *, as_json: bool) -> None:
    for caller in sorted({each.turn.caller for each in result.outcomes}):
        part = Result([each for each in result.outcomes if each.turn.caller == caller])
        found = {**about, "caller": caller, **part.figures()}
        found["cut_off"] = [each.turn.text for each in part.outcomes if each.cut]
        found["slow"] = [each.turn.text for each in part.outcomes if each.response_ms and each.response_ms > SLOW_MS]
        if as_json:
            print(json.dumps(found), flush=True)
        else:
            print(f"| {' | '.join(str(found[key]) for key in COLUMNS)} |", flush=True)


def main() -> None:
    """See the module."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = options.add_argument
    add("what", choices=["closed", "digits", "sweep"])
    add("--turns", type=int, default=50)
    add("--of", action="append", choices=["closed", "digits"], help="sweep: only these turns")
    add("--policy", help="only this row, such as answer")
    add("--at-once", type=int, default=4)
    add("--seed", type=int, default=1)
    add("--folder", type=Path, default=SPEECH)
    add("--json", action="store_true")
    args = options.parse_args()
    if not args.folder.is_dir() or shutil.which("sox") is None:
        sys.exit(f"no recordings of people: install sox, type `python -m bench.human_speech {args.folder}`")
    if not args.json:
        print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    run_loop(measure(args))


if __name__ == "__main__":
    main()
