"""Random interruptions: what the history and the vendor's conversation hold is what was sent, within a word."""

import asyncio
import random

import pytest

from offhook.pipeline.trace import BotHeard, BotSpoke, SessionEvent
from offhook.telephony.codec import PCMU
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.simulated_line import SimulatedLine
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.speech_model import Entry
from offhook.testing.vendors.tone_speech import text_in
from tests.offhook.realtime.test_openai_realtime import agent, judged

CALLS, EACH = 10, 20
WORDS = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "indigo",
    "violet",
    "black",
    "white",
    "grey",
    "brown",
    "pink",
    "silver",
)


def words_in(text: str, sent: str) -> int:
    """How many whole words of `text` are in `sent`, its beginning."""
    count = at = 0
    for word in text.split():
        at += len(word)
        if len(sent.replace(" ", "")) < at:
            break
        count += 1
    return count


async def one_call(seed: int) -> list[tuple[int, int, int]]:
    """Of each interruption, the number of whole words sent, in the history, and in the vendor's conversation."""
    chance = random.Random(seed)
    said: list[str] = []

    def reply(_conversation: object) -> str:
        said.append(" ".join(chance.choices(WORDS, k=12)))
        return said[-1]

    found: list[tuple[int, int, int]] = []
    factor = chance.choice((0.0, 1.2, 3.0))
    async with OpenAiRealtimeServer(["stop"] * (EACH + 1), replies=reply, realtime_factor=factor) as server:
        line = SimulatedLine(encoding="PCMU")
        async with SimulatedCall(agent(server), line=line) as caller:
            sent = bytearray()
            line.add_listener(sent=lambda payload, _ordinal, _at: sent.extend(payload))
            begun = 0
            events: asyncio.Queue[SessionEvent] = asyncio.Queue()

            def on_event(event: SessionEvent) -> None:
                nonlocal begun
                if isinstance(event, BotSpoke):
                    begun = len(sent)
                if isinstance(event, BotSpoke | BotHeard):
                    events.put_nowait(event)

            caller.on_event = on_event
            for _ in range(EACH):
                while not isinstance(await asyncio.wait_for(events.get(), 10), BotSpoke):
                    pass
                await caller.waits(chance.uniform(0.02, 2.0))
                speaking = asyncio.ensure_future(caller.says("stop", seconds=0.4))
                while not isinstance(event := await asyncio.wait_for(events.get(), 10), BotHeard):
                    pass
                heard = event.playback
                text = said[-1]
                whole = words_in(text, text_in(PCMU.decode(bytes(sent[begun:])), 8_000))
                await speaking
                ours = len(heard.text_played.split())
                kept = [entry for entry in server.conversations[0] if entry.role == "assistant"]
                theirs = next((words_in(text, each.heard) for each in kept if text.startswith(each.text)), 0)
                found.append((whole, ours, theirs))
        judged(server)
    return found


@pytest.mark.alone
async def test_200_interruptions() -> None:
    found = [each for call in await asyncio.gather(*(one_call(seed) for seed in range(CALLS))) for each in call]
    assert len(found) == CALLS * EACH
    near = sum(abs(sent - ours) <= 1 for sent, ours, _ in found)
    agreed = sum(abs(sent - theirs) <= 1 for sent, _, theirs in found)
    credited = sum(ours > sent for sent, ours, _ in found)
    assert near >= 0.98 * len(found)
    assert agreed >= 0.98 * len(found)
    assert credited == 0


def test_words_in() -> None:
    assert words_in("red green blue", "red gre") == 1
    assert Entry("a", "assistant", "red green", audio_ms=240).heard == "red "
