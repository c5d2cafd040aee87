"""Agents talk to callers: a flow, a Python coroutine function, a speech-to-speech model."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

from offhook.api.call import Call, Dialog

AGENT_HUNG_UP = "the agent hung up"
"""The reason of a model that has; behind a colon follows what it says of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an agent ended: `reason` goes into the call's record.

    An Agent that hands the call back has the outcome's `name`, and its `values` as texts.
    """

    reason: str = "bot hung up"
    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class CallAgent(Protocol):
    """Talks to every caller; one object serves all calls, so what belongs to one call lives in `run`."""

    async def run(self, call: Call) -> Outcome:
        """Talk to the caller; when it returns, the bot hangs up once everything said has been played.

        If the call ends first, CallEnded is raised at the current await; it need not be caught. Clean-up in `finally`
        or `except CallEnded` has `calls.cleanup_s` to finish.
        """
        ...


class DialogAgent:
    """A coroutine function as an agent."""

    def __init__(self, dialog: Dialog) -> None:
        self.dialog = dialog

    async def run(self, call: Call) -> Outcome:
        """See CallAgent. It may be silent for reasons of its own; an agent always owes a reply."""
        call.covers_silence = False
        await self.dialog(call)
        return Outcome()


class AgentDialog:
    """Wraps an agent as a coroutine function; `as_agent` returns it unchanged."""

    def __init__(self, agent: CallAgent) -> None:
        self.agent = agent

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        return await self.agent.run(call)

    async def __call__(self, call: Call) -> None:
        """As a Dialog."""
        await self.agent.run(call)


def dialog_of(talks: CallAgent | Dialog) -> Dialog:
    """The coroutine function of an agent, or `talks` itself if it is one. TypeError for anything else."""
    if isinstance(talks, type):
        raise TypeError(f"{talks.__name__} is a class: pass an agent made of it, as in bot.answer({talks.__name__}())")
    if isinstance(talks, CallAgent):
        _check_coroutine_function(talks.run)
        return AgentDialog(talks)
    _check_coroutine_function(talks)
    return talks


def _check_coroutine_function(function: Any) -> None:
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    called = getattr(type(inner), "__call__", None)  # noqa: B004  # callable objects count
    name = getattr(inner, "__name__", repr(inner))
    if not (inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(called)):
        raise TypeError(f"{name} is not a coroutine function: write `async def {name}(call)`")
    _check_takes_a_call(function, name)


def _check_takes_a_call(function: Any, name: str) -> None:
    try:
        inspect.signature(function).bind(None)
    except TypeError as error:
        raise TypeError(f"{name} must take one argument, the call ({error}): write `async def {name}(call)`") from None
    except ValueError:
        return  # it has no signature that can be inspected


def as_agent(talks: CallAgent | Dialog) -> CallAgent:
    """`talks` as an agent."""
    return talks if isinstance(talks, CallAgent) else DialogAgent(talks)
