"""Late finals in a flow: the answer before gets another meaning, and another step takes the place of the present."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from offhook.api.call import Call
from offhook.api.turns import TurnEvents
from offhook.pipeline.dialog.actions import Action
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import Question
from offhook.pipeline.turn.events import TurnCorrected

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Instead:
    """What is to be done in place of the present action."""

    action: Action


async def unless_corrected(
    call: Call, wording: Wording | None, runner: FlowRunner, asked: Question | None, work: Coroutine[Any, Any, _T]
) -> _T | Instead:
    """What came of `work`; or what takes its place, since a late final gives the answer before it, to `asked`, another
    meaning. `wording` is the flow's. Without `asked` no answer may change."""
    if asked is None:
        return await work
    step = asyncio.ensure_future(work)
    correction = asyncio.ensure_future(_correction(call, call.turns(), wording, runner, asked, step))
    try:
        await asyncio.wait((step, correction), return_when=asyncio.FIRST_COMPLETED)
        if correction.done() and (action := correction.result()) is not None:
            return Instead(action)
        return await step
    finally:
        step.cancel()
        correction.cancel()
        await asyncio.gather(step, correction, return_exceptions=True)


async def _correction(
    call: Call,
    events: TurnEvents,
    wording: Wording | None,
    runner: FlowRunner,
    asked: Question,
    step: "asyncio.Task[Any]",
) -> Action | None:
    try:
        async for event in events:
            if step.done():
                break  # with an answer, which is not one to where a correction would lead
            if isinstance(event, TurnCorrected):
                answer = call.corrected(asked, event.answer, wording)
                if (action := runner.corrected(answer)) is not None:
                    return action
        return None
    finally:
        events.close()
