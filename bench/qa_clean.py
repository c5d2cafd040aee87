"""Clean calls, judged by the QA kit: python -m bench.qa_clean [--calls 200] [--repeats 100] [--at-once 4]

Two flows are called by five scripts that limit every measure: in both laws over SIP, and over Twilio's media stream; on
a clean line, and on lines with 2 % loss or with jitter, which the limits allow for. Nothing is wrong with these calls:
whatever is found is false, or the machine did it (`late`: how late the caller's own packets left, 99th percentile).
Then one of the scripts again and again: verdict, prompts, words and keys have to be the same each time.

Exits with 1 where anything was found, or repeats differ. The report goes to reports/qa_clean.json
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from bench.qa_clean_cases import SCRIPTS, Case, cases, script_of
from bench.runs import REPORTS, save
from offhook.observe.log import setup
from offhook.qa.bot import Bot
from offhook.qa.caller.scripted_call import Prepared
from offhook.qa.one_call import RunSettings
from offhook.qa.result import Result
from offhook.qa.run import Speakers, prepare, run_script
from offhook.settings.config import Config

ASSETS = Path(str(files("offhook").joinpath("assets")))
REPEATED = Case("hours by key", "PCMU", "clean")
CONFIDENCE = 0.95


class Judged(NamedTuple):
    """A call, and what was found."""

    case: Case
    result: Result

    @property
    def late_ms(self) -> float:
        """How late the caller's packets left."""
        return float(self.result.details["call"]["media"]["sent_late_p99_ms"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        found = [f"{each.kind}: {each.what}" for each in self.result.findings]
        return {"case": str(self.case), "found": found, "late_ms": self.late_ms, "seconds": self.result.seconds}


def what_happened(result: Result) -> tuple[Any, ...]:
    """What has to be the same in each repeat."""
    call = result.details["call"]
    said = [(line["who"], line["text"]) for line in call["record"]["transcript"]]
    prompts = [name for turn in call["turns"] for name, _ in turn["prompts"]]
    return ([each.kind for each in result.findings], prompts, call["steps_done"], call["ended_by"], said)


@dataclass(frozen=True)
class Bench:
    """The bots by their flows, and what the scripts need by their names."""

    bots: dict[str, Bot]
    prepared: dict[str, Prepared]

    async def call(self, case: Case, seed: int) -> Judged:
        """One call."""
        bot = self.bots[SCRIPTS[case.script].flow]
        target = bot.stream if case.carrier == "stream" else bot.sip
        settings = RunSettings(target, bot.http)
        return Judged(case, await run_script(script_of(case, seed), self.prepared[case.script], settings))

    async def calls(self, wanted: Sequence[Case], at_once: int, show: Callable[[Judged], None]) -> list[Judged]:
        """All of them, so many at once; each has a seed of its own."""
        free = asyncio.Semaphore(at_once)

        async def one(case: Case, seed: int) -> Judged:
            async with free:
                judged = await self.call(case, seed)
            show(judged)
            return judged

        return await asyncio.gather(*(one(case, seed) for seed, case in enumerate(wanted, 1)))


async def with_bots(work: Callable[[Bench], Awaitable[None]]) -> None:
    """Start the bots, and speak what the scripts say, for the time of the work."""
    flows = {"bank": ASSETS / "flows" / "bank.yaml", "shop": ASSETS / "init" / "flow.yaml"}
    with ExitStack() as stack:
        bots = {name: stack.enter_context(Bot(flow, None, None)) for name, flow in flows.items()}
        async with AsyncExitStack() as voices:
            speakers = Speakers(Config(), voices)
            prepared = {
                name: await prepare(script_of(Case(name, "PCMU", "clean"), 1), speakers, None) for name in SCRIPTS
            }
        await work(Bench(bots, prepared))


def show(judged: Judged) -> None:
    """A line for a call in which something was found."""
    for each in judged.result.findings:
        print(f"{judged.case}: {each.kind}: {each.what} ({each.why}); late {judged.late_ms:.1f} ms", flush=True)


async def measure(bench: Bench, calls: int, repeats: int, at_once: int) -> dict[str, Any]:
    """The report, which is printed, too."""
    judged = await bench.calls(list(islice(cycle(cases()), calls)), at_once, show)
    found = [each for each in judged if not each.result.passed]
    bound = 100 * (1 - (1 - CONFIDENCE) ** (1 / max(1, calls)))
    print(f"{len(found)} of {len(judged)} calls with findings" + ("" if found else f": at most {bound:.1f} % (95 %)"))
    repeated = await bench.calls([REPEATED] * repeats, at_once, show)
    outcomes = [what_happened(each.result) for each in repeated]
    most = max((outcomes.count(each) for each in outcomes), default=0)
    print(f"{most} of {repeats} repeats agree")
    return {
        "calls": len(judged),
        "with_findings": len(found),
        "repeats": repeats,
        "repeats_that_agree": most,
        "late_ms": max((each.late_ms for each in judged), default=0.0),
        "each": [each.to_dict() for each in (*judged, *repeated)],
    }


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=200)
    options.add_argument("--repeats", type=int, default=100)
    options.add_argument("--at-once", type=int, default=4)
    args = options.parse_args()
    setup(level="error")
    report: dict[str, Any] = {}

    async def run(bench: Bench) -> None:
        report.update(await measure(bench, args.calls, args.repeats, args.at_once))

    asyncio.run(with_bots(run))
    save(REPORTS / "qa_clean.json", report)
    sys.exit(int(bool(report["with_findings"]) or report["repeats_that_agree"] < args.repeats))


if __name__ == "__main__":
    main()
