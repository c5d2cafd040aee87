"""The requests of a flow's steps: sent, tried again, and covered by a word while they last."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from time import monotonic
from typing import Any

import structlog

from offhook.api.call import Call
from offhook.http_request import HttpRequest, HttpRequestError
from offhook.pipeline.dialog.actions import Fetch, Fetched
from offhook.pipeline.understanding.recorded import recorded

MOMENT_S = 0.8
"""Who waits for longer wants to hear why."""

RETRY_S = 0.2


async def fetched(call: Call, action: Fetch) -> Fetched:
    """The answer. Raises CallEnded."""
    asking = asyncio.ensure_future(_answer(call, action))
    covers, call.covers_silence = call.covers_silence, True
    try:
        done, _ = await call.until_ended(asyncio.wait((asking,), timeout=MOMENT_S))
        if not done and action.meanwhile is not None:
            await call.step(action.meanwhile, None)
        return await call.until_ended(asking)
    finally:
        asking.cancel()
        if not call.hung_up:
            call.covers_silence = covers


async def _answer(call: Call, action: Fetch) -> Fetched:
    step = action.step
    request = step.request
    assert isinstance(request, HttpRequest), "the flow's reader has made it"
    log = structlog.get_logger("offhook.flow").bind(call=call.id, step=step.name)
    for left in reversed(range(step.retries + 1)):
        began = monotonic()
        try:
            async with asyncio.timeout(step.timeout_s):
                text = await request.send({name: _in_json(value) for name, value in action.values.items()})
            value = json.loads(text, parse_float=Decimal) if step.into is not None else None
        except (HttpRequestError, TimeoutError, ValueError, RecursionError) as error:
            why = f"no answer within {step.timeout_s:g} s" if isinstance(error, TimeoutError) else str(error)
            log.warning("a request failed", why=why, tries_left=left, seconds=round(monotonic() - began, 2))
            await asyncio.sleep(RETRY_S if left else 0)
            continue
        return Fetched(True, value)
    return Fetched(False)


def _in_json(value: object) -> Any:
    """A value of a flow as JSON has it: dates and times in ISO 8601, amounts with their currency."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): _in_json(each) for key, each in value.items()}
    return [_in_json(each) for each in value] if isinstance(value, list | tuple) else recorded(value)
