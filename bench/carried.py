"""How many calls one core carries: the command line and the table that such benchmarks share."""

import argparse
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.runs import Callers, Run, figures_of, measure, save, saved
from bench.table import HEADINGS, line, row


def options(description: str | None) -> argparse.ArgumentParser:
    """What all of them take. `--serve` is for their own processes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--caller", type=Path, help="the program that calls over SIP")
    parser.add_argument("--caller-python", default=sys.executable, help="the Python for it")
    parser.add_argument("--calls", default="1,50,100,200")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser


def callers(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Callers:
    """The calling program; without one the command line is refused."""
    if given.caller is None:
        parser.error("name the calling program: --caller PATH/sip_caller.py")
    return Callers(given.caller, None, given.caller_python)


def print_head() -> None:
    """Print the head of the table."""
    print(line((*HEADINGS, "carried")))
    print("|" + "---|" * (len(HEADINGS) + 1), flush=True)


def print_rows(by: Callers, runs: Iterable[AbstractContextManager[Run]], report: Path) -> None:
    """Measure the runs, and print a row of each; the first is the one that the others are compared with."""
    results, one = saved(report), None
    for prepared in runs:
        with prepared as run:
            results[run.name] = measure(by, run)
        save(report, results)
        figures = figures_of(run, results[run.name])
        one = one or figures
        print(line((*row(run.name, figures), "yes" if figures.holds(one) else "no")), flush=True)
