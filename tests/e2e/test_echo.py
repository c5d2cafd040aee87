"""Callers whose lines return the voice of the bot, through real sockets. `python -m bench.echo` is the long form."""

import asyncio
from collections.abc import Callable

from bench.echo import FALSE_RATE, SHARE, figures, line, place
from bench.echo_call import CallReport, EchoCall
from tests.e2e.conftest import BotProcess
from tests.rates import is_at_least, is_at_most

CALLS = 8
SEED = 7


def test_the_bot_hears_callers_over_its_own_echo_and_not_itself(start_bot: Callable[..., BotProcess]) -> None:
    bench_bot = start_bot("--bench-engines")
    reports = asyncio.run(place((bench_bot.host, bench_bot.port), CALLS, CALLS, SEED, turns=1))
    result = figures(reports)
    summary = line(result) + "".join(f"\n{report.to_dict()}" for report in reports)
    assert not result["failed"], summary
    assert is_at_most(result["false"], result["prompts"], FALSE_RATE), summary
    assert result["spoken_over"] >= CALLS // 2 - result["false"], summary
    # In time or not is the benchmark's question: the machine that runs the tests does other things, too.
    assert is_at_least(result["cut"], result["spoken_over"], SHARE), summary


def test_a_conversation_goes_through_on_a_line_that_echoes(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot()

    async def calls() -> list[CallReport]:
        target = (bot.host, bot.port)
        return await asyncio.gather(
            *(EchoCall(target, number, SEED, 0).converse(("opening-hours", "goodbye")) for number in range(3))
        )

    reports = asyncio.run(calls())
    summary = "".join(f"\n{report.to_dict()}" for report in reports)
    assert not any(report.error for report in reports), summary
    bot.wait_for(lambda: all(record["end"] is not None for record in bot.records()))
    for record in bot.records():
        assert (record["barge_ins"], record["end_reason"]) == (0, "bot hung up"), summary
        assert bot.lines(record, "caller") == ["opening hours", "goodbye"], summary
