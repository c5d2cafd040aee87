"""Three times as many calls come in a second as are let in: those that are there go first, and nobody waits."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from bench.witness import Witnesses
from offhook.process.admission import LoadLimits
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import Outcome, Sipp
from tests.faults.test_process import hang_up
from tests.faults.test_workers import Held, hold

pytestmark = pytest.mark.peer

HELD = 10
CAPACITY = LoadLimits().setups_per_s
"""Calls a second, of one worker."""
COUNTED_S = 1.0
"""For so long a new call counts among the latest: just behind a wave there may be no room for those to be held."""
WAVE_S = 5
GOODPUT = 0.8
GAP_S = 0.04
BACK_S = 5.0


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def offer(bot: BotProcess, directory: Path, calls_per_s: int, seconds: int) -> tuple[float, Outcome]:
    """Calls of half a second each; how many a second were answered."""
    before, began = len(bot.records()), time.monotonic()
    options = ("-r", str(calls_per_s), "-m", str(calls_per_s * seconds), "-l", "5000", "-d", "500")
    with Sipp("uac_short.xml", directory, *options, target=bot.address, timeout_s=seconds + 40, rtp_port=9) as callers:
        outcome = callers.wait().check()
    took_s = time.monotonic() - began - 0.5
    return (len(bot.records()) - before) / took_s, outcome


def gaps_s(held: list[Held], since: float) -> list[float]:
    """Between the packets that each call was sent, all together."""
    gaps = []
    for call in held:
        arrivals = [at for at, _ in call.media.arrivals if at >= since]
        gaps += [later - earlier for earlier, later in pairwise(arrivals)]
    return gaps


def survives(bot: BotProcess, stack: ExitStack, directory: Path, waves: int) -> list[float]:
    """Each wave meets calls in which the bot is speaking, for longer than it lasts; the gaps in that."""
    usual, _ = offer(bot, directory, CAPACITY, 4)
    gaps: list[float] = []
    for _ in range(waves):
        time.sleep(COUNTED_S)
        held = hold(stack, bot, HELD)
        since = time.monotonic()
        goodput, outcome = offer(bot, directory, 3 * CAPACITY, WAVE_S)
        gaps += gaps_s(held, since)
        assert goodput >= GOODPUT * usual, f"{goodput:.0f} of {usual:.0f} calls a second"
        waits_s = [int(text) for text in re.findall(r"Retry-After: (\d+)", outcome.messages)]
        assert len(waits_s) >= CAPACITY * WAVE_S
        assert set(waits_s) == set(range(5, 16))
        bot.wait_for(lambda: bot.readiness() == (200, "ready"), BACK_S)
        for call in held:
            hang_up(call.phone, call.media, call.to_tag)
    for call in hold(stack, bot, 1):
        call.hears(bot)
        hang_up(call.phone, call.media, call.to_tag)
    bot.wait_for(lambda: all(record["end"] is not None for record in bot.records()))
    assert {record["end_reason"] for record in bot.records()} == {"caller hung up"}
    assert len(gaps) >= waves * HELD * WAVE_S * 50 * 0.95
    return sorted(gaps)


def test_a_wave_of_calls(start_bot: Callable[..., BotProcess], stack: ExitStack, tmp_path: Path) -> None:
    gaps = survives(start_bot(), stack, tmp_path, 1)
    # This machine may be busy with other tests: one packet in a thousand is not looked at.
    assert gaps[-1 - len(gaps) // 1_000] <= GAP_S


@pytest.mark.soak
def test_waves_of_calls(start_bot: Callable[..., BotProcess], stack: ExitStack, tmp_path: Path) -> None:
    with Witnesses(os.sched_getaffinity(0)) as witnesses:
        gaps = survives(start_bot(), stack, tmp_path, 4)
    # Nothing leaves while the machine itself stands still.
    stood_still_s = max((late for _, late in witnesses.moments or ()), default=0.0)
    assert gaps[-1] <= GAP_S + stood_still_s
