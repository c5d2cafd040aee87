"""Engines of a session that fail, hang or break: what the dialog and the caller notice."""

import asyncio

import pytest

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import AnswerKind
from offhook.pipeline.trace import (
    CallerPartial,
    EngineFailed,
)
from offhook.pipeline.turn.machine import TurnSettings
from tests.pipeline.conversation import Talk
from tests.pipeline.session_steps import PATIENT, result, step

pytestmark = pytest.mark.usefixtures("nothing_is_lost")


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
