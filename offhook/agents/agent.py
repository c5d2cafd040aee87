"""A language model on the phone."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

import structlog
from pydantic import BaseModel

from offhook.agents.agent_call import AgentCall
from offhook.agents.agent_setup import AgentSetup
from offhook.agents.history import Unheard
from offhook.agents.limits import AgentLimits
from offhook.agents.policy import BUILT_IN, Policy, on_failure_of, outcome_values
from offhook.agents.tools import Tool, tool_of
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.llm.model import LanguageModel, ModelError
from offhook.llm.prices import unpriced
from offhook.observe.in_call import call_field
from offhook.pipeline.language import is_language_tag
from offhook.usererror import UserError

READY_S = 1.0
"""How long a caller waits for a connection to the model before they are greeted."""

log = structlog.get_logger("offhook.agents")


class Agent:
    """Answers callers with a language model; one object serves all calls.

    `instructions` tell the model who it is. `model` None: that of `[llm]`. `greeting` is said first; None: the model
    greets. `tools` are functions with typed arguments (see `tool`). `transfer_to` has the numbers that it may connect
    callers to, by name; `outcomes` the results that it may hand the call back with, by name, each with the types of its
    values, such as `{"booked": {"day": date}}`.
    `dtmf`: it may press keys. `language` and `voice` as in `Call`. `unheard`: what the model learns of the rest of a
    reply that was interrupted. `on_failure`: what happens when it fails, `apologise`, `hang_up` or `transfer NAME`.
    `speculate`: a reply is begun at a likely end of the turn, and thrown away when the caller goes on. `hide_keys`: the
    model learns how many keys were pressed, and not which.

    TypeError for a tool or a value that has no schema, and for an argument of another type; ValueError for two tools of
    one name, a transfer to a name that is not there, a language that is not a tag.
    """

    def __init__(  # noqa: PLR0913  # each is a property of an agent
        self,
        instructions: str,
        *,
        model: LanguageModel | None = None,
        tools: Iterable[Tool | Callable[..., Any]] = (),
        greeting: str | None = None,
        language: str | None = None,
        voice: str | None = None,
        limits: AgentLimits | None = None,
        outcomes: Iterable[str] | Mapping[str, Mapping[str, Any] | type[BaseModel]] = (),
        transfer_to: Mapping[str, str] | None = None,
        dtmf: bool = False,
        unheard: Unheard = "note",
        on_failure: str = "apologise",
        speculate: bool = True,
        hide_keys: bool = False,
    ) -> None:
        check_texts(instructions=instructions, greeting=greeting, language=language, voice=voice)
        if unheard not in get_args(Unheard):
            raise ValueError(f"unheard is one of {', '.join(get_args(Unheard))}, not {unheard!r}")
        check_limits(limits)
        if transfer_to is not None and not isinstance(transfer_to, Mapping):
            raise TypeError(f"transfer_to has a number for each name, {{'sales': '+15551234567'}}, not {transfer_to!r}")
        transfers = dict(transfer_to or {})
        policy = Policy(transfers, _outcomes(outcomes), dtmf=dtmf)
        made = tools_by_name(tools)
        self.model = model
        """None: that of `[llm]`, which the agents of a bot are given for the time that it serves."""
        self.language = language
        """None: the call's."""
        self._started: asyncio.Future[None] | None = None
        self._setup = AgentSetup(
            instructions,
            greeting,
            voice,
            limits or AgentLimits(),
            policy,
            made,
            (*(each.spec for each in made.values()), *policy.specs),
            unheard,
            on_failure_of(on_failure, transfers),
            speculate,
            hide_keys,
        )

    async def run(self, call: Call) -> Outcome:
        """Talk to the caller until the agent hangs up, transfers, or hands back an outcome, which is returned.

        Raises CallEnded when the call ends first; UserError for a model that can never work, or is not there.
        """
        model = self.model or call.default_model()
        await self.ready()
        if self.language is not None:
            call.language = self.language
        return await AgentCall(self._setup, model, call).run()

    def for_step(self, instructions: str, greeting: str | None, voice: str | None) -> "Agent":
        """The same agent, on the same model, for a step of a flow: its instructions follow the agent's own."""
        setup = self._setup
        other = object.__new__(Agent)
        other.language, other._started, other.model = None, self._started, self.model
        other._setup = replace(
            setup,
            instructions=f"{setup.instructions}\n\n{instructions}",
            greeting=greeting,
            voice=voice or setup.voice,
        )
        return other

    def check_prices(self, model: LanguageModel) -> None:
        """Raises UserError if the agent limits its cost, and nothing says what `model` costs."""
        if self._setup.limits.max_cost is None:
            return
        for name in unpriced(model):
            what, why = f"`max_cost` of an agent on {name} is never reached", "the model has no prices"
            raise UserError(what, why, "set price_input and price_output of the model, or remove max_cost")

    async def start(self) -> None:
        """Start the agent's model, before the first call; `run` does it if nobody has. Raises as
        `LanguageModel.start`, and UserError for a limit on cost without prices."""
        if self.model is None:
            return
        self.check_prices(self.model)
        if self._started is None or self._started.get_loop() is not asyncio.get_running_loop():
            self._started = asyncio.ensure_future(self.model.start())
        try:
            await asyncio.shield(self._started)
        except BaseException:
            if self._started is not None and self._started.done():
                self._started = None  # the next call tries again
            raise

    async def ready(self) -> None:
        """Start the model, if nobody has. One that is away may be back when it is asked: otherwise the caller is told.

        Raises UserError for a model that can never work.
        """
        try:
            async with asyncio.timeout(READY_S):
                await self.start()
        except (ModelError, TimeoutError) as error:
            name = self.model.name if self.model is not None else ""
            why = str(error) or f"no answer in {READY_S:g} s"
            log.warning("the model is away", model=name, why=why, **call_field())

    async def close(self) -> None:
        """Close the model, after the last call. Idempotent."""
        started, self._started = self._started, None
        if started is not None and not started.done() and started.get_loop() is asyncio.get_running_loop():
            started.cancel()  # nobody waits for it any more
        if self.model is not None:
            await self.model.close()


def check_texts(**texts: object) -> None:
    """Arguments by name that are texts, or None. TypeError, and ValueError for a language that is not a tag."""
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{name} is a text, not {text!r}")
    language = texts.get("language")
    if isinstance(language, str) and language and not is_language_tag(language):
        raise ValueError(f"language is a BCP 47 tag such as en-GB, not {language!r}")


def check_limits(limits: object) -> None:
    """TypeError for limits of another type."""
    if limits is not None and not isinstance(limits, AgentLimits):
        raise TypeError(f"limits are AgentLimits(max_s=600, …), not {limits!r}")


def tools_by_name(tools: Iterable[Tool | Callable[..., Any]]) -> dict[str, Tool]:
    """Tools by their names. TypeError and ValueError as `Agent`."""
    made: dict[str, Tool] = {}
    for each in map(tool_of, tools):
        if each.name in made or each.name in BUILT_IN:
            raise ValueError(f"two tools are called {each.name}: give one another name, @tool(name=…)")
        made[each.name] = each
    return made


def _outcomes(outcomes: Iterable[str] | Mapping[str, Any]) -> dict[str, type[BaseModel]]:
    named = outcomes if isinstance(outcomes, Mapping) else {name: {} for name in outcomes}
    return {
        name: values if isinstance(values, type) else outcome_values(name, values) for name, values in named.items()
    }
