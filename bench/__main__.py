"""Measures a bot on the wire: response, barge-in, pacing, CPU and memory.

    python -m bench --caller PATH/sip_caller.py [--only NAME ...]        the usual runs
    python -m bench sweep --caller PATH [--twilio-caller PATH] [--calls 1,10,50]   how many calls a core carries
    python -m bench loss --caller PATH [--loss 0,1,5]                    words, response, barge-in behind a lossy line
    python -m bench compare --before CHECKOUT --caller PATH [--calls 100] [--times 5]    this code beside another's
    python -m bench report                                               tables and pictures into docs/

The calling programs are not part of this project: they place calls over SIP and RTP, or over Twilio's protocol, talk
like a person and timestamp the packets; any with the same options and the same JSON will do. The bot is pinned
to the first core of this machine, the caller to the last. Results go to reports/*.json; each run replaces only its own.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import compare, loss, report
from bench.report import BENCH, LOSS, SWEEP
from bench.runs import OTHER_BACKEND, OWN, RUNS, Callers, Run, figures_of, measure, save, saved, sip_sweep, twilio_sweep
from bench.table import HEADINGS, line, row

SIP_CALLS = "1,10,50,100,200,300"
TWILIO_CALLS = "1,10,50,100,150"


def run_all(callers: Callers, runs: list[Run], path: Path) -> None:
    """Measure each run, print its row, and keep its result in `path`."""
    results = saved(path)
    print(line(HEADINGS))
    print("|" + "---|" * len(HEADINGS), flush=True)
    for run in runs:
        results[run.name] = _measured(lambda run=run: measure(callers, run))  # type: ignore[misc]
        save(path, results)
        if "error" in results[run.name]:
            print(f"| {run.name} | {results[run.name]['error']} |", flush=True)
        else:
            print(line(row(run.name, figures_of(run, results[run.name]))), flush=True)
    print(f"\nfull results: {path}")


def run_loss(callers: Callers, losses: list[float], bursts: list[float], seed: int) -> None:
    """Measure each loss rate, with single losses and with bursts."""
    results = saved(LOSS)
    for burst in bursts:
        # Without loss there are no bursts.
        for percent in losses if burst == 0 else [percent for percent in losses if percent]:
            name = f"{percent:g} % in bursts of {burst:g}" if burst else f"{percent:g} %"
            point = _measured(lambda p=percent, b=burst: loss.point(callers, p, b, seed))  # type: ignore[misc]
            results[name] = point
            save(LOSS, results)
            print(f"{name}: {point.get('error') or report.loss_points({name: point})[0]}", flush=True)
    print(f"\nfull results: {LOSS}")


def run_compare(callers: Callers, before: Path, calls: list[int], times: int) -> None:
    """Measure this checkout and another at once, over SIP and, if its caller was given, over Twilio's protocol."""
    for run in (*map(sip_sweep, calls), *map(twilio_sweep, calls)):
        if callers.of(run) is not None:
            print(f"\n{run.name} each, {times} pairs", flush=True)
            print("\n".join(compare.table(compare.pairs(callers, run, before, times))), flush=True)


def _measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result, or the error of a run that failed: the others go on."""
    try:
        return work()
    except RuntimeError as error:
        return {"error": str(error)}


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = options.add_argument
    add("what", nargs="?", choices=["runs", "sweep", "loss", "compare", "report"], default="runs")
    add("--caller", type=Path, help="the program that calls over SIP")
    add("--twilio-caller", type=Path, help="the program that calls over Twilio's protocol")
    add("--caller-python", default=sys.executable, help="the Python for them")
    add("--only", action="append", help="runs: a run's name; may be given several times")
    add("--calls", help=f"sweep: numbers of calls (SIP {SIP_CALLS}; Twilio {TWILIO_CALLS}); compare: calls at each bot")
    add("--sip-backend", choices=(OWN, OTHER_BACKEND), default=OWN, help="sweep: what carries the calls")
    add("--before", type=Path, help="compare: another checkout, with its native module built")
    add("--times", type=int, default=5, help="compare: how many pairs of runs")
    add("--loss", default=",".join(map(str, loss.LOSSES_PERCENT)), help="loss: percentages")
    add("--burst", default=f"0,{loss.BURST_PACKETS:g}", help="loss: mean lengths of bursts, 0 for single packets")
    add("--seed", type=int, default=1, help="loss: the relay's seed")
    return options


def main() -> None:
    options = parser().parse_args()
    callers = Callers(options.caller, options.twilio_caller, options.caller_python)
    if options.what == "report":
        print("\n".join(map(str, report.write())))
        return
    if callers.sip is None and (callers.twilio is None or options.what not in ("sweep", "compare")):
        parser().error("name the calling program: --caller PATH/sip_caller.py")
    if options.what == "runs":
        run_all(callers, [run for run in RUNS if not options.only or run.name in options.only], BENCH)
    elif options.what == "sweep":
        runs: list[Run] = []
        if callers.sip is not None:
            runs += [sip_sweep(calls, options.sip_backend) for calls in _numbers(options.calls or SIP_CALLS)]
        if callers.twilio is not None:
            runs += map(twilio_sweep, _numbers(options.calls or TWILIO_CALLS))
        run_all(callers, runs, SWEEP)
    elif options.what == "compare":
        if options.before is None:
            parser().error("name the other checkout: --before PATH")
        run_compare(callers, options.before.resolve(), _numbers(options.calls or "100"), options.times)
    else:
        run_loss(
            callers,
            [float(x) for x in options.loss.split(",")],
            [float(x) for x in options.burst.split(",")],
            options.seed,
        )


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    main()
