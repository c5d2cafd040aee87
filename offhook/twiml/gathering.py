"""Runs a Gather: its prompts and its question are one step of the call, so that what is keyed or said early counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from offhook.pipeline.events import NOTHING, Answer, AnswerKind, Choice, DigitRule, Interruption, Question
from offhook.pipeline.turn.events import TurnPartial
from offhook.twiml.errors import TwimlError
from offhook.twiml.gather import Gather
from offhook.twiml.limits import MAX_DIGITS
from offhook.twiml.parameters import call_status
from offhook.twiml.prompts import nested, prompt_of
from offhook.twiml.running import Next, RunningCall

NO_CONFIDENCE = 1.0
"""Of words that the recogniser is certain of, or has no confidence for."""

_KEYS = "*#"
_MS = 1_000


async def gather(running: RunningCall, verb: Gather) -> Next | None:
    """Listen, and go on with the action if there is something. Raises CallEnded."""
    call = running.call
    call.forget_unasked()  # Twilio keeps nothing that was keyed before
    parts = await nested(running, verb.prompts)
    question = _question(running, verb)
    prompt = prompt_of(running, parts, verb.prompts, _interruption(verb)) if parts else None
    async with _partials(running, verb):
        answer = await call.step(prompt, question)
    found = _parameters(verb, answer)
    if found is None and not verb.action_on_empty:
        return None
    empty = {"Digits": ""} if verb.by_keys else {"SpeechResult": ""}
    return Next(verb.action or running.url, verb.method, found or empty)


def _question(running: RunningCall, verb: Gather) -> Question:
    call = running.call
    language = verb.language
    if language is not None and verb.by_speech and not call.understands(language):
        running.report(f"the language {language} is left out", "the engine of [asr] does not know it")
        language = None
    by_speech = verb.by_speech
    if by_speech and not call.understands(language or call.language):
        running.report("Gather listens for keys alone", "the engine of [asr] does not know the call's language")
        by_speech = False
    finish = verb.finish_on_key
    timeout_ms = max(1, verb.timeout_s * _MS)
    keys = tuple(Choice(key, dtmf=key, listed=False) for key in _KEYS if key != finish) if verb.by_keys else ()
    hints = tuple(Choice(hint, (hint,)) for hint in dict.fromkeys(verb.hints)) if by_speech else ()
    return Question(
        choices=keys + hints,
        speech=by_speech,
        digits=DigitRule(1, verb.most_digits or MAX_DIGITS, finish, timeout_ms) if verb.by_keys else None,
        silence_ms=call.silence_ms if verb.speech_timeout_s is None else max(1, verb.speech_timeout_s * _MS),
        no_input_ms=timeout_ms,
        language=language,
        any_words=by_speech,
        confirm_below=0.0,
    )


def _interruption(verb: Gather) -> Interruption:
    if not verb.barge_in or not (verb.by_keys or verb.by_speech):
        return NOTHING
    if verb.by_keys and verb.by_speech:
        return Interruption()
    return Interruption(by="keys" if verb.by_keys else "speech")


def _parameters(verb: Gather, answer: Answer) -> dict[str, str] | None:
    """What was keyed or said; None: nothing."""
    if answer.kind is AnswerKind.DTMF or (answer.digits and not answer.text):
        return {"Digits": answer.digits}
    if answer.text and verb.by_speech:
        confidence = NO_CONFIDENCE if answer.confidence is None else answer.confidence
        return {"SpeechResult": answer.text, "Confidence": f"{confidence:.4g}"}
    return None


@asynccontextmanager
async def _partials(running: RunningCall, verb: Gather) -> AsyncIterator[None]:
    """Tell the application what is being said meanwhile, one request after the other."""
    if not (verb.partial_url and verb.by_speech):
        yield
        return
    telling = asyncio.ensure_future(_tell_partials(running, verb))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def _tell_partials(running: RunningCall, verb: Gather) -> None:
    number = 0
    events = running.call.turns()
    try:
        async for event in events:
            if not isinstance(event, TurnPartial):
                continue
            words = {"UnstableSpeechResult": event.text, "SequenceNumber": str(number)}
            number += 1
            try:
                status = call_status(running.call)
                await running.client.fetch(verb.partial_url, running.url, verb.partial_method, {**status, **words})
            except TwimlError as error:
                running.report("a partial result was not told", str(error))
                return
    finally:
        events.close()
