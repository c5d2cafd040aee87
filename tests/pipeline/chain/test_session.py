"""A chain of voices in a conversation: what the caller heard is known across a change of voices."""

import asyncio

from offhook.pipeline.events import Prompt
from offhook.pipeline.trace import BotHeard
from tests.pipeline.chain.scripted import ScriptedTts, tts_chain
from tests.pipeline.conversation import Talk

TEXT = "Your appointment is on Monday, the third, at half past four."


async def test_a_prompt_that_changes_voices_is_one_prompt() -> None:
    first, second = ScriptedTts("first", fails_after=4), ScriptedTts("second", 2)
    talk = Talk(tts=tts_chain(first, second))
    step = asyncio.ensure_future(talk.session.step(Prompt(TEXT), None))
    words = TEXT.split()
    await talk.playing(2_000 * len(words))
    talk.line.send()
    playback = (await step).prompt
    assert (playback.text_played, playback.text_unplayed, playback.failed) == (TEXT, "", None)
    (heard,) = talk.reported(BotHeard)
    assert isinstance(heard, BotHeard)
    assert heard.engine == "first, second"
    assert [word.text for word in heard.words] == words
    talk.session.close()


async def test_what_was_heard_is_known_where_the_caller_interrupts_the_second_voice() -> None:
    first, second = ScriptedTts("first", fails_after=2), ScriptedTts("second", 2)
    talk = Talk(tts=tts_chain(first, second))
    step = asyncio.ensure_future(talk.session.step(Prompt(TEXT), None))
    await talk.playing(2_000 * len(TEXT.split()))
    talk.line.send(5 * 2_000 + 320)
    await talk.speak()
    playback = (await asyncio.wait_for(step, 5)).prompt if step.done() else None
    talk.session.close()
    await asyncio.gather(step, return_exceptions=True)
    (heard,) = talk.reported(BotHeard)
    assert isinstance(heard, BotHeard)
    assert heard.playback.text_played == "Your appointment is on Monday,"
    assert playback is None or playback == heard.playback
