"""A conversation with a hosted voice: what the vendor says was heard, against the ledger."""

import asyncio

import pytest

from offhook.pipeline.events import Prompt, Question
from offhook.pipeline.trace import BotHeard
from offhook.pipeline.tts.adapt import adapt
from offhook.pipeline.tts.engine import TtsConversation
from offhook.pipeline.tts.gap import SENTENCE_GAP_MS
from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER
from offhook.vendors.deepgram_flux_tts import FluxConversation, FluxTts
from tests.pipeline.conversation import Talk
from tests.vendors.deepgram import voice

FIRST, SECOND = "You have three calls.", "You have two new letters."
TICKS_PER_CHARACTER = 8 * MS_PER_CHARACTER


@pytest.mark.parametrize("heard", ["", "You", "You have two", "You have two new"])
async def test_the_vendor_agrees_with_the_ledger(heard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    conversations: list[FluxConversation] = []

    def conversation(engine: FluxTts) -> TtsConversation:
        conversations.append(FluxConversation(engine))
        return conversations[-1]

    monkeypatch.setattr(FluxTts, "conversation", conversation)
    async with DeepgramServer() as server, voice(server, model="flux-haley-en") as engine:
        talk = Talk(tts=adapt("deepgram", engine, {"PCMU": PCMU.decode, "PCMA": PCMA.decode}))
        task = asyncio.create_task(talk.session.step(Prompt(f"{FIRST} {SECOND}"), Question()))
        begins = TICKS_PER_CHARACTER * len(FIRST) + 8 * SENTENCE_GAP_MS
        await talk.playing(begins + TICKS_PER_CHARACTER * len(SECOND))
        characters = len(heard) + bool(heard)
        talk.line.send(begins + TICKS_PER_CHARACTER * characters + 80)
        await talk.speak()
        async with asyncio.timeout(2):
            while (split := conversations[0].split) is None:  # noqa: ASYNC110 - it comes from the vendor
                await asyncio.sleep(0.01)
        talk.session.close()
        await asyncio.wait([task])
        (event,) = talk.reported(BotHeard)
        assert isinstance(event, BotHeard)
        assert event.playback.interrupted
        assert event.playback.text_played == f"{FIRST} {heard}".strip()
        assert split.spoken == heard
        assert split.remaining == event.playback.text_unplayed
        # The pause between the sentences is ours: the vendor's audio has none.
        assert split.played_ms == MS_PER_CHARACTER * (len(FIRST) + characters) + 10
        assert server.violations == []


async def test_an_utterance_that_was_heard_is_not_reported() -> None:
    async with DeepgramServer() as server, voice(server, model="flux-haley-en") as engine:
        talk = Talk(tts=adapt("deepgram", engine, {"PCMU": PCMU.decode, "PCMA": PCMA.decode}))
        for text in (FIRST, SECOND):
            task = asyncio.create_task(talk.session.step(Prompt(text), None))
            await talk.playing(TICKS_PER_CHARACTER * len(text))
            talk.line.send()
            async with asyncio.timeout(2):
                assert (await task).prompt.text_played == text
        talk.session.close()
        used = [session for session in server.sessions if session.messages]
        assert len(used) == 1
        assert [each["type"] for each in used[0].messages] == ["Speak", "Flush"] * 2
