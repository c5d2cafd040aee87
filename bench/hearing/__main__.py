"""How well recognisers understand what comes out of a phone line.

    make bench-hearing                                                        everything, into reports/hearing.json
    python -m bench.hearing --engine pocketsphinx --engine whisper --config offhook.toml
    python -m bench.hearing --channel mu-law --channel "noise 10 dB" --show    two lines, and what went wrong
    python -m bench.hearing --processor none --processor webrtc --channel "noise 10 dB" --kinds closed,other
                                                                              with noise suppression, and without
    python -m bench.hearing --calibrate                                       what a confidence is worth
    python -m bench.hearing --talkers 1,5,20 --core 1                         callers at once: time to the final
    python -m bench.hearing --people DIR                                      others than the recogniser was fitted on
    python -m bench.hearing --synthetic first --voices flite:slt              synthetic voices beside the human ones

Human speech is Debian's pocketsphinx-testdata: installed, or downloaded by apt-get into --cache; --recordings names
a folder laid out like it, or one of WAV files with a file `transcription`, in lines such as `<s> seven of clubs </s>
(003)`. An engine is any that the settings can name, its options as in `--engine vosk:model=DIR`.

Columns: share of closed questions whose answer was right, wrong, or rejected; of numbers that were exact; of other
speech and of sounds that became an answer; of all closed questions that ended well (right, or rightly rejected); wrong
words and right sentences of free speech; wrong words of cards by their grammar; CPU milliseconds a turn.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.hearing import calibration, suppressors
from bench.hearing.channels import CHANNELS, Line
from bench.hearing.engines import Heard, cpu_s, started, together
from bench.hearing.people import people
from bench.hearing.recordings import card_grammar, folder, recordings
from bench.hearing.runs import asked, background, received, run
from bench.hearing.score import Result, outcome, percentile, score
from bench.hearing.sentences import SETS
from bench.hearing.trials import Trial, cards, human, non_speech, synthetic
from bench.phone_line import is_installed
from bench.runs import REPORTS, save, saved
from bench.table import line as table_row
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.asr.pocketsphinx import PocketsphinxEngine

REPORT, SUPPRESSION = REPORTS / "hearing.json", REPORTS / "suppression.json"
HEADINGS = (
    "engine, line",
    "right",
    "wrong",
    "rejected",
    "numbers",
    "other taken",
    "sounds taken",
    "closed well",
    "words wrong",
    "sentences",
    "cards wrong",
    "CPU ms",
)
THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9)
PACED_TURNS = 24


def main() -> None:
    """The command."""
    args = parser().parse_args()
    asyncio.run(measure(args))


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        prog="python -m bench.hearing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = options.add_argument
    add("--engine", action="append", help="a recogniser of the settings, NAME or NAME:KEY=VALUE,…; pocketsphinx")
    add("--config", type=Path, help="settings with the engines' options")
    add(
        "--channel",
        action="append",
        choices=CHANNELS,
        metavar="LINE",
        help="one of CHANNELS, several may be given; all",
    )
    add("--processor", action="append", choices=suppressors.NAMES, help="noise suppression, several may be given; none")
    add("--recordings", type=Path, help="a folder of recordings")
    add("--cache", type=Path, default=Path.home() / ".cache" / "offhook" / "hearing", help="for the download")
    add("--synthetic", choices=SETS, help="also these sentences, by synthetic voices")
    add("--voices", default="flite:slt,espeak:en-gb,espeak:en-us+m7", help="for --synthetic")
    add("--share", type=float, default=0.3, help="of the other sentences that each synthetic voice says")
    add("--kinds", default="closed,digits,other,sound,free,cards", help="kinds of trials")
    add("--thresholds", default="0.5", help="confidences from which an answer counts; `all` for a table of them")
    add("--talkers", help="numbers of callers at once, such as 1,5,20: measures the times to the final alone")
    add("--core", type=int, help="with --talkers: everything on this core")
    add("--people", type=Path, help="the folder of `bench.human_speech`: its speakers, in place of the package's")
    add("--seed", type=int, default=1)
    add("--calibrate", action="store_true", help="share of right answers by confidence, and thresholds, over all lines")
    add("--show", action="store_true", help="list what went wrong")
    add("--report", type=Path, help="in place of reports/hearing.json, or suppression.json with --processor")
    return options


async def measure(args: argparse.Namespace) -> None:
    """Run everything, print rows as they come, and keep them in the report."""
    if args.core is not None:
        os.sched_setaffinity(0, {args.core})  # before the children start
    trials = all_trials(args)
    line = Line(background())
    args.report = args.report or (SUPPRESSION if args.processor else REPORT)
    report = saved(args.report)
    print(table_row(HEADINGS) + "\n|" + "---|" * len(HEADINGS), flush=True)
    for spec in args.engine or ["pocketsphinx"]:
        name, options = engine_spec(spec)
        async with started(name, args.config, options) as engine:
            if args.talkers:
                await measure_talkers(args, spec, engine, trials, line, report)
                continue
            for processor in args.processor or ["none"]:
                over_all: list[Result] = []
                for channel in args.channel or CHANNELS:
                    label = f"{spec}, {processor}" if args.processor else spec
                    results = await run(engine, trials, line, CHANNELS[channel], processor, args.seed)
                    report[f"{label} | {channel}"] = shown(label, channel, results, args)
                    save(args.report, report)
                    over_all += results
                if args.calibrate:
                    print(f"\n{calibration.reliability(over_all)}\n{calibration.recommended(over_all)}\n", flush=True)


def all_trials(args: argparse.Namespace) -> list[Trial]:
    """Of the kinds that were asked for."""
    trials = list(non_speech(SETS["first"], args.seed))
    if args.people is not None:
        trials += people(args.people, SETS["first"], PocketsphinxEngine().known_word, args.seed)
    else:
        place = folder(args.recordings, args.cache)
        found = recordings(place)
        trials += [*human(found, SETS["first"], args.seed), *cards(found, card_grammar(place))]
    if args.synthetic:
        voices = [voice for voice in args.voices.split(",") if is_installed(voice)]
        trials += synthetic(voices, SETS[args.synthetic], args.share, args.seed)
    return [trial for trial in trials if trial.kind in args.kinds.split(",")]


def shown(label: str, channel: str, results: Sequence[Result], args: argparse.Namespace) -> dict[str, Any]:
    """Print the rows of one channel, and return them for the report."""
    thresholds = THRESHOLDS if args.thresholds == "all" else [float(text) for text in args.thresholds.split(",")]
    rows = {}
    for threshold in thresholds:
        one = score(results, threshold)
        rows[f"{threshold:g}"] = one.to_dict()
        rates = (
            one.right,
            one.wrong,
            one.rejected,
            one.digits,
            one.taken,
            one.sounds,
            one.closed,
            one.words,
            one.sentences,
            one.cards,
        )
        cells = ["-" if rate.value is None else f"{rate.value:.1%} of {rate.count}" for rate in rates]
        at = "" if len(thresholds) == 1 else f", from {threshold:g}"
        print(table_row([f"{label}, {channel}{at}", *cells, f"{one.cpu_ms:.0f}"]), flush=True)
    if failed := [heard.error for _, heard in results if heard.error]:
        print(f"  {len(failed)} turns failed and count as not understood, the first: {failed[0]}", flush=True)
    if args.show:
        for trial, heard in results:
            got = outcome(trial, heard, thresholds[-1])
            by_words = trial.kind in ("free", "cards")
            if heard.transcript.text != trial.text if by_words else got != trial.meant:
                print(_mistake(trial, heard))
    return rows


def _mistake(trial: Trial, heard: Heard) -> str:
    confidence = heard.transcript.confidence
    certain = "" if confidence is None else f" ({confidence:.2f})"
    return f"  {trial.kind} {trial.source}: {trial.text!r} became {heard.transcript.text!r}{certain} {heard.error}"


async def measure_talkers(
    args: argparse.Namespace,
    spec: str,
    engine: AsrEngine,
    trials: Sequence[Trial],
    line: Line,
    report: dict[str, Any],
) -> None:
    """Times of partials and finals with several callers at once, grammars and free speech apart."""
    for kind, chosen in (
        ("grammar", [trial for trial in trials if trial.kind in ("closed", "digits")]),
        ("free speech", [trial for trial in trials if trial.kind == "free"]),
    ):
        if kind == "free speech" and not engine.capabilities.free_speech:
            continue
        for talkers in map(int, args.talkers.split(",")):
            count = max(PACED_TURNS, 3 * talkers)
            turns = [chosen[at % len(chosen)] for at in range(count)]
            lines = [
                received(trial, line, CHANNELS["mu-law"], "none", args.seed + at) for at, trial in enumerate(turns)
            ]
            cpu, began = cpu_s(), time.perf_counter()
            heard = await together(engine, lines, list(map(asked, turns)), talkers)
            busy = (cpu_s() - cpu) / (time.perf_counter() - began)
            spoken_s = sum(len(one) for one in lines) / 8_000
            row = {
                "talkers": talkers,
                "turns": count,
                "failed": sum(bool(one.error) for one in heard),
                "first_partial_p50_ms": percentile((one.first_partial_ms for one in heard), 0.5),
                "final_p50_ms": percentile((one.final_ms for one in heard), 0.5),
                "final_p95_ms": percentile((one.final_ms for one in heard), 0.95),
                "spoken_s": spoken_s,
                "cores": busy,
            }
            report[f"{spec} | {kind}, {talkers} at once"] = row
            save(args.report, report)
            print(f"{spec}, {kind}, {talkers} at once: {json.dumps(row)}", flush=True)


def engine_spec(spec: str) -> tuple[str, dict[str, object]]:
    """`vosk:model=DIR,workers=2` as a name and its options; values are JSON where they can be."""
    name, _, rest = spec.partition(":")
    pairs = (part.partition("=") for part in rest.split(",") if part)
    return name, {key: _value(text) for key, _, text in pairs}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    main()
