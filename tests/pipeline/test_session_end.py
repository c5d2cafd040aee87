"""A dialog that stops waiting or misuses its session, and the end of the call."""

import asyncio

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.asr.grammar import GrammarError
from offhook.pipeline.events import AnswerKind, Choice, DigitRule, Playback, Prompt, Question
from offhook.pipeline.trace import (
    BotHeard,
    EngineFailed,
)
from offhook.pipeline.tts.espeak import EspeakEngine
from offhook.pipeline.turn.core import MAX_SKIPPED
from offhook.pipeline.turn.tables import Floor
from tests.pipeline.conversation import ScriptedTts, Talk
from tests.pipeline.session_steps import MENU, PATIENT, PROMPT, result, step

pytestmark = pytest.mark.usefixtures("nothing_is_lost")


# The dialog stops waiting, or misuses the session.


@pytest.mark.parametrize("when", ["speaking", "bot-paused", "listening", "user-turn", "recognising", "collecting-dtmf"])
async def test_a_dialog_that_stops_waiting_can_continue(when: str) -> None:
    talk = Talk()
    digits = Question(choices=(Choice("x", ("my balance",)),), digits=DigitRule(4, 4), silence_ms=70)
    task = step(talk, PROMPT, digits)
    await talk.playing()
    talk.line.send(160 if when in ("speaking", "bot-paused") else None)
    if when == "bot-paused":
        await talk.hear(1, 1.0)
    if when in ("user-turn", "recognising"):
        await talk.speak()
    if when == "recognising":
        await talk.fall_silent()
        await talk.until(lambda: talk.asr.turns[0].finishing)
    if when == "collecting-dtmf":
        talk.press("4")
    assert talk.core.floor is Floor(when)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await result(task)
    assert talk.core.floor is Floor.IDLE
    assert talk.core.get_timer() is None
    assert talk.line.queued_ticks == 0
    (heard,) = talk.reported(BotHeard)
    assert isinstance(heard, BotHeard)
    assert heard.playback.interrupted is (when in ("speaking", "bot-paused"))
    if talk.asr.turns:
        await talk.until(lambda: talk.asr.turns[0].cancelled)
    await talk.fall_silent()
    task = step(talk, Prompt("Next."))
    await talk.playing()
    talk.line.send()
    assert (await result(task)).prompt == Playback("Next.")


async def test_a_time_limit_around_a_question() -> None:
    talk = Talk()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(talk.session.step(None, PATIENT), 0.02)
    assert talk.core.floor is Floor.IDLE


async def test_two_steps_at_a_time_are_refused_and_the_first_goes_on() -> None:
    talk = Talk()
    task = step(talk)
    await talk.playing()
    with pytest.raises(RuntimeError, match="await one"):
        await talk.session.step(Prompt("Both."), None)
    talk.line.send()
    assert (await result(task)).prompt == Playback(PROMPT.text)


async def test_invalid_phrases_change_nothing() -> None:
    talk = Talk()
    with pytest.raises(GrammarError):
        await talk.session.step(PROMPT, Question(choices=(Choice("x", ("%",)),)))
    with pytest.raises(ValueError, match="a prompt, a question or both"):
        await talk.session.step(None, None)
    assert talk.core.floor is Floor.IDLE


@pytest.mark.parametrize("by", ["key", "speech"])
async def test_a_dialog_that_only_speaks_does_not_monopolise_the_loop(by: str) -> None:
    talk = Talk()
    task = step(talk)
    await talk.playing()
    if by == "key":
        talk.press("5")
    else:
        await talk.speak()
    await result(task)

    async def round_and_round() -> None:
        while True:
            await talk.session.step(PROMPT, None)

    endless = asyncio.create_task(round_and_round())
    await talk.playing()
    assert len(talk.reported(BotHeard)) == 1 + MAX_SKIPPED
    endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless


async def test_speech_that_interrupts_a_prompt_answers_the_next_question() -> None:
    talk = Talk()
    task = step(talk)
    await talk.playing()
    await talk.speak()
    assert (await result(task)).prompt.interrupted
    assert (await result(step(talk, Prompt("Skipped.")))).prompt == Playback("", "Skipped.", True)
    task = step(talk, PROMPT, PATIENT)
    await talk.until(lambda: talk.asr.turns)
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns[0].finishing)
    talk.asr.turns[0].answer.set_result(Transcript("opening hours"))
    assert (await result(task)).choice == "hours"


