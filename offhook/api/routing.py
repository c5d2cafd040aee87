"""Routes calls to dialogs by the dialled number, from `[[routes]]` and from `@bot.answer(number=...)`."""

import inspect
from collections.abc import Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from offhook.agents.agent_file import load_agent
from offhook.api.agent import AgentDialog, CallAgent, Outcome, as_agent, dialog_of
from offhook.api.call import Call, Dialog
from offhook.api.early_media import speaks_early
from offhook.api.flow_dialog import FlowDialog, flow_dialog
from offhook.engines.chains import asr_engines, languages_of, tts_engines
from offhook.engines.flow_check import check_flow
from offhook.engines.registry import NO_ENGINES, GivenEngines
from offhook.llm.registry import make_chain
from offhook.pipeline.dialog.flow import Flow
from offhook.settings.config import Config, RouteConfig
from offhook.settings.flow_file import load_flow
from offhook.settings.flow_steps.reader import FlowDefaults
from offhook.settings.routes import dialled_number, matches
from offhook.settings.user_modules import import_user_module, reason
from offhook.twiml.agent import TwimlAgent
from offhook.twiml.application import application_of
from offhook.usererror import UserError, did_you_mean

AGENTS = "offhook.agents"


class Route(NamedTuple):
    """Number patterns, the dialog that answers them, and the language of its calls (None: the bot's)."""

    patterns: tuple[str, ...]
    dialog: Dialog
    language: str | None = None
    trunk: str | None = None
    """By which calls have come; None: by any, or by none."""


@runtime_checkable
class HasDialog(Protocol):
    """A `Bot`."""

    @property
    def dialog(self) -> Dialog:
        """The dialog for all calls."""


class RoutedAgent:
    """Hands each call to the first route whose number matches, or to `default`."""

    def __init__(self, routes: Sequence[Route], default: Dialog) -> None:
        self._routes = [(route, as_agent(route.dialog)) for route in routes]
        self._default = as_agent(default)

    @property
    def agents(self) -> list[CallAgent]:
        """All of them."""
        return [*(agent for _, agent in self._routes), self._default]

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        if call.direction == "outbound":
            # Its number is that of who was called: no route is meant for it.
            agent = self._default if call.route is None else self._of_route(call)
            return await agent.run(call)
        route, agent = self._route_to(call.called, call.trunk)
        if route is not None and route.language is not None:
            call.language = route.language
        return await agent.run(call)

    def speaks_early(self, called: str, trunk: str) -> bool:
        """See SpeaksEarly: as the one that such a call is for."""
        return speaks_early(self._route_to(called, trunk)[1], called, trunk)

    def _route_to(self, called: str, trunk: str) -> tuple[Route | None, CallAgent]:
        number = dialled_number(called)
        for route, agent in self._routes:
            if route.trunk in (None, trunk) and any(matches(pattern, number) for pattern in route.patterns):
                return route, agent
        return None, self._default

    def _of_route(self, call: Call) -> CallAgent:
        route, agent = self._routes[call.route or 0]
        if route.language is not None:
            call.language = route.language
        return agent


def routed(routes: Sequence[Route], default: Dialog) -> Dialog:
    """The dialog that hands each call to the first route that matches, or to `default`."""
    if not routes:
        return default
    return AgentDialog(RoutedAgent(routes, default))


def with_routes(config: Config, default: Dialog, given: GivenEngines = NO_ENGINES) -> Dialog:
    """`default` behind the configured routes; `given` engines are used in place of the configured ones.

    Raises UserError, EngineError for a route that cannot be loaded.
    """
    routes = [
        Route(route.patterns, route_dialog(config, index, given), route.language, route.trunk)
        for index, route in enumerate(config.routes)
    ]
    return routed(routes, default)


def default_dialog(config: Config) -> Dialog:
    """The dialog of calls that no route matches: the TwiML, agent or flow of the settings. Raises UserError,
    EngineError."""
    if config.twiml.url is not None:
        return twiml_dialog(config, config.twiml.url)
    if config.dialog.agent is not None:
        return agent_dialog(config, config.dialog.agent)
    return dialog_of_flow(config, checked_flow(config, config.dialog.flow))


