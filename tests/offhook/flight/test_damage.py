"""Logs that were damaged, or made up: a word about it, and never a traceback."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from offhook.cli.replay import replay
from offhook.flight.rows import line_of
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run
from offhook.usererror import UserError
from tests.offhook.flight.test_replay import bank

ODD: list[Any] = [
    *(None, True, -1, 1e308, float("nan"), "x", [], {}, [[]], 10**400),
    *({"~": "Answer"}, {"~": "Question"}, {"~": "Choice", "x": 1}),
]


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    async def talk() -> SimulatedCall:
        async with SimulatedCall(bank, recorded=True) as caller:
            await caller.hears("opening hours?")
            await caller.says("my balance")
            await caller.hears("You said")
            await caller.presses("4711")
            await caller.hears("When do you")
            await caller.says("tomorrow")
            await caller.hears("code")
            return caller

    log = run(talk()).event_log
    assert log is not None
    return [line_of(log.header), *map(line_of, log.take())]


def damaged(rng: random.Random, value: Any) -> Any:
    if isinstance(value, list | dict) and value and rng.random() < 0.8:
        keys = list(range(len(value)) if isinstance(value, list) else value)
        key, changed = rng.choice(keys), value.copy()
        if rng.random() < 0.2:
            del changed[key]
        else:
            changed[key] = damaged(rng, value[key])
        return changed
    return rng.choice(ODD)


def one_row(rng: random.Random, lines: list[bytes]) -> list[bytes]:
    at = rng.randrange(len(lines))
    return [*lines[:at], json.dumps(damaged(rng, json.loads(lines[at]))).encode() + b"\n", *lines[at + 1 :]]


def one_byte(rng: random.Random, lines: list[bytes]) -> list[bytes]:
    data = bytearray(b"".join(lines))
    data[rng.randrange(len(data))] = rng.randrange(256)
    return [bytes(data)]


def nested(rng: random.Random, lines: list[bytes]) -> list[bytes]:
    at = rng.randrange(1, len(lines))
    return [*lines[:at], b'["i",' + b"[" * 100_000 + b"\n", *lines[at:]]


@pytest.mark.parametrize("changes", [[], ["--set", "turn.silence_ms=300", "--set", "vad.start_threshold=0.7"]])
@pytest.mark.parametrize(("damage", "count"), [(one_row, 150), (one_byte, 100), (nested, 3)])
def test_a_damaged_log_is_refused_in_words(
    damage: Callable[[random.Random, list[bytes]], list[bytes]],
    count: int,
    changes: list[str],
    lines: list[bytes],
    tmp_path: Path,
) -> None:
    app, path = typer.Typer(), tmp_path / "call.jsonl"
    app.command()(replay)
    refused = 0
    for seed in range(count):
        path.write_bytes(b"".join(damage(random.Random(seed), lines)))
        found = CliRunner().invoke(app, [str(path), *changes])
        refused += isinstance(found.exception, UserError)
        assert found.exception is None or isinstance(found.exception, UserError | SystemExit), seed
    assert refused
