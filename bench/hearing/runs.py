"""Trials over lines to an engine."""

import zlib
from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from bench.hearing import suppressors
from bench.hearing.channels import Channel, Floats, Line, Samples
from bench.hearing.engines import recognise
from bench.hearing.score import Result
from bench.hearing.trials import Trial
from bench.phone_line import read_narrow
from offhook.pipeline.asr.engine import AsrEngine, AsrRequest


def background() -> list[Floats]:
    """The voices of babble and echo: those that ship with offhook."""
    assets = files("offhook").joinpath("assets", "caller")
    return [read_narrow(one.read_bytes()).astype(float) for one in sorted(assets.iterdir(), key=str)]


async def run(
    engine: AsrEngine, trials: Sequence[Trial], line: Line, channel: Channel, processor: str, seed: int
) -> list[Result]:
    """Every trial over one channel, those that the engine can take."""
    results = []
    for trial in trials:
        if trial.grammar is None and not engine.capabilities.free_speech:
            continue
        results.append((trial, await recognise(engine, received(trial, line, channel, processor, seed), asked(trial))))
    return results


def received(trial: Trial, line: Line, channel: Channel, processor: str, seed: int) -> Samples:
    """The audio of a trial at our side of a line: the same for every engine."""
    rng = np.random.default_rng(zlib.crc32(f"{seed}{channel.name}{trial.source}{trial.text}".encode()))
    return suppressors.process(processor, line.carry(trial.speech, channel, rng))


def asked(trial: Trial) -> AsrRequest:
    """What a call would ask of the recogniser."""
    choices = trial.question.choices if trial.question is not None else ()
    return AsrRequest(trial.grammar, tuple(phrase for choice in choices for phrase in choice.phrases))