def dialog_of_flow(config: Config, flow: Flow) -> FlowDialog:
    """The dialog of a flow; agents whose files name no model have that of `[llm]`. Raises UserError."""
    return flow_dialog(flow, partial(make_chain, config.llm))


def agent_dialog(config: Config, path: Path) -> Dialog:
    """The dialog of an agent's file, on its own model or that of `[llm]`. Raises UserError."""
    file = load_agent(path)
    return AgentDialog(file.make(None if file.names_model else make_chain(config.llm)))


def twiml_dialog(config: Config, url: str, where: str = "[twiml] url") -> Dialog:
    """The dialog of a TwiML application. Raises UserError."""
    return AgentDialog(TwimlAgent(application_of(config, url, where)))


def route_dialog(config: Config, index: int, given: GivenEngines = NO_ENGINES) -> Dialog:
    """The dialog of a configured route. Raises UserError, EngineError."""
    route = config.routes[index]
    where = f"[[routes]] {index + 1}, number {', '.join(route.patterns)}"
    if route.flow is not None:
        return dialog_of_flow(config, checked_flow(config, route.flow, given, route.language))
    if route.language is not None:
        # A dialog in Python may say and ask anything.
        known = languages_of(asr_engines(config, given), tts_engines(config, given))
        known.check("tts", route.language, where=where)
        known.check("asr", route.language, "no `language` here, and `call.language = …` in the dialog", where)
    if route.agent_file is not None:
        return agent_dialog(config, route.agent_file)
    if route.twiml is not None:
        return twiml_dialog(config, route.twiml, where)
    if route.bot is not None:
        return _python_dialog(route.bot, where)
    return _agent_dialog(route, where)


def checked_flow(
    config: Config, path: Path | None, given: GivenEngines = NO_ENGINES, language: str | None = None
) -> Flow:
    """A flow file (None: the sample flow) whose words and languages the engines know. Raises UserError, EngineError.

    `language` is the route's.
    """
    defaults = FlowDefaults(config.turn.silence_ms, config.turn.no_input_ms, config.dialog.flow_functions)
    flow = load_flow(path, defaults)
    check_flow(flow, path, config, given, language or config.dialog.language)
    return flow


def _python_dialog(target: str, where: str) -> Dialog:
    module_name, _, name = target.partition(":")
    what = f"`{target}` cannot answer calls"
    try:
        module = import_user_module(module_name)
    except Exception as error:  # the module is the user's: whatever its code raises
        todo = f"{module_name.partition('.')[0]}.py beside the configuration file, or in the current folder"
        raise UserError(what, reason(error, module_name), todo, where) from error
    found: object = module
    for part in name.split("."):
        if not hasattr(found, part):
            names = [each for each, value in vars(module).items() if inspect.iscoroutinefunction(value)]
            raise UserError(what, f"{module_name} has no `{name}`", did_you_mean(name, names), where)
        found = getattr(found, part)
    return _as_dialog(found, what, where)


def _agent_dialog(route: RouteConfig, where: str) -> Dialog:
    what = f"the agent `{route.agent}` cannot answer calls"
    points = entry_points(group=AGENTS)
    for point in points:
        if point.name == route.agent:
            try:
                return _as_dialog(point.load(), what, where)
            except (ImportError, AttributeError) as error:
                raise UserError(what, f"{point.value}: {error}", "reinstall its package", where) from error
    known = sorted(point.name for point in points)
    why = f"no installed package offers it (entry point group {AGENTS})"
    todo = did_you_mean(str(route.agent), known) if known else '`flow = "FILE"` or `bot = "MODULE:NAME"` instead'
    raise UserError(what, why, todo, where)


def _as_dialog(found: object, what: str, where: str) -> Dialog:
    if isinstance(found, HasDialog):
        try:
            return found.dialog
        except ValueError as error:  # a Bot without a dialog
            raise UserError(what, str(error), "decorate a coroutine function with @bot.answer", where) from error
    try:
        return dialog_of(found)  # type: ignore[arg-type]  # checked there
    except TypeError as error:
        raise UserError(what, str(error), "async def …(call: Call) -> None", where) from error
