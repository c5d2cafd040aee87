"""The model that plays a persona: asked once a turn, and asked again if it wrote what cannot be done."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from offhook.llm.chain import ChainModel
from offhook.llm.model import Message, ModelError, ModelRequest, TextDelta, ToolCall, ToolSpec
from offhook.pipeline.errors import EngineError
from offhook.qa.persona.actions import MAX_ACTIONS, TOOLS, RefusedAnswerError, steps_of
from offhook.qa.persona.wording import conversation, refusal
from offhook.qa.script.events import Ask, Decided
from offhook.qa.script.persona import Answer, Persona
from offhook.qa.script.steps import Speech, speeches
from offhook.usererror import UserError

ATTEMPTS = 3
ANSWER_S = 30.0
"""How long one answer may take, however it trickles in."""

MAX_TEXT_CHARS = 4_000
MAX_OUTPUT_TOKENS = 400

Speak = Callable[[Sequence[Speech]], Awaitable[None]]
"""Makes what is to be said, so that it can be played. Raises UserError, EngineError."""


class PersonaError(Exception):
    """The persona cannot go on: what, and why."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why


class AskedModel:
    """A model that plays a persona in one call."""

    def __init__(self, persona: Persona, model: ChainModel, speak: Speak) -> None:
        self._persona = persona
        self._model = model
        self._speak = speak

    async def decide(self, ask: Ask) -> Decided:
        """What the persona does; what it says is ready to be played. Raises PersonaError."""
        messages = conversation(self._persona, ask)
        answers: list[Answer] = []
        while True:
            answer = await answer_of(self._model, messages, TOOLS)
            try:
                steps = steps_of(answer)
            except RefusedAnswerError as error:
                answers.append(replace(answer, refused=str(error)))
                if len(answers) == ATTEMPTS:
                    why = f"{ATTEMPTS} times it wrote what cannot be done; the last time: {error}"
                    raise PersonaError("the persona's model is of no use", why) from None
                messages += refusal(answer, str(error))
                continue
            try:
                await self._speak([each for step in steps for each in speeches(step)])
            except (UserError, EngineError) as error:
                raise PersonaError("what the persona says cannot be spoken", " ".join(str(error).split())) from error
            return Decided(ask.number, steps, (*answers, answer))


async def answer_of(model: ChainModel, messages: Sequence[Message], tools: tuple[ToolSpec, ...] = ()) -> Answer:
    """What the model writes, within limits. Raises PersonaError."""
    text, calls = "", list[ToolCall]()
    request = ModelRequest(tuple(messages), tools, MAX_OUTPUT_TOKENS)
    try:
        async with asyncio.timeout(ANSWER_S), aclosing(model.stream(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    text += event.text
                elif isinstance(event, ToolCall):
                    calls.append(event)
                if len(text) > MAX_TEXT_CHARS or len(calls) > MAX_ACTIONS:
                    break  # more than can be used: the rest is not waited for
    except ModelError as error:
        raise PersonaError("the persona's model does not answer", error.why) from error
    except TimeoutError:
        raise PersonaError("the persona's model does not answer", f"not within {ANSWER_S:g} s") from None
    return Answer(text[:MAX_TEXT_CHARS], tuple(calls))
