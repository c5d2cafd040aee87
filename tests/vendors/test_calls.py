"""Conversations with hosted voices: the ledger has what the caller heard, to the word."""

import asyncio
import random

import pytest

from offhook.pipeline.events import Prompt, Question
from offhook.pipeline.trace import BotHeard
from offhook.pipeline.tts.adapt import adapt
from offhook.pipeline.tts.gap import SENTENCE_GAP_MS
from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER
from tests.pipeline.conversation import Talk
from tests.vendors.hosted import SOCKETS, Vendor

FIRST, SECOND = "You have three calls.", "You have two new letters, and one parcel waiting downstairs."
TICKS = 8 * MS_PER_CHARACTER
GAP_TICKS = 8 * SENTENCE_GAP_MS
FRAME_TICKS = 160


def words_heard(position: int) -> str:
    """What was spoken to its end by a position in the utterance."""
    said = []
    for text, begins in ((FIRST, 0), (SECOND, TICKS * len(FIRST) + GAP_TICKS)):
        end = 0
        for word in text.split():
            end = text.index(word, end) + len(word)
            if begins + TICKS * end <= position:
                said.append(word)
    return " ".join(said)


@pytest.mark.parametrize("vendor", SOCKETS, ids=repr)
async def test_interruptions(vendor: Vendor) -> None:
    """At 30 places that nobody chose: never a word more or less than was heard, but for one that a frame divides."""
    places = random.Random(vendor.name)
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts")
        await engine.start()
        length = TICKS * (len(FIRST) + len(SECOND)) + GAP_TICKS
        for _ in range(30):
            place = places.randrange(FRAME_TICKS, length - 2 * TICKS)
            talk = Talk(tts=adapt(vendor.name, engine, {"PCMU": PCMU.decode, "PCMA": PCMA.decode}))
            task = asyncio.create_task(talk.session.step(Prompt(f"{FIRST} {SECOND}"), Question()))
            await talk.playing(length)
            talk.line.send(place)
            await talk.speak()
            talk.session.close()
            await asyncio.wait([task])
            (event,) = talk.reported(BotHeard)
            assert isinstance(event, BotHeard)
            assert event.playback.interrupted
            allowed = {words_heard(place + slack) for slack in (-FRAME_TICKS, 0, FRAME_TICKS)}
            assert event.playback.text_played in allowed, place
        await engine.close()
        assert server.violations == []
