"""What a flow's steps want done besides talking: sounds, waits, keys, notes."""

import asyncio
from time import monotonic

import structlog

from offhook.api.call import Call
from offhook.api.call_recording import CONSENTS
from offhook.api.playing import UNTIL
from offhook.api.pressing import press
from offhook.http_request import HttpRequest
from offhook.pipeline.dialog.actions import Done, Instant, Note, Play, Press, RecordCall, Wait
from offhook.pipeline.dialog.limits import KEYS
from offhook.pipeline.dialog.steps.press import PAUSE
from offhook.pipeline.events import Answer, AnswerKind, Choice, Question
from offhook.pipeline.trace import DialogNoted
from offhook.pipeline.tts.recording import Recording

_PAUSES_S = {PAUSE: 0.5}

_ANY_KEY = tuple(Choice(f"key {key}", dtmf=key) for key in KEYS)


async def done(call: Call, action: Wait | Play | Press | Instant) -> Answer | Done:
    """Do what a step wants. Raises CallEnded."""
    match action:
        case Wait():
            return await _wait(call, action)
        case Play():
            return await _play(call, action)
        case Press():
            return await _press(call, action)
        case Note():
            return _note(call, action)
        case RecordCall():
            return _record_call(call, action)


async def _wait(call: Call, action: Wait) -> Answer:
    """The key that was pressed, if one ends it. Raises CallEnded."""
    with call.covering(False):
        if action.until_key:
            question = Question(choices=_ANY_KEY, speech=False, no_input_ms=round(1000 * action.seconds))
            return await call.step(None, question)
        await call.until_ended(asyncio.sleep(action.seconds))
        return Answer(AnswerKind.NO_INPUT)


async def _play(call: Call, action: Play) -> Done:
    """Play a sound, for as long as the step says. Raises CallEnded."""
    step, sound = action.step, action.sound
    assert isinstance(sound, Recording | HttpRequest), "the flow's reader has made it"
    until = next(each for each in UNTIL if each == step.until)
    played = await call.play(sound, loop=step.loop, for_s=step.for_s, until=until, volume_db=step.volume_db)
    if played.failed:
        log = structlog.get_logger("offhook.flow")
        log.warning("a sound broke off", call=call.id, step=step.name, why=played.failed)
    return Done(failed=bool(played.failed))


async def _press(call: Call, action: Press) -> Done:
    """Press keys; returns when all have been sent. Raises CallEnded."""
    why = await press(call, action.keys, _PAUSES_S)
    if why:
        structlog.get_logger("offhook.flow").warning("no keys were sent", call=call.id, why=why)
    return Done(failed=bool(why))


def _note(call: Call, action: Note) -> Done:
    """Put a line on the call's record, but for keys that the caller has pressed."""
    call.report(DialogNoted(action.text, monotonic()))
    return Done()


def _record_call(call: Call, action: RecordCall) -> Done:
    """Whether what follows is kept."""
    consent = next((each for each in CONSENTS if each == action.consent), None)
    match action.does:
        case "on":
            call.start_recording(consent)
        case "off":
            call.stop_recording(consent)
        case "pause":
            call.pause_recording()
        case "resume":
            call.resume_recording()
    return Done()
