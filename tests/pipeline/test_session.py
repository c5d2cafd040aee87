"""The session on a real event loop: prompts, answers, interruptions, cancellation and failures."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.asr.grammar import GrammarError
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Answer, AnswerKind, Choice, DigitRule, Playback, Prompt, Question
from offhook.pipeline.trace import (
    BargedIn,
    BotHeard,
    BotResumed,
    BotSpoke,
    CallerAnswered,
    CallerPartial,
    EngineFailed,
    Mark,
    TurnTraced,
)
from offhook.pipeline.tts.espeak import EspeakEngine
from offhook.pipeline.turn.core import MAX_SKIPPED
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Floor
from tests.pipeline.conversation import CLIP_SAMPLES, FRAME_SAMPLES, LOUD, ScriptedTts, Talk

PROMPT = Prompt("Balance or opening hours?")
TWO = Prompt("First sentence. Second sentence.")
MENU = Question(
    choices=(Choice("balance", ("my balance",), "1"), Choice("hours", ("opening hours",), "2")),
    silence_ms=70,
    no_input_ms=100,
)
PATIENT = Question(choices=MENU.choices, silence_ms=70, no_input_ms=60_000)


@pytest.fixture(autouse=True)
async def nothing_is_lost() -> AsyncIterator[None]:
    """No exception is left unhandled, and no task running."""
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    before = asyncio.all_tasks()
    yield
    for _ in range(5):
        await asyncio.sleep(0)  # what was cancelled ends
    gc.collect()
    assert problems == []
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


def step(talk: Talk, prompt: Prompt | None = PROMPT, question: Question | None = None) -> "asyncio.Task[Answer]":
    return asyncio.create_task(talk.session.step(prompt, question))


async def result(task: "asyncio.Task[Answer]") -> Answer:
    return await asyncio.wait_for(task, 2)


async def test_a_prompt_is_said_to_its_end() -> None:
    talk = Talk()
    task = step(talk)
    await talk.playing()
    talk.line.send()
    assert (await result(task)).prompt == Playback(PROMPT.text)
    assert [type(event) for event in talk.events] == [BotSpoke, BotHeard]
    words = task.result().prompt.words
    assert " ".join(word.text for word in words) == PROMPT.text
    assert all(word.start_s < word.end_s for word in words)
    assert talk.core.floor is Floor.IDLE


async def test_an_empty_prompt_is_over_at_once() -> None:
    talk = Talk()
    assert (await result(step(talk, Prompt("")))).prompt == Playback()


async def test_question_and_answer_and_the_time_it_took() -> None:
    talk = Talk(says="my balance")
    task = step(talk, PROMPT, PATIENT)
    await talk.playing()
    talk.line.send()
    await talk.speak()
    await talk.fall_silent()
    answer = await result(task)
    assert (answer.kind, answer.choice, answer.prompt) == (AnswerKind.SPEECH, "balance", Playback(PROMPT.text))
    task = step(talk, Prompt("Nine thousand."))
    await talk.playing()
    assert talk.reported(TurnTraced) == []
    talk.line.send()
    await result(task)
    (traced,) = talk.reported(TurnTraced)
    assert isinstance(traced, TurnTraced)
    # The clip is silent: it is traced without becoming audible.
    missing = (Mark.LIKELY_ENDED, Mark.FIRST_TOKEN, Mark.VOICED, Mark.PLAYED)
    assert traced.trace.in_order() == [mark for mark in Mark if mark not in missing]
    assert traced.trace.response_ms == pytest.approx(sum(traced.trace.stages_ms().values()))
    assert 70 <= traced.trace.response_ms < 1_000


async def test_an_answer_is_reported_with_its_words_and_one_by_keys_without() -> None:
    talk = Talk()
    words = (RecognisedWord("my", 0.1, 0.3, 0.9), RecognisedWord("balance", 0.3, 0.8, 0.7))
    task = step(talk, PROMPT, PATIENT)
    await talk.playing()
    talk.line.send()
    await talk.speak()
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns and talk.asr.turns[-1].finishing)
    talk.asr.turns[-1].answer.set_result(Transcript("my balance", 0.9, words))
    await result(task)
    task = step(talk, PROMPT, PATIENT)
    await talk.playing()
    talk.press("1")
    await result(task)
    spoken, typed = talk.reported(CallerAnswered)
    assert isinstance(spoken, CallerAnswered) and isinstance(typed, CallerAnswered)
    assert (spoken.words, typed.words) == (words, ())


async def test_the_recogniser_gets_the_speech_from_before_its_first_sound_to_the_end() -> None:
    talk = Talk()
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.hear(20, 0.0)
    await talk.say("opening hours")
    assert (await result(task)).choice == "hours"
    audio = talk.asr.turns[0].audio
    speech = LOUD * (12 * FRAME_SAMPLES // 2)
    assert speech in audio
    assert 0.15 * 8_000 <= audio.index(speech) / 2 <= 0.3 * 8_000
    assert audio.endswith(bytes(2 * FRAME_SAMPLES))


async def test_a_caller_already_speaking_when_asked_is_recognised_from_the_first_word() -> None:
    talk = Talk()
    await talk.speak()
    task = step(talk, None, PATIENT)
    await talk.until(lambda: talk.asr.turns)
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns[0].finishing)
    talk.asr.turns[0].answer.set_result(Transcript("my balance"))
    await result(task)
    assert LOUD * (12 * FRAME_SAMPLES // 2) in talk.asr.turns[0].audio


async def test_nobody_answers() -> None:
    talk = Talk()
    task = step(talk, PROMPT, MENU)
    await talk.playing()
    talk.line.send()
    assert (await result(task)).kind is AnswerKind.NO_INPUT


# Barge-in.


async def test_speech_interrupts_and_the_words_are_counted() -> None:
    talk = Talk()
    task = step(talk, PROMPT, PATIENT)
    await talk.playing()
    talk.line.send(CLIP_SAMPLES // 2)
    talk.line.in_flight = 160
    await talk.speak()
    assert talk.line.queued_ticks == 0
    (barged,) = talk.reported(BargedIn)
    assert isinstance(barged, BargedIn)
    assert (barged.playback.text_played, barged.playback.text_unplayed) == ("Balance", "or opening hours?")
    assert 0 <= barged.silent_ms < 1_000
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns[0].finishing)
    talk.asr.turns[0].answer.set_result(Transcript("my balance"))
    assert (await result(task)).prompt == barged.playback


async def test_a_click_costs_no_word() -> None:
    talk = Talk(settings=TurnSettings(resume_after_ms=10))
    task = step(talk)
    await talk.playing()
    talk.line.send(CLIP_SAMPLES // 2)
    await talk.click()
    assert talk.line.queued_ticks == 0
    await talk.playing()
    talk.line.send()
    answer = await result(task)
    assert answer.prompt == Playback(PROMPT.text)
    assert talk.reported(BotResumed) and not talk.reported(BargedIn)
    assert CLIP_SAMPLES < talk.line.sent_ticks < 1.5 * CLIP_SAMPLES


async def test_undecided_speech_does_not_pause_the_bot_for_ever() -> None:
    talk = Talk(settings=TurnSettings(max_undecided_ms=20))
    task = step(talk)
    await talk.playing()
    talk.line.send(160)
    await talk.hear(1, 1.0)  # and then the line brings no audio at all
    assert talk.core.floor is Floor.BOT_PAUSED
    await talk.playing()
    talk.line.send()
    assert (await result(task)).prompt == Playback(PROMPT.text)


async def test_speech_without_words_resumes_the_bot() -> None:
    talk = Talk()
    task = step(talk, PROMPT, MENU)
    await talk.playing()
    talk.line.send(160)
    await talk.say("")
    await talk.playing()
    talk.line.send()
    answer = await result(task)
    assert (answer.kind, answer.prompt) == (AnswerKind.NO_INPUT, Playback(PROMPT.text))


async def test_a_caller_who_speaks_again_after_no_words_is_recognised() -> None:
    talk = Talk()
    task = step(talk, PROMPT, PATIENT)
    await talk.playing()
    talk.line.send(160)
    await talk.speak()
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns[0].finishing)
    await talk.speak()
    talk.asr.turns[0].answer.set_result(Transcript(""))
    await talk.until(lambda: len(talk.asr.turns) == 2)
    assert talk.line.queued_ticks == 0
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns[1].finishing)
    talk.asr.turns[1].answer.set_result(Transcript("my balance"))
    assert (await result(task)).choice == "balance"


async def test_a_key_that_interrupts_counts_from_the_key() -> None:
    talk = Talk()
    task = step(talk, PROMPT, PATIENT)
    await talk.playing()
    talk.line.send(160)
    talk.press("2")
    answer = await result(task)
    assert (answer.kind, answer.choice) == (AnswerKind.DTMF, "hours")
    assert answer.prompt.interrupted
    (barged,) = talk.reported(BargedIn)
    assert isinstance(barged, BargedIn) and 0 <= barged.silent_ms < 1_000


async def test_the_response_to_keys_is_timed_from_the_last_of_them() -> None:
    talk = Talk(says="my balance")
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.speak()
    await talk.fall_silent()
    await result(task)
    task = step(talk, None, Question(speech=False, digits=DigitRule(2, 2)))
    await asyncio.sleep(0)
    talk.press("47")
    assert (await result(task)).digits == "47"
    task = step(talk, Prompt("Thank you."))
    await talk.playing()
    talk.line.send()
    await result(task)
    (traced,) = talk.reported(TurnTraced)
    assert isinstance(traced, TurnTraced)
    assert Mark.TURN_ENDED not in traced.trace.marks


# Sentences.


async def test_a_prompt_is_not_over_while_a_sentence_is_being_synthesised() -> None:
    tts = ScriptedTts()
    tts.gates["Second sentence."] = asyncio.Event()
    talk = Talk(tts=tts)
    task = step(talk, TWO)
    await talk.playing()
    talk.line.send()
    assert talk.core.floor is Floor.SPEAKING
    tts.gates["Second sentence."].set()
    await talk.playing()
    assert not task.done()
    talk.line.send()
    assert (await result(task)).prompt == Playback(TWO.text)
    assert talk.line.sent_ticks == 2 * CLIP_SAMPLES
    assert len(talk.reported(BotSpoke)) == 1


async def test_a_sentence_that_comes_while_the_bot_is_held_is_said_afterwards() -> None:
    tts = ScriptedTts()
    tts.gates["Second sentence."] = asyncio.Event()
    talk = Talk(tts=tts, settings=TurnSettings(resume_after_ms=10))
    task = step(talk, TWO)
    await talk.playing()
    talk.line.send(160)
    await talk.hear(1, 1.0)
    tts.gates["Second sentence."].set()
    await asyncio.sleep(0)
    assert talk.line.queued_ticks == 0
    await talk.fall_silent()
    await talk.playing(CLIP_SAMPLES)
    await talk.until(lambda: talk.line.queued_ticks > CLIP_SAMPLES)
    talk.line.send()
    assert (await result(task)).prompt == Playback(TWO.text)


async def test_what_the_voice_could_not_say_is_not_claimed() -> None:
    tts = ScriptedTts()
    tts.broken["Second sentence."] = EngineError("test", "speaking", "no breath")
    talk = Talk(tts=tts)
    task = step(talk, TWO)
    await talk.playing()
    talk.line.send()
    assert (await result(task)).prompt == Playback(
        "First sentence.", "Second sentence.", failed="test: speaking: no breath"
    )
    assert len(talk.reported(EngineFailed)) == 1


async def test_a_voice_that_fails_at_once_ends_the_prompt_unplayed() -> None:
    tts = ScriptedTts()
    tts.broken[PROMPT.text] = EngineError("test", "speaking", "no breath")
    talk = Talk(tts=tts)
    assert (await result(step(talk))).prompt == Playback("", PROMPT.text, failed="test: speaking: no breath")
    assert talk.reported(BotSpoke) == []


async def test_an_unexpected_engine_error_is_raised_in_the_dialog() -> None:
    tts = ScriptedTts()
    tts.broken[PROMPT.text] = KeyError("a bug")
    talk = Talk(tts=tts)
    with pytest.raises(KeyError):
        await result(step(talk))
    task = step(talk, Prompt("Sorry."))
    await talk.playing()
    talk.line.send()
    assert (await result(task)).prompt == Playback("Sorry.")


# The recogniser fails.


async def test_a_recogniser_that_cannot_be_opened_fails_the_question_when_the_caller_has_ended() -> None:
    talk = Talk()
    talk.asr.broken = EngineError("test", "opening", "no model")
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.speak()
    assert len(talk.reported(EngineFailed)) == 1
    assert not task.done()
    await talk.fall_silent()
    assert (await asyncio.wait_for(task, 1)).kind is AnswerKind.FAILED


async def test_a_recogniser_that_breaks_while_the_caller_speaks() -> None:
    talk = Talk()
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.speak()
    talk.asr.turns[0].answer.set_exception(EngineError("test", "listening", "a worker died"))
    await talk.hear(3, 1.0)
    await talk.fall_silent()
    assert (await asyncio.wait_for(task, 1)).kind is AnswerKind.FAILED
    assert len(talk.reported(EngineFailed)) == 1


async def test_a_recogniser_that_hangs_is_abandoned_and_its_late_result_ignored() -> None:
    talk = Talk(settings=TurnSettings(recogniser_timeout_ms=30))
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.speak()
    await talk.fall_silent()
    assert (await result(task)).kind is AnswerKind.FAILED
    await talk.until(lambda: talk.asr.turns[0].cancelled)
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.speak()
    talk.asr.turns[0].on_partial("opening")
    talk.asr.turns[0].answer.set_result(Transcript("opening hours"))
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns[1].finishing)
    assert not task.done()
    talk.asr.turns[1].answer.set_result(Transcript("my balance"))
    assert (await result(task)).choice == "balance"
    assert talk.reported(CallerPartial) == []


async def test_a_key_while_recognising_cancels_the_recogniser() -> None:
    talk = Talk()
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.speak()
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns[0].finishing)
    talk.press("1")
    assert (await result(task)).kind is AnswerKind.DTMF
    await talk.until(lambda: talk.asr.turns[0].cancelled)


async def test_a_detector_failure_is_reported_once_and_keys_still_work() -> None:
    talk = Talk()
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    talk.vad.broken = RuntimeError("no model")
    await talk.hear(5, 1.0)
    (failed,) = talk.reported(EngineFailed)
    assert isinstance(failed, EngineFailed) and "no model" in failed.error
    talk.vad.broken = None
    talk.vad.probabilities.clear()
    await talk.speak()
    assert len(talk.asr.turns) == 1, "and it may hear again"
    talk.press("1")
    assert (await result(task)).kind is AnswerKind.DTMF


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
