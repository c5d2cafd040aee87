"""The functions of a flow's steps: called, ended when their time is over, and covered by a word while they last."""

import asyncio
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from time import monotonic

import structlog

from offhook.agents.tool_threads import MAX_OF_TOOL, AllBusyError, ToolThreads
from offhook.api.call import Call
from offhook.api.flow_requests import covered
from offhook.flow_function import FlowFunction, WrongResultError, result_in
from offhook.pipeline.dialog.actions import Invoke, Returned

CallFunction = Callable[[Call, FlowFunction, Mapping[str, object]], Awaitable[object]]
"""Calls a function with its arguments. Raises whatever it raises."""

_running: Counter[Callable[..., object]] = Counter()
"""Calls of functions that are async, and have not ended: one that is given up may take no notice."""


@cache
def _threads(function: Callable[..., object]) -> ToolThreads:
    return ToolThreads(function)


async def in_process(call: Call, function: FlowFunction, arguments: Mapping[str, object]) -> object:
    """A CallFunction: one that is not async has a thread of its own. Raises AllBusyError."""
    called = function.function
    if not function.is_async:
        return await _threads(called).run(arguments, call)
    if _running[called] >= MAX_OF_TOOL:
        raise AllBusyError(f"its last {MAX_OF_TOOL} calls have not ended yet")
    _running[called] += 1
    try:
        returned = called(**arguments)
        if not isinstance(returned, Awaitable):
            raise WrongResultError("it is said to be async, and has returned nothing to wait for")
        return await returned
    except (SystemExit, KeyboardInterrupt) as raised:  # which would end the loop, with all calls
        raise RuntimeError(f"it ended by {type(raised).__name__}") from None
    finally:
        _running[called] -= 1


async def returned(call: Call, action: Invoke, call_function: CallFunction) -> Returned:
    """What the function of a step returns. Raises CallEnded."""
    return await covered(call, action.meanwhile, _returned(call, action, call_function))


async def _returned(call: Call, action: Invoke, call_function: CallFunction) -> Returned:
    step = action.step
    function = step.function
    assert isinstance(function, FlowFunction), "the flow's reader has made it"
    log = structlog.get_logger("offhook.flow").bind(call=call.id, step=step.name, function=function.name)
    began = monotonic()
    try:
        work = asyncio.ensure_future(call_function(call, function, function.arguments(action.values)))
        try:
            await asyncio.wait((work,), timeout=step.timeout_s)
        finally:
            work.cancel()  # one that takes no notice is not waited for
        if work.done() and not work.cancelled():
            return Returned(True, result_in(work.result(), step.gives, step.results))
        why = f"it was not done within {step.timeout_s:g} s"
    except (WrongResultError, AllBusyError) as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001  # the function is the user's: whatever its code raises
        why = _where(error)
    log.warning("a function failed", why=why, seconds=round(monotonic() - began, 2))
    return Returned(False)


def _where(error: Exception) -> str:
    """The kind of an exception and its line, without its text, which may have what the caller has typed."""
    frames = traceback.extract_tb(error.__traceback__)
    line = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{line}"
