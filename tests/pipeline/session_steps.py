"""Prompts and questions, and steps of a session that tests wait for."""

import asyncio

from offhook.pipeline.events import Answer, Choice, Prompt, Question
from tests.pipeline.conversation import Talk

PROMPT = Prompt("Balance or opening hours?")
TWO = Prompt("First sentence. Second sentence.")
MENU = Question(
    choices=(Choice("balance", ("my balance",), "1"), Choice("hours", ("opening hours",), "2")),
    silence_ms=70,
    no_input_ms=100,
)
PATIENT = Question(choices=MENU.choices, silence_ms=70, no_input_ms=60_000)


def step(talk: Talk, prompt: Prompt | None = PROMPT, question: Question | None = None) -> "asyncio.Task[Answer]":
    return asyncio.create_task(talk.session.step(prompt, question))


async def result(task: "asyncio.Task[Answer]") -> Answer:
    return await asyncio.wait_for(task, 2)
