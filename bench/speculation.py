"""What it saves and wastes to begin a model's reply before the caller's turn is certainly over, in virtual time.

    .venv/bin/python -m bench.speculation [--turns 400]

Each turn has up to two pauses of its own, whose lengths are log-normal (median 350 ms) as long as they do not end the
turn (500 ms). The model's first token takes 150 ms, then 40 tokens come a second; the voice takes 100 ms.
"""

import argparse
import asyncio
import random
from collections.abc import AsyncIterator

import numpy as np

from offhook import Agent
from offhook.llm.model import Ended, ModelEvent, ModelRequest, TextDelta, Usage
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.trace import ModelReplied, Speculated, TurnTraced
from offhook.testing import SimulatedCall, run

REPLY = "Thank you, I have noted that. Is there anything else that I can do for you today?"
FIRST_TOKEN_S, TOKEN_S, VOICE_S = 0.150, 1 / 40, 0.100
PAUSE_S, SPREAD, LONGEST_S = 0.350, 0.5, 0.450
SILENCE_MS = 500


class Model:
    """The same reply to everything, at its pace."""

    name = "bench"

    async def start(self) -> None:
        """See LanguageModel."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """See LanguageModel."""
        await asyncio.sleep(FIRST_TOKEN_S)
        words = REPLY.split(" ")
        for word in words:
            yield TextDelta(f"{word} ")
            await asyncio.sleep(TOKEN_S)
        yield Ended("stop", Usage(0, 0, len(words)))

    async def warm(self, request: ModelRequest) -> None:
        """See LanguageModel."""

    async def close(self) -> None:
        """See LanguageModel."""


async def converse(likely_ms: int, turns: int) -> SimulatedCall:
    """One call with so many turns of the caller."""
    rng = random.Random(1)
    agent = Agent("Be brief.", model=Model(), greeting="Hello.", speculate=likely_ms > 0)
    simulated = SimulatedCall(agent, endpoint=SilencePolicy(SILENCE_MS, likely_ms))
    simulated.voice.first_s = VOICE_S
    async with simulated as caller:
        await caller.hears("Hello.")
        for _ in range(turns):
            await caller.says("tell me about the room")
            for part in ("please", "thank you")[: rng.choice((0, 0, 1, 2))]:
                await caller.waits(min(LONGEST_S, PAUSE_S * rng.lognormvariate(0, SPREAD)))
                await caller.says(part)
            await caller.hears(REPLY)
            await caller.waits(0.3)
    return simulated


def figures(likely_ms: int, turns: int) -> list[str]:
    """A row of the table."""
    events = run(converse(likely_ms, turns)).events
    begun = [event for event in events if isinstance(event, Speculated)]
    used = [event for event in begun if event.used]
    responses = [event.trace.response_ms for event in events if isinstance(event, TurnTraced)]
    wasted = sum(event.tokens for event in begun if not event.used)
    tokens = wasted + sum(event.output_tokens for event in events if isinstance(event, ModelReplied))
    saved = 1000 * float(np.mean([event.saved_s for event in used])) if used else 0.0
    share = f"{len(used) / len(begun):.0%}" if begun else "–"
    times = [f"{np.quantile(responses, at):.0f}" for at in (0.5, 0.95)]
    return [str(likely_ms or "never"), share, f"{saved:.0f}", f"{wasted / tokens:.1%}", *times]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=400)
    turns = parser.parse_args().turns
    print("| begun after, ms | used | model's time saved, ms | tokens wasted | response p50, ms | p95, ms |")
    print("|---|---|---|---|---|---|")
    for likely_ms in (0, 100, 150, 200, 250, 300, 400):
        print(f"| {' | '.join(figures(likely_ms, turns))} |", flush=True)


if __name__ == "__main__":
    main()
