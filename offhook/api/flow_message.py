"""The messages that callers leave in a flow: recorded, heard again, kept."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import structlog

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.api.message import Message
from offhook.pipeline.dialog.actions import Recorded, RecordMessage
from offhook.pipeline.dialog.review_wording import ReviewWording, review_wording_in
from offhook.pipeline.events import Answer, Choice, Prompt, Question
from offhook.usererror import UserError

MAX_TRIES = 5
"""How often a caller may say a message again."""

MAX_ASKED = 3
"""How often they are asked what to do with it; then it is kept."""


async def prompted_to_record(call: Call, action: RecordMessage) -> None:
    """Say what is to be recorded. Only so long may a late final have something else done: what callers have begun to
    leave is not taken from them, however short the prompt was."""
    call.forget_unasked()  # such as the key that has ended the music
    await call.step(action.prompt, None)


async def recorded(call: Call, action: RecordMessage) -> Recorded:
    """The message, if one is kept. Raises CallEnded, after it was kept where the step wants that."""
    step = action.step
    try:
        for _ in range(MAX_TRIES):
            message = await call.record(
                beep=step.beep,
                most_s=step.most_s,
                silence_s=step.silence_s,
                end_keys=step.end_keys,
                mailbox=step.mailbox,
            )
            if message.seconds < step.least_s:
                return Recorded()
            decision = await _reviewed(call, action, message) if step.review else "keep"
            if decision == "delete":
                return Recorded()
            if decision == "keep":
                break
        return await _kept(call, step.name, message)
    except CallEnded as ended:
        left = ended.message
        if left is not None and left.seconds >= step.least_s and step.keep_on_hang_up:
            await asyncio.shield(_kept(call, step.name, left))
        raise


async def _reviewed(call: Call, action: RecordMessage, message: Message) -> str:
    """What the caller wants: "keep", "again" or "delete"."""
    wording = review_wording_in(action.language)
    prompt = replace(action.prompt, text=wording.ask, parts=(), language=action.language)
    try:
        for _ in range(MAX_ASKED):
            answer = await _ask(call, prompt, wording)
            if answer.choice == "hear":
                await call.play(message.as_recording(), until="key")
            elif answer.choice is not None:
                if answer.choice == "delete":
                    await call.step(replace(prompt, text=wording.deleted, barge_in=False), None)
                return answer.choice
    except CallEnded as ended:
        ended.message = message
        raise
    return "keep"


async def _ask(call: Call, prompt: Prompt, wording: ReviewWording) -> Answer:
    phrases = {"hear": wording.hear, "keep": wording.keep, "again": wording.again, "delete": wording.delete}
    choices = tuple(Choice(name, said, str(key)) for key, (name, said) in enumerate(phrases.items(), 1))
    question = Question(
        choices=choices, silence_ms=call.silence_ms, no_input_ms=call.no_input_ms, language=prompt.language
    )
    try:
        return await call.step(prompt, question)
    except UserError:  # the recogniser does not know the language
        keys = tuple(replace(each, phrases=()) for each in choices)
        return await call.step(prompt, replace(question, choices=keys, speech=False))


async def _kept(call: Call, step: str, message: Message) -> Recorded:
    log = structlog.get_logger("offhook.flow").bind(call=call.id, step=step)
    try:
        path = await call.keep(message)
    except (OSError, UserError) as error:
        log.error("a message was not kept", why=str(error))
        return Recorded()
    log.info("a message was kept", file=path.name, seconds=round(message.seconds, 1))
    seconds = Decimal(round(message.seconds, 1)).quantize(Decimal("0.1"))
    return Recorded({"seconds": seconds, "file": path.name, "ended_by": message.ended_by})