# The end.


@pytest.mark.parametrize("when", ["synthesising", "speaking", "user-turn", "recognising"])
async def test_the_end_of_the_call_ends_everything(when: str) -> None:
    tts = ScriptedTts()
    if when == "synthesising":
        tts.gates[PROMPT.text] = asyncio.Event()
    talk = Talk(tts=tts)
    task = step(talk, PROMPT, PATIENT)
    if when == "synthesising":
        await asyncio.sleep(0)
    else:
        await talk.playing()
        talk.line.send(160)
    if when in ("user-turn", "recognising"):
        await talk.speak()
    if when == "recognising":
        await talk.fall_silent()
        await talk.until(lambda: talk.asr.turns[0].finishing)
    talk.session.close()
    with pytest.raises(asyncio.CancelledError):
        await result(task)
    assert talk.line.queued_ticks == 0
    assert talk.core.get_timer() is None
    if talk.asr.turns:
        await talk.until(lambda: talk.asr.turns[0].cancelled)
    (heard,) = talk.reported(BotHeard)
    assert isinstance(heard, BotHeard) and heard.playback.interrupted
    reported = len(talk.events)
    await talk.speak()
    talk.press("1")
    talk.session.close()
    assert len(talk.events) == reported
    with pytest.raises(ValueError, match="closed"):
        await talk.session.step(PROMPT, None)


async def test_a_question_open_at_the_end_is_reported() -> None:
    talk = Talk()
    task = step(talk, PROMPT, PATIENT)
    await talk.playing()
    talk.line.send()
    talk.session.close()
    with pytest.raises(asyncio.CancelledError):
        await result(task)
    assert [event.playback for event in talk.reported(BotHeard) if isinstance(event, BotHeard)] == [
        Playback(PROMPT.text)
    ]


async def test_drained_waits_for_what_is_in_flight() -> None:
    talk = Talk()
    task = step(talk)
    await talk.playing()
    talk.line.in_flight = 160
    talk.line.send()
    await result(task)
    waiting = asyncio.create_task(talk.session.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    talk.line.in_flight = 0
    await asyncio.wait_for(waiting, 1)


async def test_the_dump_shows_the_live_state() -> None:
    talk = Talk()
    task = step(talk)
    await talk.playing()
    dump = talk.session.dump()
    assert (dump["recogniser"], dump["paused"]) == (False, False)
    talk.line.send()
    await result(task)


async def test_one_call_speaks_two_languages_with_the_embedded_voice() -> None:
    engine = EspeakEngine()
    await engine.start()
    talk = Talk(tts=engine)
    try:
        ticks = {}
        for language in (None, "de", "en-US"):
            utterance = talk.session.say("Guten Morgen, Zug", language=language)
            talk.session.finish(utterance)
            before = talk.line.sent_ticks
            while not talk.session.said(utterance).done():
                talk.line.send()
                await asyncio.sleep(0.01)
            assert (await talk.session.said(utterance)).text_played == "Guten Morgen, Zug"
            ticks[language] = talk.line.sent_ticks - before
    finally:
        talk.session.close()
        await engine.close()
    assert ticks["de"] < 0.95 * ticks[None]
    assert ticks["en-US"] == pytest.approx(ticks[None], rel=0.02)


async def test_a_detector_that_is_dead_judges_nobody_silent() -> None:
    talk = Talk()
    task = step(talk, PROMPT, MENU)
    await talk.playing()
    talk.line.send()
    talk.vad.broken = RuntimeError("dead")
    await talk.hear(40, 0.0)
    (failed,) = talk.reported(EngineFailed)
    assert isinstance(failed, EngineFailed)
    assert len(talk.asr.turns) == 1, "the recogniser listens without it"
    talk.asr.turns[0].on_partial("my balance")
    await talk.until(lambda: talk.asr.turns[0].finishing, seconds=4.0)
    talk.asr.turns[0].answer.set_result(Transcript("my balance", 0.9))
    answer = await result(task)
    assert (answer.kind, answer.choice) == (AnswerKind.SPEECH, "balance")
    talk.vad.broken = None
    await talk.hear(1, 0.0)
    assert talk.core.dump()["floor"] == "idle"
    talk.session.close()
