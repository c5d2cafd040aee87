"""The session on a real event loop: prompts, answers, interruptions."""

import asyncio

import pytest

from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import AnswerKind, DigitRule, Playback, Prompt, Question
from offhook.pipeline.inbound_audio import SETTLED_SAMPLES
from offhook.pipeline.trace import (
    BargedIn,
    BotHeard,
    BotResumed,
    BotSpoke,
    CallerAnswered,
    EngineFailed,
    Mark,
    TurnTraced,
)
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Floor
from tests.pipeline.conversation import CLIP_SAMPLES, FRAME_SAMPLES, LOUD, ScriptedTts, Talk
from tests.pipeline.session_steps import MENU, PATIENT, PROMPT, TWO, result, step

pytestmark = pytest.mark.usefixtures("nothing_is_lost")


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


async def test_what_was_said_before_a_hold_is_recognised_and_the_reply_waits_for_its_end() -> None:
    talk = Talk()
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.speak()
    talk.session.hold(True)
    await talk.hear(20, 1.0)  # music
    await talk.until(lambda: talk.asr.turns and talk.asr.turns[0].finishing)
    talk.asr.turns[0].answer.set_result(Transcript("my balance", 0.9))
    assert (await result(task)).choice == "balance"
    assert talk.asr.turns[0].audio.endswith(LOUD * (12 * FRAME_SAMPLES // 2))
    task = step(talk, Prompt("Nine thousand."))
    await asyncio.sleep(0.05)
    assert (talk.line.queued_ticks, task.done()) == (0, False)
    talk.session.hold(False)
    await talk.playing()
    talk.line.send()
    assert (await result(task)).prompt == Playback("Nine thousand.")
    assert len(talk.asr.turns) == 1


async def test_a_long_hold_has_nothing_detected_and_what_follows_it_is_heard_from_its_first_sound() -> None:
    talk = Talk()
    await talk.hear(2, 0.0)
    talk.session.hold(True)
    await talk.hear(300, 0.0)
    judged = talk.batcher.frames
    assert judged <= 2 + SETTLED_SAMPLES // FRAME_SAMPLES + 1
    talk.vad.probabilities.clear()
    talk.session.hold(False)
    task = step(talk, None, PATIENT)
    await asyncio.sleep(0)
    await talk.say("my balance")
    assert (await result(task)).choice == "balance"
    assert LOUD * (12 * FRAME_SAMPLES // 2) in talk.asr.turns[0].audio
    assert talk.batcher.frames == judged + 15


async def test_what_the_detector_hears_when_a_hold_begins_is_heard_to_its_end() -> None:
    talk = Talk()
    await talk.speak()
    talk.session.hold(True)
    await talk.hear(60, 1.0)
    assert talk.batcher.frames == 72
    await talk.fall_silent()
    assert talk.batcher.frames == 75
    await talk.hear(60, 0.0)
    assert talk.batcher.frames == 75


async def test_what_is_forgotten_is_not_recognised() -> None:
    talk = Talk()
    await talk.speak()
    talk.session.hold(True)
    talk.session.forget_unasked()
    talk.session.hold(False)
    task = step(talk, None, MENU)
    assert (await result(task)).kind is AnswerKind.NO_INPUT
    assert talk.asr.turns == []


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
