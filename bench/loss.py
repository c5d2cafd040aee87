"""Curves over packet loss: the share of turns recognised, and the times of answers and barge-in, on a lossy network."""

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.runs import ASSETS, BENCH, ROOT, Bot, Callers, Child, Run, call, last_core

LOSSES_PERCENT = (0, 1, 3, 5, 10)
BURST_PACKETS = 3.0
WORDS_CALLS, WORDS_TURNS = 3, 14
TIMES_CALLS, TIMES_TURNS = 24, 4
SENTENCE = "opening hours"
WAV = ASSETS / "caller" / "opening-hours.wav"

# Sentences end within eight seconds: without the limit, a lost last packet would cost half a minute.
WORDS = Run(
    "words",
    ("--flow", str(ROOT / "bench" / "words.yaml")),
    ("--calls", str(WORDS_CALLS), "--cps", "1", "--turns", str(WORDS_TURNS), "--wav", str(WAV), "--reply-max", "8"),
)
TIMES = Run(
    "times",
    BENCH,
    (
        *("--calls", str(TIMES_CALLS), "--cps", "2", "--turns", str(TIMES_TURNS)),
        *("--barge-turns", "2,4", "--barge-delay", "1.0"),
        *("--wav", str(ASSETS / "caller/check-my-balance.wav"), "--reply-max", "8"),
    ),
)


class Relay(Child):
    """The impairment relay in front of a bot: the same loss both ways, on the caller's core."""

    def __init__(self, bot: Bot, loss_percent: float, burst_packets: float, seed: int) -> None:
        command = [sys.executable, "-m", "offhook.testing.relay", "--listen", "127.0.0.1:0", "--to", bot.sip]
        command += ["--loss", str(loss_percent), "--burst", str(burst_packets), "--seed", str(seed)]
        command += ["--media-ports", "14000-17999"]
        super().__init__(last_core(), command, {})

    @property
    def address(self) -> str:
        """HOST:PORT to call."""
        return self.ready_line.split()[1]


def point(callers: Callers, loss_percent: float, burst_packets: float, seed: int) -> dict[str, Any]:
    """One loss rate: `words` (share of turns with the right transcript) and the caller's two reports."""
    burst = burst_packets if loss_percent else 0.0
    results: dict[str, Any] = {"loss_percent": loss_percent, "burst_packets": burst_packets, "seed": seed}
    for run in (WORDS, TIMES):
        with (
            tempfile.TemporaryDirectory() as directory,
            Bot(run, directory) as bot,
            Relay(bot, loss_percent, burst, seed) as relay,
        ):
            results[run.name] = call(callers, run, bot, relay.address)
            if run is WORDS:
                results["transcripts"] = transcripts(Path(directory) / "calls.db")
    said = results[WORDS.name]["conversation"]["turns"]
    # Turns that were never recognised count as wrong.
    right = sum(SENTENCE in words for words in results["transcripts"])
    results["right"] = min(1.0, right / said) if said else None
    return results


def transcripts(path: Path) -> list[str]:
    """The transcripts of all calls."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT text FROM transcript WHERE who = 'caller'").fetchall()
    return [str(text) for (text,) in rows]
