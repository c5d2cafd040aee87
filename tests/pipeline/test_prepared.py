"""Speech that is synthesised before it is certain that it will be said."""

import asyncio

import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Answer, Playback, Prompt
from offhook.pipeline.trace import BotHeard, EngineFailed, SpeechPrepared
from tests.pipeline.conversation import CLIP_SAMPLES, ScriptedTts, Talk

FIRST, REST = "You have three calls.", "You have two letters."
TEXT = f"{FIRST} {REST}"


@pytest.fixture
def voice() -> ScriptedTts:
    return ScriptedTts()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def step(talk: Talk, text: str = TEXT) -> "asyncio.Task[Answer]":
    return asyncio.create_task(talk.session.step(Prompt(text), None))


def wasted(talk: Talk) -> list[tuple[int, bool]]:
    return [(event.characters, event.used) for event in talk.events if isinstance(event, SpeechPrepared)]


async def test_what_was_prepared_is_said_without_asking_the_voice_again(voice: ScriptedTts) -> None:
    talk = Talk(tts=voice)
    talk.session.prepare(TEXT)
    await settled()
    assert voice.asked == [FIRST], "only the first clause"
    assert talk.line.queued_ticks == 0
    assert talk.events == [], "no trace until it is said"
    voice.gates[FIRST] = asyncio.Event()  # never opens: it is not asked for again
    task = step(talk)
    await talk.playing(2 * CLIP_SAMPLES)
    talk.line.send()
    assert (await task).prompt == Playback(TEXT)
    assert voice.asked == [FIRST, REST]
    assert wasted(talk) == [(len(FIRST), True)]
    talk.session.close()


async def test_a_clause_that_is_still_being_prepared_is_said_as_it_comes(voice: ScriptedTts) -> None:
    gate = voice.gates[FIRST] = asyncio.Event()
    talk = Talk(tts=voice)
    talk.session.prepare(TEXT)
    utterance = talk.session.say(FIRST[:8], complete=False)
    talk.session.append(utterance, FIRST[8:] + " ")
    await settled()
    assert voice.asked == [FIRST]
    gate.set()
    talk.session.finish(utterance)
    await talk.playing(CLIP_SAMPLES)
    talk.line.send()
    assert (await talk.session.said(utterance)).text_played == FIRST
    assert voice.asked == [FIRST]
    talk.session.close()


async def test_another_text_is_said_as_if_nothing_had_been_prepared(voice: ScriptedTts) -> None:
    talk = Talk(tts=voice)
    talk.session.prepare(TEXT)
    await settled()
    task = step(talk, REST)
    await talk.playing(CLIP_SAMPLES)
    talk.line.send()
    await task
    (heard,) = talk.reported(BotHeard)
    assert isinstance(heard, BotHeard)
    assert heard.playback.text_played == REST
    assert wasted(talk) == []
    talk.session.close()
    assert wasted(talk) == [(len(FIRST), False)], "it counts as wasted when the call ends"


async def test_the_next_text_takes_its_place_and_nothing_drops_it(voice: ScriptedTts) -> None:
    talk = Talk(tts=voice)
    voice.gates[FIRST] = asyncio.Event()
    talk.session.prepare(FIRST)
    await settled()
    talk.session.prepare(REST)
    talk.session.prepare(REST)
    await settled()
    assert voice.asked == [FIRST, REST]
    talk.session.prepare("")
    assert wasted(talk) == [(len(FIRST), False), (len(REST), False)]
    talk.session.close()
    assert len(wasted(talk)) == 2


async def test_the_language_and_the_voice_belong_to_it(voice: ScriptedTts) -> None:
    talk = Talk(tts=voice)
    talk.session.prepare(FIRST, "de")
    await settled()
    task = step(talk, FIRST)
    await talk.playing(CLIP_SAMPLES)
    talk.line.send()
    await task
    assert wasted(talk) == []
    talk.session.close()


async def test_a_failure_is_reported_by_who_says_the_text(voice: ScriptedTts) -> None:
    talk = Talk(tts=voice)
    voice.broken[FIRST] = EngineError("test", "speaking", "no more")
    talk.session.prepare(FIRST)
    await settled()
    assert talk.events == []
    answer = await step(talk, FIRST)
    assert answer.prompt.failed is not None
    assert len(talk.reported(EngineFailed)) == 1
    talk.session.close()
